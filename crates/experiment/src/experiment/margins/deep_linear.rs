//! Deep linear networks on separable data: many layers, and the direction of one.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Level, Width};
use crate::problem::draw;
use crate::problem::separable::{self, Loss, Norm, Points, angle};
use crate::problem::vector::{add, inner};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Cell, Column, Table};

/// See [`Experiment::about`].
#[derive(Debug)]
pub struct DeepLinearNetworks;

const SAMPLES: Count = Count::new("samples", "points", 30).allowed(2.0, 200.0);
const DIMENSION: Count = Count::new(
    "dimension",
    "length of the points, and width of all layers",
    5,
)
.allowed(2.0, 20.0);
const GAP: Number = Number::new(
    "gap",
    "least distance of a point from the plane of the labels",
    0.3,
)
.allowed(0.05, 1.0);
const DEPTHS: Numbers =
    Numbers::new("depths", "layers of the networks", &[1.0, 2.0, 3.0, 5.0]).allowed(1.0, 8.0);
const SCALE: Number = Number::new(
    "scale",
    "standard deviation of the first weights, times the root of the width",
    0.2,
)
.allowed(0.05, 2.0);
const STEPS: Count = Count::new("steps", "steps of descent", 40_000)
    .quick(10_000)
    .allowed(1e3, 1e6);

/// Layers whose product is a linear predictor.
trait Network {
    /// The predictor.
    fn predictor(&self) -> Vec<f64>;

    /// Moves all weights by descent on the logarithm of the loss, whose slope in the predictor is `-pull`; `radius` is
    /// the largest length of a point. The step is that of [`step_size`].
    fn descend(&mut self, pull: &[f64], radius: f64);
}

/// The longest step, relative to the weights: near zero a larger one would leave gradient flow.
const TURN: f64 = 0.02;

/// A step size: 1 over the square of a bound on the slope of a margin, `bound` being that square; but so that no step is
/// longer than a fiftieth of the weights.
fn step_size(bound: f64, weights: f64, pull: &[f64], radius: f64) -> f64 {
    let slope = bound.sqrt() / radius * Norm::Two.of(pull);
    bound.recip().min(TURN * weights.sqrt() / slope)
}

/// Square layers and a last row: w = W₁ᵀ ⋯ W_{L−1}ᵀ v.
struct Dense {
    layers: Vec<Vec<f64>>,
    last: Vec<f64>,
}

fn apply(layer: &[f64], x: &[f64]) -> Vec<f64> {
    layer
        .chunks_exact(x.len())
        .map(|row| inner(row, x))
        .collect()
}

fn apply_transposed(layer: &[f64], x: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; x.len()];
    for (row, x) in layer.chunks_exact(sum.len()).zip(x) {
        add(&mut sum, *x, row);
    }
    sum
}

impl Dense {
    fn new(rng: &mut StreamRng, depth: usize, width: usize, scale: f64) -> Self {
        let mut numbers = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| scale * draw::normal(rng) / (width as f64).sqrt())
                .collect()
        };
        let layers = (1..depth).map(|_| numbers(width * width)).collect();
        Self {
            layers,
            last: numbers(width),
        }
    }

    /// The predictor of what each layer puts out, from the last layer down to the points.
    fn seen_from(&self) -> Vec<Vec<f64>> {
        let mut all = vec![self.last.clone()];
        for layer in self.layers.iter().rev() {
            let next = apply_transposed(layer, &all[all.len() - 1]);
            all.push(next);
        }
        all
    }
}

impl Network for Dense {
    fn predictor(&self) -> Vec<f64> {
        self.seen_from().pop().unwrap_or_default()
    }

    fn descend(&mut self, pull: &[f64], radius: f64) {
        let squares: Vec<f64> = self
            .layers
            .iter()
            .chain([&self.last])
            .map(|layer| inner(layer, layer))
            .collect();
        let product: f64 = squares.iter().product();
        let bound: f64 =
            squares.iter().map(|square| product / square).sum::<f64>() * radius * radius;
        let step = step_size(bound, squares.iter().sum(), pull, radius);
        let mut above = self.seen_from();
        above.pop();
        let mut signal = pull.to_vec();
        for layer in &mut self.layers {
            let next = apply(layer, &signal);
            let above = above.pop().unwrap_or_default();
            for (row, above) in layer.chunks_exact_mut(signal.len()).zip(above) {
                add(row, step * above, &signal);
            }
            signal = next;
        }
        add(&mut self.last, step, &signal);
    }
}

/// Layers that multiply coordinate by coordinate: w = u₁ ⊙ ⋯ ⊙ u_L.
struct Diagonal {
    layers: Vec<Vec<f64>>,
}

impl Network for Diagonal {
    fn predictor(&self) -> Vec<f64> {
        let ones = vec![1.0; self.layers[0].len()];
        let product = |w: Vec<f64>, u: &Vec<f64>| w.iter().zip(u).map(|(w, u)| w * u).collect();
        self.layers.iter().fold(ones, product)
    }

    fn descend(&mut self, pull: &[f64], radius: f64) {
        let coordinates = 0..pull.len();
        let slopes: Vec<Vec<f64>> = (0..self.layers.len())
            .map(|layer| {
                let others = self
                    .layers
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != layer);
                coordinates
                    .clone()
                    .map(|j| others.clone().map(|(_, u)| u[j]).product())
                    .collect()
            })
            .collect();
        let largest =
            coordinates.map(|j| slopes.iter().map(|slope| slope[j] * slope[j]).sum::<f64>());
        let bound = radius * radius * largest.fold(0.0, f64::max);
        let squares = self.layers.iter().map(|layer| inner(layer, layer)).sum();
        let step = step_size(bound, squares, pull, radius);
        for (layer, slope) in self.layers.iter_mut().zip(&slopes) {
            for ((u, slope), pull) in layer.iter_mut().zip(slope).zip(pull) {
                *u += step * slope * pull;
            }
        }
    }
}

fn places(steps: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..)
        .map(|k| 10f64.powf(f64::from(k) / 5.0) as usize)
        .take_while(|k| *k < steps)
        .collect();
    places.push(steps);
    places.dedup();
    places
}

/// The predictors at the places.
fn descend(
    setup: &Setup,
    points: &Points,
    mut network: impl Network,
) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let (steps, radius) = (setup.get(STEPS), points.radius(Norm::Two));
    let places = places(steps);
    let mut seen = Vec::with_capacity(places.len());
    for step in 1..=steps {
        let pull = Loss::Exponential.pull(&points.margins(&network.predictor()));
        network.descend(&points.mix(&pull.weights), radius);
        if places.binary_search(&step).is_ok() {
            seen.push(network.predictor());
        }
        if step.is_multiple_of(16_384) {
            setup.go_on()?;
        }
    }
    Ok(seen)
}

/// What one seed gives.
struct Drawn {
    /// By depth and place: the angle to the hard margin.
    angles: Vec<Vec<f64>>,
    /// By depth: the share of the largest margin at the end.
    shares: Vec<f64>,
    /// Of a diagonal network of two layers.
    diagonal: Vec<f64>,
    /// The share of the largest ℓ₁ margin that it has.
    share: f64,
}

fn draw_one(setup: &Setup, streams: Streams, depths: &[usize]) -> Result<Drawn, ExperimentError> {
    let dimension = setup.get(DIMENSION);
    let mut rng = streams.stream("data", 0);
    let points = separable::with_teacher(&mut rng, setup.get(SAMPLES), dimension, setup.get(GAP));
    let best = separable::hard_margin(&points)?;
    let (mut angles, mut shares) = (Vec::new(), Vec::new());
    for depth in depths {
        let mut rng = streams.stream("weights", *depth as u64);
        let network = Dense::new(&mut rng, *depth, dimension, setup.get(SCALE));
        let seen = descend(setup, &points, network)?;
        angles.push(seen.iter().map(|w| angle(w, &best.w)).collect());
        let end = seen.last().cloned().unwrap_or_default();
        shares.push(points.least_margin(&end) / Norm::Two.of(&end) / best.margin);
    }
    let mut rng = streams.stream("diagonal", 0);
    // Layers of which one is larger everywhere leave each coordinate free to take either sign.
    let scale = setup.get(SCALE);
    let layers = [1.0, 0.0].map(|size| {
        (0..dimension)
            .map(|_| scale * (size + 0.1 * draw::normal(&mut rng)))
            .collect()
    });
    let seen = descend(
        setup,
        &points,
        Diagonal {
            layers: layers.to_vec(),
        },
    )?;
    let end = seen.last().cloned().unwrap_or_default();
    let largest = 1.0 / Norm::One.of(&separable::least_norm_separator(&points, Norm::One)?);
    Ok(Drawn {
        angles,
        shares,
        diagonal: seen.iter().map(|w| angle(w, &best.w)).collect(),
        share: points.least_margin(&end) / Norm::One.of(&end) / largest,
    })
}

impl Experiment for DeepLinearNetworks {
    fn about(&self) -> About {
        About {
            name: "deep-linear-networks",
            subject: Subject::Margins,
            claim: "A deep linear network goes to the hard margin of its linear predictor, whatever its depth.",
            source: "Inductive bias of optimisation (lecture notes); Ji & Telgarsky 2019, \"Gradient descent aligns the layers of deep \
                     linear networks\"",
            mathematics: "A network of L fully connected layers without anything between them computes w·x with w = W₁ᵀ⋯W_{L−1}ᵀv. Its \
                weights go by gradient descent on Σ exp(−y w·x), with steps in proportion to 1/L and over the square of a bound \
                on the slope of a margin in all weights, but no longer than a fiftieth of these. ‖w‖ is the least half of Σ‖Wₗ‖² (raised to L/2, up to a \
                factor) of all weights with that product, and so the least weights with margins of 1 have the hard margin as their product. A \
                network whose layers multiply coordinate by coordinate can compute all the same predictors, but there the least weights of \
                two layers are those of least ‖w‖₁. What the first layer learns of directions that the support vectors do not span stays, while the layer grows as the 1/L-th power of the margin: that angle falls the more slowly the more layers there are, and takes little from the margin.",
            refuted_by: "An angle to the hard margin that depends on the depth at the end.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 2.7,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            GAP.parameter(),
            DEPTHS.parameter(),
            SCALE.parameter(),
            STEPS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let depths: Vec<usize> = setup
            .get(DEPTHS)
            .into_iter()
            .map(|depth| depth.round() as usize)
            .collect();
        if depths.len() < 2 {
            return Err(ExperimentError::because(
                "`depths` needs two depths or more",
            ));
        }
        let all = setup.over_seeds(|streams| draw_one(setup, streams, &depths))?;
        let steps = setup.get(STEPS);
        let end = |angles: &[f64]| angles.last().copied().unwrap_or(f64::NAN);
        let deep = depths.iter().enumerate().map(|(which, depth)| {
            Claim::printed(
                "inductive-bias N3",
                format!("After {steps} steps the predictor of {depth} layers has 99 % of the largest margin or more (share)"),
                Rule::Above(0.99),
                Estimate::median(&all.iter().map(|drawn| drawn.shares[which]).collect::<Vec<_>>()),
            )
        });
        let logs = |which: usize| -> Vec<f64> {
            all.iter()
                .map(|drawn| end(&drawn.angles[which]).ln())
                .collect()
        };
        let deepest = depths.len() - 1;
        let later = Claim::corrected(
            "inductive-bias N3",
            format!(
                "After {steps} steps {} layers leave a larger angle to the hard margin than {} (difference of its logarithms)",
                depths[deepest], depths[0]
            ),
            Rule::Above(0.0),
            Estimate::difference(&logs(0), &logs(deepest)),
        );
        let diagonal = [
            Claim::must_hold(
                "inductive-bias N3",
                format!(
                    "After {steps} steps a diagonal network of two layers is twice as far from the hard margin as {} layers, or more (difference of the logarithms of the angles)",
                    depths[0]
                ),
                Rule::Above(2f64.ln()),
                Estimate::difference(
                    &logs(0),
                    &all.iter()
                        .map(|drawn| end(&drawn.diagonal).ln())
                        .collect::<Vec<_>>(),
                ),
            ),
            Claim::must_hold(
                "inductive-bias N3",
                format!(
                    "After {steps} steps a diagonal network of two layers has 97 % of the largest ℓ₁ margin or more (share)"
                ),
                Rule::Above(0.97),
                Estimate::median(&all.iter().map(|drawn| drawn.share).collect::<Vec<_>>()),
            ),
        ];
        let columns = [
            Column::text("network"),
            Column::number("angle to the hard margin (°)"),
        ];
        let rows = names(&depths).enumerate().map(|(which, name)| {
            let ends: Vec<f64> = all.iter().map(|drawn| end(of(drawn, which))).collect();
            vec![name.into(), Cell::from(median(&ends))]
        });
        let table = Table::new(columns)
            .captioned("Medians over seeds at the end")
            .with_rows(rows);
        Ok(Findings::new()
            .claims(deep)
            .claim(later)
            .claims(diagonal)
            .table("angles", table)
            .figure("angles", figure(&all, &depths, steps)))
    }
}

fn names(depths: &[usize]) -> impl Iterator<Item = String> {
    depths
        .iter()
        .map(|depth| format!("depth {depth}"))
        .chain(["diagonal, depth 2".to_owned()])
}

/// The angles of a depth, or, after all of these, of the diagonal network.
fn of(drawn: &Drawn, which: usize) -> &[f64] {
    drawn.angles.get(which).unwrap_or(&drawn.diagonal)
}

fn figure(all: &[Drawn], depths: &[usize], steps: usize) -> Figure {
    let x: Vec<f64> = places(steps)
        .into_iter()
        .map(|place| place as f64)
        .collect();
    let mut panel = Panel::new(
        Axis::counting("steps").log(),
        Axis::new("angle to the hard margin", "°").log(),
    );
    for (which, name) in names(depths).enumerate() {
        let at = |place: usize| {
            median(
                &all.iter()
                    .map(|drawn| of(drawn, which)[place])
                    .collect::<Vec<_>>(),
            )
        };
        panel = panel.with(Line::new(name, x.clone(), (0..x.len()).map(at).collect()));
    }
    let mut figure =
        Figure::new("Directions of deep linear networks").with(panel.with(Level::level("1°", 1.0)));
    figure.width = Width::Column;
    figure.noted(format!("Medians of {} seeds.", all.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_along_the_gradient_of_the_product() {
        let mut rng = Streams::new(0).stream("test", 0);
        let pull = [0.3, -0.7, 0.2];
        let mut network = Dense::new(&mut rng, 3, 3, 1.0);
        let before: Vec<f64> = network
            .layers
            .concat()
            .into_iter()
            .chain(network.last.clone())
            .collect();
        let value = |numbers: &[f64]| {
            let layers = numbers[..18].chunks(9).map(<[f64]>::to_vec).collect();
            inner(
                &Dense {
                    layers,
                    last: numbers[18..].to_vec(),
                }
                .predictor(),
                &pull,
            )
        };
        network.descend(&pull, 1.0);
        let after: Vec<f64> = network
            .layers
            .concat()
            .into_iter()
            .chain(network.last.clone())
            .collect();
        let moved: Vec<f64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        let slope: Vec<f64> = (0..before.len())
            .map(|index| {
                let [mut up, mut down] = [before.clone(), before.clone()];
                up[index] += 1e-6;
                down[index] -= 1e-6;
                (value(&up) - value(&down)) / 2e-6
            })
            .collect();
        assert!(angle(&moved, &slope) < 1e-4);
    }

    #[test]
    fn one_layer_moves_as_a_linear_predictor_does() {
        let mut network = Dense {
            layers: Vec::new(),
            last: vec![50.0, 0.0],
        };
        network.descend(&[1.0, -2.0], 2.0);
        assert_eq!(network.predictor(), vec![50.25, -0.5]);
    }
}
