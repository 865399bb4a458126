//! Path norms.

use crate::linear::DenseMatrix;
use crate::measure::failure::Failure;
use crate::measure::layers::{Layer, dense_stack};
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;

/// How the products of weights along the paths are added up.
#[derive(Clone, Copy)]
pub(super) enum Path {
    /// The sum of their magnitudes.
    Absolute,
    /// The root of the sum of their squares.
    Euclidean,
}

impl Path {
    fn weigh(self, weight: f64) -> f64 {
        match self {
            Self::Absolute => weight.abs(),
            Self::Euclidean => weight * weight,
        }
    }

    fn finish(self, sum: f64) -> f64 {
        match self {
            Self::Absolute => sum,
            Self::Euclidean => sum.sqrt(),
        }
    }
}

impl Session<'_> {
    /// A norm of the vector of products of weights along all paths from an input to an output
    /// (Neyshabur, Tomioka & Srebro 2015, "Norm-based capacity control in neural networks").
    /// A bias counts as the weight of an edge from an input that is always 1.
    pub(super) fn path_norm(&mut self, name: &str, path: Path) -> Result<Measurement, Failure> {
        let layers = dense_stack(self.subject.objective.network())?;
        let norm = path_norm(&layers, &self.values()?, path);
        Ok(Measurement::exact(name, norm))
    }
}

/// One forward pass of ones through the weighed parameters sums over all paths at once.
fn path_norm(layers: &[Layer<'_>], values: &[f64], path: Path) -> f64 {
    let inputs = layers.first().map_or(0, Layer::inputs);
    let sums = layers.iter().fold(vec![1.0; inputs], |sums, layer| {
        let matrix = DenseMatrix {
            entries: &values[layer.weight.range()],
            columns: layer.inputs(),
        };
        let bias = layer.bias.map(|bias| &values[bias.range()]);
        matrix
            .rows()
            .enumerate()
            .map(|(output, row)| {
                let constant = bias.map_or(0.0, |bias| path.weigh(bias[output]));
                let edges = row.iter().map(|weight| path.weigh(layer.factor * weight));
                let terms = edges.zip(&sums).map(|(edge, sum)| edge * sum);
                constant + terms.sum::<f64>()
            })
            .collect()
    });
    path.finish(sums.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mlp, MlpShape, Network};
    use crate::params::Layout;
    use crate::random::Streams;
    use rand::RngExt;

    /// Follows every path of a 2-3-2-2 network with biases from its last edge back to its start.
    fn enumerate(layout: &Layout, values: &[f64], weigh: &dyn Fn(f64) -> f64) -> f64 {
        fn into(
            layout: &Layout,
            values: &[f64],
            layer: usize,
            unit: usize,
            product: f64,
            weigh: &dyn Fn(f64) -> f64,
        ) -> f64 {
            let weight = &layout.blocks()[2 * layer];
            let bias = &layout.blocks()[2 * layer + 1];
            let inputs = weight.shape[1];
            let ends_at_bias = weigh(product * values[bias.range()][unit]);
            let edges = &values[weight.range()][unit * inputs..(unit + 1) * inputs];
            let through = edges.iter().enumerate().map(|(from, edge)| match layer {
                0 => weigh(product * edge),
                _ => into(layout, values, layer - 1, from, product * edge, weigh),
            });
            ends_at_bias + through.sum::<f64>()
        }
        (0..2)
            .map(|unit| into(layout, values, 2, unit, 1.0, weigh))
            .sum()
    }

    #[test]
    fn one_pass_is_the_sum_over_all_paths() {
        let network = Mlp::new(MlpShape::new(2, &[3, 2], 2));
        let layout = network.layout();
        let mut rng = Streams::new(2).stream("test", 0);
        let values: Vec<f64> = (0..layout.len())
            .map(|_| rng.random_range(-2.0..2.0))
            .collect();
        let layers = dense_stack(&network).unwrap();
        let absolute = path_norm(&layers, &values, Path::Absolute);
        assert!((absolute / enumerate(layout, &values, &f64::abs) - 1.0).abs() < 1e-14);
        let euclidean = path_norm(&layers, &values, Path::Euclidean);
        let squares = enumerate(layout, &values, &|product| product * product);
        assert!((euclidean / squares.sqrt() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn two_layers_without_biases_have_the_norm_of_the_product_of_magnitudes() {
        let network = Mlp::new(MlpShape {
            bias: false,
            ..MlpShape::new(2, &[2], 1)
        });
        let layers = dense_stack(&network).unwrap();
        let values = [1.0, -2.0, 3.0, 4.0, -5.0, 6.0];
        // 5·(1 + 2) + 6·(3 + 4), and the root of 25·(1 + 4) + 36·(9 + 16).
        assert_eq!(path_norm(&layers, &values, Path::Absolute), 57.0);
        let euclidean = path_norm(&layers, &values, Path::Euclidean);
        assert!((euclidean - 1025.0f64.sqrt()).abs() < 1e-12);
    }
}
