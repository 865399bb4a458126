//! The mean rise of the loss under Gaussian noise on the parameters.
//!
//! `E L(θ + δ) − L(θ)` with `δ_i = σ z_i`, or `δ_i = σ |θ_i| z_i` in the adaptive form, `z` standard
//! normal (Andriushchenko et al. 2023, sec. 3; Neyshabur et al. 2017, "Exploring generalization in
//! deep learning", sec. 2.3). Near a point it is `σ²/2 · tr H`, with `D H D` for `H` in the adaptive
//! form, whatever the gradient: each draw is taken with both signs, which cancels odd terms. On a
//! network with kinks it differs from that, because the Hessian does not see them.

use super::chart::Chart;
use super::landscape::Landscape;
use crate::linear::{Estimate, Spending, draw, random_normal};
use crate::measure::declaration::{Family, Measure, RoundingLaw, Take};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::objective::Outputs;
use crate::reparam::MapKind;

pub(in crate::measure) const FAMILY: Family = &[
    average(
        "sharpness.average",
        "mean rise of the training loss under normal noise of standard deviation 0.01 on every parameter",
        |session, name| mean_rise(session, name, Noise::Plain(0.01), Outputs::Raw),
    )
    .from("Neyshabur et al. 2017, sec. 2.3")
    .full(),
    average(
        "sharpness.average.adaptive",
        "mean rise of the training loss under normal noise of 10 % of every parameter's size",
        |session, name| mean_rise(session, name, Noise::Relative(0.1), Outputs::Raw),
    )
    .from("Andriushchenko et al. 2023, sec. 3")
    .invariant(MapKind::ELEMENTWISE)
    .full(),
    average(
        "sharpness.average.adaptive.normalised_logits",
        "sharpness.average.adaptive of the loss on outputs centred and divided by their norm",
        |session, name| mean_rise(session, name, Noise::Relative(0.1), Outputs::Normalised),
    )
    .rounded(RoundingLaw::Rise {
        is_percent: false,
        is_normalised: true,
    })
    .from("Andriushchenko et al. 2023, sec. 3")
    .invariant(MapKind::ELEMENTWISE),
];

const fn average(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .rounded(RoundingLaw::Rise {
            is_percent: false,
            is_normalised: false,
        })
}

/// The standard deviation of normal noise on every parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noise {
    /// In units of the parameters.
    Plain(f64),
    /// Relative to each parameter's size.
    Relative(f64),
}

/// The chart in which noise is standard normal.
pub(super) fn noise_chart(landscape: &Landscape<'_>, noise: Noise) -> Chart {
    match noise {
        Noise::Plain(deviation) => Chart::Uniform(deviation),
        Noise::Relative(deviation) => {
            let sizes = landscape.centre().iter().map(|x| deviation * x.abs());
            Chart::Scaled(sizes.collect())
        }
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

fn mean_rise(
    session: &mut Session<'_>,
    name: &str,
    noise: Noise,
    outputs: Outputs,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let landscape = Landscape::of(&subject, outputs)?;
    let chart = noise_chart(&landscape, noise);
    let mut rng = subject.stream(name);
    let options = session.probe_options();
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let estimate = draw(&mut spending, options, 2, |spending| {
        let noise = random_normal(landscape.dimension(), &mut rng);
        rise_of_pair(&landscape, chart.displacement(&noise), spending)
    })?;
    let value = landscape.resolved(estimate.value)?;
    Ok(session.estimated(name, Estimate { value, ..estimate }))
}
