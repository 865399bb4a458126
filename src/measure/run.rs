//! The settings that curvature follows, beside it in every table: sharpness falls with the learning
//! rate and with the loss, whatever the solution is worth. Of weights trained elsewhere they are not
//! known: what a config says is then nothing that was measured.

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
        let unknown = |reason: &str| Failure::Other(reason.to_owned());
        if subject.trained_elsewhere {
            return Err(unknown("not known for weights trained elsewhere"));
        }
        let value = match name {
            "run.learning_rate" => subject.learning_rate,
            _ => subject.batch_size.map(|size| size as f64),
        };
        value
            .map(|value| Measurement::new(name, value))
            .ok_or_else(|| unknown("it is not known how this was trained"))
    },
};
