//! A small network with random data, to measure in tests.

use crate::backend::{Compute, Precision};
use crate::data::digits;
use crate::measure::{LastStep, Measure, Measurement, Session, StepRule, Subject, find};
use crate::model::{Activation, Init, Normalisation};
use crate::model::{Initialisation, Mlp, MlpShape};
use crate::objective::tests::tiny::Tiny;
use crate::objective::{Batch, Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::random::{StreamRng, Streams};
use rand::RngExt;
use std::sync::Arc;

/// Samples, in chunks of three, the last of which is ragged.
pub(in crate::measure) const SAMPLES: usize = 8;
pub(in crate::measure) const INPUTS: usize = 4;

pub(in crate::measure) struct Fixture {
    pub objective: Objective,
    pub values: Vec<f64>,
    pub initial: Vec<f64>,
    pub inputs: Vec<f64>,
    pub labels: Vec<u8>,
}

/// The measures of these names.
pub(in crate::measure) fn measures(names: &[&str]) -> Vec<&'static Measure> {
    names.iter().map(|name| find(name).unwrap()).collect()
}

/// Measures names of a tiny network of any kind.
pub(in crate::measure) fn measure_tiny(tiny: &Tiny, names: &[&str]) -> Vec<Measurement> {
    let (parameters, train) = (tiny.parameters(), tiny.chunks(4));
    let subject = subject(&tiny.objective, &parameters, &train);
    Session::new(subject).measure(names).unwrap()
}

impl Fixture {
    /// A network on 4 inputs; parameters, inputs and starting point uniform on (−1, 1).
    pub fn new(hidden: &[usize], outputs: usize, activation: Activation, bias: bool) -> Self {
        Self::with_loss(hidden, outputs, activation, bias, Loss::CrossEntropy)
    }

    pub fn with_loss(
        hidden: &[usize],
        outputs: usize,
        activation: Activation,
        bias: bool,
        loss: Loss,
    ) -> Self {
        let network = Mlp::new(MlpShape {
            inputs: INPUTS,
            hidden: hidden.to_vec(),
            outputs,
            activation,
            bias,
            normalisation: Normalisation::None,
            initialisation: Initialisation {
                kind: Init::He,
                scale: 1.0,
            },
        });
        let objective = Objective::new(Arc::new(network), loss, Compute::cpu(Precision::F64));
        let length = objective.network().layout().len();
        let mut rng = Streams::new(11).stream("test", 0);
        Self {
            values: uniform(&mut rng, length),
            initial: uniform(&mut rng, length),
            inputs: uniform(&mut rng, SAMPLES * INPUTS),
            labels: (0..SAMPLES).map(|i| (i % outputs.max(2)) as u8).collect(),
            objective,
        }
    }

    /// The values of a block, to be set.
    pub fn block(&mut self, name: &str) -> &mut [f64] {
        let range = self.objective.network().layout().range(name).unwrap();
        &mut self.values[range]
    }

    pub fn parameters(&self) -> Parameters {
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, &self.values, self.objective.compute())
    }

    pub fn chunks(&self, size: usize) -> Chunks {
        let (compute, loss) = (self.objective.compute(), self.objective.loss());
        let layout = self.objective.network().layout();
        let outputs = layout.blocks().last().unwrap().shape[0];
        let samples = self
            .inputs
            .chunks(size * INPUTS)
            .zip(self.labels.chunks(size));
        let batches = samples.map(|(inputs, labels)| {
            // A regression on one number has the signs as targets.
            let is_regression = loss == Loss::Square && outputs == 1;
            let targets = labels.iter().flat_map(|&label| match is_regression {
                true => vec![2.0 * f64::from(label) - 1.0],
                false => loss.target(label, outputs.max(2)).collect(),
            });
            let targets: Vec<f64> = targets.collect();
            Batch {
                inputs: compute.tensor(inputs, [labels.len(), INPUTS]),
                targets: compute.tensor(&targets, [labels.len(), outputs]),
            }
        });
        Chunks::from_batches(batches.collect(), self.labels.clone())
    }

    /// Measures names on a subject that is changed first.
    pub fn measure_as(
        &self,
        names: &[&str],
        change: impl for<'a> FnOnce(Subject<'a>) -> Subject<'a>,
    ) -> Vec<Measurement> {
        let (parameters, train) = (self.parameters(), self.chunks(3));
        let layout = self.objective.network().layout();
        let before = Parameters::from_host(layout, &self.initial, self.objective.compute());
        let subject = change(Subject {
            initial: Some(&self.initial),
            // From the start in one step.
            last_step: Some(LastStep {
                before: &before,
                gradient: Some(&before),
            }),
            ..subject(&self.objective, &parameters, &train)
        });
        Session::new(subject).measure(names).unwrap()
    }

    pub fn measure(&self, names: &[&str]) -> Vec<Measurement> {
        self.measure_as(names, |subject| subject)
    }

    pub fn row(&self, name: &str) -> Measurement {
        self.measure(&[name]).remove(0)
    }

    pub fn value(&self, name: &str) -> f64 {
        let row = self.row(name);
        row.value
            .unwrap_or_else(|| panic!("{name}: {:?}", row.reason()))
    }

    pub fn reason(&self, name: &str) -> String {
        self.row(name).failure.unwrap().reason
    }
}

/// A network at a point with data, and the settings of a step of plain SGD.
pub(in crate::measure) fn subject<'a>(
    objective: &'a Objective,
    parameters: &'a Parameters,
    train: &'a Chunks,
) -> Subject<'a> {
    Subject {
        trained_elsewhere: false,
        learning_rate: Some(0.1),
        step_rule: Some(StepRule::Descent {
            momentum: 0.0,
            is_nesterov: false,
            penalty: 0.0,
        }),
        batch_size: Some(2),
        ..Subject::new(objective, parameters, train)
    }
}

/// The training part of the digits on an objective's device, pixels from 0 to 1, as one batch.
pub(in crate::measure) fn digits_of(objective: &Objective) -> Chunks {
    let (images, _) = digits::split().unwrap();
    let (compute, loss, classes) = (objective.compute(), objective.loss(), images.classes);
    let inputs: Vec<f64> = images
        .pixels
        .iter()
        .map(|&pixel| f64::from(pixel) / 16.0)
        .collect();
    let targets = images.labels.iter();
    let targets: Vec<f64> = targets
        .flat_map(|&label| loss.target(label, classes))
        .collect();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [images.len(), images.features()]),
        targets: compute.tensor(&targets, [images.len(), classes]),
    };
    Chunks::from_batches(vec![batch], images.labels)
}

pub(in crate::measure) fn uniform(rng: &mut StreamRng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

pub(in crate::measure) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(
        error <= tolerance,
        "{found} is not {expected}: off by {error:e}"
    );
}
