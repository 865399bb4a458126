//! Which samples, how often and with which labels.

use super::super::step_loss::StepLoss;
use super::*;
use crate::backend::read;
use crate::dual::Dual;
use crate::model::{Blueprint, LinearMap, Network, NormMode, Pass, Symmetry};
use crate::objective::Objective;
use crate::train::testing::{host, stepper, steps};
use burn::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The network of an objective, which counts the samples that go through it.
struct Counted(Objective, Arc<AtomicUsize>);

impl Network for Counted {
    fn blueprint(&self) -> &Blueprint {
        self.0.network().blueprint()
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        self.1.fetch_add(inputs.dims()[0], Ordering::Relaxed);
        self.0.network().forward(pass, inputs)
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        self.0.network().symmetries()
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        self.0.network().linear_maps()
    }
}

/// Samples that go through the network in ten steps.
fn passes(keys: &str) -> usize {
    let mut problem = problem(keys);
    let count = Arc::new(AtomicUsize::new(0));
    let (loss, compute) = (problem.objective.loss(), problem.compute().clone());
    let network = Counted(problem.objective.clone(), count.clone());
    problem.objective = Objective::new(Arc::new(network), loss, compute);
    steps(&mut stepper(&problem), start(&problem), 10);
    count.load(Ordering::Relaxed)
}

#[test]
fn sharpness_aware_steps_take_two_gradients_and_no_more() {
    let batches = "train.batch_size = 4\ntrain.sampling = \"replacement\"\n";
    assert_eq!(passes(batches), 10 * 4);
    for sam in [
        "sharpness_aware.rho = 0.1",
        "sharpness_aware = { rho = 0.1, batch = 2 }",
        "sharpness_aware = { rho = 0.1, batch = 1, ball = \"linf\", kind = \"asam\", scaling = \"elementwise\" }",
    ] {
        assert_eq!(passes(&format!("{batches}{sam}")), 2 * 10 * 4, "{sam}");
        let full = format!("train.full_batch = true\n{sam}");
        assert_eq!(passes(&full), 2 * 10 * 5, "{sam}");
    }
    // A gradient and a product with the Hessian.
    assert_eq!(
        passes(&format!("{batches}gradient_penalty.strength = 0.1")),
        2 * 10 * 4
    );
}

#[test]
fn running_statistics_follow_the_first_pass_alone() {
    let network = "model.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]";
    let statistics = |keys: &str| {
        let problem = problem(&format!("{network}\n{keys}"));
        let found = oracle(&problem, &all(&problem)).gradient(&start(&problem));
        found.statistics.into_host().unwrap()
    };
    let whole = "train.batch_size = 4";
    let plain = statistics(whole);
    assert_eq!(
        statistics(&format!("{whole}\nsharpness_aware.rho = 0.5")),
        plain
    );
    let penalised = statistics(&format!("{whole}\ngradient_penalty.strength = 0.5"));
    assert_eq!(penalised, plain);
    // Two batches are two passes, whether their samples are moved together, apart or not at all.
    let several = "train.batch_size = 2\ntrain.accumulate = 2";
    let accumulated = statistics(several);
    assert_ne!(accumulated, plain);
    for sam in [
        "sharpness_aware.rho = 0.5",
        "sharpness_aware = { rho = 0.5, batch = 2 }",
    ] {
        assert_eq!(
            statistics(&format!("{several}\n{sam}")),
            accumulated,
            "{sam}"
        );
    }
}

/// Of five samples in batches of two, the last step of an epoch has one batch of one.
#[test]
fn a_step_over_accumulated_batches_is_the_step_over_their_union() {
    for network in [
        "",
        "model.kind = \"resnet\"\nmodel.norm = \"layer\"\nmodel.width = 2\nmodel.blocks = [1]",
    ] {
        for (batches, union) in [(2, 4), (3, 6)] {
            let end = |keys: &str| {
                let problem = problem(&format!("{network}\noptimizer.momentum = 0.9\n{keys}"));
                let end = steps(&mut stepper(&problem), start(&problem), 9);
                (problem.epochs().first(), host(&end))
            };
            let (steps, found) = end(&format!(
                "train.batch_size = 2\ntrain.accumulate = {batches}"
            ));
            let (expected_steps, expected) = end(&format!("train.batch_size = {}", union.min(5)));
            assert_eq!(steps, expected_steps);
            assert_near(&found, &expected, 1e-13);
        }
    }
}

#[test]
fn a_step_of_svag_with_one_part_is_a_step_of_sgd() {
    let end = |keys: &str| {
        let keys = format!("train.batch_size = 2\ntrain.sampling = \"replacement\"\n{keys}");
        let problem = problem(&keys);
        host(&steps(&mut stepper(&problem), start(&problem), 20))
    };
    assert_eq!(end("train.svag = 1"), end(""));
    assert_ne!(end("train.svag = 2"), end(""));
}

/// The mean is the gradient over all samples, the covariance `ℓ` times that of a batch, which has `1/B` of that
/// of one sample (Li, Malladi & Arora 2021, lemma 5.1). Of 1,500 steps a trace has a standard error of some
/// per cent: those of both numbers are measured.
#[test]
fn svag_has_the_mean_of_sgd_and_a_multiple_of_its_covariance() {
    let batches = "train.batch_size = 2\ntrain.sampling = \"replacement\"";
    let problem_of = |keys: &str| problem(&format!("{batches}\n{keys}"));
    let full = "train.full_batch = true";
    let mean = gradient_at(full, &start(&problem(full)));
    let [plain, several] = ["", "train.svag = 3"].map(|keys| {
        let problem = problem_of(keys);
        let mut oracle = oracle(&problem, &all(&problem));
        let mut sum = vec![0.0; mean.len()];
        let squares: Vec<f64> = (0..1500)
            .map(|step| {
                let at = Position {
                    step,
                    ..start(&problem)
                };
                let gradient = oracle.gradient(&at).gradient.into_host().unwrap();
                let noise: Vec<f64> = gradient.iter().zip(&mean).map(|(g, m)| g - m).collect();
                sum.iter_mut()
                    .zip(&noise)
                    .for_each(|(sum, x)| *sum += x / 1500.0);
                dot(&noise, &noise)
            })
            .collect();
        let trace = crate::statistics::mean(&squares);
        // The mean of so many independent vectors is as far off as their trace says; eight times that has a chance
        // of 3e-4 even where the noise has two directions only.
        assert!(dot(&sum, &sum) < 8.0 * trace / 1500.0);
        (trace, crate::statistics::stated_error(&squares))
    });
    let ratio = several.0 / plain.0;
    let error = ratio * (several.1 / several.0).hypot(plain.1 / plain.0);
    assert!(
        (ratio - 3.0).abs() < 4.0 * error && error < 0.2,
        "{ratio} ± {error}"
    );
    assert_eq!(
        problem_of("train.svag = 3").schedule().learning_rate(0),
        0.05 / 3.0
    );
}

fn targets(keys: &str, steps: std::ops::Range<u64>) -> Vec<Vec<f64>> {
    let problem = problem(keys);
    let mut loss = StepLoss::new(&problem, &problem.train_chunks(None, NormMode::Eval));
    let of_step = |step| -> Vec<f64> {
        let terms = loss.terms(step);
        terms
            .iter()
            .flat_map(|term| read(&term.batch.targets).unwrap())
            .collect()
    };
    steps.map(of_step).collect()
}

#[test]
fn labels_are_drawn_anew_in_every_step_and_are_the_same_within_one() {
    let keys = "train.full_batch = true\nlabel_noise.fraction = 0.6";
    let all = targets(keys, 0..2000);
    assert_eq!(all, targets(keys, 0..2000));
    assert_ne!(all[0], all[1]);
    let clean = targets("train.full_batch = true", 0..1).remove(0);
    // Of those redrawn a third keeps its label: 0.4 differ. Five standard errors of 10,000 labels.
    let rows = all
        .iter()
        .flat_map(|targets| targets.chunks(3).zip(clean.chunks(3)));
    let changed = rows.filter(|(row, clean)| row != clean).count();
    assert!(
        (changed as f64 / 10_000.0 - 0.4).abs() < 5.0 * (0.24f64 / 10_000.0).sqrt(),
        "{changed}"
    );
    assert!(
        all.iter()
            .flatten()
            .all(|&target| target == 0.0 || target == 1.0)
    );
}

#[test]
fn targets_are_moved_by_normal_numbers() {
    let square = "train.full_batch = true\ntrain.loss = \"square\"";
    let keys = format!("{square}\nlabel_noise = {{ kind = \"gaussian\", deviation = 0.3 }}");
    let clean = targets(square, 0..1).remove(0);
    let moves: Vec<f64> = targets(&keys, 0..1000)
        .iter()
        .flat_map(|targets| {
            targets
                .iter()
                .zip(&clean)
                .map(|(a, b)| a - b)
                .collect::<Vec<_>>()
        })
        .collect();
    // Five standard errors of 15,000 numbers.
    let (mean, square) = (
        crate::statistics::mean(&moves),
        dot(&moves, &moves) / 15_000.0,
    );
    assert!(mean.abs() < 5.0 * 0.3 / 15_000f64.sqrt(), "{mean}");
    assert!(
        (square / 0.09 - 1.0).abs() < 5.0 * (2.0f64 / 15_000.0).sqrt(),
        "{square}"
    );
}
