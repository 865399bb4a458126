//! A PAC-Bayes bound on the test error of the network under normal noise on its parameters.
//!
//! With probability 0.95 over the training samples, for all `σ` and prior widths `λ_j` at once,
//! `err(Q) ≤ err_train(Q) + √((KL(Q‖P_j) + ln(2√n / δ_j)) / 2n)`: McAllester's bound with Maurer's
//! constant (McAllester 1999; Maurer 2004, "A note on the PAC-Bayesian theorem", theorem 5, through
//! Pinsker's inequality). `Q = N(θ, σ²I)`, `P_j = N(θ₀, λ_j² I)` around the starting point, which
//! knows no data. A prior may not be chosen by the data: `λ_j² = e^{−j/100}` for `j = 1, 2, …`, and
//! `δ_j = 6δ / (π² j²)` adds up to `δ` (Dziugaite & Roy 2017, sec. 3, with 1 for their 0.1).
//!
//! The error is 0-1 error, which is bounded; cross-entropy is not, and has no such bound.

use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session, Subject};
use super::super::{Evaluated, Measurement};
use super::chart::Chart;
use super::landscape::Landscape;
use crate::curvature::{Spending, dot, random_normal};
use crate::objective::Outputs;
use crate::random::StreamRng;
use crate::statistics::{mean, standard_error};
use std::f64::consts::PI;

pub(in super::super) const FAMILY: Family = Family {
    measures: &[Measure::new(
        "pac_bayes.bound",
        "bound on the test error of the network under normal noise, with probability 0.95; says nothing from 1 on",
    )
    .from("Dziugaite & Roy 2017, sec. 3; McAllester 1999; Maurer 2004")
    // The starting point, the centre of the prior, is moved by no map.
    .invariant(&[])
    .full()],
    measure,
};

/// One minus the probability with which the bound holds.
const DELTA: f64 = 0.05;

/// How finely the grid of prior widths is spaced.
const FINENESS: f64 = 100.0;

/// Draws of the noise for each of the deviations that are tried, and for the one that is reported.
const TRIAL_DRAWS: usize = 4;
const FINAL_DRAWS: usize = 32;

/// Deviations that are tried: `2^k` for these `k`. The posterior may depend on the data.
const DEVIATIONS: std::ops::RangeInclusive<i32> = -10..=1;

fn measure(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    if subject.block.is_some() {
        return Err(Failure::Other(
            "a bound is about the whole network: measure it without a block".to_owned(),
        ));
    }
    if subject.objective.norm_mode().is_some() {
        let reason = "the statistics of batch normalisation are functions of the training data, which \
                      a prior must not know";
        return Err(Failure::Other(reason.to_owned()));
    }
    let initial = subject.initial.ok_or_else(|| {
        let reason = "the starting point is not known, and a prior must not know the data";
        Failure::Other(reason.to_owned())
    })?;
    let distance = squared_distance(session.values()?, initial);
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    let (samples, dimension) = (landscape.samples(), landscape.dimension());
    let bound = |errors: &[f64], deviation: f64| {
        let (divergence, failure) = divergence(dimension, deviation, distance);
        mean(errors) + excess(divergence, failure, samples)
    };
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let (mut least, mut best) = (f64::INFINITY, 1.0);
    for deviation in DEVIATIONS.map(|exponent| f64::from(exponent).exp2()) {
        // The same draws for every deviation, so that they are compared and not the draws.
        let rng = subject.streams.stream(name, subject.step);
        let errors = errors(
            &subject,
            &landscape,
            deviation,
            TRIAL_DRAWS,
            rng,
            &mut spending,
        )?;
        if bound(&errors, deviation) < least {
            (least, best) = (bound(&errors, deviation), deviation);
        }
    }
    // New draws: the least of several estimates is too low on average.
    let rng = subject
        .streams
        .stream("pac_bayes.bound.final", subject.step);
    let errors = errors(&subject, &landscape, best, FINAL_DRAWS, rng, &mut spending)?;
    let bound = bound(&errors, best);
    Ok(Measurement {
        matvecs: Some(spending.matvecs),
        note: (bound >= 1.0).then(|| "vacuous: an error is never above 1".to_owned()),
        ..Measurement::new(name, bound)
            .with_stderr(standard_error(&errors))
            .over(samples)
    })
}

fn squared_distance(values: &[f64], initial: &[f64]) -> f64 {
    let difference: Vec<f64> = values.iter().zip(initial).map(|(a, b)| a - b).collect();
    dot(&difference, &difference)
}

/// The 0-1 error on the training samples under each draw of the noise.
fn errors(
    subject: &Subject<'_>,
    landscape: &Landscape<'_>,
    deviation: f64,
    draws: usize,
    mut rng: StreamRng,
    spending: &mut Spending,
) -> Result<Vec<f64>, Failure> {
    let chart = Chart::Uniform(deviation);
    (0..draws)
        .map(|_| {
            spending.spend()?;
            let noise = random_normal(landscape.dimension(), &mut rng);
            let moved = landscape.moved(&chart.displacement(&noise));
            let evaluated = Evaluated::run(subject.objective, &moved, subject.train)?;
            let wrong = evaluated.margins().iter().filter(|&&margin| margin <= 0.0);
            Ok(wrong.count() as f64 / evaluated.margins().len() as f64)
        })
        .collect()
}

/// `KL(N(θ, σ²I) ‖ N(θ₀, λ²I))` in `dimension` dimensions at a squared distance `‖θ − θ₀‖²`.
fn kullback_leibler(dimension: usize, deviation: f64, width: f64, distance: f64) -> f64 {
    let ratio = (deviation / width).powi(2);
    0.5 * (dimension as f64 * (ratio - 1.0 - ratio.ln()) + distance / width.powi(2))
}

/// The divergence from the prior of the grid that is best for a posterior, and the probability `δ_j`
/// that is set aside for it.
fn divergence(dimension: usize, deviation: f64, distance: f64) -> (f64, f64) {
    // Without the grid the best width would be this.
    let best = deviation.powi(2) + distance / dimension as f64;
    let place = -FINENESS * best.ln();
    let candidates = [place.floor().max(1.0), place.ceil().max(1.0)];
    candidates
        .map(|j| {
            let width = (-0.5 * j / FINENESS).exp();
            let failure = 6.0 * DELTA / (PI * j).powi(2);
            (
                kullback_leibler(dimension, deviation, width, distance),
                failure,
            )
        })
        .into_iter()
        .min_by(|a, b| (a.0 - a.1.ln()).total_cmp(&(b.0 - b.1.ln())))
        .unwrap_or((f64::INFINITY, DELTA))
}

/// How far the bound is above the training error.
fn excess(divergence: f64, failure: f64, samples: usize) -> f64 {
    let samples = samples as f64;
    let penalty = divergence + (2.0 * samples.sqrt() / failure).ln();
    (penalty / (2.0 * samples)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Ground, assert_close, bias_free};
    use super::*;
    use crate::objective::{Batch, Chunks, Loss};
    use crate::random::Streams;
    use statrs::distribution::{ContinuousCDF, Normal};

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
        let place = (6.0 * DELTA / failure).sqrt() / PI;
        assert!((place.round() - place).abs() < 1e-9);
        assert!(
            (place + FINENESS * (2.0 * best.ln())).abs() < 1.0,
            "{place}"
        );
    }

    #[test]
    fn the_shares_of_failure_add_up_to_no_more_than_the_whole() {
        let sum: f64 = (1..100_000)
            .map(|j| 6.0 * DELTA / (PI * f64::from(j)).powi(2))
            .sum();
        assert!(sum < DELTA && sum > 0.999 * DELTA);
    }

    #[test]
    fn the_errors_under_noise_are_those_of_the_normal_distribution() {
        let ground = threshold(2);
        let subject = ground.subject();
        let landscape = Landscape::of(&subject, Outputs::Raw).unwrap();
        let rng = Streams::new(1).stream("noise", 0);
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let found = errors(&subject, &landscape, 0.8, 2000, rng, &mut spending).unwrap();
        let expected = Normal::standard().cdf(-1.0 / 0.8);
        let error = standard_error(&found);
        assert!((mean(&found) - expected).abs() < 4.0 * error, "{error}");
        assert_eq!(spending.matvecs, 2000);
    }

    #[test]
    fn from_few_samples_a_bound_is_vacuous_and_says_so_and_from_many_it_is_not() {
        let row = threshold(1).measure("pac_bayes.bound");
        assert!(row.value.unwrap() >= 1.0);
        assert!(row.note.unwrap().contains("vacuous"));
        // √((KL + ln(2·100/δ_j)) / 20000) with a divergence of at most a few nats.
        let row = threshold(10_000).measure("pac_bayes.bound");
        assert_eq!(row.note, None);
        assert!((0.02..0.06).contains(&row.value.unwrap()), "{row:?}");
        assert_eq!(row.samples, Some(10_000));
    }
}
