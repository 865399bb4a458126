//! The bound against integrals, and against errors that are known.

use super::bound::{DELTA, FINENESS, OF_SAMPLING, divergence, kullback_leibler};
use super::*;
use crate::linear::{Budget, random_normal};
use crate::measure::sharpness::tests::{Ground, assert_close, bias_free};
use crate::objective::{Batch, Chunks, Loss};
use crate::random::Streams;
use crate::statistics::{mean, stated_error};
use statrs::distribution::{ContinuousCDF, Normal};
use std::f64::consts::PI;

/// `f(x) = x` on samples at 1, all labelled right, so under noise of deviation `σ` the error of a
/// draw is 1 with probability `Φ(−1/σ)`.
fn threshold(samples: usize) -> Ground {
    let objective = bias_free(1, Vec::new(), 1, Loss::Logistic);
    let compute = objective.compute();
    let ones = || compute.tensor(&vec![1.0; samples], [samples, 1]);
    let batch = Batch {
        inputs: ones(),
        targets: ones(),
    };
    let data = Chunks::from_batches(vec![batch], vec![1; samples]);
    Ground {
        initial: Some(vec![0.0]),
        ..Ground::new(objective, &[1.0], data)
    }
}

#[test]
fn the_divergence_of_normals_is_their_integral() {
    // ∫ q ln(q/p) for q = N(0.7, 0.3²), p = N(0, 0.5²), by the trapezoidal rule.
    let density = |x: f64, mean: f64, s: f64| {
        (-0.5 * ((x - mean) / s).powi(2)).exp() / (s * (2.0 * PI).sqrt())
    };
    let step = 1e-3;
    let sum: f64 = (-3000..=3000)
        .map(|i| 0.7 + step * f64::from(i))
        .map(|x| {
            let q = density(x, 0.7, 0.3);
            q * (q / density(x, 0.0, 0.5)).ln() * step
        })
        .sum();
    assert_close(kullback_leibler(1, 0.3, 0.5, 0.49), sum, 1e-8);
    assert_close(kullback_leibler(6, 0.3, 0.5, 6.0 * 0.49), 6.0 * sum, 1e-8);
}

#[test]
fn the_best_prior_of_the_grid_is_close_to_the_best_of_all() {
    let (dimension, deviation, distance) = (1000, 0.05f64, 12.0);
    let (found, failure) = divergence(dimension, deviation, distance);
    let best = (deviation.powi(2) + distance / 1000.0).sqrt();
    let least = kullback_leibler(dimension, deviation, best, distance);
    assert!(found >= least && found < least * 1.01, "{found} {least}");
    // The place on the grid, −100 ln λ², is 423 or 424.
    let place = (6.0 * (1.0 - OF_SAMPLING) * DELTA / failure).sqrt() / PI;
    assert!((place.round() - place).abs() < 1e-9);
    assert!(
        (place + FINENESS * (2.0 * best.ln())).abs() < 1.0,
        "{place}"
    );
}

#[test]
fn the_shares_of_failure_add_up_to_no_more_than_the_whole() {
    let sum: f64 = (1..100_000)
        .map(|j| 6.0 * (1.0 - OF_SAMPLING) * DELTA / (PI * f64::from(j)).powi(2))
        .sum();
    let whole = sum + (-certainty()).exp();
    assert!(whole < DELTA && whole > 0.999 * DELTA);
}

fn posteriors<'a>(subject: &'a Subject<'a>, landscape: &'a Landscape<'a>) -> Posteriors<'a> {
    Posteriors {
        subject,
        landscape,
        distance: 1.0,
    }
}

#[test]
fn the_errors_under_noise_are_those_of_the_normal_distribution() {
    let ground = threshold(2);
    let subject = ground.subject();
    let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
    let posteriors = posteriors(&subject, &landscape);
    let mut rng = Streams::new(1).stream("noise", 0);
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let found: Vec<f64> = (0..2000)
        .map(|_| posteriors.error(0.8, &mut rng, &mut spending).unwrap())
        .collect();
    let expected = Normal::standard().cdf(-1.0 / 0.8);
    let error = stated_error(&found);
    assert!((mean(&found) - expected).abs() < 4.0 * error, "{error}");
    assert_eq!(spending.matvecs, 2000);
}

/// A linear classifier of three outputs on eight features: its own predictions are the labels.
fn classifier() -> Ground {
    const SAMPLES: usize = 400;
    let objective = bias_free(8, Vec::new(), 3, Loss::CrossEntropy);
    let compute = objective.compute();
    let mut rng = Streams::new(2).stream("test", 0);
    let weights = random_normal(24, &mut rng);
    let inputs = random_normal(8 * SAMPLES, &mut rng);
    let outputs = |x: &[f64]| weights.chunks(8).map(|row| dot(row, x)).collect::<Vec<_>>();
    let label = |x: &[f64]| {
        let outputs = outputs(x);
        (0..3).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b]))
    };
    let labels: Vec<u8> = inputs.chunks(8).map(|x| label(x).unwrap() as u8).collect();
    let targets = labels
        .iter()
        .flat_map(|&label| Loss::CrossEntropy.target(label, 3))
        .collect::<Vec<_>>();
    let batch = Batch {
        inputs: compute.tensor(&inputs, [SAMPLES, 8]),
        targets: compute.tensor(&targets, [SAMPLES, 3]),
    };
    let data = Chunks::from_batches(vec![batch], labels);
    let initial = vec![0.0; 24];
    Ground {
        initial: Some(initial),
        ..Ground::new(objective, &weights, data)
    }
}

#[test]
fn the_deviation_that_is_chosen_is_as_good_as_the_best_of_the_grid() {
    let ground = classifier();
    let subject = ground.subject();
    let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
    let weights = ground.parameters.to_host().unwrap();
    let posteriors = Posteriors {
        distance: dot(&weights, &weights),
        ..posteriors(&subject, &landscape)
    };
    let spending = || Spending::new(subject.budget, subject.interrupt);
    let truth: Vec<(f64, f64)> = DEVIATIONS
        .map(|exponent| {
            let rng = Streams::new(99).stream("truth", 0);
            let mut candidate = posteriors.candidate(f64::from(exponent).exp2(), rng);
            posteriors
                .draw(&mut candidate, 3000, &mut spending())
                .unwrap();
            (candidate.deviation, candidate.bound())
        })
        .collect();
    let least = truth
        .iter()
        .fold(f64::INFINITY, |least, (_, bound)| least.min(*bound));
    for seed in 0..40 {
        let rng = || Streams::new(seed).stream("tried", 0);
        let mut spending = spending();
        let chosen = posteriors.choose(&rng, &mut spending).unwrap();
        let found = truth
            .iter()
            .find(|(deviation, _)| *deviation == chosen.deviation);
        let bound = found.unwrap().1;
        assert!(bound <= least + 0.005, "seed {seed}: {bound} for {least}");
    }
}

#[test]
fn the_bound_on_a_mean_holds_as_often_as_it_says_and_is_not_far_from_it() {
    const REPETITIONS: usize = 2000;
    let mut rng = Streams::new(7).stream("test", 0);
    // Beta-like numbers around 0.2 that spread little, and shares that are 0 or 1.
    for (spread, gap) in [(0.03, 0.05), (f64::INFINITY, 0.16)] {
        let mut draw = |count: usize| -> Vec<f64> {
            let normal = random_normal(count, &mut rng).into_iter();
            normal
                .map(|z| match spread.is_finite() {
                    true => (0.2 + spread * z).clamp(0.0, 1.0),
                    // Below −0.8416 with probability 0.2.
                    false => f64::from(u8::from(z < -0.8416)),
                })
                .collect()
        };
        let (mut missed, mut sum) = (0, 0.0);
        for _ in 0..REPETITIONS {
            let stake = best_stake(&draw(64), DRAWS);
            let bound = upper_mean(&draw(DRAWS), stake, certainty(), DRAWS);
            missed += usize::from(bound < 0.2);
            sum += bound / REPETITIONS as f64;
        }
        assert!(
            missed as f64 <= 0.025 * REPETITIONS as f64 * 1.3,
            "{missed}"
        );
        assert!(sum < 0.2 + gap, "{spread}: {sum}");
    }
}

#[test]
fn from_few_samples_a_bound_is_vacuous_and_says_so_and_from_many_it_is_not() {
    let row = threshold(1).measure("pac_bayes.bound");
    assert!(row.value.unwrap() >= 1.0);
    assert!(row.note.unwrap().contains("vacuous"));
    // √((KL + ln(2·100/δ_j)) / 20000) with a divergence of at most a few nats, and for the draws that
    // none was wrong: e^{3.69/128} − 1.
    let row = threshold(10_000).measure("pac_bayes.bound");
    assert_eq!((&row.note, row.bound()), (&None, Some(Bound::Upper)));
    assert_eq!((row.converged, row.stderr()), (Some(true), None));
    assert!(
        (0.04..0.09).contains(&row.value.unwrap()),
        "{:?}",
        row.value
    );
    assert_eq!(row.samples, Some(10_000));
}

#[test]
fn budgets_are_kept_and_too_small_ones_refused() {
    let within = |max_matvecs, max_seconds| {
        let ground = Ground {
            budget: Budget {
                max_matvecs,
                max_seconds,
            },
            ..classifier()
        };
        ground.measure("pac_bayes.bound")
    };
    let whole = within(None, None);
    for allowed in [24, 30, 64, 100] {
        let row = within(Some(allowed), None);
        assert!(row.matvecs.unwrap() <= allowed, "{row:?}");
        assert_eq!(row.converged, Some(false));
        assert!(row.value > whole.value, "fewer draws bound less");
    }
    let reason = within(Some(23), None).failure.unwrap().reason;
    assert!(reason.contains("at least 24"), "{reason}");
    let reason = within(None, Some(0.0)).failure.unwrap().reason;
    assert!(reason.contains("max_seconds"), "{reason}");
}
