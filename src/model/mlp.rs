//! The multilayer perceptron.

use super::{Freedom, Network, Slab, Symmetry};
use crate::config::{Activation, Init};
use crate::dual::Dual;
use crate::params::{DualParameters, Layout};
use crate::random::StreamRng;
use burn::tensor::Tensor;
use rand_distr::{Distribution, Normal};
use std::sync::Arc;

impl Activation {
    fn apply(self, input: Dual<2>) -> Dual<2> {
        match self {
            Activation::Relu => input.relu(),
            Activation::Tanh => input.tanh(),
            Activation::Gelu => input.gelu(),
            Activation::Softplus => input.softplus(),
        }
    }

    /// What can be done with units behind it.
    fn freedom(self) -> Freedom {
        match self {
            Activation::Relu => Freedom::Homogeneous,
            Activation::Tanh | Activation::Gelu | Activation::Softplus => Freedom::Order,
        }
    }
}

impl Init {
    fn standard_deviation(self, inputs: usize, outputs: usize) -> f64 {
        let variance = match self {
            // He et al. 2015, eq. 10.
            Init::He => 2.0 / inputs as f64,
            // Glorot & Bengio 2010, eq. 12.
            Init::Xavier => 2.0 / (inputs + outputs) as f64,
            // LeCun et al. 1998, sec. 4.6.
            Init::Lecun => 1.0 / inputs as f64,
        };
        variance.sqrt()
    }
}

/// What determines a multilayer perceptron.
#[derive(Clone, Debug, PartialEq)]
pub struct MlpShape {
    /// Features per sample.
    pub inputs: usize,
    /// Widths of the hidden layers; none makes a linear model.
    pub hidden: Vec<usize>,
    /// Numbers per sample that come out.
    pub outputs: usize,
    /// The non-linearity after every hidden layer.
    pub activation: Activation,
    /// Whether layers add a bias.
    pub bias: bool,
    /// The distribution of the starting weights.
    pub initialisation: Init,
    /// A factor on all starting weights.
    pub initialisation_scale: f64,
}

/// A multilayer perceptron with parameters `layers.{i}.weight` (`[outputs, inputs]`) and
/// `layers.{i}.bias` (`[outputs]`).
pub struct Mlp {
    shape: MlpShape,
    layout: Arc<Layout>,
}

impl Mlp {
    /// Builds the network; it holds no parameters of its own.
    pub fn new(shape: MlpShape) -> Self {
        let widths = widths(&shape);
        let mut blocks = Vec::new();
        for (layer, pair) in widths.windows(2).enumerate() {
            blocks.push((format!("layers.{layer}.weight"), vec![pair[1], pair[0]]));
            if shape.bias {
                blocks.push((format!("layers.{layer}.bias"), vec![pair[1]]));
            }
        }
        Self {
            layout: Arc::new(Layout::new(blocks)),
            shape,
        }
    }

    fn depth(&self) -> usize {
        self.shape.hidden.len() + 1
    }

    fn blocks_per_layer(&self) -> usize {
        1 + usize::from(self.shape.bias)
    }
}

/// Layer widths from the input to the output.
fn widths(shape: &MlpShape) -> Vec<usize> {
    let mut widths = vec![shape.inputs];
    widths.extend(&shape.hidden);
    widths.push(shape.outputs);
    widths
}

impl Network for Mlp {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn initialise(&self, rng: &mut StreamRng) -> Vec<f64> {
        let mut values = vec![0.0; self.layout.len()];
        for block in self.layout.blocks() {
            let [outputs, inputs] = block.shape[..] else {
                continue;
            };
            let deviation = self
                .shape
                .initialisation
                .standard_deviation(inputs, outputs)
                * self.shape.initialisation_scale;
            // A scale near the largest number must not overflow here: training then reports the
            // loss that is not finite.
            let deviation = deviation.min(f64::MAX);
            let normal = Normal::new(0.0, deviation)
                .expect("the standard deviation of a layer is positive and finite");
            values[block.range()].fill_with(|| normal.sample(rng));
        }
        values
    }

    fn forward(&self, parameters: &DualParameters<'_>, inputs: Tensor<2>) -> Dual<2> {
        let step = self.blocks_per_layer();
        let mut hidden = Dual::constant(inputs);
        for layer in 0..self.depth() {
            if layer > 0 {
                hidden = self.shape.activation.apply(hidden);
            }
            let weight = parameters.block(step * layer);
            let bias = self.shape.bias.then(|| parameters.block(step * layer + 1));
            hidden = hidden.linear(weight, bias);
        }
        hidden
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        let step = self.blocks_per_layer();
        let hidden = self.shape.hidden.iter().enumerate();
        hidden
            .map(|(layer, &units)| Symmetry {
                units,
                raised: (step * layer..step * (layer + 1)).map(Slab::rows).collect(),
                lowered: vec![Slab::columns(step * (layer + 1))],
                carried: Vec::new(),
                freedom: self.shape.activation.freedom(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn shape() -> MlpShape {
        MlpShape {
            inputs: 100,
            hidden: vec![50],
            outputs: 3,
            activation: Activation::Relu,
            bias: true,
            initialisation: Init::He,
            initialisation_scale: 1.0,
        }
    }

    #[test]
    fn parameters_have_the_names_and_layouts_of_pytorch() {
        let mlp = Mlp::new(shape());
        let blocks: Vec<_> = mlp
            .layout()
            .blocks()
            .iter()
            .map(|block| (block.name.as_str(), block.shape.clone()))
            .collect();
        assert_eq!(
            blocks,
            [
                ("layers.0.weight", vec![50, 100]),
                ("layers.0.bias", vec![50]),
                ("layers.1.weight", vec![3, 50]),
                ("layers.1.bias", vec![3]),
            ]
        );
    }

    #[test]
    fn he_weights_have_variance_two_over_inputs_and_biases_are_zero() {
        let mlp = Mlp::new(shape());
        let values = mlp.initialise(&mut Streams::new(0).stream("init", 0));
        let weights = &values[..5000];
        let variance = weights.iter().map(|w| w * w).sum::<f64>() / 5000.0;
        // Standard error of a variance of n normal numbers: variance · √(2/n) = 0.0004.
        assert!((variance - 0.02).abs() < 0.0016, "{variance}");
        assert!(values[5000..5050].iter().all(|&bias| bias == 0.0));
    }

    #[test]
    fn hidden_units_own_their_incoming_and_outgoing_weights() {
        let relu = Mlp::new(shape()).symmetries();
        assert_eq!(
            relu,
            [Symmetry {
                units: 50,
                raised: vec![Slab::rows(0), Slab::rows(1)],
                lowered: vec![Slab::columns(2)],
                carried: Vec::new(),
                freedom: Freedom::Homogeneous,
            }]
        );
        let deep_tanh = Mlp::new(MlpShape {
            activation: Activation::Tanh,
            hidden: vec![7, 5],
            bias: false,
            ..shape()
        });
        let symmetries = deep_tanh.symmetries();
        assert_eq!(symmetries.len(), 2);
        assert_eq!(symmetries[1].lowered, [Slab::columns(2)]);
        assert_eq!(symmetries[1].freedom, Freedom::Order);
    }
}
