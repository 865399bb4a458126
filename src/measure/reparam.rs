//! The layer rescaling as rows of every run: the same function at other parameters, measured again.

use super::curvature::{ADAPTIVE, LAMBDA_MAX};
use super::declaration::{Family, Measure, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::curvature::Matrix;
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = &[
    rescaled(
        "reparam.rescale.outputs",
        "largest change of an output, relative to the largest output, under first layer x10, second /10",
        |session, name| session.rescaled_outputs(name),
    ),
    rescaled(
        "reparam.rescale.lambda_max",
        "hessian.lambda_max after that map, as a multiple of its value before",
        |session, _| session.ratio_under(MapKind::LayerRescaling, &LAMBDA_MAX),
    )
    .of_block()
    .multiplying(&[Matrix::Hessian]),
    rescaled(
        "reparam.rescale.adaptive",
        "hessian.lambda_max.adaptive after that map, as a multiple of its value before: 1",
        |session, _| session.ratio_under(MapKind::LayerRescaling, &ADAPTIVE),
    )
    .of_block()
    .multiplying(&[Matrix::Hessian]),
];

const fn rescaled(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .check()
        .of_flatness()
        .full()
}

impl Session<'_> {
    /// The largest change of an output, relative to the largest output.
    fn rescaled_outputs(&mut self, name: &str) -> Result<Measurement, Failure> {
        let samples = self.subject.train.samples();
        let check = self.function_under(MapKind::LayerRescaling)?;
        Ok(Measurement {
            converged: Some(check.is_same()),
            ..Measurement::exact(name, check.outputs.moved).over(samples)
        })
    }
}
