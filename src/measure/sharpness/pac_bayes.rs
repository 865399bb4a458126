//! A PAC-Bayes bound on the test error of the network under normal noise on its parameters.
//!
//! With probability 0.95 over the training samples, for all `σ` and prior widths `λ_j` at once,
//! `err(Q) ≤ err_train(Q) + √((KL(Q‖P_j) + ln(2√n / δ_j)) / 2n)`: McAllester's bound with Maurer's
//! constant (McAllester 1999; Maurer 2004, "A note on the PAC-Bayesian theorem", theorem 5, through
//! Pinsker's inequality). `Q = N(θ, σ²I)`, `P_j = N(θ₀, λ_j² I)` around the starting point, which
//! knows no data. A prior may not be chosen by the data: `λ_j² = e^{−j/100}` for `j = 1, 2, …`, and
//! `δ_j = 6δ / (π² j²)` adds up to `δ` (Dziugaite & Roy 2017, sec. 3.1, with 1 for their 0.1).
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
    .from("Dziugaite & Roy 2017, sec. 3.1; McAllester 1999; Maurer 2004")
    // The starting point, the centre of the prior, is moved by no map.
    .invariant(&[])],
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
    let initial = subject.initial.ok_or_else(|| {
        let reason = "the starting point is not known, and a prior must not know the data";
        Failure::Other(reason.to_owned())
    })?;
    let distance = squared_distance(session.values()?, initial);
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    let (samples, dimension) = (landscape.samples(), landscape.dimension());
    let excess = |deviation: f64| {
        let (divergence, failure) = divergence(dimension, deviation, distance);
        excess(divergence, failure, samples)
    };
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let mut best: Option<(f64, f64)> = None;
    for exponent in DEVIATIONS {
        let deviation = f64::from(exponent).exp2();
        // The same draws for every deviation, so that they are compared and not the draws.
        let mut rng = subject.streams.stream(name, subject.step);
        let errors = errors(
            &subject,
            &landscape,
            deviation,
            TRIAL_DRAWS,
            &mut rng,
            &mut spending,
        )?;
        let bound = mean(&errors) + excess(deviation);
        if best.is_none_or(|(least, _)| bound < least) {
            best = Some((bound, deviation));
        }
    }
    let (_, deviation) = best.ok_or_else(|| Failure::Other("nothing was tried".to_owned()))?;
    let mut rng = subject
        .streams
        .stream("pac_bayes.bound.final", subject.step);
    let errors = errors(
        &subject,
        &landscape,
        deviation,
        FINAL_DRAWS,
        &mut rng,
        &mut spending,
    )?;
    let bound = mean(&errors) + excess(deviation);
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
    rng: &mut StreamRng,
    spending: &mut Spending,
) -> Result<Vec<f64>, Failure> {
    let chart = Chart::Uniform(deviation);
    (0..draws)
        .map(|_| {
            spending.spend()?;
            let noise = random_normal(landscape.dimension(), rng);
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
