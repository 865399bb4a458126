//! The noise of mini-batch gradients.

use super::registry::{Family, Measure};
use crate::curvature::Matrix;

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "noise.trace",
            "trace of the covariance of one sample's gradient",
        ),
        Measure::new("noise.lambda_max", "largest eigenvalue of that covariance"),
    ],
    measure: |session, name| match name {
        "noise.trace" => session.trace(name, Matrix::NoiseCovariance),
        _ => session.largest_eigenvalue(name, Matrix::NoiseCovariance),
    },
};
