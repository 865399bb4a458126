//! Rounds of measurements: what is due, taken at a position.

use super::rate::Rate;
use super::state::Memory;
use super::step::MadeStep;
use super::{Due, HookPlan, Observer, Position, Problem, Scope};
use crate::linear::Interrupt;
use crate::measure::{
    Evaluated, Event, LastStep, Measurement, Search, Session, StepRule, Subject, WarmStarts,
    Weights,
};
use crate::model::{Conditions, NormMode};
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;

/// What a round of measurements found, by scope.
pub(super) type Measured = Vec<(Scope, Vec<Measurement>)>;

/// Takes measurements.
pub(super) struct Measuring<'a> {
    problem: &'a Problem,
    interrupt: Interrupt<'a>,
    initial: Vec<f64>,
    views: Vec<View>,
}

/// The data that measurements of a scope are taken on.
pub(super) struct View {
    samples: Option<usize>,
    norm_mode: NormMode,
    /// Training samples.
    pub train: Chunks,
    test: Chunks,
}

impl View {
    /// The scope of these data, everything else at its default.
    pub fn scope(&self) -> Scope {
        Scope {
            samples: self.samples,
            norm_mode: self.norm_mode,
            ..Scope::default()
        }
    }
}

/// What conditions on a step must know of the last one.
pub(super) struct StepAsMeasured<'a> {
    /// Its learning rate.
    pub learning_rate: f64,
    /// Its samples.
    pub batch_size: u64,
    /// Where the averaged weights are, if an average is kept.
    pub average: Option<&'a Position>,
    /// What it made of the gradient.
    pub rule: StepRule<'a>,
    /// The step itself, where it is kept.
    pub made: Option<&'a MadeStep>,
}

/// What a round left.
pub(super) struct Round {
    /// The rows.
    pub measured: Measured,
    /// What warm-started searches have left for the next.
    pub found: Vec<(Scope, WarmStarts)>,
}

impl<'a> Measuring<'a> {
    /// Puts the data of a plan's scopes on the device.
    pub fn new(problem: &'a Problem, plan: &HookPlan, interrupt: Interrupt<'a>) -> Self {
        let mut views: Vec<View> = Vec::new();
        let scopes = plan.all().into_iter().map(|(scope, _)| scope);
        let training = [Scope::default(), scope_of_steps(problem)];
        for scope in scopes.chain(training) {
            let Scope {
                samples, norm_mode, ..
            } = scope;
            if !views.iter().any(|view| view.shows(&scope)) {
                views.push(View {
                    samples,
                    norm_mode,
                    train: problem.train_chunks(samples, norm_mode),
                    test: problem.test_chunks(norm_mode),
                });
            }
        }
        Self {
            problem,
            interrupt,
            initial: problem.initial_values(),
            views,
        }
    }

    /// The starting point of the run.
    pub fn initial(&self) -> &[f64] {
        &self.initial
    }

    /// All training samples as a step over all of them takes them.
    pub fn samples_of_steps(&self) -> &Chunks {
        &self.view(&scope_of_steps(self.problem)).train
    }

    /// The learning rate of each step.
    pub fn rate(&self) -> Rate<'a> {
        let mode = scope_of_steps(self.problem).norm_mode;
        Rate::new(self.problem, self.samples_of_steps(), mode)
    }

    /// The data of all scopes.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Measures what is due at a position; `None` if the user interrupts.
    pub fn round(
        &self,
        position: &Position,
        step: &StepAsMeasured<'_>,
        memory: &Memory,
        due: Due,
        observer: &mut dyn Observer,
    ) -> Option<Round> {
        let mut round = Round {
            measured: Measured::new(),
            found: Vec::new(),
        };
        let of = due.iter().map(|(_, names)| names.len()).sum();
        for (scope, names) in due {
            let position = match (scope.weights, step.average) {
                (Weights::Average, Some(average)) => average,
                _ => position,
            };
            let objective = self.objective_in(&scope, &position.statistics);
            let mut subject = self.subject(&scope, &objective, position, step);
            subject.past = memory.warm_starts_of(&scope);
            if scope.warm_start {
                subject.search = Search::Remembering(subject.past);
            }
            let mut session = Session::new(subject);
            let mut tell = |event: Event<'_>| match event {
                Event::Begins(name) => observer.taking(name, of),
                Event::Ended(row) => observer.taken(&row.name),
            };
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let rows = session.measure_watched(&names, &mut tell).ok()?;
            let found = session.into_warm_starts();
            round.found.push((scope.clone(), found));
            round.measured.push((scope, rows));
        }
        Some(round)
    }

    fn subject<'s>(
        &'s self,
        scope: &'s Scope,
        objective: &'s Objective,
        position: &'s Position,
        step: &StepAsMeasured<'s>,
    ) -> Subject<'s> {
        let available = self.problem.data.train.len();
        let view = self.view(scope);
        Subject {
            objective,
            parameters: &position.parameters,
            weights: scope.weights,
            initial: Some(&self.initial),
            train: &view.train,
            test: Some(&view.test),
            block: scope.block.as_deref(),
            budget: scope.budget,
            chains: scope.chains,
            search: Search::Fresh,
            past: None,
            last_step: step.made.map(|made| LastStep {
                before: &made.before,
                gradient: Some(&made.gradient),
            }),
            trained_elsewhere: false,
            learning_rate: Some(step.learning_rate),
            step_rule: Some(step.rule),
            reach: self.problem.reach.of_steps(),
            batch_size: Some(step.batch_size as usize),
            training_samples: Some(available),
            streams: self.problem.streams,
            step: position.step,
            interrupt: self.interrupt,
        }
    }

    /// The loss over all training samples, as the row `loss.train` has it.
    pub fn training_loss(&self, position: &Position) -> Measurement {
        let scope = Scope::default();
        let objective = self.objective_in(&scope, &position.statistics);
        let data = &self.view(&scope).train;
        match Evaluated::run(&objective, &position.parameters, data) {
            Ok(evaluated) => evaluated.loss("loss.train"),
            Err(reason) => Measurement::failed("loss.train", reason),
        }
    }

    /// The objective as a scope sees it.
    pub fn objective_in(&self, scope: &Scope, statistics: &Parameters) -> Objective {
        self.problem.objective.under(Conditions {
            statistics: statistics.clone(),
            norm_mode: scope.norm_mode,
            dropout: self.problem.dropout(scope.dropout),
        })
    }

    /// The data of a scope.
    pub fn view(&self, scope: &Scope) -> &View {
        let found = self.views.iter().find(|view| view.shows(scope));
        found.expect("every scope of the plan has a view")
    }
}

impl View {
    fn shows(&self, scope: &Scope) -> bool {
        self.samples == scope.samples && self.norm_mode == scope.norm_mode
    }
}

/// On what a step over all training samples is made.
fn scope_of_steps(problem: &Problem) -> Scope {
    let by_batch = problem.config.train.full_batch && problem.objective.network().has_statistics();
    Scope {
        norm_mode: if by_batch {
            NormMode::Batch
        } else {
            NormMode::Eval
        },
        ..Scope::default()
    }
}

/// The training loss over all samples, if it is among what was measured.
pub(super) fn evaluation(measured: &Measured) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|(scope, _)| *scope == Scope::default())
        .flat_map(|(_, rows)| rows)
        .find(|row| row.name == "loss.train")
}
