//! A batch in parts is the batch.

use super::properties::independent;
use super::tiny::{SAMPLES, Tiny, numbers};
use super::{direction, relative_error};
use crate::backend::{Compute, Precision, read};
use crate::dual::Dual;
use crate::model::{Activation, Init, Normalisation};
use crate::model::{Blueprint, Dropout, LinearMap, Network, Pass, Symmetry};
use crate::objective::Outputs;
use crate::random::Streams;
use burn::tensor::Tensor;
use std::sync::Arc;

/// A network whose batches are divided otherwise.
struct Divided {
    network: Arc<dyn Network>,
    samples: usize,
}

impl Network for Divided {
    fn blueprint(&self) -> &Blueprint {
        self.network.blueprint()
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        self.network.forward(pass, inputs)
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        self.network.symmetries()
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        self.network.linear_maps()
    }

    fn samples_per_part(&self) -> usize {
        self.samples
    }
}

impl Tiny {
    /// The same with so many samples in a part.
    fn divided(self, samples: usize) -> Self {
        let network = self.objective.network.clone();
        self.with_network(Arc::new(Divided { network, samples }))
    }

    /// Whatever can be computed of a batch, with its name.
    fn everything(&self) -> Vec<(&'static str, Vec<f64>)> {
        let (objective, parameters) = (&self.objective, self.parameters());
        let batch = self.batch(0, SAMPLES);
        let along = self.at(&direction(self.values.len(), 1));
        let weights = objective
            .compute()
            .tensor(&numbers("weights", SAMPLES), [SAMPLES, 1]);
        let evaluation = objective.evaluate(&parameters, &batch);
        let training = objective.training_gradient(&parameters, &batch, 0.3);
        let (losses, gradient) =
            objective.losses_and_gradient(&parameters, &batch, 0.3, Outputs::Normalised);
        let at = objective.at(&parameters, &batch);
        let slopes = at.loss_slopes(&along);
        let host = |parameters: crate::params::Parameters| parameters.to_host().unwrap();
        vec![
            ("losses", read(&evaluation.losses).unwrap()),
            ("outputs", read(&evaluation.outputs).unwrap()),
            ("loss", read(&training.loss).unwrap()),
            ("gradient", host(training.gradient)),
            ("statistics", host(training.statistics)),
            ("normalised losses", read(&losses).unwrap()),
            ("gradient of normalised losses", host(gradient)),
            ("slopes", read(&slopes).unwrap()),
            ("weighted gradient", host(at.weighted_gradient(weights))),
            ("Hessian", host(at.hessian_vector_product(&along, 0.3))),
            ("Gauss-Newton", host(at.gauss_newton_product(&along, 0.3))),
        ]
    }
}

fn cpu() -> Compute {
    Compute::cpu(Precision::F64)
}

#[test]
fn a_batch_in_parts_gives_what_the_batch_gives() {
    let drawn = Dropout::Drawn {
        streams: Streams::new(2),
        pass: 7,
    };
    for (name, tiny) in independent(&cpu()) {
        let mut tiny = match tiny.objective.conditions().dropout {
            Dropout::Off => tiny.with_dropout(drawn),
            _ => tiny,
        };
        let whole = tiny.everything();
        for samples in [4, 2, 1] {
            tiny = tiny.divided(samples);
            for ((what, found), (_, expected)) in tiny.everything().iter().zip(&whole) {
                let error = relative_error(found, expected);
                assert!(
                    found == expected || error < 1e-13,
                    "{name}, {what}: {error:e}"
                );
            }
        }
    }
}

#[test]
fn parts_are_a_power_of_two_and_at_most_the_samples() {
    let tiny = || Tiny::mlp(Activation::Tanh, Normalisation::None, Init::He, &cpu());
    let count = |per_part, samples| tiny().divided(per_part).objective.count_of_parts(samples);
    assert_eq!(count(16, 1), 1);
    assert_eq!(count(16, 16), 1);
    assert_eq!(count(16, 17), 2);
    assert_eq!(count(16, 33), 4);
    assert_eq!(count(16, 128), 8);
    assert_eq!(count(1, 6), 6);
    assert_eq!(count(0, 3), 3);
    assert_eq!(count(16, 0), 1);
}

#[test]
fn a_batch_that_is_normalised_by_its_own_statistics_stays_whole() {
    let tiny = Tiny::resnet(Activation::Gelu, Normalisation::Batch, &cpu()).by_batch();
    let whole = tiny.everything();
    assert_eq!(tiny.divided(2).everything(), whole);
}
