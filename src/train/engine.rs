//! Carries out what a run does next: it moves the state, and owns it.

use super::average::Average;
use super::events::{Happening, SpikeRule, in_rows};
use super::hooks::without;
use super::losses::{Losses, Read};
use super::measuring::{Measured, Measuring, StepAsMeasured, evaluation};
use super::next::{Course, Decision, Looks, Moment};
use super::persistence;
use super::prepare::prepare;
use super::state::{Memory, Snapshot, Trail};
use super::step::Stepper;
use super::{Due, Ending, HookPlan, Observer, Position, Problem, TrainError, gradient};
use crate::config::Trigger;
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
    pub(super) spikes: SpikeRule,
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
        let layout = problem.objective.network().layout();
        let plan = HookPlan::new(&problem.config, layout, problem.epochs());
        let is_waited_for = plan.waits_for(Trigger::LossSpike);
        let measuring = Measuring::new(problem, &plan, interrupt);
        let oracle = gradient::oracle(problem, measuring.samples_of_steps());
        let seconds = from.as_ref().map(|checkpoint| checkpoint.seconds);
        let snapshot = match from {
            Some(checkpoint) => {
                persistence::snapshot(problem, &plan, checkpoint).map_err(TrainError::Checkpoint)?
            }
            None => persistence::first(problem, measuring.initial()),
        };
        let rate = measuring.rate();
        let mut stepper = Stepper::new(oracle, problem.optimizer(), rate, Average::new(problem))
            .keeping_last_step(plan.asks_for_last_step());
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
            losses: Losses::new(problem.compute().kind, is_waited_for),
            spikes: SpikeRule::of(&problem.config.events),
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
        let result = self.go_on(observer);
        if let Err(TrainError::Diverged(divergence)) = &result {
            self.tell_divergence(divergence);
        }
        result
    }

    fn go_on(&mut self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
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
                        Decision::Measure => self.plan.due(moment.step, self.pending()),
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
        let read = self.advance()?;
        self.notice(read)?;
        self.before = self.memory.clone();
        Ok(())
    }

    /// Makes one step that has been made before, with whatever happened then.
    pub(super) fn replay(&mut self) -> Result<(), TrainError> {
        let read = self.advance()?;
        self.go_on_unless(read.overflown)
    }

    /// Looks at losses of steps that have been made before, of which nothing is to be noticed again.
    pub(super) fn pass_over_losses(&mut self) -> Result<(), TrainError> {
        let read = self.losses.settle().map_err(TrainError::Device)?;
        self.go_on_unless(read.overflown)
    }

    /// Moves by one step, unless a loss is not finite.
    fn advance(&mut self) -> Result<Read, TrainError> {
        let start = Instant::now();
        let gradient = self.stepper.gradient(&self.position);
        let loss = gradient.loss.clone();
        let read = self.losses.note(self.position.step, loss);
        let read = read.map_err(TrainError::Device)?;
        if read.overflown.is_none() {
            self.stepper.follow(&mut self.position, gradient)?;
        }
        self.seconds.training += start.elapsed().as_secs_f64();
        Ok(read)
    }

    /// Measures what is due and writes the rows, then what is due because of what these tell; `None` if the user
    /// interrupted.
    fn measure(
        &mut self,
        mut due: Due,
        observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, TrainError> {
        self.memory.events.has_spiked = false;
        let (mut measured, mut taken) = (Measured::new(), Due::new());
        while !due.is_empty() {
            taken.extend(due.iter().cloned());
            let Some((found, triggers)) = self.round(due, observer)? else {
                return Ok(None);
            };
            measured.extend(found);
            due = without(self.plan.on(&triggers), &taken);
        }
        Ok(Some(measured))
    }

    /// Measures and writes the rows, with those of what they tell; `None` if the user interrupted.
    fn round(
        &mut self,
        due: Due,
        observer: &mut dyn Observer,
    ) -> Result<Option<(Measured, Vec<Trigger>)>, TrainError> {
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
        if step == 0 {
            // What bounds the rate must be known before there was a step.
            self.stepper.rate_of_next(&self.position)?;
        }
        let average = self.stepper.average_at(&self.position);
        let as_measured = StepAsMeasured {
            learning_rate: self.stepper.rate_of_last(step),
            batch_size: self.course.epochs.batch_size(step.saturating_sub(1)),
            average: average.as_ref(),
            rule: step_rule(&self.problem.config, preconditioner.as_deref()),
            made: self.stepper.last_step(),
        };
        let measuring = &self.measuring;
        let round = measuring.round(&self.position, &as_measured, &self.memory, due, observer);
        let Some(round) = round else {
            return Ok(None);
        };
        for (scope, found) in round.found {
            self.memory.remember(scope, found);
        }
        let measured = round.measured.iter().flat_map(|(_, rows)| rows);
        let measured: Vec<&Measurement> = measured.collect();
        let StepAsMeasured {
            learning_rate,
            rule,
            ..
        } = as_measured;
        let memory = &mut self.memory.events;
        let reach = self.problem.reach.of_steps();
        let happened = in_rows(memory, step, &measured, (rule, reach), learning_rate);
        self.seconds.measuring += start.elapsed().as_secs_f64();
        let rows = measured.into_iter();
        let mut rows: Vec<Row> = rows.map(|row| self.row(step, row.clone())).collect();
        rows.extend(happened.iter().map(|happening| self.row_of(happening)));
        self.append(step, &rows)?;
        observer.measured(&rows);
        if let Some(loss) = evaluation(&round.measured) {
            self.value_of(loss)?;
        }
        let triggers = happened.iter().filter_map(Happening::trigger).collect();
        Ok(Some((round.measured, triggers)))
    }

    pub(super) fn epoch(&self, step: u64) -> f64 {
        self.course.epochs.passed(step)
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
            None => {
                let kept = self.problem.config.train.newest_checkpoints();
                self.directory.save_checkpoint(&checkpoint)?;
                let is_chosen = |step| self.course.is_chosen(step);
                Ok(self.directory.drop_checkpoints(kept, is_chosen)?)
            }
        }
    }

    /// Saves the state, or that of the last look at the loss: a run that goes on must find the same
    /// end from there.
    fn leave(&mut self) -> Result<Outcome, TrainError> {
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
        let read = self.losses.settle().map_err(TrainError::Device)?;
        self.seconds.training += wait.elapsed().as_secs_f64();
        let is_new = !read.finite.is_empty();
        self.notice(read)?;
        if is_new {
            // Losses are left to look at only where nothing has been measured since the last step: what they tell
            // belongs to the state at which it was reached.
            self.before = self.memory.clone();
        }
        Ok(())
    }

    /// Refuses to go on from a step whose loss is not finite.
    pub(super) fn go_on_unless(&self, overflown: Option<u64>) -> Result<(), TrainError> {
        match overflown {
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
            lambda_max: self.memory.events.lambda_max,
            over_the_line: self.memory.events.over_the_line.clone().map(Box::new),
        })
    }
}

/// The course of a problem's run.
fn course(problem: &Problem) -> Course {
    let train = &problem.config.train;
    Course {
        total: problem.total_steps(),
        epochs: problem.epochs(),
        save_every: train.checkpoint_every as u64,
        save_at: train
            .checkpoint_epochs()
            .iter()
            .map(|&epoch| epoch as u64)
            .collect(),
        looks: train.stop_at_train_loss.map(|_| Looks {
            every: train.stop_check_every.map(|every| every as u64),
        }),
    }
}
