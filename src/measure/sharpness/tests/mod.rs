//! Every measure against a closed form, or a dense reference, or brute force.

mod invariance;
mod long_ascents;
mod maxima;
pub(super) mod maximands;
mod refused;
mod smooth;

use crate::backend::Compute;
use crate::linear::Precision;
use crate::linear::{Budget, dot};
use crate::measure::{Measurement, Session, Subject};
use crate::model::{Activation, Init, Normalisation};
use crate::model::{Initialisation, Mlp, MlpShape};
use crate::objective::tests::Case;
use crate::objective::{Batch, Chunks, Loss, Objective};
use crate::params::Parameters;
use std::sync::Arc;

/// What is measured, owned.
pub(super) struct Ground {
    pub objective: Objective,
    pub parameters: Parameters,
    pub data: Chunks,
    pub initial: Option<Vec<f64>>,
    pub block: Option<&'static str>,
    pub budget: Budget,
}

impl Ground {
    pub fn new(objective: Objective, values: &[f64], data: Chunks) -> Self {
        let layout = objective.network().layout();
        Self {
            parameters: Parameters::from_host(layout, values, objective.compute()),
            objective,
            data,
            initial: None,
            block: None,
            budget: Budget::default(),
        }
    }

    pub fn of(case: Case) -> Self {
        let (values, data) = (case.values.clone(), case.chunks(3));
        Self::new(case.objective, &values, data)
    }

    /// A perceptron without biases on one feature: `f(x) = w₂ relu(w₁ x)`, square loss.
    pub fn product(first: f64, second: f64, samples: &[(f64, f64)]) -> Self {
        let objective = bias_free(1, vec![1], 1, Loss::Square);
        let compute = objective.compute();
        let (inputs, targets): (Vec<f64>, Vec<f64>) = samples.iter().copied().unzip();
        let batch = Batch {
            inputs: compute.tensor(&inputs, [inputs.len(), 1]),
            targets: compute.tensor(&targets, [targets.len(), 1]),
        };
        let data = Chunks::from_batches(vec![batch], vec![0; samples.len()]);
        Self::new(objective, &[first, second], data)
    }

    pub fn at(self, values: &[f64]) -> Self {
        Self {
            parameters: Parameters::from_host(
                self.objective.network().layout(),
                values,
                self.objective.compute(),
            ),
            ..self
        }
    }

    pub fn subject(&self) -> Subject<'_> {
        Subject {
            initial: self.initial.as_deref(),
            block: self.block,
            budget: self.budget,
            trained_elsewhere: false,
            learning_rate: Some(0.1),
            batch_size: Some(2),
            ..Subject::new(&self.objective, &self.parameters, &self.data)
        }
    }

    pub fn measure(&self, name: &str) -> Measurement {
        let rows = Session::new(self.subject()).measure(&[name]).unwrap();
        rows.into_iter().next().unwrap()
    }

    pub fn value(&self, name: &str) -> f64 {
        let row = self.measure(name);
        row.value
            .unwrap_or_else(|| panic!("{name}: {}", row.reason().unwrap_or_default()))
    }

    pub fn reason(&self, name: &str) -> String {
        self.measure(name).failure.unwrap().reason
    }
}

pub(super) fn bias_free(
    inputs: usize,
    hidden: Vec<usize>,
    outputs: usize,
    loss: Loss,
) -> Objective {
    let network = Mlp::new(MlpShape {
        inputs,
        hidden,
        outputs,
        activation: Activation::Relu,
        bias: false,
        normalisation: Normalisation::None,
        initialisation: Initialisation {
            kind: Init::He,
            scale: 1.0,
        },
    });
    Objective::new(Arc::new(network), loss, Compute::cpu(Precision::F64))
}

/// A quadratic `gᵀδ + ½ δᵀHδ`, which the loss of a linear model with square loss is exactly.
pub(super) struct Quadratic {
    pub gradient: Vec<f64>,
    /// Row-major.
    pub hessian: Vec<f64>,
}

impl Quadratic {
    pub fn of(case: &Case) -> Self {
        let (gradient, hessian) = case.dense();
        Self { gradient, hessian }
    }

    pub fn dimension(&self) -> usize {
        self.gradient.len()
    }

    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        let rows = self.hessian.chunks(self.dimension());
        rows.map(|row| dot(row, vector)).collect()
    }

    pub fn at(&self, step: &[f64]) -> f64 {
        dot(&self.gradient, step) + 0.5 * dot(step, &self.times(step))
    }

    pub fn diagonal(&self) -> Vec<f64> {
        let n = self.dimension();
        (0..n).map(|i| self.hessian[i * n + i]).collect()
    }

    /// The largest value over the corners of a box around 0, which for a convex function is the
    /// largest over the box.
    pub fn largest_at_corner(&self, widths: &[f64]) -> f64 {
        (0..1u32 << widths.len())
            .map(|corner| {
                let sign = |i: usize| if corner >> i & 1 == 1 { 1.0 } else { -1.0 };
                let step: Vec<f64> = widths
                    .iter()
                    .enumerate()
                    .map(|(i, w)| sign(i) * w)
                    .collect();
                self.at(&step)
            })
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

pub(super) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{found} instead of {expected}"
    );
}

/// An estimate within four of its own standard errors of the truth, and not by having large ones.
pub(super) fn assert_estimate(row: &Measurement, expected: f64) {
    let (value, error) = (row.value.unwrap(), row.stderr().unwrap());
    assert!(error < 0.15 * expected.abs(), "{} ± {error}", row.name);
    assert!(
        (value - expected).abs() < 4.0 * error + 1e-12,
        "{}: {value} ± {error} instead of {expected}",
        row.name
    );
}
