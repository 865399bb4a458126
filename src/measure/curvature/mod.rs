//! Measures of curvature: eigenvalues, traces and norms of the matrices of the training loss.

mod eigenvalue;
mod few_samples;
mod probes;

use super::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::{Error, Measurement};
use crate::curvature::Matrix;
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = &[
    LAMBDA_MAX,
    hessian(
        "hessian.lambda_min",
        "smallest (most negative) eigenvalue of the Hessian, by Lanczos",
        |session, name| session.end_of_spectrum(name, |ends| ends.smallest.first().cloned()),
    )
    .full(),
    hessian(
        "hessian.lambda_2",
        "second largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        |session, name| session.eigenvalue_of_five(name, 2),
    ),
    hessian(
        "hessian.lambda_3",
        "third largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        |session, name| session.eigenvalue_of_five(name, 3),
    ),
    hessian(
        "hessian.lambda_4",
        "fourth largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        |session, name| session.eigenvalue_of_five(name, 4),
    ),
    hessian(
        "hessian.lambda_5",
        "fifth largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        |session, name| session.eigenvalue_of_five(name, 5),
    ),
    ADAPTIVE,
    hessian(
        "hessian.trace",
        "trace of the Hessian, exactly in the leading directions of a Krylov space and by random probes in the rest",
        |session, name| session.trace(name, Matrix::Hessian),
    )
    .rounded(RoundingLaw::Product(OF_TRACE))
    .from("Hutchinson 1990; Meyer et al. 2021")
    .full(),
    hessian(
        "hessian.frobenius",
        "Frobenius norm of the Hessian, from random products",
        |session, name| session.frobenius(name, Matrix::Hessian),
    )
    .full(),
    hessian(
        "hessian.stable_rank",
        "squared Frobenius over squared spectral norm of the Hessian",
        |session, name| session.stable_rank(name),
    ),
    gauss_newton(
        "ggn.lambda_max",
        "largest eigenvalue of the generalised Gauss-Newton matrix",
        |session, name| session.largest_eigenvalue(name, Matrix::GaussNewton),
    )
    .from("Schraudolph 2002")
    .full(),
    gauss_newton(
        "ggn.trace",
        "trace of the Gauss-Newton matrix",
        |session, name| session.trace(name, Matrix::GaussNewton),
    )
    .full(),
    gauss_newton(
        "ggn.frobenius",
        "Frobenius norm of the Gauss-Newton matrix",
        |session, name| session.frobenius(name, Matrix::GaussNewton),
    ),
    gauss_newton(
        "ggn.effective_rank",
        "trace over largest eigenvalue of the Gauss-Newton matrix",
        |session, name| session.effective_rank(name),
    )
    .from("Bartlett et al. 2020, definition 3, k = 0"),
    hessian(
        "residual.frobenius",
        "Frobenius norm of Hessian minus Gauss-Newton",
        |session, name| session.frobenius(name, Matrix::Residual),
    )
    .multiplying(&[Matrix::Residual])
    .rounded(RoundingLaw::Product(OF_DIFFERENCE)),
    hessian(
        "hessian.lambda_magnitude",
        "the eigenvalue of the Hessian that is largest in magnitude, with its sign",
        |session, name| {
            session.end_of_spectrum(name, |ends| ends.by_magnitude().first().copied().cloned())
        },
    ),
    hessian(
        "hessian.trace.hutch_plus_plus",
        "trace of the Hessian once more: exactly on the range of a sketch, and by other random probes in the rest",
        |session, name| session.sketched_trace(name),
    )
    .rounded(RoundingLaw::Product(OF_TRACE))
    .from("Meyer et al. 2021"),
    moment(
        "moment.trace",
        "trace of the second moment of one sample's gradient, as that of the Hessian",
        |session, name| session.trace(name, Matrix::SecondMoment),
    ),
    moment(
        "moment.lambda_max",
        "largest eigenvalue of the second moment of one sample's gradient",
        |session, name| session.largest_eigenvalue(name, Matrix::SecondMoment),
    ),
];

/// The largest eigenvalue of the Hessian.
pub(super) const LAMBDA_MAX: Measure = hessian(
    "hessian.lambda_max",
    "largest eigenvalue of the Hessian of the training loss",
    |session, name| session.leading_eigenvalue(name),
)
.full();

/// The same per relative change of the parameters.
pub(super) const ADAPTIVE: Measure = hessian(
    "hessian.lambda_max.adaptive",
    "largest eigenvalue of D H D, D = diag|parameters|: curvature per relative change",
    |session, name| session.adaptive_eigenvalue(name),
)
.from("Kwon et al. 2021, \"ASAM\", sec. 3; Tsuzuku et al. 2020")
.invariant(MapKind::ELEMENTWISE)
.full();

const OF_TRACE: ProductLaw = ProductLaw {
    is_trace: true,
    ..ProductLaw::PLAIN
};

const OF_DIFFERENCE: ProductLaw = ProductLaw {
    is_difference: true,
    ..ProductLaw::PLAIN
};

/// What squares of single samples' slopes make.
pub(super) const OF_SLOPES: ProductLaw = ProductLaw {
    slopes: 1,
    ..ProductLaw::PLAIN
};

const fn hessian(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .multiplying(&[Matrix::Hessian])
        .rounded(RoundingLaw::Product(ProductLaw::PLAIN))
}

const fn gauss_newton(name: &'static str, description: &'static str, take: Take) -> Measure {
    hessian(name, description, take).multiplying(&[Matrix::GaussNewton])
}

const fn moment(name: &'static str, description: &'static str, take: Take) -> Measure {
    hessian(name, description, take)
        .multiplying(&[Matrix::SecondMoment])
        .rounded(RoundingLaw::Product(OF_SLOPES))
}

/// A quotient of two measurements; relative errors of independent numbers add in squares.
pub(super) fn quotient(
    name: &str,
    above: &Measurement,
    below: &Measurement,
) -> Result<Measurement, Failure> {
    let (Some(a), Some(b)) = (above.value, below.value) else {
        let failed = above.failure.clone().or(below.failure.clone());
        let unknown = || Failure::not_found("a part of it could not be measured");
        return Err(failed.unwrap_or_else(unknown));
    };
    let value = a / b;
    let rows = [(above, a), (below, b)];
    let unknown = rows.iter().find_map(|(row, _)| match &row.error {
        Error::Unknown(reason) => Some(reason.clone()),
        _ => None,
    });
    let relative = rows.map(|(row, value)| row.absolute_error().map(|e| e / value.abs()));
    let row = Measurement::new(name, value);
    let row = match (unknown, relative) {
        (Some(reason), _) => row.with_error(Error::Unknown(reason)),
        (None, [None, None]) => row.with_error(Error::Exact),
        (None, [a, b]) => row.with_stderr(a.unwrap_or(0.0).hypot(b.unwrap_or(0.0)) * value.abs()),
    };
    Ok(Measurement {
        converged: Some(above.converged != Some(false) && below.converged != Some(false)),
        matvecs: Some(above.matvecs.unwrap_or(0) + below.matvecs.unwrap_or(0)),
        samples: above.samples,
        ..row
    })
}
