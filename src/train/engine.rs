//! Carries out what a run does next: it moves the state, and owns it.

use super::losses::Losses;
use super::measuring::{Measured, Measuring, StepAsMeasured, evaluation};
use super::next::{Course, Decision, Looks, Moment};
use super::persistence;
use super::prepare::prepare;
use super::state::{Memory, Snapshot, Trail};
use super::step::Stepper;
use super::{Due, Ending, HookPlan, Observer, Position, Problem, TrainError, gradient};
use crate::linear::Interrupt;
use crate::measure::Measurement;
use crate::optim::step_rule;
use crate::run::{Checkpoint, Divergence, Row, RunDirectory, Seconds, Summary};
use std::time::Instant;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Steps made.
    pub step: u64,
    /// The summary; none for an interrupted run.
    pub summary: Option<Summary>,
}

/// A run under way.
pub(super) struct Engine<'a> {
    pub(super) problem: &'a Problem,
    pub(super) directory: &'a RunDirectory,
    interrupt: Interrupt<'a>,
    course: Course,
    plan: HookPlan,
    pub(super) measuring: Measuring<'a>,
    pub(super) stepper: Stepper<'a>,
    pub(super) position: Position,
    pub(super) memory: Memory,
    /// The memory as it was when this step was reached.
    before: Memory,
    losses: Losses,
    /// For a run that is to end at a training loss.
    pub(super) trail: Option<Trail>,
    pub(super) seconds: Seconds,
    pub(super) preparing_seconds: Option<f64>,
    pub(super) last_step_part: Option<f64>,
}

impl<'a> Engine<'a> {
    /// Puts the data of a problem on its device, and prepares kernels there; at the start of the run, or
    /// at a checkpoint.
    pub fn new(
        problem: &'a Problem,
        directory: &'a RunDirectory,
        from: Option<Checkpoint>,
        interrupt: Interrupt<'a>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let plan = HookPlan::new(&problem.config, problem.steps_per_epoch());
        let measuring = Measuring::new(problem, &plan, interrupt);
        let oracle = gradient::oracle(problem, measuring.samples_of_steps());
        let seconds = from.as_ref().map(|checkpoint| checkpoint.seconds);
        let snapshot = match from {
            Some(checkpoint) => {
                persistence::snapshot(problem, &plan, checkpoint).map_err(TrainError::Checkpoint)?
            }
            None => persistence::first(problem, measuring.initial()),
        };
        let mut stepper = Stepper::new(oracle, problem.optimizer(), problem.schedule());
        let (position, memory) = (snapshot.position.clone(), snapshot.memory.clone());
        directory.truncate_rows(memory.metrics_length)?;
        // Before the state is taken up: nothing that is prepared here may leave a trace.
        let preparing_seconds = prepare(
            problem,
            &plan,
            &measuring,
            &mut stepper,
            &position,
            interrupt,
            observer,
        )?;
        let mut engine = Self {
            problem,
            directory,
            interrupt,
            course: course(problem),
            plan,
            measuring,
            stepper,
            position,
            before: memory.clone(),
            memory,
            losses: Losses::new(problem.compute().kind),
            trail: None,
            seconds: seconds.unwrap_or_default(),
            preparing_seconds,
            last_step_part: None,
        };
        engine.restore(&snapshot)?;
        Ok(engine)
    }

    /// Trains to the end or to an interruption.
    ///
    /// # Errors
    ///
    /// [`TrainError`]; checkpoints made so far stay.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let mut moment = Moment::beginning(self.position.step);
        let mut measured = Measured::new();
        observer.stepped(moment.step);
        loop {
            match self.course.next(&moment, self.interrupt.is_raised()) {
                Decision::Leave => return self.leave(),
                Decision::Look => moment.looked(self.look()?),
                Decision::Cross { to, .. } => {
                    let is_part = self.cross(to)?;
                    moment.crossed(self.position.step, is_part);
                    observer.stepped(moment.step);
                }
                Decision::Save => {
                    self.save()?;
                    moment.saved();
                }
                decision @ (Decision::Measure | Decision::MeasureAll) => {
                    let due = match decision {
                        Decision::Measure => self.plan.due(moment.step),
                        _ => self.plan.all(),
                    };
                    // If the user interrupts, the next decision is to leave.
                    if let Some(found) = self.measure(due, observer)? {
                        measured = found;
                        moment.measured();
                    }
                }
                Decision::Step => {
                    self.step()?;
                    moment.stepped();
                    observer.stepped(moment.step);
                }
                Decision::End(ending) => return self.finish(ending, measured),
            }
        }
    }

    /// Takes up a state.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), TrainError> {
        let layout = self.problem.objective.network().layout();
        self.stepper
            .load(snapshot.parts.clone(), layout, self.problem.compute())
            .map_err(TrainError::Checkpoint)?;
        self.position = snapshot.position.clone();
        self.remember_only(snapshot.memory.clone());
        Ok(())
    }

    /// Forgets what has been measured since.
    pub(super) fn remember_only(&mut self, memory: Memory) {
        self.before = memory.clone();
        self.memory = memory;
    }

    /// The state before the measurements at this step.
    pub(super) fn snapshot(&self) -> Result<Snapshot, TrainError> {
        Ok(Snapshot {
            position: self.position.clone(),
            parts: self.stepper.save().map_err(TrainError::Device)?,
            memory: self.before.clone(),
        })
    }

    /// Makes one step.
    pub(super) fn step(&mut self) -> Result<(), TrainError> {
        let start = Instant::now();
        let gradient = self.stepper.gradient(&self.position);
        let loss = gradient.loss.clone();
        let overflown = self.losses.note(self.position.step, loss);
        self.go_on_unless(overflown)?;
        self.stepper.follow(&mut self.position, gradient);
        self.before = self.memory.clone();
        self.seconds.training += start.elapsed().as_secs_f64();
        Ok(())
    }

    /// Measures what is due and writes the rows; `None` if the user interrupted.
    fn measure(
        &mut self,
        due: Due,
        observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, TrainError> {
        if due.is_empty() {
            return Ok(Some(Measured::new()));
        }
        self.settle()?;
        let step = self.position.step;
        let values = self.position.parameters.to_host();
        let values = values.map_err(TrainError::Device)?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.divergence(step, "a parameter"));
        }
        observer.measuring(step);
        let start = Instant::now();
        let preconditioner = self.stepper.preconditioner().map_err(TrainError::Device)?;
        let as_measured = StepAsMeasured {
            learning_rate: self.stepper.rate_of_last(step),
            rule: step_rule(&self.problem.config, preconditioner.as_deref()),
        };
        let measuring = &self.measuring;
        let round = measuring.round(&self.position, &as_measured, &self.memory, due, observer);
        let Some(round) = round else {
            return Ok(None);
        };
        for (scope, found) in round.found {
            self.memory.remember(scope, found);
        }
        self.seconds.measuring += start.elapsed().as_secs_f64();
        let rows = self.rows(&round.measured);
        self.memory.metrics_length = self.directory.append_rows(&rows)?;
        if let Some(trail) = &mut self.trail {
            trail.written.push((step, self.memory.clone()));
        }
        observer.measured(&rows);
        if let Some(loss) = evaluation(&round.measured) {
            self.value_of(loss)?;
        }
        Ok(Some(round.measured))
    }

    fn rows(&self, measured: &Measured) -> Vec<Row> {
        let config = &self.problem.config;
        let rows = measured.iter().flat_map(|(_, rows)| rows);
        rows.map(|measurement| Row {
            run: config.name.clone(),
            seed: config.seed,
            step: Some(self.position.step),
            epoch: Some(self.epoch(self.position.step)),
            measurement: measurement.clone(),
            dtype: config.precision,
        })
        .collect()
    }

    pub(super) fn epoch(&self, step: u64) -> f64 {
        step as f64 / self.problem.steps_per_epoch() as f64
    }

    fn save(&mut self) -> Result<(), TrainError> {
        // Reading the parameters waits for work still under way, which is training's.
        self.settle()?;
        let snapshot = self.snapshot()?;
        self.write(snapshot)
    }

    /// Writes a checkpoint, unless it held a number that is not finite.
    fn write(&self, snapshot: Snapshot) -> Result<(), TrainError> {
        let checkpoint = persistence::checkpoint(self.problem, snapshot, self.seconds);
        let checkpoint = checkpoint.map_err(TrainError::Device)?;
        match checkpoint.not_finite() {
            Some(what) => Err(self.divergence(checkpoint.step, &what)),
            None => Ok(self.directory.save_checkpoint(&checkpoint)?),
        }
    }

    /// Saves the state, or that of the last look at the loss: a run that goes on must find the same
    /// end from there.
    fn leave(mut self) -> Result<Outcome, TrainError> {
        self.settle()?;
        let snapshot = match self.trail.take() {
            Some(trail) => trail.last_look,
            None => self.snapshot()?,
        };
        let step = snapshot.position.step;
        self.write(snapshot)?;
        Ok(Outcome {
            ending: Ending::Interrupted,
            step,
            summary: None,
        })
    }

    /// Waits for work handed to the device, looks at the losses it has left, and charges the wait to
    /// training.
    pub(super) fn settle(&mut self) -> Result<(), TrainError> {
        let wait = Instant::now();
        self.problem.compute().synchronize();
        let overflown = self.losses.settle();
        self.seconds.training += wait.elapsed().as_secs_f64();
        self.go_on_unless(overflown)
    }

    /// Refuses to go on from a step whose loss is not finite.
    fn go_on_unless(&self, overflown: Result<Option<u64>, String>) -> Result<(), TrainError> {
        match overflown.map_err(TrainError::Device)? {
            None => Ok(()),
            Some(0) => Err(TrainError::BadStart),
            Some(step) => Err(self.divergence(step, "the training loss")),
        }
    }

    /// The training loss in a row, or why the run cannot go on without one.
    pub(super) fn value_of(&self, loss: &Measurement) -> Result<f64, TrainError> {
        if let Some(value) = loss.value {
            return Ok(value);
        }
        let step = self.position.step;
        match loss.reason().filter(|_| !loss.is_not_finite()) {
            Some(reason) => Err(TrainError::Evaluation {
                step,
                reason: reason.to_owned(),
            }),
            None if step == 0 => Err(TrainError::BadStart),
            None => Err(self.divergence(step, "the training loss")),
        }
    }

    fn divergence(&self, step: u64, what: &str) -> TrainError {
        TrainError::Diverged(Divergence {
            what: what.to_owned(),
            step,
            epoch: self.epoch(step),
            learning_rate: self.stepper.rate_of_last(step),
            last_finite_loss: self.losses.last_finite,
        })
    }
}

/// The course of a problem's run.
fn course(problem: &Problem) -> Course {
    let train = &problem.config.train;
    let steps_per_epoch = problem.steps_per_epoch();
    Course {
        total: problem.total_steps(),
        steps_per_epoch,
        save_every: (train.checkpoint_every as u64).saturating_mul(steps_per_epoch),
        looks: train.stop_at_train_loss.map(|_| Looks {
            every: train.stop_check_every.map(|every| every as u64),
        }),
    }
}
