//! The largest normal noise on the parameters that the loss bears.
//!
//! The standard deviation `σ` at which the mean rise of the training loss is 0.1, with noise `σ z` on
//! every parameter or, in the magnitude-aware form, `σ |θ_i| z` (Jiang et al. 2020, "Fantastic
//! generalization measures and where to find them", app. C.5, whose complexity is `1/σ²`; they bound
//! the error, here it is the rise of the loss). The same draws serve every `σ` that is tried, so the
//! rise is a smooth function of it and the threshold is found by bisection.

use super::super::Measurement;
use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session};
use super::average::{noise_chart, rise_of_pair};
use super::crossing::Crossing;
use super::landscape::Landscape;
use crate::linear::{Spending, random_normal};
use crate::objective::Outputs;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};

pub(in super::super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "pac_bayes.sigma",
            "standard deviation of the normal noise on every parameter that raises the training loss by 0.1",
        )
        .from("Jiang et al. 2020, app. C.5")
        .full(),
        Measure::new(
            "pac_bayes.sigma.adaptive",
            "standard deviation of the normal noise, relative to every parameter's size, that raises the training loss by 0.1",
        )
        .from("Jiang et al. 2020, app. C.5")
        .invariant(MapKind::ELEMENTWISE)
        .full(),
    ],
    measure,
};

/// The mean rise of the loss that is borne.
const RISE: f64 = 0.1;

/// Draws, each taken with both signs.
const PAIRS: usize = 16;

/// Where the search begins.
const START: f64 = 0.05;

fn measure(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    landscape.resolved(RISE)?;
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let is_adaptive = name.ends_with(".adaptive");
    let rises = |deviation: f64, spending: &mut Spending| -> Result<Vec<f64>, Failure> {
        let chart = noise_chart(&landscape, is_adaptive, deviation);
        // Drawn anew from the same stream: kept, the draws would be as large as many networks.
        let mut rng = subject.streams.stream(name, subject.step);
        (0..PAIRS)
            .map(|_| {
                let noise = random_normal(landscape.dimension(), &mut rng);
                rise_of_pair(&landscape, chart.displacement(&noise), spending)
            })
            .collect()
    };
    let mut within_budget = |deviation: f64| match spending.allows(2 * PAIRS) {
        true => rises(deviation, &mut spending).map(|rises| Some(mean(&rises))),
        false => Ok(None),
    };
    let crossing = Crossing::find(&mut within_budget, RISE, START)?;
    let (deviation, residual) = crossing.place();
    // An error of the mean rise moves the threshold by that over the slope.
    let error = stated_error(&rises(deviation, &mut spending)?) / crossing.slope();
    Ok(Measurement::new(name, deviation)
        .with_stderr(error)
        .with_residual(residual, crossing.is_narrow(), spending.matvecs)
        .over(landscape.samples()))
}
