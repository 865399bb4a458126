//! Small problems whose curvature is known in closed form.

use crate::backend::Compute;
use crate::config::{Activation, Init, Loss};
use crate::dual::Dual;
use crate::model::{Mlp, MlpShape, Network, Symmetry};
use crate::objective::{Batch, Chunks, Objective};
use crate::params::{DualParameters, Layout, Parameters};
use crate::random::StreamRng;
use burn::tensor::Tensor;
use std::sync::Arc;

/// An objective, a point and data.
pub(super) struct Problem {
    pub objective: Objective,
    pub values: Vec<f64>,
    pub data: Chunks,
}

impl Problem {
    /// A network on given samples, two to a chunk so that the last one may be ragged.
    pub fn new(
        network: Box<dyn Network>,
        loss: Loss,
        values: Vec<f64>,
        inputs: &[Vec<f64>],
        targets: &[Vec<f64>],
        compute: &Compute,
    ) -> Self {
        let batches = inputs
            .chunks(2)
            .zip(targets.chunks(2))
            .map(|(inputs, targets)| Batch {
                inputs: compute.tensor(&inputs.concat(), [inputs.len(), inputs[0].len()]),
                targets: compute.tensor(&targets.concat(), [targets.len(), targets[0].len()]),
            })
            .collect();
        Self {
            objective: Objective::new(network, loss, compute.clone()),
            values,
            data: Chunks::from_batches(batches, vec![0; inputs.len()]),
        }
    }

    pub fn parameters(&self) -> Parameters {
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, &self.values, self.objective.compute())
    }
}

/// A linear model without bias.
pub(super) fn linear(inputs: usize, outputs: usize) -> Box<dyn Network> {
    mlp(inputs, Vec::new(), outputs, Activation::Relu, false)
}

/// A multilayer perceptron.
pub(super) fn mlp(
    inputs: usize,
    hidden: Vec<usize>,
    outputs: usize,
    activation: Activation,
    bias: bool,
) -> Box<dyn Network> {
    Box::new(Mlp::new(MlpShape {
        inputs,
        hidden,
        outputs,
        activation,
        bias,
        initialisation: Init::He,
        initialisation_scale: 1.0,
    }))
}

/// Rosenbrock's function `(1 − a)² + 100 (b − a²)²` as half a squared norm, of the residuals
/// `√2 (1 − a)` and `√200 (b − a²)` (Rosenbrock 1960).
pub(super) struct Rosenbrock {
    layout: Arc<Layout>,
}

impl Rosenbrock {
    pub fn problem(a: f64, b: f64, compute: &Compute) -> Problem {
        let layout = Layout::new([("a".to_owned(), vec![1, 1]), ("b".to_owned(), vec![1, 1])]);
        let network = Self {
            layout: Arc::new(layout),
        };
        let zeros = vec![vec![0.0, 0.0]];
        Problem::new(
            Box::new(network),
            Loss::Square,
            vec![a, b],
            &zeros,
            &zeros,
            compute,
        )
    }
}

impl Network for Rosenbrock {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn initialise(&self, _rng: &mut StreamRng) -> Vec<f64> {
        vec![-1.2, 1.0]
    }

    fn forward(&self, parameters: &DualParameters<'_>, inputs: Tensor<2>) -> Dual<2> {
        let (a, b): (Dual<2>, Dual<2>) = (parameters.block(0), parameters.block(1));
        let first = a.clone().scale(-1.0).shift(1.0).scale(2f64.sqrt());
        let second = (b - a.square()).scale(200f64.sqrt());
        // Each residual goes to its own output by a product with a unit row.
        let device = inputs.device();
        let row = |numbers: [f64; 2]| {
            let row = Tensor::<2>::from_data([numbers], (&device, inputs.dtype()));
            Dual::constant(row)
        };
        first.matmul(row([1.0, 0.0])) + second.matmul(row([0.0, 1.0]))
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        Vec::new()
    }
}
