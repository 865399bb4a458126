//! The end of a run: its weights, and what it came to.

use super::degenerate::degenerate;
use super::engine::{Engine, Outcome};
use super::measuring::{Measured, evaluation};
use super::{Ending, Scope, TrainError, persistence};
use crate::config::Length;
use crate::data::sha256_hex;
use crate::reparam::applicable;
use crate::run::Summary;

impl Engine<'_> {
    /// Writes the weights, and their average, and after them the summary, which makes the run a finished one.
    pub(super) fn finish(&self, ending: Ending, measured: Measured) -> Result<Outcome, TrainError> {
        let weights = persistence::weights(self.problem, &self.position);
        let weights = weights.map_err(TrainError::Device)?;
        self.directory.write("model.safetensors", &weights)?;
        let average = self.stepper.average_at(&self.position);
        let average = average.map(|average| persistence::weights(self.problem, &average));
        let average = average.transpose().map_err(TrainError::Device)?;
        if let Some(average) = &average {
            self.directory.write("average.safetensors", average)?;
        }
        let digests = [Some(&weights), average.as_ref()];
        let digests = digests.map(|bytes| bytes.map(|bytes| sha256_hex(bytes)));
        let summary = self.summary(ending, measured, digests)?;
        self.directory.write_json("summary.json", &summary)?;
        Ok(Outcome {
            ending,
            step: self.position.step,
            summary: Some(summary),
        })
    }

    fn summary(
        &self,
        ending: Ending,
        measured: Measured,
        [model_sha256, average_sha256]: [Option<String>; 2],
    ) -> Result<Summary, TrainError> {
        let config = &self.problem.config;
        let network = self.problem.objective.network();
        let stopped_by = match (ending, config.train.length()) {
            (Ending::TrainLoss, _) => "train.stop_at_train_loss",
            (_, Length::Epochs(_)) => "train.epochs",
            (_, Length::Steps(_)) => "train.steps",
        };
        let step = self.position.step;
        Ok(Summary {
            run: config.name.clone(),
            seed: config.seed,
            steps: step,
            epochs: self.epoch(step),
            stopped_by: stopped_by.to_owned(),
            train_loss: evaluation(&measured).and_then(|row| row.value),
            last_step_part: self.last_step_part,
            degenerate: self.why_degenerate().map_err(TrainError::Device)?,
            parameters: network.layout().len(),
            maps: applicable(network),
            learning_rate: self.stepper.rate_of_last(step),
            training_seconds: self.seconds.training,
            measuring_seconds: self.seconds.measuring,
            preparing_seconds: self.preparing_seconds,
            model_sha256,
            average_sha256,
            events: self.memory.events.occurrences.clone(),
            measurements: measured.into_iter().flat_map(|(_, rows)| rows).collect(),
        })
    }

    /// Why the end is no solution to speak of, if it is none.
    fn why_degenerate(&self) -> Result<Option<String>, String> {
        let scope = Scope::default();
        let objective = self
            .measuring
            .objective_in(&scope, &self.position.statistics);
        let data = &self.measuring.view(&scope).train;
        degenerate(&objective, &self.position.parameters, data)
    }
}
