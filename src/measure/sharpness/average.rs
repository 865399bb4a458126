//! The mean rise of the loss under Gaussian noise on the parameters.
//!
//! `E L(θ + δ) − L(θ)` with `δ_i = σ z_i`, or `δ_i = σ |θ_i| z_i` in the adaptive form, `z` standard
//! normal (Andriushchenko et al. 2023, sec. 3; Neyshabur et al. 2017, "Exploring generalization in
//! deep learning", sec. 2.3). Near a point it is `σ²/2 · tr H`, with `D H D` for `H` in the adaptive
//! form, whatever the gradient: each draw is taken with both signs, which cancels odd terms. On a
//! network with kinks it differs from that, because the Hessian does not see them.

use super::super::Measurement;
use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session};
use super::chart::Chart;
use super::landscape::Landscape;
use crate::linear::{Estimate, Spending, draw, random_normal};
use crate::objective::Outputs;
use crate::reparam::MapKind;

pub(in super::super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "sharpness.average",
            "mean rise of the training loss under normal noise of standard deviation 0.01 on every parameter",
        )
        .from("Neyshabur et al. 2017, sec. 2.3")
        .full(),
        Measure::new(
            "sharpness.average.adaptive",
            "mean rise of the training loss under normal noise of 10 % of every parameter's size",
        )
        .from("Andriushchenko et al. 2023, sec. 3")
        .invariant(MapKind::ELEMENTWISE)
        .full(),
        Measure::new(
            "sharpness.average.adaptive.normalised_logits",
            "sharpness.average.adaptive of the loss on outputs centred and divided by their norm",
        )
        .from("Andriushchenko et al. 2023, sec. 3")
        .invariant(MapKind::ELEMENTWISE),
    ],
    measure,
};

/// The noise of a measure, in parameters or relative to them.
fn deviation(name: &str) -> f64 {
    if is_adaptive(name) { 0.1 } else { 0.01 }
}

fn is_adaptive(name: &str) -> bool {
    name.contains(".adaptive")
}

/// The chart in which noise is standard normal.
pub(super) fn noise_chart(landscape: &Landscape<'_>, is_adaptive: bool, deviation: f64) -> Chart {
    if is_adaptive {
        let sizes = landscape.centre().iter().map(|x| deviation * x.abs());
        Chart::Scaled(sizes.collect())
    } else {
        Chart::Uniform(deviation)
    }
}

/// The mean rise of the loss after `δ` and after `−δ`.
pub(super) fn rise_of_pair(
    landscape: &Landscape<'_>,
    displacement: Vec<f64>,
    spending: &mut Spending,
) -> Result<f64, Failure> {
    let forth = landscape.change(&displacement, spending)?;
    let back: Vec<f64> = displacement.iter().map(|step| -step).collect();
    Ok(0.5 * (forth + landscape.change(&back, spending)?))
}

fn measure(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let outputs = match name.ends_with(".normalised_logits") {
        true => Outputs::Normalised,
        false => Outputs::Raw,
    };
    let landscape = Landscape::of(&subject, outputs)?;
    let chart = noise_chart(&landscape, is_adaptive(name), deviation(name));
    let mut rng = subject.streams.stream(name, subject.step);
    let options = session.probe_options();
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let estimate = draw(&mut spending, options, 2, |spending| {
        let noise = random_normal(landscape.dimension(), &mut rng);
        rise_of_pair(&landscape, chart.displacement(&noise), spending)
    })?;
    let value = landscape.resolved(estimate.value)?;
    Ok(session.estimated(name, Estimate { value, ..estimate }))
}
