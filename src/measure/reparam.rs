//! The layer rescaling as rows of every run: the same function at other parameters, measured again.

use super::Measurement;
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "reparam.rescale.outputs",
            "largest change of an output, relative to the largest output, under first layer x10, second /10",
        )
        .check()
        .full(),
        Measure::new(
            "reparam.rescale.lambda_max",
            "hessian.lambda_max after that map, as a multiple of its value before",
        )
        .check()
        .full(),
        Measure::new(
            "reparam.rescale.adaptive",
            "hessian.lambda_max.adaptive after that map, as a multiple of its value before: 1",
        )
        .check()
        .full(),
    ],
    measure: |session, name| match rescaled(name) {
        Some(measure) => session.ratio_under(MapKind::LayerRescaling, measure),
        None => session.rescaled_outputs(name),
    },
};

/// The measure that a row reports under the layer rescaling.
pub(super) fn rescaled(name: &str) -> Option<&'static str> {
    match name {
        "reparam.rescale.lambda_max" => Some("hessian.lambda_max"),
        "reparam.rescale.adaptive" => Some("hessian.lambda_max.adaptive"),
        _ => None,
    }
}

impl Session<'_> {
    /// The largest change of an output, relative to the largest output.
    fn rescaled_outputs(&mut self, name: &str) -> Result<Measurement, Failure> {
        let samples = self.subject.train.samples();
        let report = self.report(MapKind::LayerRescaling)?;
        let check = report.function.ok_or_else(|| {
            let reason = report.reason.clone();
            Failure::Other(reason.unwrap_or_else(|| "the outputs are not known".to_owned()))
        })?;
        Ok(Measurement {
            converged: Some(check.is_same()),
            ..Measurement::new(name, check.outputs.moved).over(samples)
        })
    }
}
