//! A solution on its device, as something to be measured.

use crate::cli::CommandError;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::data::Task;
use crate::linear::{Interrupt, LinearError};
use crate::measure::{self, LastStep, Measurement, Session, Subject, WarmStarts, Weights};
use crate::model::Conditions;
use crate::objective::{Chunks, Objective};
use crate::optim::step_rule;
use crate::params::Parameters;
use crate::report::Finding;
use crate::run::Row;
use crate::train::{Problem, Recalled, Scope};
use std::rc::Rc;

/// A solution with its problem, on its device.
pub struct Solution {
    /// Config, data and network.
    pub problem: Rc<Problem>,
    /// The network with its loss, under the conditions of the flags.
    pub objective: Objective,
    /// The weights.
    pub parameters: Parameters,
    /// The training step they were reached at; not known of weights made elsewhere.
    pub step: Option<u64>,
    /// The seed of the config, or the one that was chosen for weights without a config; where nobody chose one, what
    /// measurements draw is drawn by seed 0.
    pub(super) seed: Option<u64>,
    /// Which weights of the run they are.
    pub(super) weights: Weights,
    /// The learning rate of the run's last step.
    pub(super) learning_rate: Option<f64>,
    /// Whether a config says how steps are made; of weights alone nothing does.
    pub(super) has_training: bool,
    pub(super) train: Chunks,
    pub(super) test: Chunks,
    /// Where training started; weights made elsewhere did not start where this seed starts.
    pub(super) initial: Option<Vec<f64>>,
    /// What else was so at the checkpoint, where it is one.
    pub(super) recalled: Option<Recalled>,
}

impl Solution {
    /// The running statistics of normalisation layers.
    ///
    /// # Errors
    ///
    /// The device's message where they cannot be read.
    pub fn running_statistics(&self) -> Result<Vec<f64>, String> {
        self.objective.conditions().statistics.to_host()
    }

    /// Asks whether weights from elsewhere do what their owner knows of them, and says how they were read.
    pub(super) fn ask(&self, finding: &Finding, notes: &[String]) {
        let (measure, said, unit, factor) = match self.problem.config.data.task() {
            Task::Classification => ("accuracy.test", "accuracy", " %", 100.0),
            Task::Regression => ("r2.test", "R²", "", 1.0),
        };
        let measured = Session::new(self.subject()).measure_watched(&[measure], &mut |_| {});
        let value = measured.ok().and_then(|rows| rows.first()?.value);
        if let Some(value) = value {
            let digits = if unit.is_empty() { 4 } else { 1 };
            finding.ask(&format!(
                "{said} on the test part {:.digits$}{unit}: is it yours?",
                factor * value
            ));
        }
        for note in notes {
            finding.say(&format!("  {note}"));
        }
    }

    /// Goes to where the run was at a checkpoint.
    pub fn visit(&mut self, recalled: Recalled) {
        let place = match (self.weights, &recalled.average) {
            (Weights::Average, Some(average)) => average,
            _ => &recalled.position,
        };
        self.objective = self.problem.objective.under(Conditions {
            statistics: place.statistics.clone(),
            ..self.objective.conditions().clone()
        });
        self.parameters = place.parameters.clone();
        self.step = Some(place.step);
        self.learning_rate = Some(recalled.learning_rate);
        self.recalled = Some(recalled);
    }

    /// What searches in a scope had left by this checkpoint, whose weights are this solution's.
    pub fn past(&self, scope: &Scope) -> Option<&WarmStarts> {
        self.recalled.as_ref()?.past(scope)
    }

    /// The solution as something to be measured, without bounds.
    pub fn subject(&self) -> Subject<'_> {
        if !self.has_training {
            return Subject {
                test: Some(&self.test),
                training_samples: Some(self.problem.data.train.len()),
                streams: self.problem.streams,
                ..Subject::new(&self.objective, &self.parameters, &self.train)
            };
        }
        let last = self.step.unwrap_or_default().saturating_sub(1);
        let batch_size = self.problem.epochs().batch_size(last);
        // Weights made elsewhere have no step, so no place on the schedule.
        let learning_rate = self
            .learning_rate
            .unwrap_or_else(|| self.problem.base_rate());
        let recalled = self.recalled.as_ref();
        let preconditioner = recalled.and_then(|at| at.preconditioner.as_deref());
        let last_step = recalled.and_then(|at| at.last_step.as_ref());
        Subject {
            initial: self.initial.as_deref(),
            test: Some(&self.test),
            weights: self.weights,
            trained_elsewhere: self.step.is_none(),
            learning_rate: Some(learning_rate),
            step_rule: Some(step_rule(&self.problem.config, preconditioner)),
            reach: self.problem.reach.of_steps(),
            last_step: last_step.map(|[before, gradient]| LastStep {
                before,
                gradient: Some(gradient),
            }),
            batch_size: Some(batch_size as usize),
            training_samples: Some(self.problem.data.train.len()),
            streams: self.problem.streams,
            step: self.probes(),
            ..Subject::new(&self.objective, &self.parameters, &self.train)
        }
    }

    /// The step in epochs.
    pub fn epoch(&self) -> Option<f64> {
        self.step.map(|step| self.problem.epochs().passed(step))
    }

    /// A measurement of the solution as a row.
    pub fn row(&self, measurement: Measurement) -> Row {
        let config = &self.problem.config;
        Row {
            run: config.name.clone(),
            seed: self.seed,
            step: self.step,
            epoch: self.epoch(),
            since: None,
            measurement,
            dtype: config.precision,
            wall_time: None,
            version: None,
        }
    }

    /// The number of the streams that probes are drawn from.
    pub fn probes(&self) -> u64 {
        self.step.unwrap_or_default()
    }

    /// The Hessian of the training loss at the solution.
    pub fn hessian(&self) -> CurvatureOperator<'_> {
        CurvatureOperator::new(
            Matrix::Hessian,
            &self.objective,
            &self.parameters,
            &self.train,
            Interrupt::never(),
        )
    }

    /// Refuses, where curvature is asked for, a model that gives two answers to one question.
    ///
    /// # Errors
    ///
    /// [`CommandError::Input`]. Whatever else goes wrong here goes wrong again, and is told, in each
    /// measurement.
    pub fn check_deterministic(&self, names: &[&str]) -> Result<(), CommandError> {
        if !names.iter().any(|name| measure::needs_products(name)) {
            return Ok(());
        }
        match self.hessian().check_deterministic() {
            Err(error @ LinearError::NotDeterministic { .. }) => {
                Err(CommandError::Input(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}
