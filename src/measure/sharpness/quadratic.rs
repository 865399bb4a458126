//! Quadratic forms of the parameters themselves, which no linear change of coordinates can move.

use crate::backend::read;
use crate::curvature::Matrix;
use crate::linear::{LinearOperator, dot};
use crate::measure::declaration::{Family, Measure, ProductLaw, RoundingLaw};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::params::Parameters;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};

pub(in crate::measure) const FAMILY: Family = &[
    Measure::new(
        "sharpness.relative_curvature",
        "parameters times Hessian times parameters: curvature per squared relative change of all of them together",
        relative_curvature,
    )
    // Every map is linear in the parameters: θ' = Aθ, H' = A⁻ᵀ H A⁻¹, so θ'ᵀH'θ' = θᵀHθ.
    .invariant(MapKind::ALL)
    .of_flatness()
    .of_block()
    .multiplying(&[Matrix::Hessian])
    .rounded(RoundingLaw::Product(ProductLaw::PLAIN))
    .full(),
    Measure::new(
        "sharpness.fisher_rao",
        "Fisher-Rao norm of the parameters, the root of the mean of (parameters · gradient of one sample)^2",
        fisher_rao,
    )
    .from("Liang et al. 2019, \"Fisher-Rao metric, geometry, and complexity of neural networks\", with the labels of the data")
    .invariant(MapKind::ALL)
    .of_flatness()
    .of_block()
    .rounded(RoundingLaw::Product(ProductLaw {
        slopes: 1,
        ..ProductLaw::PLAIN
    }))
    .full(),
];

/// `θᵀHθ`, from one product.
fn relative_curvature(
    session: &mut Session<'_>,
    name: &'static str,
) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let vector = session.values()?[subject.range()?].to_vec();
    let form = subject.with_operator(Matrix::Hessian, |operator: &mut dyn LinearOperator| {
        Ok(dot(&vector, &operator.apply(&vector)?))
    })?;
    Ok(Measurement::exact(name, form)
        .over(subject.train.samples())
        .taking(1))
}

/// `√(mean of ⟨θ, ∇ℓᵢ⟩²)`. Its standard error is that of a mean over samples, carried to the root.
fn fisher_rao(session: &mut Session<'_>, name: &'static str) -> Result<Measurement, Failure> {
    session.require_independent_samples()?;
    let subject = session.subject;
    let range = subject.range()?;
    let mut direction = vec![0.0; subject.parameters.layout().len()];
    direction[range.clone()].copy_from_slice(&session.values()?[range]);
    let objective = subject.objective;
    let layout = subject.parameters.layout();
    let direction = Parameters::from_host(layout, &direction, objective.compute());
    let mut squares = Vec::new();
    for batch in subject.train.batches() {
        subject.interrupt.check()?;
        let slopes = objective.at(subject.parameters, batch);
        let slopes = read(&slopes.loss_slopes(&direction)).map_err(Failure::device)?;
        squares.extend(slopes.iter().map(|slope| slope * slope));
    }
    let root = mean(&squares).sqrt();
    let row = Measurement::new(name, root).over(squares.len()).taking(1);
    Ok(match root {
        0.0 => row.with_error(Error::Standard(0.0)),
        root => row.with_stderr(stated_error(&squares) / (2.0 * root)),
    })
}
