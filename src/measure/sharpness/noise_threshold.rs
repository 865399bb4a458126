//! The largest normal noise on the parameters that the loss bears.
//!
//! The standard deviation `σ` at which the mean rise of the training loss is 0.1, with noise `σ z` on
//! every parameter or, in the magnitude-aware form, `σ |θ_i| z` (Jiang et al. 2020, "Fantastic
//! generalization measures and where to find them", app. C.5, whose complexity is `1/σ²`; they bound
//! the error, here it is the rise of the loss). The same draws serve every `σ` that is tried, so the
//! rise is a smooth function of it and the threshold is found by bisection.

use super::average::{Noise, noise_chart, rise_of_pair};
use super::crossing::Crossing;
use super::landscape::Landscape;
use crate::linear::{Spending, random_normal};
use crate::measure::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::objective::Outputs;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};

pub(in crate::measure) const FAMILY: Family = &[
    borne(
        "pac_bayes.sigma",
        "standard deviation of the normal noise on every parameter that raises the training loss by 0.1",
        |session, name| threshold(session, name, Noise::Plain),
    ),
    borne(
        "pac_bayes.sigma.adaptive",
        "standard deviation of the normal noise, relative to every parameter's size, that raises the training loss by 0.1",
        |session, name| threshold(session, name, Noise::Relative),
    )
    .invariant(MapKind::ELEMENTWISE),
];

const fn borne(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .from("Jiang et al. 2020, app. C.5")
        .of_flatness_upside_down()
        .of_block()
        .rounded(RoundingLaw::Product(ProductLaw::PLAIN))
        .full()
}

/// The mean rise of the loss that is borne.
const RISE: f64 = 0.1;

/// Draws of the search, each taken with both signs.
const PAIRS: usize = 16;

/// Draws at the place it ends. Where one direction makes up most of the rise, two standard errors of 16 draws cover
/// 92 % of thresholds, those of 32 draws 95 %.
const FINAL_PAIRS: usize = 32;

/// Where the search begins.
const START: f64 = 0.05;

fn threshold(
    session: &mut Session<'_>,
    name: &str,
    noise: fn(f64) -> Noise,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    landscape.resolved(RISE)?;
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let rises =
        |deviation: f64, pairs: usize, spending: &mut Spending| -> Result<Vec<f64>, Failure> {
            let chart = noise_chart(&landscape, noise(deviation));
            // Drawn anew from the same stream: kept, the draws would be as large as many networks.
            let mut rng = subject.stream(name);
            (0..pairs)
                .map(|_| {
                    let noise = random_normal(landscape.dimension(), &mut rng);
                    rise_of_pair(&landscape, chart.displacement(&noise), spending)
                })
                .collect()
        };
    let mut within_budget = |deviation: f64| match spending.allows(2 * (PAIRS + FINAL_PAIRS)) {
        true => rises(deviation, PAIRS, &mut spending).map(|rises| Some(mean(&rises))),
        false => Ok(None),
    };
    let crossing = Crossing::find(&mut within_budget, RISE, START)?;
    let (place, residual) = crossing.place();
    let rises = rises(place, FINAL_PAIRS, &mut spending)?;
    // The rise goes by a power of the deviation there: more draws move the threshold along it, and an error of
    // their mean by a share of that share.
    let power = crossing.slope() * place / RISE;
    let deviation = place * (RISE / mean(&rises)).powf(1.0 / power);
    let error = deviation * stated_error(&rises) / mean(&rises) / power;
    // The bracket adds to it.
    let error = error.hypot(residual * deviation);
    Ok(Measurement {
        converged: Some(crossing.is_narrow()),
        ..Measurement::new(name, deviation)
            .over(landscape.samples())
            .taking(spending.matvecs)
            .with_stderr(error)
    })
}
