//! The settings that curvature follows, beside it in every table: sharpness falls with the learning
//! rate and with the loss, whatever the solution is worth. Of weights trained elsewhere they are not
//! known: what a config says is then nothing that was measured.

use super::declaration::{Family, Measure, Reads, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = &[
    setting(
        "run.learning_rate",
        "learning rate of the last training step",
        |session, name| session.setting(name, session.subject.learning_rate),
    ),
    setting(
        "run.batch_size",
        "samples per training step",
        |session, name| {
            let size = session.subject.batch_size;
            session.setting(name, size.map(|size| size as f64))
        },
    ),
];

const fn setting(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .light()
        .given()
        .reading(Reads::Parameters)
        .invariant(MapKind::ALL)
}

impl Session<'_> {
    fn setting(&self, name: &str, value: Option<f64>) -> Result<Measurement, Failure> {
        if self.subject.trained_elsewhere {
            return Err(Failure::not_known(
                "not known for weights trained elsewhere",
            ));
        }
        let unknown = || Failure::not_known("it is not known how this was trained");
        Ok(Measurement::exact(name, value.ok_or_else(unknown)?))
    }
}
