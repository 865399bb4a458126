//! Whether errors of estimates cover what they say on networks: a campaign of some minutes, whose figures stand
//! in ARCHITECTURE.md. Quick tests of the same, on matrices, are beside the estimators.
//!
//! ```sh
//! cargo test --release measure::coverage -- --ignored --nocapture
//! ```

use crate::backend::Compute;
use crate::curvature::Matrix;
use crate::data::digits;
use crate::linear::Precision;
use crate::linear::{Budget, LinearOperator, dot};
use crate::measure::Session;
use crate::measure::testing::fixture::subject;
use crate::model::{Activation, Init, Normalisation};
use crate::model::{Initialisation, Mlp, MlpShape};
use crate::objective::{Batch, Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::random::Streams;
use std::sync::Arc;

const NAMES: [&str; 9] = [
    "hessian.trace",
    "hessian.frobenius",
    "hessian.trace.hutch_plus_plus",
    "ggn.trace",
    "moment.trace",
    "noise.alignment_mu",
    "noise.alignment_alpha",
    "noise.alignment_beta",
    "noise.scale.curvature",
];

struct Trained {
    name: &'static str,
    objective: Objective,
    parameters: Parameters,
    data: Chunks,
}

/// A perceptron on digits after some steps of gradient descent.
fn trained(
    name: &'static str,
    hidden: usize,
    activation: Activation,
    samples: usize,
    steps: usize,
) -> Trained {
    let network = Mlp::new(MlpShape {
        inputs: 64,
        hidden: vec![hidden],
        outputs: 10,
        activation,
        bias: true,
        normalisation: Normalisation::None,
        initialisation: Initialisation {
            kind: Init::He,
            scale: 1.0,
        },
    });
    let objective = Objective::new(
        Arc::new(network),
        Loss::CrossEntropy,
        Compute::cpu(Precision::F64),
    );
    let images = digits::all().unwrap();
    let compute = objective.compute();
    let pixels: Vec<f64> = images.pixels[..64 * samples]
        .iter()
        .map(|&pixel| f64::from(pixel) / 16.0)
        .collect();
    let labels = images.labels[..samples].to_vec();
    let targets: Vec<f64> = labels
        .iter()
        .flat_map(|&label| Loss::CrossEntropy.target(label, 10))
        .collect();
    let batch = Batch {
        inputs: compute.tensor(&pixels, [samples, 64]),
        targets: compute.tensor(&targets, [samples, 10]),
    };
    let layout = objective.network().layout().clone();
    let mut rng = Streams::new(1).stream("init", 0);
    let mut values = objective.network().blueprint().initial_parameters(&mut rng);
    for _ in 0..steps {
        let parameters = Parameters::from_host(&layout, &values, compute);
        let weight = 1.0 / samples as f64;
        let (_, gradient) = objective.loss_and_gradient(&parameters, &batch, weight);
        for (value, slope) in values.iter_mut().zip(gradient.into_host().unwrap()) {
            *value -= 0.3 * slope;
        }
    }
    let parameters = Parameters::from_host(&layout, &values, compute);
    Trained {
        name,
        data: Chunks::from_batches(vec![batch], labels),
        parameters,
        objective,
    }
}

impl Trained {
    /// A matrix, column after column.
    fn dense(&self, matrix: Matrix) -> Vec<Vec<f64>> {
        let subject = subject(&self.objective, &self.parameters, &self.data);
        subject
            .with_operator(matrix, |operator: &mut dyn LinearOperator| {
                let dimension = operator.dimension();
                (0..dimension)
                    .map(|place| {
                        let mut unit = vec![0.0; dimension];
                        unit[place] = 1.0;
                        operator.apply(&unit)
                    })
                    .collect()
            })
            .unwrap()
    }

    /// The numbers in the order of the names.
    fn truth(&self) -> Vec<f64> {
        let [hessian, gauss_newton, moment, noise] = [
            Matrix::Hessian,
            Matrix::GaussNewton,
            Matrix::SecondMoment,
            Matrix::NoiseCovariance,
        ]
        .map(|matrix| self.dense(matrix));
        let trace = |a: &[Vec<f64>]| (0..a.len()).map(|i| a[i][i]).sum::<f64>();
        let product =
            |a: &[Vec<f64>], b: &[Vec<f64>]| a.iter().zip(b).map(|(a, b)| dot(a, b)).sum::<f64>();
        let subject = subject(&self.objective, &self.parameters, &self.data);
        let mut session = Session::new(subject);
        let loss = session.train().unwrap().mean_loss();
        let gradient = session.subject.gradient().unwrap();
        let along: f64 = hessian
            .iter()
            .zip(&gradient)
            .map(|(column, slope)| slope * dot(column, &gradient))
            .sum();
        let (shared, of_noise, of_curvature) = (
            product(&noise, &gauss_newton),
            product(&noise, &noise),
            product(&gauss_newton, &gauss_newton),
        );
        vec![
            trace(&hessian),
            product(&hessian, &hessian).sqrt(),
            trace(&hessian),
            trace(&gauss_newton),
            trace(&moment),
            shared / (2.0 * loss * of_curvature),
            shared / (of_noise * of_curvature).sqrt(),
            (of_noise / of_curvature).sqrt() / (2.0 * loss),
            product(&hessian, &noise) / along,
        ]
    }

    fn campaign(&self, max_matvecs: Option<usize>) -> Vec<String> {
        const SEEDS: u64 = 400;
        let truth = self.truth();
        let mut errors = vec![Vec::new(); NAMES.len()];
        let mut matvecs = vec![0; NAMES.len()];
        for seed in 0..SEEDS {
            let mut subject = subject(&self.objective, &self.parameters, &self.data);
            subject.streams = Streams::new(seed);
            subject.budget = Budget {
                max_matvecs,
                max_seconds: None,
            };
            let rows = Session::new(subject).measure(&NAMES).unwrap();
            for (place, row) in rows.iter().enumerate() {
                let value = row.value.unwrap_or_else(|| panic!("{row:?}"));
                errors[place].push((value - truth[place], row.stderr().unwrap()));
                matvecs[place] += row.matvecs.unwrap();
            }
        }
        let mut missed = Vec::new();
        for ((name, errors), (truth, matvecs)) in
            NAMES.iter().zip(&errors).zip(truth.iter().zip(&matvecs))
        {
            let share = |most: f64| {
                let within = errors.iter().filter(|(e, s)| e.abs() <= most * s);
                within.count() as f64 / SEEDS as f64
            };
            let bias: f64 = errors.iter().map(|(error, _)| error).sum();
            let square: f64 = errors.iter().map(|(error, _)| error * error).sum();
            let farthest = errors.iter().map(|(e, s)| e.abs() / s).fold(0.0, f64::max);
            let mut sizes: Vec<f64> = errors.iter().map(|(_, s)| s / truth.abs()).collect();
            sizes.sort_by(f64::total_cmp);
            // 3 and 2 points, and two standard deviations of a share of so many seeds.
            let is_covered = |most: f64, share_of_all: f64, points: f64| {
                let deviation = (share_of_all * (1.0 - share_of_all) / SEEDS as f64).sqrt();
                (share(most) - share_of_all).abs() <= points + 2.0 * deviation
            };
            if !(is_covered(1.0, 0.68, 0.03) && is_covered(2.0, 0.95, 0.02)) {
                missed.push(format!("{} {max_matvecs:?} {name}", self.name));
            }
            println!(
                "{:5} {max_matvecs:?} {name:30} within 1 {:.3} within 2 {:.3} farthest {farthest:4.1} bias {:+4.1} \
                 error {:.4} products {}",
                self.name,
                share(1.0),
                share(2.0),
                bias / square.sqrt(),
                sizes[sizes.len() / 2],
                matvecs / SEEDS as usize,
            );
        }
        missed
    }
}

#[test]
#[ignore = "takes minutes"]
fn errors_cover_what_they_say_on_networks() {
    let networks = [
        trained("tanh", 6, Activation::Tanh, 60, 200),
        trained("relu", 12, Activation::Relu, 300, 300),
    ];
    let mut missed = Vec::new();
    for network in &networks {
        for max_matvecs in [None, Some(48), Some(60)] {
            missed.extend(network.campaign(max_matvecs));
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
