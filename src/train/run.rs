//! The training loop.

mod stop;

use super::batches::Batches;
use super::checkpoint::Seconds;
use super::degenerate::degenerate;
use super::losses::Losses;
use super::{
    Checkpoint, Divergence, Due, HookPlan, Problem, Row, RunDirectory, Scope, Summary, TrainError,
};
use crate::backend::BackendKind;
use crate::config::Length;
use crate::curvature::CurvatureOperator;
use crate::data::sha256_hex;
use crate::linear::{Interrupt, LinearOperator};
use crate::measure::{Event, Measurement, Recollections, Search, Session, Subject, matrices};
use crate::model::NormMode;
use crate::model::{Conditions, Dropout};
use crate::objective::{Batch, Chunks, Objective};
use crate::optim::{OptimizerState, Schedule, UpdateRule, step_rule};
use crate::params::Parameters;
use crate::params::store::{encode, named_blocks};
use crate::reparam::applicable;
use burn::tensor::Tensor;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use stop::{Snapshot, Trail};

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were made.
    Length,
    /// `train.stop_at_train_loss` was reached, and cut the run short.
    TrainLoss,
    /// The user interrupted; a checkpoint is saved.
    Interrupted,
}

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

/// Someone who watches a run. Every method has an empty default.
pub trait Observer {
    /// Compute kernels are being prepared, which can take a while on a first use.
    fn preparing(&mut self) {}
    /// Kernels are ready.
    fn prepared(&mut self, _seconds: f64) {}
    /// A step was made.
    fn stepped(&mut self, _step: u64) {}
    /// Measuring begins.
    fn measuring(&mut self, _step: u64) {}
    /// The measure of this name is begun, one of so many of this round.
    fn taking(&mut self, _name: &str, _of: usize) {}
    /// The measure of this name was taken, or could not be.
    fn taken(&mut self, _name: &str) {}
    /// Rows were written.
    fn measured(&mut self, _rows: &[Row]) {}
}

/// A run about to be executed.
pub struct Run<'a> {
    problem: &'a Problem,
    directory: &'a RunDirectory,
    interrupt: &'a AtomicBool,
    plan: HookPlan,
    schedule: Schedule,
    initial: Vec<f64>,
    views: Vec<View>,
}

/// The data that measurements of a scope are taken on.
struct View {
    samples: Option<usize>,
    norm_mode: NormMode,
    train: Chunks,
    test: Chunks,
}

impl View {
    /// The scope of these data, everything else at its default.
    fn scope(&self) -> Scope {
        Scope {
            samples: self.samples,
            norm_mode: self.norm_mode,
            ..Scope::default()
        }
    }
}

/// What changes from step to step.
struct State<'a> {
    step: u64,
    parameters: Parameters,
    statistics: Parameters,
    optimizer: Box<dyn UpdateRule>,
    recollection: Option<Rc<Recollections>>,
    metrics_length: u64,
    seconds: Seconds,
    batches: Batches<'a>,
    losses: Losses,
    /// For a run that is to end at a training loss.
    trail: Option<Trail>,
    last_step_part: Option<f64>,
}

impl State<'_> {
    fn before_measuring(&self) -> Before {
        Before {
            metrics_length: self.metrics_length,
            recollection: self.recollection.clone(),
        }
    }
}

/// The part of the state that measuring changes, as it was before a round of measurements.
#[derive(Clone, Default)]
struct Before {
    metrics_length: u64,
    recollection: Option<Rc<Recollections>>,
}

/// What a round of measurements found, by scope.
type Measured = Vec<(Scope, Vec<Measurement>)>;

impl<'a> Run<'a> {
    /// Puts the data of a problem on its device.
    pub fn new(
        problem: &'a Problem,
        directory: &'a RunDirectory,
        interrupt: &'a AtomicBool,
    ) -> Self {
        let plan = HookPlan::new(&problem.config, problem.steps_per_epoch());
        let mut views: Vec<View> = Vec::new();
        let scopes = plan.all().into_iter().map(|(scope, _)| scope);
        let training = problem.is_full_batch().then(|| training_scope(problem));
        for Scope {
            samples, norm_mode, ..
        } in scopes.chain([Scope::default()]).chain(training)
        {
            let is_there = |view: &View| view.samples == samples && view.norm_mode == norm_mode;
            if !views.iter().any(is_there) {
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
            directory,
            interrupt,
            schedule: problem.schedule(),
            initial: problem.initial_values(),
            plan,
            views,
        }
    }

    /// Trains from the start, or from a checkpoint, to the end or to an interruption.
    ///
    /// # Errors
    ///
    /// [`TrainError`]; checkpoints made so far stay.
    pub fn execute(
        &self,
        from: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let mut state = self.start(from)?;
        self.directory.truncate_rows(state.metrics_length)?;
        let preparing_seconds = self.prepare(&mut state, observer)?;
        let resumed_at = state.step;
        let total = self.problem.total_steps();
        let checkpoint_every =
            self.problem.config.train.checkpoint_every as u64 * self.problem.steps_per_epoch();
        observer.stepped(state.step);
        loop {
            if Interrupt::on(self.interrupt).is_raised() {
                let before = state.before_measuring();
                return self.interrupted(&mut state, before);
            }
            let is_reached = self.reaches_target(&mut state, observer)?;
            // A checkpoint is the state before measuring, so that resuming measures again.
            let before = state.before_measuring();
            let is_due = state.step > resumed_at && state.step.is_multiple_of(checkpoint_every);
            if is_due && !is_reached {
                self.save(&mut state, before.clone())?;
            }
            let due = self.plan.due(state.step);
            let Some(mut measured) = self.measure(&mut state, due, observer)? else {
                return self.interrupted(&mut state, before);
            };
            self.judge(&state, &measured)?;
            let is_cut_short = state.step < total || state.last_step_part.is_some();
            let ending = if is_reached && is_cut_short {
                Ending::TrainLoss
            } else if state.step >= total {
                Ending::Length
            } else {
                self.step(&mut state)?;
                observer.stepped(state.step);
                continue;
            };
            let missing = without(self.plan.all(), &measured);
            let Some(rest) = self.measure(&mut state, missing, observer)? else {
                return self.interrupted(&mut state, before);
            };
            measured.extend(rest);
            self.judge(&state, &measured)?;
            return self.finish(&state, ending, measured, preparing_seconds);
        }
    }

    fn start(&self, from: Option<Checkpoint>) -> Result<State<'a>, TrainError> {
        let Some(checkpoint) = from else {
            return self.state_at(&Snapshot {
                step: 0,
                parameters: self.problem.parameters(&self.initial),
                statistics: self.problem.objective.conditions().statistics.clone(),
                optimizer: OptimizerState::default(),
                before: Before::default(),
            });
        };
        let mut state = self.state_at(&Snapshot {
            step: checkpoint.step,
            parameters: self.problem.parameters(&checkpoint.parameters),
            statistics: self.problem.statistics(&checkpoint.statistics),
            optimizer: checkpoint.optimizer,
            before: Before {
                metrics_length: checkpoint.metrics_length,
                recollection: checkpoint
                    .recollection
                    .map(|found| Rc::new(Recollections::from([("leading".to_owned(), found)]))),
            },
        })?;
        state.seconds = checkpoint.seconds;
        Ok(state)
    }

    fn state_at(&self, snapshot: &Snapshot) -> Result<State<'a>, TrainError> {
        let mut optimizer = self.problem.optimizer();
        optimizer
            .load(
                snapshot.optimizer.clone(),
                self.problem.objective.network().layout(),
                self.problem.compute(),
            )
            .map_err(TrainError::Checkpoint)?;
        Ok(State {
            step: snapshot.step,
            parameters: snapshot.parameters.clone(),
            statistics: snapshot.statistics.clone(),
            optimizer,
            recollection: snapshot.before.recollection.clone(),
            metrics_length: snapshot.before.metrics_length,
            seconds: Seconds::default(),
            batches: Batches::new(self.problem),
            losses: Losses::new(self.problem.compute().kind),
            trail: None,
            last_step_part: None,
        })
    }

    fn snapshot(&self, state: &State, before: Before) -> Result<Snapshot, TrainError> {
        Ok(Snapshot {
            step: state.step,
            parameters: state.parameters.clone(),
            statistics: state.statistics.clone(),
            optimizer: state.optimizer.save().map_err(TrainError::Device)?,
            before,
        })
    }

    /// On a graphics card, runs every kind of work once, so that the kernels are compiled and
    /// chosen before the clock of training starts.
    fn prepare(
        &self,
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<Option<f64>, TrainError> {
        if self.problem.compute().kind != BackendKind::Wgpu {
            return Ok(None);
        }
        observer.preparing();
        let start = Instant::now();
        let parameters = &state.parameters;
        let training = self.training_objective(&state.statistics, 0);
        let batch = match self.problem.is_full_batch() {
            true => self.view(&training_scope(self.problem)).train.batches()[0].clone(),
            false => state.batches.at(state.step),
        };
        let (_, gradient) = training.loss_and_gradient(parameters, &batch, 1.0);
        gradient.into_host().map_err(TrainError::Device)?;
        let all = self.plan.all();
        let names = all.iter().flat_map(|(_, names)| names);
        let names: Vec<&str> = names.map(String::as_str).collect();
        let matrices = matrices(&names);
        for view in &self.views {
            let chunks = &view.train;
            let objective = &self.objective_in(&view.scope(), state);
            let ends = [chunks.batches().first(), chunks.batches().last()];
            for batch in ends.into_iter().flatten() {
                objective.evaluate(parameters, batch);
            }
            for &matrix in &matrices {
                let ends = [chunks.batches().first(), chunks.batches().last()];
                let ends = ends.into_iter().flatten().cloned().collect();
                let ends = Chunks::from_batches(ends, Vec::new());
                let direction = vec![1.0; parameters.layout().len()];
                CurvatureOperator::new(
                    matrix,
                    objective,
                    parameters,
                    &ends,
                    Interrupt::on(self.interrupt),
                )
                .apply(&direction)
                .ok();
            }
        }
        self.problem.compute().synchronize();
        let seconds = start.elapsed().as_secs_f64();
        observer.prepared(seconds);
        Ok(Some(seconds))
    }

    /// One optimizer step.
    fn step(&self, state: &mut State) -> Result<(), TrainError> {
        let start = Instant::now();
        let (loss, gradient) = if self.problem.is_full_batch() {
            self.full_gradient(state)
        } else {
            let batch = state.batches.at(state.step);
            let weight = 1.0 / batch.samples() as f64;
            self.training_gradient(state, &batch, weight, state.step)
        };
        let diverged = state.losses.note(state.step, loss);
        self.go_on_unless(diverged, state)?;
        state.parameters = state.optimizer.step(
            self.schedule.learning_rate(state.step),
            state.parameters.clone(),
            gradient,
        );
        state.step += 1;
        state.seconds.training += start.elapsed().as_secs_f64();
        Ok(())
    }

    /// Loss and gradient of a batch as in training; the running statistics move on.
    fn training_gradient(
        &self,
        state: &mut State,
        batch: &Batch,
        weight: f64,
        pass: u64,
    ) -> (Tensor<1>, Parameters) {
        let objective = self.training_objective(&state.statistics, pass);
        let result = objective.training_gradient(&state.parameters, batch, weight);
        state.statistics = result.statistics;
        (result.loss, result.gradient)
    }

    /// The objective as one pass of training sees it.
    fn training_objective(&self, statistics: &Parameters, pass: u64) -> Objective {
        self.problem.objective.under(Conditions {
            statistics: statistics.clone(),
            norm_mode: NormMode::Batch,
            dropout: Dropout::Drawn {
                streams: self.problem.streams,
                pass,
            },
        })
    }

    /// The loss and the gradient over all training samples.
    fn full_gradient(&self, state: &mut State) -> (Tensor<1>, Parameters) {
        let chunks = &self.view(&training_scope(self.problem)).train;
        let weight = 1.0 / chunks.samples() as f64;
        let first = state.step * chunks.batches().len() as u64;
        let gradients = (first..)
            .zip(chunks.batches())
            .map(|(pass, batch)| self.training_gradient(state, batch, weight, pass));
        gradients
            .reduce(|sum, term| (sum.0 + term.0, sum.1 + term.1))
            .expect("a training set has at least one sample")
    }

    fn epoch(&self, step: u64) -> f64 {
        step as f64 / self.problem.steps_per_epoch() as f64
    }

    /// Measures what is due and writes the rows; `None` if the user interrupted.
    fn measure(
        &self,
        state: &mut State,
        due: Due,
        observer: &mut dyn Observer,
    ) -> Result<Option<Measured>, TrainError> {
        if due.is_empty() {
            return Ok(Some(Measured::new()));
        }
        self.settle(state)?;
        let values = state.parameters.to_host().map_err(TrainError::Device)?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.divergence(state, state.step, "a parameter"));
        }
        observer.measuring(state.step);
        let start = Instant::now();
        let config = &self.problem.config;
        let preconditioner = state
            .optimizer
            .preconditioner()
            .map_err(TrainError::Device)?;
        let available = self.problem.data.train.len();
        let mut measured = Measured::new();
        let starts_warm = self.plan.starts_warm(state.step);
        let mut found = None;
        let of = due.iter().map(|(_, names)| names.len()).sum();
        for (scope, names) in due {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let objective = self.objective_in(&scope, state);
            let view = self.view(&scope);
            let subject = Subject {
                objective: &objective,
                parameters: &state.parameters,
                initial: Some(&self.initial),
                train: &view.train,
                test: Some(&view.test),
                block: None,
                budget: scope.budget,
                search: match starts_warm {
                    true => Search::Remembering(state.recollection.as_deref()),
                    false => Search::Fresh,
                },
                trained_elsewhere: false,
                learning_rate: Some(self.schedule.learning_rate(state.step.saturating_sub(1))),
                step_rule: Some(step_rule(&config.optimizer, preconditioner.as_deref())),
                batch_size: Some(config.train.batch_size.unwrap_or(available)),
                training_samples: Some(available),
                streams: self.problem.streams,
                step: state.step,
                interrupt: Interrupt::on(self.interrupt),
            };
            let mut session = Session::new(subject);
            let mut tell = |event: Event<'_>| match event {
                Event::Begins(name) => observer.taking(name, of),
                Event::Ended(row) => observer.taken(&row.name),
            };
            let Ok(rows) = session.measure_watched(&names, &mut tell) else {
                return Ok(None);
            };
            let left = session.into_recollections();
            found = (!left.is_empty()).then(|| Rc::new(left)).or(found);
            measured.push((scope, rows));
        }
        if found.is_some() {
            state.recollection = found;
        }
        state.seconds.measuring += start.elapsed().as_secs_f64();
        let rows: Vec<Row> = measured
            .iter()
            .flat_map(|(_, rows)| rows)
            .map(|measurement| self.row(state.step, measurement.clone()))
            .collect();
        state.metrics_length = self.directory.append_rows(&rows)?;
        let before_next = state.before_measuring();
        if let Some(trail) = &mut state.trail {
            trail.written.push((state.step, before_next));
        }
        observer.measured(&rows);
        Ok(Some(measured))
    }

    /// The objective as a scope sees it.
    fn objective_in(&self, scope: &Scope, state: &State) -> Objective {
        self.problem.objective.under(Conditions {
            statistics: state.statistics.clone(),
            norm_mode: scope.norm_mode,
            dropout: self.problem.dropout(scope.dropout),
        })
    }

    fn view(&self, scope: &Scope) -> &View {
        let is_it =
            |view: &&View| view.samples == scope.samples && view.norm_mode == scope.norm_mode;
        self.views
            .iter()
            .find(is_it)
            .expect("every scope of the plan has a view")
    }

    /// Waits for work handed to the device, looks at the losses it has left, and charges the wait to
    /// training.
    fn settle(&self, state: &mut State) -> Result<(), TrainError> {
        let wait = Instant::now();
        self.problem.compute().synchronize();
        let diverged = state.losses.settle();
        state.seconds.training += wait.elapsed().as_secs_f64();
        self.go_on_unless(diverged, state)
    }

    /// Refuses to go on from a step whose loss is not finite.
    fn go_on_unless(
        &self,
        diverged: Result<Option<u64>, String>,
        state: &State,
    ) -> Result<(), TrainError> {
        match diverged.map_err(TrainError::Device)? {
            None => Ok(()),
            Some(0) => Err(TrainError::BadStart),
            Some(step) => Err(self.divergence(state, step, "the training loss")),
        }
    }

    fn divergence(&self, state: &State, step: u64, what: &str) -> TrainError {
        TrainError::Diverged(Divergence {
            what: what.to_owned(),
            step,
            epoch: self.epoch(step),
            learning_rate: self.schedule.learning_rate(step.saturating_sub(1)),
            last_finite_loss: state.losses.last_finite,
        })
    }

    fn row(&self, step: u64, measurement: Measurement) -> Row {
        Row {
            run: self.problem.config.name.clone(),
            seed: self.problem.config.seed,
            step: Some(step),
            epoch: Some(self.epoch(step)),
            measurement,
            dtype: self.problem.config.precision,
        }
    }

    /// Refuses to go on where the training loss, if it was measured, is not finite.
    fn judge(&self, state: &State, measured: &Measured) -> Result<(), TrainError> {
        match evaluation(measured) {
            Some(loss) => self.value_of(state, loss).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The training loss in a row, or why the run cannot go on without one.
    fn value_of(&self, state: &State, loss: &Measurement) -> Result<f64, TrainError> {
        if let Some(value) = loss.value {
            return Ok(value);
        }
        let step = state.step;
        match loss.reason().filter(|_| !loss.is_not_finite()) {
            Some(reason) => Err(TrainError::Evaluation {
                step,
                reason: reason.to_owned(),
            }),
            None if step == 0 => Err(TrainError::BadStart),
            None => Err(self.divergence(state, step, "the training loss")),
        }
    }

    fn save(&self, state: &mut State, before: Before) -> Result<(), TrainError> {
        // Reading the parameters waits for work still under way, which is training's.
        self.settle(state)?;
        let snapshot = self.snapshot(state, before)?;
        self.write(state, snapshot)
    }

    /// Writes a checkpoint, unless it held a number that is not finite.
    fn write(&self, state: &State, snapshot: Snapshot) -> Result<(), TrainError> {
        let Snapshot {
            step,
            parameters,
            statistics,
            optimizer,
            before,
        } = snapshot;
        let checkpoint = Checkpoint {
            config: self.problem.config.fingerprint(),
            step,
            parameters: parameters.to_host().map_err(TrainError::Device)?,
            statistics: statistics.to_host().map_err(TrainError::Device)?,
            optimizer,
            recollection: before
                .recollection
                .and_then(|found| found.get("leading").cloned()),
            metrics_length: before.metrics_length,
            seconds: state.seconds,
        };
        match checkpoint.not_finite() {
            Some(what) => Err(self.divergence(state, step, what)),
            None => Ok(self.directory.save_checkpoint(&checkpoint)?),
        }
    }

    /// Saves the state, or that of the last look at the loss: a run that goes on must find the same
    /// end from there.
    fn interrupted(&self, state: &mut State, before: Before) -> Result<Outcome, TrainError> {
        self.settle(state)?;
        let snapshot = match state.trail.take() {
            Some(trail) => trail.last_look,
            None => self.snapshot(state, before)?,
        };
        let step = snapshot.step;
        self.write(state, snapshot)?;
        Ok(Outcome {
            ending: Ending::Interrupted,
            step,
            summary: None,
        })
    }

    fn finish(
        &self,
        state: &State,
        ending: Ending,
        measured: Measured,
        preparing_seconds: Option<f64>,
    ) -> Result<Outcome, TrainError> {
        let values = state.parameters.to_host().map_err(TrainError::Device)?;
        let layout = self.problem.objective.network().layout();
        let statistics = state.statistics.to_host().map_err(TrainError::Device)?;
        let mut arrays = named_blocks(layout, &values);
        arrays.extend(named_blocks(state.statistics.layout(), &statistics));
        let weights = encode(
            &arrays,
            self.problem.config.precision,
            ("format", "pt".to_owned()),
        )
        .map_err(TrainError::Device)?;
        self.directory.write("model.safetensors", &weights)?;
        let stopped_by = match (ending, self.problem.config.train.length()) {
            (Ending::TrainLoss, _) => "train.stop_at_train_loss",
            (_, Length::Epochs(_)) => "train.epochs",
            (_, Length::Steps(_)) => "train.steps",
        };
        let scope = Scope::default();
        let objective = self.objective_in(&scope, state);
        let data = &self.view(&scope).train;
        let degenerate =
            degenerate(&objective, &state.parameters, data).map_err(TrainError::Device)?;
        let train_loss = evaluation(&measured).and_then(|row| row.value);
        let summary = Summary {
            run: self.problem.config.name.clone(),
            seed: self.problem.config.seed,
            steps: state.step,
            epochs: self.epoch(state.step),
            stopped_by: stopped_by.to_owned(),
            train_loss,
            last_step_part: state.last_step_part,
            degenerate,
            parameters: layout.len(),
            maps: applicable(self.problem.objective.network()),
            learning_rate: self.schedule.learning_rate(state.step.saturating_sub(1)),
            training_seconds: state.seconds.training,
            measuring_seconds: state.seconds.measuring,
            preparing_seconds,
            model_sha256: Some(sha256_hex(&weights)),
            measurements: measured.into_iter().flat_map(|(_, rows)| rows).collect(),
        };
        self.directory.write_json("summary.json", &summary)?;
        Ok(Outcome {
            ending,
            step: state.step,
            summary: Some(summary),
        })
    }
}

/// The training loss over all samples, if it is among what was measured.
fn evaluation(measured: &Measured) -> Option<&Measurement> {
    measured
        .iter()
        .filter(|(scope, _)| *scope == Scope::default())
        .flat_map(|(_, rows)| rows)
        .find(|row| row.name == "loss.train")
}

/// On what a step of full-batch descent is made.
fn training_scope(problem: &Problem) -> Scope {
    let norm_mode = match problem.objective.network().has_statistics() {
        true => NormMode::Batch,
        false => NormMode::Eval,
    };
    Scope {
        norm_mode,
        ..Scope::default()
    }
}

/// What is in a plan and has not been measured yet.
fn without(mut due: Due, measured: &Measured) -> Due {
    for (scope, names) in &mut due {
        for (_, rows) in measured.iter().filter(|(other, _)| other == scope) {
            names.retain(|name| !rows.iter().any(|row| row.name == *name));
        }
    }
    due.retain(|(_, names)| !names.is_empty());
    due
}
