//! A PAC-Bayes bound on the test error of the network under normal noise on its parameters.
//!
//! With probability 0.95 over training samples and draws, for all `σ` and prior widths `λ_j` at once,
//! `err(Q) ≤ err_train(Q) + √((KL(Q‖P_j) + ln(2√n / δ_j)) / 2n)`: McAllester's bound with Maurer's
//! constant (McAllester 1999; Maurer 2004, "A note on the PAC-Bayesian theorem", theorem 5, through
//! Pinsker's inequality). `Q = N(θ, σ²I)`, `P_j = N(θ₀, λ_j² I)` around the starting point, which
//! knows no data. A prior may not be chosen by the data: `λ_j² = e^{−j/100}` for `j = 1, 2, …`, and
//! `δ_j = 6δ / (π² j²)` adds up to `δ` (Dziugaite & Roy 2017, sec. 3, with 1 for their 0.1).
//!
//! `err_train(Q)`, a mean over the noise, is bounded from above by its draws (Langford & Caruana 2001, "(Not)
//! bounding the true error", with another bound on the mean), which takes half of the 0.05.
//!
//! The error is 0-1 error, which is bounded; cross-entropy is not, and has no such bound.

mod bound;
mod posterior;
#[cfg(test)]
mod tests;

use super::landscape::Landscape;
use crate::data::Task;
use crate::linear::{LinearError, Spending, dot};
use crate::measure::declaration::{Family, Measure, Part, RoundingLaw};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Bound, Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::Outputs;
use bound::{best_stake, certainty, upper_mean};
use posterior::{DEVIATIONS, Posteriors};

pub(in crate::measure) const FAMILY: Family = &[Measure::new(
    "pac_bayes.bound",
    "bound on the test error of the network under normal noise, with probability 0.95; says nothing from 1 on",
    measure,
)
.from("Dziugaite & Roy 2017, sec. 3; McAllester 1999; Maurer 2004")
.about(Task::Classification)
// The starting point, the centre of the prior, is moved by no map.
.invariant(&[])
.of_flatness()
.rounded(RoundingLaw::Share(Part::Train))
.full()];

/// Draws of the noise for the deviation that is reported.
const DRAWS: usize = 128;

/// Draws from which something can be told.
const FEWEST: usize = 12;

fn measure(session: &mut Session<'_>, name: &'static str) -> Result<Measurement, Failure> {
    // A bound is about the whole network.
    let subject = Subject {
        block: None,
        ..session.subject
    };
    if subject.objective.norm_mode().is_some() {
        let reason = "the statistics of batch normalisation are functions of the training data, which \
                      a prior must not know";
        return Err(Failure::not_defined(reason));
    }
    let initial = subject.initial.ok_or_else(|| {
        let reason = "the starting point is not known, and a prior must not know the data";
        Failure::not_known(reason)
    })?;
    let distance = squared_distance(&session.values()?, initial);
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    let posteriors = Posteriors {
        subject: &subject,
        landscape: &landscape,
        distance,
    };
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    spending.require(FEWEST + DEVIATIONS.count())?;
    let tried = || subject.stream(name);
    let chosen = posteriors.choose(&tried, &mut spending)?;
    // New draws: the least of several estimates is too low on average.
    let mut rng = subject.stream("pac_bayes.bound.final");
    let mut errors = Vec::new();
    while errors.len() < DRAWS && spending.allows(1) {
        errors.push(posteriors.error(chosen.deviation, &mut rng, &mut spending)?);
    }
    if errors.len() < FEWEST {
        let allowed = spending.matvecs;
        let fewest = allowed + FEWEST - errors.len();
        return Err(LinearError::TooFewProducts { allowed, fewest }.into());
    }
    let stake = best_stake(&chosen.errors, errors.len());
    let bound = upper_mean(&errors, stake, certainty(), errors.len()) + chosen.penalty;
    Ok(Measurement {
        converged: Some(errors.len() == DRAWS),
        note: (bound >= 1.0).then(|| "vacuous: an error is never above 1".to_owned()),
        ..Measurement::new(name, bound)
            .over(landscape.samples())
            .taking(spending.matvecs)
            .with_error(Error::Bound {
                side: Bound::Upper,
                stderr: None,
                residual: None,
            })
    })
}

fn squared_distance(values: &[f64], initial: &[f64]) -> f64 {
    let difference: Vec<f64> = values.iter().zip(initial).map(|(a, b)| a - b).collect();
    dot(&difference, &difference)
}
