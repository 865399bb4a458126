//! Quadratic forms of the parameters themselves, which no linear change of coordinates can move.

use super::super::Measurement;
use super::super::curvature::with_operator;
use super::super::registry::{Family, Measure};
use super::super::session::{Failure, Session, Subject};
use crate::backend::read;
use crate::curvature::Matrix;
use crate::linear::{LinearOperator, dot};
use crate::params::Parameters;
use crate::reparam::MapKind;
use crate::statistics::{mean, stated_error};
use std::ops::Range;

pub(in super::super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "sharpness.relative_curvature",
            "parameters times Hessian times parameters: curvature per squared relative change of all of them together",
        )
        // Every map is linear in the parameters: θ' = Aθ, H' = A⁻ᵀ H A⁻¹, so θ'ᵀH'θ' = θᵀHθ.
        .invariant(MapKind::ALL)
        .full(),
        Measure::new(
            "sharpness.fisher_rao",
            "Fisher-Rao norm of the parameters, the root of the mean of (parameters · gradient of one sample)^2",
        )
        .from("Liang et al. 2019, \"Fisher-Rao metric, geometry, and complexity of neural networks\", with the labels of the data")
        .invariant(MapKind::ALL)
        .full(),
    ],
    measure: |session, name| match name {
        "sharpness.fisher_rao" => fisher_rao(session, name),
        _ => relative_curvature(session, name),
    },
};

/// The coordinates that count: the subject's block, or all.
fn range(subject: &Subject<'_>) -> Result<Range<usize>, Failure> {
    Ok(match subject.block {
        Some(block) => subject.range_of(block)?,
        None => 0..subject.parameters.layout().len(),
    })
}

/// `θᵀHθ`, from one product.
fn relative_curvature(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    let subject = session.subject;
    let vector = session.values()?[range(&subject)?].to_vec();
    let form = with_operator(
        &subject,
        Matrix::Hessian,
        |operator: &mut dyn LinearOperator| Ok(dot(&vector, &operator.apply(&vector)?)),
    )?;
    Ok(Measurement {
        matvecs: Some(1),
        ..Measurement::new(name, form).over(subject.train.samples())
    })
}

/// `√(mean of ⟨θ, ∇ℓᵢ⟩²)`. Its standard error is that of a mean over samples, carried to the root.
fn fisher_rao(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    session.require_independent_samples()?;
    let subject = session.subject;
    let range = range(&subject)?;
    let mut direction = vec![0.0; subject.parameters.layout().len()];
    direction[range.clone()].copy_from_slice(&session.values()?[range]);
    let objective = subject.objective;
    let layout = subject.parameters.layout();
    let direction = Parameters::from_host(layout, &direction, objective.compute());
    let mut squares = Vec::new();
    for batch in subject.train.batches() {
        subject.interrupt.check()?;
        let slopes = read(
            &objective
                .at(subject.parameters, batch)
                .loss_slopes(&direction),
        )?;
        squares.extend(slopes.iter().map(|slope| slope * slope));
    }
    let root = mean(&squares).sqrt();
    let error = match root {
        0.0 => 0.0,
        root => stated_error(&squares) / (2.0 * root),
    };
    Ok(Measurement {
        matvecs: Some(1),
        ..Measurement::new(name, root)
            .with_stderr(error)
            .over(squares.len())
    })
}
