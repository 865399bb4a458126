//! A run as it was at a checkpoint, to be measured again.

use super::average::Average;
use super::measuring::Measuring;
use super::step::Stepper;
use super::{HookPlan, Position, Problem, Scope, gradient, persistence};
use crate::linear::Interrupt;
use crate::measure::WarmStarts;
use crate::params::Parameters;
use crate::run::Checkpoint;

/// A run as it was at a checkpoint: what hooks were given to measure there.
pub struct Recalled {
    /// Steps made, the weights, and the running statistics.
    pub position: Position,
    /// The averaged weights, of a run that keeps an average.
    pub average: Option<Position>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// What that step divided the gradient by, if the update rule divides it.
    pub preconditioner: Option<Vec<f64>>,
    /// Where the last step set out from, and the gradient that it was given, where the run keeps that.
    pub last_step: Option<[Parameters; 2]>,
    /// What searches for eigenvalues had left by then, each in its scope.
    remembered: Vec<(Scope, WarmStarts)>,
}

impl Recalled {
    /// What the last searches in a scope had left.
    pub fn past(&self, scope: &Scope) -> Option<&WarmStarts> {
        let mut all = self.remembered.iter();
        let (_, found) = all.find(|(other, _)| other == scope)?;
        Some(found)
    }
}

/// Takes checkpoints of a run apart.
pub struct Recall<'a> {
    problem: &'a Problem,
    plan: HookPlan,
    measuring: Measuring<'a>,
}

impl<'a> Recall<'a> {
    /// Of the run of a problem.
    pub fn new(problem: &'a Problem) -> Self {
        let layout = problem.objective.network().layout();
        let plan = HookPlan::new(&problem.config, layout, problem.epochs());
        // Only what steps are made of is put on the device, not what hooks measure.
        let bare = HookPlan::without_hooks(&problem.config, problem.epochs());
        Self {
            measuring: Measuring::new(problem, &bare, Interrupt::never()),
            problem,
            plan,
        }
    }

    /// The run as it was at a checkpoint.
    ///
    /// # Errors
    ///
    /// A sentence on what of it is missing or does not fit.
    pub fn at(&self, checkpoint: Checkpoint) -> Result<Recalled, String> {
        let problem = self.problem;
        let snapshot = persistence::snapshot(problem, &self.plan, checkpoint)?;
        let oracle = gradient::oracle(problem, self.measuring.samples_of_steps());
        let rate = self.measuring.rate();
        let mut stepper = Stepper::new(oracle, problem.optimizer(), rate, Average::new(problem))
            .keeping_last_step(self.plan.asks_for_last_step());
        let layout = problem.objective.network().layout();
        stepper.load(snapshot.parts, layout, problem.compute())?;
        let position = snapshot.position;
        let warm_starts = snapshot.memory.warm_starts().iter();
        Ok(Recalled {
            average: stepper.average_at(&position),
            learning_rate: stepper.rate_of_last(position.step),
            preconditioner: stepper.preconditioner()?,
            last_step: stepper
                .last_step()
                .map(|made| [made.before.clone(), made.gradient.clone()]),
            remembered: warm_starts
                .map(|(scope, found)| (scope.clone(), found.as_ref().clone()))
                .collect(),
            position,
        })
    }
}
