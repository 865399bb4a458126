//! The settings that curvature follows, beside it in every table: sharpness falls with the learning
//! rate and with the loss, whatever the solution is worth.

use super::Measurement;
use super::registry::{Family, Measure};
use super::session::Failure;
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "run.learning_rate",
            "learning rate of the last training step",
        )
        .light()
        .given()
        .invariant(MapKind::ALL),
        Measure::new("run.batch_size", "samples per training step")
            .light()
            .given()
            .invariant(MapKind::ALL),
    ],
    measure: |session, name| {
        let subject = &session.subject;
        let value = match name {
            "run.learning_rate" => subject.learning_rate,
            _ => subject.batch_size.map(|size| size as f64),
        };
        let unknown = || Failure::Other("it is not known how this was trained".to_owned());
        value
            .map(|value| Measurement::new(name, value))
            .ok_or_else(unknown)
    },
};
