//! Losses of certain networks in 32 bits, where what is left of a loss is far below the digits of 1.

use super::{CLASSES, INPUTS, relative_error};
use crate::backend::{BackendKind, Compute, Precision, read};
use crate::model::{Mlp, MlpShape};
use crate::objective::{Batch, Loss, Objective};
use crate::params::Parameters;
use std::sync::Arc;

const LOSSES: [Loss; 4] = [
    Loss::CrossEntropy,
    Loss::Square,
    Loss::Logistic,
    Loss::Exponential,
];

/// A linear model whose outputs are exact in 32 bits: parameters and inputs have few digits.
struct Exact {
    objective: Objective,
    parameters: Parameters,
    direction: Parameters,
    batch: Batch,
}

impl Exact {
    /// Three samples, one of each class, whose right class is `margin` above the next (below, if
    /// negative). For half a square the outputs are near their targets, which are that far apart.
    fn new(loss: Loss, margin: f64, compute: Compute) -> Self {
        let network = Mlp::new(MlpShape::new(INPUTS, &[], CLASSES));
        let objective = Objective::new(Arc::new(network), loss, compute.clone());
        // Input k is 1 for class k; the last is a common one that weights of all classes share.
        let mut weights = [[0.0; INPUTS]; CLASSES];
        for (class, row) in weights.iter_mut().enumerate() {
            row[class] = match loss {
                Loss::CrossEntropy => margin,
                // Both signs of target: half on either side.
                _ => 2.0 * margin,
            };
            row[INPUTS - 1] = match loss {
                Loss::CrossEntropy => 13.25,
                Loss::Square => 0.0,
                _ => -margin,
            };
        }
        let biases = [0.0, -0.5, 0.25];
        let values: Vec<f64> = weights.concat().into_iter().chain(biases).collect();
        let direction: Vec<f64> = (0..values.len())
            .map(|i| ((i * 7 % 11) as f64 - 4.0) / 8.0)
            .collect();
        let mut inputs = [[0.0; INPUTS]; CLASSES];
        for (sample, row) in inputs.iter_mut().enumerate() {
            row[sample] = 1.0;
            row[INPUTS - 1] = 1.0;
        }
        let targets: Vec<f64> = (0..CLASSES as u8)
            .flat_map(|label| loss.target(label, CLASSES))
            .map(|target| match loss {
                Loss::Square => target * 2.0 * margin + 0.125,
                _ => target,
            })
            .collect();
        let layout = objective.network().layout();
        Self {
            parameters: Parameters::from_host(layout, &values, &compute),
            direction: Parameters::from_host(layout, &direction, &compute),
            batch: Batch {
                inputs: compute.tensor(&inputs.concat(), [CLASSES, INPUTS]),
                targets: compute.tensor(&targets, [CLASSES, CLASSES]),
            },
            objective,
        }
    }

    /// Everything that is computed of a loss.
    fn quantities(&self) -> Vec<(&'static str, Vec<f64>)> {
        let (objective, weight) = (&self.objective, 1.0 / 4.0);
        let point = objective.at(&self.parameters, &self.batch);
        let losses = objective.evaluate(&self.parameters, &self.batch).losses;
        let (_, gradient) = objective.loss_and_gradient(&self.parameters, &self.batch, weight);
        let slopes = point.loss_slopes(&self.direction);
        let hessian = point.hessian_vector_product(&self.direction, weight);
        let gauss_newton = point.gauss_newton_product(&self.direction, weight);
        let second_moment = point.weighted_gradient(slopes.clone());
        let host = |parameters: Parameters| parameters.into_host().unwrap();
        vec![
            ("losses", read(&losses).unwrap()),
            ("gradient", host(gradient)),
            ("slopes", read(&slopes).unwrap()),
            ("Hessian", host(hessian)),
            ("Gauss-Newton", host(gauss_newton)),
            ("second moment", host(second_moment)),
        ]
    }
}

/// Backends in 32 bits with the relative error that is allowed on them: a graphics card's exponential of
/// `x` is good to `|x|` units in the last place.
fn backends() -> Vec<(Compute, f64, &'static [f64])> {
    static MARGINS: [f64; 12] = [
        -80.0, -20.0, -5.0, 0.0, 5.0, 10.0, 15.5, 20.0, 25.0, 40.0, 80.0, 100.0,
    ];
    let on_processor = |kind| {
        let compute = Compute::open(kind, Precision::F32).unwrap();
        (compute, 1e-6, &MARGINS[..])
    };
    let mut backends = vec![
        on_processor(BackendKind::Cpu),
        on_processor(BackendKind::NdArray),
    ];
    match Compute::open(BackendKind::Wgpu, Precision::F32) {
        Ok(compute) => backends.push((compute, 2e-5, &[0.0, 10.0, 20.0, 40.0])),
        Err(error) => eprintln!("skipped on wgpu: {error}"),
    }
    backends
}

#[test]
fn every_quantity_of_a_certain_network_is_exact_in_single_precision() {
    for (compute, bound, margins) in backends() {
        for loss in LOSSES {
            for &margin in margins {
                if loss == Loss::Exponential && margin < -40.0
                    || loss == Loss::Square && margin < 0.0
                {
                    // It overflows, or the target has more digits than there are.
                    continue;
                }
                let found = Exact::new(loss, margin, compute.clone()).quantities();
                let exact = Exact::new(loss, margin, Compute::cpu(Precision::F64)).quantities();
                for ((name, found), (_, exact)) in found.iter().zip(&exact) {
                    let error = relative_error(found, exact);
                    let size = crate::linear::norm(exact);
                    // Below the smallest normal number there are fewer digits.
                    let allowed = bound + f64::from(f32::MIN_POSITIVE) / size.max(1e-300);
                    assert!(
                        error <= allowed,
                        "{:?} {loss} at margin {margin}: {name} off by {error:e}: {found:?} for {exact:?}",
                        compute.kind
                    );
                }
            }
        }
    }
}

/// With two classes the loss of a sample is `log1p(e^−m)` at the margin `m`, and the Hessian along the
/// difference of the classes' biases `4 q (1 − q)` with `q = 1 / (1 + eᵐ)`.
#[test]
fn the_reference_is_the_closed_form() {
    for margin in [-80.0f64, -20.0, -1.0, 0.0, 1.0, 20.0, 60.0, 100.0] {
        let objective = Objective::new(
            Arc::new(Mlp::new(MlpShape::new(1, &[], 2))),
            Loss::CrossEntropy,
            Compute::cpu(Precision::F64),
        );
        let compute = objective.compute();
        let at = |values: [f64; 4]| {
            Parameters::from_host(objective.network().layout(), &values, compute)
        };
        let batch = Batch {
            inputs: compute.tensor(&[1.0], [1, 1]),
            targets: compute.tensor(&[1.0, 0.0], [1, 2]),
        };
        let parameters = at([margin, 0.0, 0.0, 0.0]);
        let q = 1.0 / (1.0 + margin.exp());
        let loss = (-margin.abs()).exp().ln_1p() + (-margin).max(0.0);
        let found = read(&objective.evaluate(&parameters, &batch).losses).unwrap();
        assert!((found[0] / loss - 1.0).abs() < 1e-14, "{margin}");
        let (_, gradient) = objective.loss_and_gradient(&parameters, &batch, 1.0);
        let gradient = gradient.into_host().unwrap();
        assert!(
            relative_error(&gradient, &[-q, q, -q, q]) < 1e-14,
            "{margin}"
        );
        let product = objective
            .at(&parameters, &batch)
            .hessian_vector_product(&at([0.0, 0.0, 1.0, -1.0]), 1.0)
            .into_host()
            .unwrap();
        let curvature = 2.0 * q / (1.0 + (-margin).exp());
        let expected = [curvature, -curvature, curvature, -curvature];
        assert!(relative_error(&product, &expected) < 1e-14, "{margin}");
    }
}
