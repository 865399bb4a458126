//! Gradient and Hessian of whole networks against a dense reference made of hyper-dual scalars.

mod at_point;
mod confident;
mod parts;
mod properties;
mod pytorch;
mod sample_gradients;
pub mod tiny;

use super::{Batch, Chunks, Loss, Objective};
use crate::backend::{BackendKind, Compute, Precision};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::dual::tests::hyper::{Hyper, Real};
use crate::linear::{Interrupt, LanczosOptions, LinearOperator, dot, lanczos};
use crate::model::{Activation, Init, LastNorm, Normalisation, Pool};
use crate::model::{Initialisation, Mlp, MlpShape};
use crate::params::Parameters;
use crate::random::Streams;
use rand::RngExt;
use std::sync::Arc;

const SAMPLES: usize = 7;
const INPUTS: usize = 4;
const CLASSES: usize = 3;

/// A small network, its parameters, and random data.
pub(crate) struct Case {
    pub objective: Objective,
    pub values: Vec<f64>,
    pub inputs: Vec<f64>,
    pub labels: Vec<u8>,
    hidden: Vec<usize>,
    activation: Activation,
}

impl Case {
    pub fn new(activation: Activation, loss: Loss, compute: Compute) -> Self {
        Self::with_hidden(vec![6, 5], activation, loss, compute)
    }

    /// A model without hidden layers.
    pub fn linear(loss: Loss) -> Self {
        Self::with_hidden(
            Vec::new(),
            Activation::Relu,
            loss,
            Compute::cpu(Precision::F64),
        )
    }

    pub fn with_hidden(
        hidden: Vec<usize>,
        activation: Activation,
        loss: Loss,
        compute: Compute,
    ) -> Self {
        let network = Mlp::new(MlpShape {
            inputs: INPUTS,
            hidden: hidden.clone(),
            outputs: CLASSES,
            activation,
            bias: true,
            normalisation: Normalisation::None,
            initialisation: Initialisation {
                kind: Init::He,
                scale: 1.0,
            },
        });
        let objective = Objective::new(Arc::new(network), loss, compute);
        let mut rng = Streams::new(7).stream("test", 0);
        let mut uniform = |count: usize| -> Vec<f64> {
            (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
        };
        Self {
            values: uniform(objective.network().layout().len()),
            inputs: uniform(SAMPLES * INPUTS),
            labels: (0..SAMPLES as u8).map(|i| i % CLASSES as u8).collect(),
            objective,
            hidden,
            activation,
        }
    }

    pub fn reference(activation: Activation, loss: Loss) -> Self {
        Self::new(activation, loss, Compute::cpu(Precision::F64))
    }

    pub fn parameters(&self) -> Parameters {
        self.at(&self.values)
    }

    pub fn at(&self, values: &[f64]) -> Parameters {
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, values, self.objective.compute())
    }

    pub fn chunks(&self, size: usize) -> Chunks {
        let compute = self.objective.compute();
        let loss = self.objective.loss();
        let batches = self
            .inputs
            .chunks(size * INPUTS)
            .zip(self.labels.chunks(size))
            .map(|(inputs, labels)| {
                let targets: Vec<f64> = labels
                    .iter()
                    .flat_map(|&label| loss.target(label, CLASSES))
                    .collect();
                Batch {
                    inputs: compute.tensor(inputs, [labels.len(), INPUTS]),
                    targets: compute.tensor(&targets, [labels.len(), CLASSES]),
                }
            })
            .collect();
        Chunks::from_batches(batches, self.labels.clone())
    }

    pub fn gradient(&self) -> Vec<f64> {
        let batch = &self.chunks(SAMPLES).batches()[0].clone();
        let (_, gradient) =
            self.objective
                .loss_and_gradient(&self.parameters(), batch, 1.0 / SAMPLES as f64);
        gradient.to_host().unwrap()
    }

    pub fn hessian_times(&self, vector: &[f64], chunk: usize) -> Vec<f64> {
        let (parameters, data) = (self.parameters(), self.chunks(chunk));
        CurvatureOperator::new(
            Matrix::Hessian,
            &self.objective,
            &parameters,
            &data,
            Interrupt::never(),
        )
        .apply(vector)
        .unwrap()
    }

    /// The mean loss written with scalars.
    fn mean_loss(&self, theta: &[Hyper]) -> Hyper {
        let mut widths = vec![INPUTS];
        widths.extend(&self.hidden);
        widths.push(CLASSES);
        let mut total = Hyper::real(0.0);
        for (input, &label) in self.inputs.chunks(INPUTS).zip(&self.labels) {
            let mut activations: Vec<Hyper> = input.iter().map(|&x| Hyper::real(x)).collect();
            let mut offset = 0;
            for (layer, pair) in widths.windows(2).enumerate() {
                if layer > 0 {
                    activations = activations
                        .iter()
                        .map(|&x| match self.activation {
                            Activation::Linear => x,
                            Activation::Relu => x.relu(),
                            Activation::Tanh => x.tanh(),
                            Activation::Gelu => x.gelu(),
                            Activation::Softplus => x.softplus(),
                        })
                        .collect();
                }
                let (weights, rest) = theta[offset..].split_at(pair[0] * pair[1]);
                activations = weights
                    .chunks(pair[0])
                    .zip(rest)
                    .map(|(row, &bias)| {
                        row.iter()
                            .zip(&activations)
                            .fold(bias, |sum, (&w, &x)| sum + w * x)
                    })
                    .collect();
                offset += (pair[0] + 1) * pair[1];
            }
            total = total + self.sample_loss(&activations, label);
        }
        total * Hyper::real(1.0 / SAMPLES as f64)
    }

    fn sample_loss(&self, z: &[Hyper], label: u8) -> Hyper {
        let loss = self.objective.loss();
        let zero = Hyper::real(0.0);
        if loss == Loss::CrossEntropy {
            let (own, others) = (z[usize::from(label)], z.iter().enumerate());
            return others
                .filter(|&(class, _)| class != usize::from(label))
                .fold(zero, |sum, (_, &other)| sum + (other - own).exp())
                .ln_1p();
        }
        z.iter()
            .zip(loss.target(label, CLASSES))
            .fold(zero, |sum, (&z, target)| {
                let error = z - Hyper::real(target);
                sum + match loss {
                    Loss::Square => Hyper::real(0.5) * error * error,
                    Loss::Logistic => (Hyper::real(-target) * z).softplus(),
                    _ => (Hyper::real(-target) * z).exp(),
                }
            })
    }

    /// The dense gradient and Hessian (row-major) by hyper-dual scalars.
    pub fn dense(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.values.len();
        let mut gradient = vec![0.0; n];
        let mut hessian = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let theta: Vec<Hyper> = (0..n)
                    .map(|k| {
                        let unit = |index| f64::from(u8::from(k == index));
                        Hyper::new(self.values[k], unit(i), unit(j))
                    })
                    .collect();
                let result = self.mean_loss(&theta);
                gradient[i] = result.first;
                hessian[i * n + j] = result.second;
                hessian[j * n + i] = result.second;
            }
        }
        (gradient, hessian)
    }
}

fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    let difference: Vec<f64> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    crate::linear::norm(&difference) / crate::linear::norm(expected)
}

fn direction(n: usize, counter: u64) -> Vec<f64> {
    let mut rng = Streams::new(1).stream("direction", counter);
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn multiply(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    matrix
        .chunks(vector.len())
        .map(|row| dot(row, vector))
        .collect()
}

#[test]
fn gradient_and_hessian_of_every_activation_and_loss_match_the_dense_reference() {
    let activations = [
        Activation::Relu,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Softplus,
    ];
    let losses = [
        Loss::CrossEntropy,
        Loss::Square,
        Loss::Logistic,
        Loss::Exponential,
    ];
    for activation in activations {
        for loss in losses {
            let case = Case::reference(activation, loss);
            let (gradient, hessian) = case.dense();
            let vector = direction(gradient.len(), 0);
            let expected = multiply(&hessian, &vector);
            let product = case.hessian_times(&vector, SAMPLES);
            let error = relative_error(&product, &expected);
            assert!(
                error < 1e-10,
                "{activation:?} {loss:?}: HVP off by {error:e}"
            );
            let error = relative_error(&case.gradient(), &gradient);
            assert!(
                error < 1e-12,
                "{activation:?} {loss:?}: gradient off by {error:e}"
            );
        }
    }
}

#[test]
fn the_hessian_is_symmetric_to_rounding() {
    for (precision, bound) in [(Precision::F64, 1e-12), (Precision::F32, 1e-5)] {
        let case = Case::new(
            Activation::Gelu,
            Loss::CrossEntropy,
            Compute::cpu(precision),
        );
        let (u, v) = (
            direction(case.values.len(), 1),
            direction(case.values.len(), 2),
        );
        let left = dot(&u, &case.hessian_times(&v, SAMPLES));
        let right = dot(&v, &case.hessian_times(&u, SAMPLES));
        assert!((left - right).abs() < bound * left.abs(), "{left} {right}");
    }
}

#[test]
fn any_chunk_size_gives_the_same_product_ragged_last_chunk_included() {
    let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
    let vector = direction(case.values.len(), 3);
    let whole = case.hessian_times(&vector, SAMPLES);
    for chunk in [1, 2, 3, 5] {
        let error = relative_error(&case.hessian_times(&vector, chunk), &whole);
        assert!(error < 1e-12, "chunks of {chunk}: {error:e}");
    }
}

#[test]
fn the_ndarray_backend_agrees_with_the_reference() {
    let bound = 1e-12;
    for activation in [
        Activation::Relu,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Softplus,
    ] {
        let compute = Compute::open(BackendKind::NdArray, Precision::F64).unwrap();
        let case = Case::new(activation, Loss::CrossEntropy, compute);
        let reference = Case::reference(activation, Loss::CrossEntropy);
        let vector = direction(case.values.len(), 4);
        let error = relative_error(
            &case.hessian_times(&vector, 3),
            &reference.hessian_times(&vector, 3),
        );
        assert!(error < bound, "{activation}: HVP off by {error:e}");
        let error = relative_error(&case.gradient(), &reference.gradient());
        assert!(error < bound, "{activation}: gradient off by {error:e}");
    }
}

/// The matrix of an operator, column by column.
fn columns(case: &Case, matrix: Matrix) -> Vec<f64> {
    let (parameters, data) = (case.parameters(), case.chunks(3));
    let never = Interrupt::never();
    let mut operator = CurvatureOperator::new(matrix, &case.objective, &parameters, &data, never);
    let n = operator.dimension();
    let mut entries = Vec::with_capacity(n * n);
    for i in 0..n {
        let unit: Vec<f64> = (0..n).map(|j| f64::from(u8::from(i == j))).collect();
        entries.extend(operator.apply(&unit).unwrap());
    }
    entries
}

#[test]
fn eigenvalues_and_trace_are_those_of_the_dense_hessian() {
    let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
    let (_, hessian) = case.dense();
    let n = case.values.len();
    let dense = nalgebra::DMatrix::from_row_slice(n, n, &hessian);
    let mut truth: Vec<f64> = dense.symmetric_eigenvalues().iter().copied().collect();
    truth.sort_by(f64::total_cmp);
    let (parameters, data) = (case.parameters(), case.chunks(3));
    let never = Interrupt::never();
    let mut operator =
        CurvatureOperator::new(Matrix::Hessian, &case.objective, &parameters, &data, never);
    let options = LanczosOptions {
        largest: 3,
        smallest: 2,
        tolerance: 1e-10,
        smallest_tolerance: 1e-10,
        max_matvecs: n + 5,
        ..Default::default()
    };
    let mut rng = Streams::new(0).stream("probes", 0);
    let spectrum = lanczos(&mut operator, None, &mut rng, options, never).unwrap();
    for (k, pair) in spectrum.largest.iter().enumerate() {
        assert!(
            (pair.value - truth[n - 1 - k]).abs() < 1e-8,
            "{k}: {}",
            pair.value
        );
    }
    for (k, pair) in spectrum.smallest.iter().enumerate() {
        assert!((pair.value - truth[k]).abs() < 1e-8, "{k}: {}", pair.value);
    }
    let entries = columns(&case, Matrix::Hessian);
    let trace: f64 = (0..n).map(|i| entries[i * n + i]).sum();
    let expected: f64 = (0..n).map(|i| hessian[i * n + i]).sum();
    assert!((trace - expected).abs() < 1e-12 * expected.abs().max(1.0));
}

#[test]
fn hessian_is_gauss_newton_plus_residual_and_gauss_newton_is_positive() {
    for loss in [
        Loss::CrossEntropy,
        Loss::Square,
        Loss::Logistic,
        Loss::Exponential,
    ] {
        let case = Case::reference(Activation::Softplus, loss);
        let n = case.values.len();
        let whole = columns(&case, Matrix::Hessian);
        let part = columns(&case, Matrix::GaussNewton);
        let rest = columns(&case, Matrix::Residual);
        let sum: Vec<f64> = part.iter().zip(&rest).map(|(a, b)| a + b).collect();
        assert!(relative_error(&sum, &whole) < 1e-13);
        assert!(
            relative_error(&rest, &whole) > 1e-3,
            "the network is not linear"
        );
        let part = nalgebra::DMatrix::from_row_slice(n, n, &part);
        let smallest = part.symmetric_eigenvalues().min();
        assert!(smallest > -1e-12, "{loss}: {smallest}");
    }
}

#[test]
fn gauss_newton_is_the_hessian_of_a_linear_model() {
    let case = Case::linear(Loss::CrossEntropy);
    let whole = columns(&case, Matrix::Hessian);
    let part = columns(&case, Matrix::GaussNewton);
    assert!(relative_error(&part, &whole) < 1e-13);
}

#[test]
fn second_moment_and_covariance_are_those_of_the_samples_gradients() {
    let case = Case::reference(Activation::Gelu, Loss::CrossEntropy);
    let n = case.values.len();
    let parameters = case.parameters();
    let gradients: Vec<Vec<f64>> = case
        .chunks(1)
        .batches()
        .iter()
        .map(|sample| {
            let (_, gradient) = case.objective.loss_and_gradient(&parameters, sample, 1.0);
            gradient.to_host().unwrap()
        })
        .collect();
    let mean = case.gradient();
    let expected = |centre: &[f64]| -> Vec<f64> {
        (0..n * n)
            .map(|k| {
                let (i, j) = (k / n, k % n);
                let sum: f64 = gradients
                    .iter()
                    .map(|g| (g[i] - centre[i]) * (g[j] - centre[j]))
                    .sum();
                sum / SAMPLES as f64
            })
            .collect()
    };
    let moment = columns(&case, Matrix::SecondMoment);
    assert!(relative_error(&moment, &expected(&vec![0.0; n])) < 1e-12);
    let covariance = columns(&case, Matrix::NoiseCovariance);
    assert!(relative_error(&covariance, &expected(&mean)) < 1e-12);
}

#[test]
fn a_deterministic_model_passes_the_check() {
    let case = Case::reference(Activation::Relu, Loss::CrossEntropy);
    let (parameters, data) = (case.parameters(), case.chunks(3));
    let never = Interrupt::never();
    CurvatureOperator::new(Matrix::Hessian, &case.objective, &parameters, &data, never)
        .check_deterministic()
        .unwrap();
}

/*
The expected numbers are what PyTorch gives:

import torch
n = [((i * 37) % 11 - 5) / 10 for i in range(26)]
t = lambda a, b, *s: torch.tensor(n[a:b], dtype=torch.float64).reshape(*s)
state = {"layers.0.weight": t(0, 12, 4, 3), "layers.0.bias": t(12, 16, 4),
         "layers.1.weight": t(16, 24, 2, 4), "layers.1.bias": t(24, 26, 2)}
x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], dtype=torch.float64)
f = torch.nn.functional
for act in [torch.relu, torch.tanh, f.gelu, f.softplus]:
    h = act(f.linear(x, state["layers.0.weight"], state["layers.0.bias"]))
    z = f.linear(h, state["layers.1.weight"], state["layers.1.bias"])
    print(z.flatten().tolist(), f.cross_entropy(z, torch.tensor([1, 0])).item())
*/
#[test]
fn outputs_and_loss_are_those_of_pytorch_for_the_same_state_dict() {
    let expected = [
        (
            Activation::Relu,
            [0.205, -0.465, 0.3625, -0.4125],
            0.7310794404885316,
        ),
        (
            Activation::Tanh,
            [
                -0.17756316854819443,
                -0.406030991064297,
                0.1197263015797412,
                0.057081894281436896,
            ],
            0.7381035403232892,
        ),
        (
            Activation::Gelu,
            [
                0.12822128281871165,
                -0.39657026910431403,
                0.3102227730038819,
                -0.34089376639915614,
            ],
            0.7046266516322877,
        ),
        (
            Activation::Softplus,
            [
                0.4898491422062583,
                -0.7942375792300256,
                0.6888155092927943,
                -0.5773706121266415,
            ],
            0.8884358273260747,
        ),
    ];
    let compute = Compute::cpu(Precision::F64);
    for (activation, outputs, loss) in expected {
        let network = Mlp::new(MlpShape {
            inputs: 3,
            hidden: vec![4],
            outputs: 2,
            activation,
            bias: true,
            normalisation: Normalisation::None,
            initialisation: Initialisation {
                kind: Init::He,
                scale: 1.0,
            },
        });
        let values: Vec<f64> = (0..26)
            .map(|i| f64::from((i * 37) % 11 - 5) / 10.0)
            .collect();
        let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute.clone());
        let parameters = Parameters::from_host(objective.network().layout(), &values, &compute);
        let batch = Batch {
            inputs: compute.tensor(&[0.5, -1.0, 2.0, 1.5, 0.25, -0.75], [2, 3]),
            targets: compute.tensor(&[0.0, 1.0, 1.0, 0.0], [2, 2]),
        };
        let evaluation = objective.evaluate(&parameters, &batch);
        let found = crate::backend::read(&evaluation.outputs).unwrap();
        assert!(
            relative_error(&found, &outputs) < 1e-14,
            "{activation}: {found:?}"
        );
        let losses = crate::backend::read(&evaluation.losses).unwrap();
        let mean = 0.5 * (losses[0] + losses[1]);
        assert!((mean - loss).abs() < 1e-14, "{activation}: {mean}");
    }
}

/// At one token the order is no matter; of a mean over tokens it is.
#[test]
fn the_last_normalisation_is_of_tokens_or_of_what_is_pooled() {
    let compute = Compute::cpu(Precision::F64);
    let outputs = |last_norm, pool| {
        let tiny =
            tiny::Tiny::transformer_normed(last_norm, 1, pool, Activation::Gelu, 0.0, &compute);
        let inputs = tiny.chunks(4).batches()[0].inputs.clone();
        let outputs = tiny.objective.outputs(&tiny.parameters(), inputs);
        crate::backend::read(&outputs).unwrap()
    };
    let [tokens, pooled] =
        [LastNorm::Tokens, LastNorm::Pooled].map(|norm| outputs(norm, Pool::Class));
    for (tokens, pooled) in tokens.iter().zip(&pooled) {
        assert!((tokens - pooled).abs() < 1e-14);
    }
    let [tokens, pooled] =
        [LastNorm::Tokens, LastNorm::Pooled].map(|norm| outputs(norm, Pool::Mean));
    let apart = tokens
        .iter()
        .zip(&pooled)
        .map(|(tokens, pooled)| (tokens - pooled).abs());
    assert!(apart.fold(0.0, f64::max) > 1e-3);
}
