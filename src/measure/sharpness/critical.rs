//! Critical sharpness: curvature as a step along the gradient feels it.
//!
//! `2 / η` with `η` the smallest learning rate at which a step of gradient descent raises the loss,
//! `L(θ − η∇L) > L(θ)` (Kalra et al. 2026, "A scalable measure of loss landscape curvature"). On a
//! quadratic it is the curvature along the gradient, `gᵀHg / ‖g‖²`, so at most the largest
//! eigenvalue. The search begins at a quarter of the rate that is critical for the quadratic model of the
//! loss, from one product: a search from a rate far above the smallest critical one could step over it.

use super::crossing::Crossing;
use super::landscape::Landscape;
use crate::curvature::Matrix;
use crate::linear::{Spending, dot};
use crate::measure::declaration::{Family, Measure, ProductLaw, RoundingLaw};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::objective::Outputs;

pub(in crate::measure) const FAMILY: Family = &[Measure::new(
    "sharpness.critical",
    "2 over the smallest learning rate at which a step along the negative gradient raises the training loss",
    critical,
)
.from("Kalra et al. 2026, definition of critical sharpness")
.of_flatness()
.of_block()
.multiplying(&[Matrix::Hessian])
.rounded(RoundingLaw::Product(ProductLaw::PLAIN))
.full()];

/// The rate at which the search begins where the loss is concave along the gradient.
const START: f64 = 0.1;

fn critical(session: &mut Session<'_>, name: &'static str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let landscape = Landscape::of(&subject, Outputs::Raw)?;
    let mut spending = Spending::new(subject.budget, subject.interrupt);
    let gradient = landscape.gradient(&mut spending)?;
    let rise = |rate: f64, spending: &mut Spending| {
        let step: Vec<f64> = gradient.iter().map(|slope| -rate * slope).collect();
        landscape.change(&step, spending)
    };
    spending.spend()?;
    let curvature = subject.with_operator(Matrix::Hessian, |operator| {
        let product = operator.apply(&gradient)?;
        Ok(dot(&gradient, &product) / dot(&gradient, &gradient))
    })?;
    let start = if curvature > 0.0 {
        0.5 / curvature
    } else {
        START
    };
    let mut within_budget = |rate: f64| match spending.allows(1) {
        true => rise(rate, &mut spending).map(Some),
        false => Ok(None),
    };
    let crossing = Crossing::find(&mut within_budget, 0.0, start)?;
    let (rate, residual) = crossing.place();
    // Half-way the loss must fall by more than its rounding, or the sign of its change means nothing.
    landscape.resolved(rise(0.5 * rate, &mut spending)?)?;
    Ok(Measurement::new(name, 2.0 / rate)
        .with_residual(residual, crossing.is_narrow(), spending.matvecs)
        .over(landscape.samples()))
}
