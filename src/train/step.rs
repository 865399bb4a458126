//! One step of training: a gradient, a learning rate, an update rule. Nothing here knows of files,
//! measurements or when training ends.

use super::TrainError;
use super::average::Average;
use super::gradient::{GradientOracle, Position};
use super::rate::Rate;
use crate::backend::Compute;
use crate::objective::TrainingGradient;
use crate::optim::{StepInput, UpdateRule};
use crate::params::{Layout, Parameters, Parts, SavedState};
use std::sync::Arc;

/// The update rule's name among the parts of a checkpoint.
const OPTIMIZER: &str = "optimizer";

/// The last step's name among them, and the names of what is kept of it.
const LAST_STEP: &str = "last_step";
const BEFORE: &str = "before";
const GRADIENT: &str = "gradient";

/// A step that was made.
#[derive(Clone)]
pub(super) struct MadeStep {
    /// Where it set out from.
    pub before: Parameters,
    /// The gradient that the update rule was given.
    pub gradient: Parameters,
}

/// What makes steps.
pub(super) struct Stepper<'a> {
    oracle: Box<dyn GradientOracle + 'a>,
    rule: Box<dyn UpdateRule>,
    rate: Rate<'a>,
    average: Option<Average<'a>>,
    keeps_last_step: bool,
    last_step: Option<MadeStep>,
}

impl<'a> Stepper<'a> {
    /// Before the first step.
    pub fn new(
        oracle: Box<dyn GradientOracle + 'a>,
        rule: Box<dyn UpdateRule>,
        rate: Rate<'a>,
        average: Option<Average<'a>>,
    ) -> Self {
        Self {
            oracle,
            rule,
            rate,
            average,
            keeps_last_step: false,
            last_step: None,
        }
    }

    /// Keeps the last step, for measures of it, if they are taken; it is then part of the state.
    pub fn keeping_last_step(self, keeps_last_step: bool) -> Self {
        Self {
            keeps_last_step,
            ..self
        }
    }

    /// The last step, if it is kept and one has been made.
    pub fn last_step(&self) -> Option<&MadeStep> {
        self.last_step.as_ref()
    }

    /// Loss and gradient of the step from a position.
    pub fn gradient(&mut self, at: &Position) -> TrainingGradient {
        self.oracle.gradient(at)
    }

    /// Makes the step along a gradient.
    ///
    /// # Errors
    ///
    /// [`TrainError`] where its rate cannot be found or the device fails.
    pub fn follow(
        &mut self,
        position: &mut Position,
        gradient: TrainingGradient,
    ) -> Result<(), TrainError> {
        let learning_rate = self.rate_of_next(position)?;
        let made = self.keeps_last_step.then(|| MadeStep {
            before: position.parameters.clone(),
            gradient: gradient.gradient.clone(),
        });
        let input = StepInput {
            step: position.step,
            learning_rate,
            loss: gradient.loss,
            gradient: gradient.gradient,
        };
        let parameters = self.rule.step(position.parameters.clone(), input);
        let next = Position {
            step: position.step + 1,
            parameters: parameters.map_err(TrainError::Device)?,
            statistics: gradient.statistics,
        };
        if let Some(average) = &mut self.average {
            average.follow(position, &next);
        }
        *position = next;
        self.last_step = made;
        Ok(())
    }

    /// The learning rate of the step from a position.
    ///
    /// # Errors
    ///
    /// [`TrainError::Sharpness`] where what bounds it cannot be measured.
    pub fn rate_of_next(&mut self, position: &Position) -> Result<f64, TrainError> {
        let rate = self.rate.of_step(position);
        rate.map_err(|reason| TrainError::Sharpness {
            step: position.step,
            reason,
        })
    }

    /// The learning rate of the last of so many steps; that of the first where none has been made.
    pub fn rate_of_last(&self, steps: u64) -> f64 {
        self.rate.of_last(steps)
    }

    /// The averaged weights at a position of the run, if an average is kept.
    pub fn average_at(&self, position: &Position) -> Option<Position> {
        self.average.as_ref().map(|average| average.at(position))
    }

    /// What the last step divided the gradient by, if the update rule divides it.
    ///
    /// # Errors
    ///
    /// The device's message where it cannot be read.
    pub fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        self.rule.preconditioner()
    }

    /// Everything that the next steps depend on besides the position.
    ///
    /// # Errors
    ///
    /// The device's message where it cannot be read.
    pub fn save(&self) -> Result<Parts, String> {
        let mut parts = Parts::from([(OPTIMIZER.to_owned(), self.rule.save()?)]);
        self.oracle.save(&mut parts)?;
        if self.keeps_last_step {
            let last = self.last_step.as_ref();
            let vectors = [
                (BEFORE, last.map(|step| &step.before)),
                (GRADIENT, last.map(|step| &step.gradient)),
            ];
            let state = SavedState::of(u64::from(last.is_some()), &vectors)?;
            parts.insert(LAST_STEP.to_owned(), state);
        }
        self.rate.save(&mut parts);
        if let Some(average) = &self.average {
            average.save(&mut parts)?;
        }
        Ok(parts)
    }

    /// Takes up what was saved, of parameters of this layout; nothing before the first step.
    ///
    /// # Errors
    ///
    /// A sentence on what is missing, does not fit, or belongs to nothing here.
    pub fn load(
        &mut self,
        mut parts: Parts,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        let rule = parts.remove(OPTIMIZER).unwrap_or_default();
        self.rule.load(rule, layout, compute)?;
        self.oracle.load(&mut parts)?;
        if self.keeps_last_step {
            let mut state = parts.remove(LAST_STEP).unwrap_or_default();
            let [before, gradient] =
                [BEFORE, GRADIENT].map(|name| state.take(name, layout, compute));
            let vectors = before?.zip(gradient?);
            self.last_step = vectors.map(|(before, gradient)| MadeStep { before, gradient });
            state.finish()?;
        }
        self.rate.load(&mut parts)?;
        if let Some(average) = &mut self.average {
            average.load(&mut parts)?;
        }
        match parts.keys().next() {
            None => Ok(()),
            Some(part) => Err(format!(
                "it holds the state of `{part}`, which this run does not have"
            )),
        }
    }
}

#[cfg(test)]
mod tests;
