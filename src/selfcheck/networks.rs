//! Cases on whole networks.

use super::Check;
use super::cases::{eigenvalues, exact, rng, with};
use super::functions::{TestFunction, mlp};
use crate::backend::{Compute, read};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Conjugated, Interrupt, LinearError, dot, norm};
use crate::model::Activation;
use crate::objective::Loss;
use crate::params::Parameters;
use crate::reparam::{MapKind, build};
use rand::RngExt;

/// A network of every smooth activation: the Hessian is symmetric and no chunk size changes it.
pub(super) fn symmetry(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let mut checks = Vec::new();
    for activation in [Activation::Tanh, Activation::Gelu, Activation::Softplus] {
        let mut numbers = rng("networks");
        let mut uniform = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| numbers.random_range(-1.0..1.0))
                .collect()
        };
        let network = mlp(4, vec![6, 5], 3, activation, true);
        let count = network.layout().len();
        let values = uniform(count);
        let inputs: Vec<Vec<f64>> = (0..7).map(|_| uniform(4)).collect();
        let (u, v) = (uniform(count), uniform(count));
        let targets: Vec<Vec<f64>> = (0..7)
            .map(|i| (0..3).map(|k| f64::from(u8::from(i % 3 == k))).collect())
            .collect();
        let loss = Loss::CrossEntropy;
        let problem = TestFunction::new(network, loss, values, &inputs, &targets, compute);
        let product =
            |vector: &[f64]| with(&problem, Matrix::Hessian, |operator| operator.apply(vector));
        let (left, right) = (dot(&u, &product(&v)?), dot(&v, &product(&u)?));
        let name = format!("{activation} network: u.Hv = v.Hu");
        checks.push(Check::new(&name, left, right, 10.0 * exact(compute)));
    }
    Ok(checks)
}

/// A ReLU network after first layer ×10, second ÷10: the same outputs, the same `λmax(D H D)`.
pub(super) fn rescaling(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let mut numbers = rng("rescaling");
    let mut uniform = |count: usize| -> Vec<f64> {
        (0..count)
            .map(|_| numbers.random_range(-1.0..1.0))
            .collect()
    };
    let network = mlp(3, vec![8], 2, Activation::Relu, true);
    let layout = network.layout().clone();
    let values = uniform(layout.len());
    let inputs: Vec<Vec<f64>> = (0..5).map(|_| uniform(3)).collect();
    let targets = vec![vec![1.0, 0.0]; 5];
    let map = build(network.as_ref(), MapKind::LayerRescaling, &mut numbers)
        .map_err(|error| LinearError::Device(error.to_string()))?;
    let rescaled = map.apply(&values);
    let problem = TestFunction::new(
        network,
        Loss::CrossEntropy,
        values,
        &inputs,
        &targets,
        compute,
    );
    let batch = &problem.data.batches()[0];
    let at = |values: &[f64]| Parameters::from_host(&layout, values, compute);
    let outputs = |values: &[f64]| {
        let evaluation = problem.objective.evaluate(&at(values), batch);
        read(&evaluation.outputs).map_err(LinearError::Device)
    };
    let (before, after) = (outputs(&problem.values)?, outputs(&rescaled)?);
    let change: Vec<f64> = before.iter().zip(&after).map(|(a, b)| a - b).collect();
    let adaptive = |values: &[f64]| {
        let parameters = at(values);
        let never = Interrupt::never();
        let mut operator = CurvatureOperator::new(
            Matrix::Hessian,
            &problem.objective,
            &parameters,
            &problem.data,
            never,
        );
        let diagonal = values.iter().map(|value| value.abs()).collect();
        let mut scaled = Conjugated::new(&mut operator, diagonal);
        eigenvalues(&mut scaled).map(|spectrum| spectrum.largest[0].value)
    };
    Ok(vec![
        Check::new(
            "layer rescaling: change of the outputs",
            0.0,
            norm(&change) / norm(&before),
            exact(compute),
        ),
        Check::new(
            "layer rescaling: largest eigenvalue of D H D",
            adaptive(&problem.values)?,
            adaptive(&rescaled)?,
            10.0 * exact(compute),
        ),
    ])
}
