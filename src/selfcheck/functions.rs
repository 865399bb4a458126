//! Small problems whose curvature is known in closed form.

use crate::backend::Compute;
use crate::dual::Dual;
use crate::model::{Activation, Init, Normalisation};
use crate::model::{
    Blueprint, Builder, Initialisation, LinearMap, Mlp, MlpShape, Network, Pass, Start, Symmetry,
};
use crate::objective::Loss;
use crate::objective::{Batch, Chunks, Objective};
use crate::params::Parameters;
use burn::tensor::Tensor;
use std::sync::Arc;

/// An objective, a point and data.
pub(super) struct TestFunction {
    pub objective: Objective,
    pub values: Vec<f64>,
    pub data: Chunks,
}

impl TestFunction {
    /// A network on given samples, two to a chunk so that the last one may be ragged.
    pub fn new(
        network: Arc<dyn Network>,
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
pub(super) fn linear(inputs: usize, outputs: usize) -> Arc<dyn Network> {
    mlp(inputs, Vec::new(), outputs, Activation::Relu, false)
}

/// A multilayer perceptron.
pub(super) fn mlp(
    inputs: usize,
    hidden: Vec<usize>,
    outputs: usize,
    activation: Activation,
    bias: bool,
) -> Arc<dyn Network> {
    Arc::new(Mlp::new(MlpShape {
        inputs,
        hidden,
        outputs,
        activation,
        bias,
        normalisation: Normalisation::None,
        initialisation: Initialisation {
            kind: Init::He,
            scale: 1.0,
        },
    }))
}

/// Rosenbrock's function `(1 − a)² + 100 (b − a²)²` as half a squared norm, of the residuals
/// `√2 (1 − a)` and `√200 (b − a²)` (Rosenbrock 1960).
pub(super) struct Rosenbrock {
    blueprint: Blueprint,
}

impl Rosenbrock {
    pub fn function(a: f64, b: f64, compute: &Compute) -> TestFunction {
        let mut builder = Builder::default();
        for (name, start) in [("a", -1.2), ("b", 1.0)] {
            builder.parameter(name.to_owned(), &[1, 1], Start::Constant(start));
        }
        let network = Self {
            blueprint: builder.finish(),
        };
        let zeros = vec![vec![0.0, 0.0]];
        TestFunction::new(
            Arc::new(network),
            Loss::Square,
            vec![a, b],
            &zeros,
            &zeros,
            compute,
        )
    }
}

impl Network for Rosenbrock {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let (a, b): (Dual<2>, Dual<2>) = (pass.parameter(0), pass.parameter(1));
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

    fn linear_maps(&self) -> Vec<LinearMap> {
        Vec::new()
    }
}
