//! How far the probabilities that a network predicts on test samples can be believed, as they are and with their
//! logits divided by a temperature.
//!
//! The temperature that scores are judged with is never fitted on what they are judged on: the test samples are cut
//! in two random halves, the same at every step, and each half is judged with the temperature fitted on the other.

mod predicted;
mod scores;
mod temperature;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, Reads, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::data::Task;
use crate::reparam::MapKind;
use predicted::Predicted;
use scores::{Score, Scored};
use std::rc::Rc;

pub(super) const FAMILY: Family = &[
    calibration(
        "calibration.nll",
        "mean negative log-likelihood of test labels, in nats",
        |session, name| session.calibration_score(name, Score::LogLikelihood),
    ),
    calibration(
        "calibration.brier",
        "Brier score on test samples: mean of the sum over classes of (p - label)^2",
        |session, name| session.calibration_score(name, Score::Brier),
    )
    .from("Brier 1950"),
    calibration(
        "calibration.ece",
        "expected calibration error on test samples: mean |confidence - accuracy| over 15 bins of equal width; \
         its note says how large that is without any miscalibration",
        |session, name| session.calibration_score(name, Score::Expected),
    )
    .from("Guo et al. 2017, eq. 3"),
    calibration(
        "calibration.ece.squared",
        "mean of (confidence - accuracy)^2 over the same bins, less what the bins' chance adds: without bias, \
         below 0 by chance",
        |session, name| session.calibration_score(name, Score::DebiasedSquare),
    )
    .from("Kumar, Liang & Ma 2019, definition 4.1"),
    calibration(
        "calibration.temperature",
        "temperature that minimises the negative log-likelihood of all test labels: above 1 for a network \
         that is too certain",
        |session, name| session.fitted_temperature(name),
    )
    .from("Guo et al. 2017, sec. 4.2"),
    calibration(
        "calibration.nll.scaled",
        "calibration.nll with each half of the test samples at the temperature fitted on the other half",
        |session, name| session.scaled_score(name, Score::LogLikelihood),
    ),
    calibration(
        "calibration.brier.scaled",
        "calibration.brier with each half of the test samples at the temperature fitted on the other half",
        |session, name| session.scaled_score(name, Score::Brier),
    ),
    calibration(
        "calibration.ece.scaled",
        "calibration.ece with each half of the test samples at the temperature fitted on the other half",
        |session, name| session.scaled_score(name, Score::Expected),
    ),
];

const fn calibration(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .passes()
        .reading(Reads::Test)
        .invariant(MapKind::ALL)
        .rounded(RoundingLaw::Told)
}

impl Session<'_> {
    fn calibration_score(&mut self, name: &str, score: Score) -> Result<Measurement, Failure> {
        let predicted = self.predicted()?;
        let scored = Scored::of(&predicted, &vec![1.0; predicted.samples()], score);
        let moved = self.moved_outputs()?;
        Ok(scored.row(name, &predicted, moved))
    }

    fn scaled_score(&mut self, name: &str, score: Score) -> Result<Measurement, Failure> {
        let predicted = self.predicted()?;
        let temperatures = self.once("held-out temperatures", |session| {
            temperature::of_other_halves(&predicted, &mut session.halves())
        })?;
        let scored = Scored::of(&predicted, &temperatures, score);
        let coldest = crate::extremes::smallest(temperatures.iter().copied());
        let moved = self.moved_outputs()? / coldest;
        let row = scored.row(name, &predicted, moved);
        let note =
            "each half of the test samples judged with the temperature fitted on the other half";
        let notes = row.note.iter().map(String::as_str).chain([note]);
        let note = Some(notes.collect::<Vec<_>>().join("; "));
        Ok(Measurement { note, ..row })
    }

    fn fitted_temperature(&mut self, name: &str) -> Result<Measurement, Failure> {
        let predicted = self.predicted()?;
        let all: Vec<usize> = (0..predicted.samples()).collect();
        let fit = temperature::fitted(&predicted, &all)?;
        let moved = self.moved_outputs()?;
        let row = Measurement::new(name, fit.temperature)
            .over(predicted.samples())
            .with_stderr(fit.standard_error);
        Ok(match self.states_rounding {
            true => row.with_rounding(fit.sensitivity * moved),
            false => row,
        })
    }

    /// The stream that cuts the test samples in halves; no step is part of it.
    fn halves(&self) -> crate::random::StreamRng {
        self.subject.streams.stream("calibration.halves", 0)
    }

    /// By how much rounding may have moved the outputs of a sample against each other.
    fn moved_outputs(&mut self) -> Result<f64, Failure> {
        match self.states_rounding {
            true => self.outputs_moved_by_rounding(),
            false => Ok(0.0),
        }
    }

    fn predicted(&mut self) -> Result<Rc<Predicted>, Failure> {
        self.once("predicted", |session| {
            let none = || Failure::not_known("there are no test samples");
            let labels = session.subject.test.ok_or_else(none)?.labels();
            let labels = labels.ok_or_else(Failure::no_classes)?;
            let test = session.test()?;
            let loss = session.subject.objective.loss();
            Predicted::new(loss, test.outputs(), labels, test.losses().len())
        })
    }
}
