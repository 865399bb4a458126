//! What commands look at: the solution of a finished run, or weights made elsewhere.

use super::find::find;
use super::{CommandError, DataDir};
use crate::config::{self, Average, Config, Override};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Interrupt, LinearError};
use crate::measure::{self, LastStep, Measurement, Subject, WarmStarts, Weights};
use crate::model::Conditions;
use crate::model::{DropoutMode, NormMode};
use crate::objective::{Chunks, Objective};
use crate::optim::step_rule;
use crate::params::Parameters;
use crate::params::store::read_weights;
use crate::report::Finding;
use crate::run::{Finished, Row, RunDirectory};
use crate::train::{Problem, Recalled, Scope};
use clap::Args;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Which solution, on which data, computed where.
#[derive(Args, Clone, Debug)]
pub struct SolutionArgs {
    /// A run directory: its final weights and its own config
    #[arg(value_name = "RUN_DIR", required_unless_present = "model", conflicts_with_all = ["model", "config"])]
    run: Option<PathBuf>,
    /// Weights with PyTorch's state-dict names and layouts
    #[arg(long, value_name = "FILE.safetensors", requires = "config")]
    model: Option<PathBuf>,
    /// The config that describes the model and its data. How the weights were trained it does not
    /// know: run.* then has no value, and stability.* is about a step with the config's settings
    #[arg(long, value_name = "FILE", requires = "model")]
    config: Option<PathBuf>,
    /// Measure on the first N training samples [default: all]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// How normalisation layers behave: by their running statistics, or by each batch's
    #[arg(long, value_name = "MODE", default_value = "eval", value_parser = ["eval", "batch"])]
    norm_mode: String,
    /// What dropout does: nothing, or silence the same units for every sample
    #[arg(long, value_name = "MODE", default_value = "off", value_parser = ["off", "fixed"])]
    dropout: String,
    /// Which weights of the run: the last ones, or their average, where it keeps one (average.kind)
    #[arg(long, value_name = "WEIGHTS", default_value = "last", value_parser = ["last", "average"], conflicts_with = "model")]
    weights: String,
    /// Where to compute [default: the config's]
    #[arg(long, value_name = "BACKEND", value_parser = ["cpu", "ndarray", "wgpu"])]
    backend: Option<String>,
    /// No progress, only the result
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

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
    /// Which weights of the run they are.
    weights: Weights,
    /// The learning rate of the run's last step.
    learning_rate: Option<f64>,
    train: Chunks,
    test: Chunks,
    /// Where training started; weights made elsewhere did not start where this seed starts.
    initial: Option<Vec<f64>>,
    /// What else was so at the checkpoint, where it is one.
    recalled: Option<Recalled>,
}

/// Another run's solution, of the same model.
pub struct Second {
    /// The run's name and seed.
    pub name: String,
    /// The weights.
    pub values: Vec<f64>,
    /// The running statistics of normalisation layers.
    pub statistics: Vec<f64>,
}

impl SolutionArgs {
    /// The run directory, of a solution that is of a run.
    pub fn run(&self) -> Option<&Path> {
        self.run.as_deref()
    }

    /// The same of another run.
    pub fn of_run(&self, run: &Path) -> Self {
        Self {
            run: Some(run.to_owned()),
            ..self.clone()
        }
    }

    /// Whether the number of samples was chosen.
    pub fn has_samples(&self) -> bool {
        self.samples.is_some()
    }

    /// Reads the solution of another run, whose model must be that of the first but for how it began.
    ///
    /// # Errors
    ///
    /// [`CommandError`] where there is none or it is of another model.
    pub fn second(&self, path: &Path, first: &Solution) -> Result<Second, CommandError> {
        let directory = RunDirectory::open(path)?;
        let finished = directory.finished()?;
        let (ours, theirs) = (model_of(&first.problem.config), model_of(&finished.config));
        if ours != theirs {
            return Err(CommandError::Input(format!(
                "{}: its model is another than the first run's, so no line leads from one to the other; the first has\n{ours}\nand \
                 this one\n{theirs}",
                path.display()
            )));
        }
        let weights = self.weights();
        if weights == Weights::Average && matches!(finished.config.average, Average::None) {
            return Err(CommandError::Input(format!(
                "--weights average: the run in {} keeps no average of its weights",
                path.display()
            )));
        }
        directory.check_weights(&finished.summary, weights)?;
        let network = first.problem.objective.network();
        let layouts = [network.layout(), network.blueprint().statistics()];
        let [values, statistics] =
            read_weights(&directory.weights_file(weights), layouts.map(Arc::as_ref))?;
        Ok(Second {
            name: format!("{}, seed {}", finished.config.name, finished.config.seed),
            values,
            statistics,
        })
    }

    /// Opens the backend, the data and the weights; what is doubtful about them is told.
    ///
    /// # Errors
    ///
    /// [`CommandError`] where any of it is missing, damaged, or does not fit the others.
    pub fn open(&self, finding: &Finding) -> Result<Solution, CommandError> {
        let (config_file, weights_file, finished) = self.source()?;
        let config = self.load(&config_file)?;
        let problem = Rc::new(Problem::open(config, &self.data_dir.data_dir)?);
        self.check_samples(problem.data.train.len())?;
        if let Some(Finished {
            record, summary, ..
        }) = &finished
        {
            record.check_data(problem.sources())?;
            if let Some(reason) = &summary.degenerate {
                finding.warn(&format!("this run is degenerate: {reason}"));
            }
        }
        let network = problem.objective.network();
        let layouts = [network.layout(), network.blueprint().statistics()];
        let [values, statistics] = read_weights(&weights_file, layouts.map(Arc::as_ref))?;
        let conditions = self.conditions(&problem, &statistics);
        let norm_mode = conditions.norm_mode;
        Ok(Solution {
            objective: problem.objective.under(conditions),
            parameters: problem.parameters(&values),
            weights: self.weights(),
            learning_rate: finished.as_ref().map(|run| run.summary.learning_rate),
            step: finished.map(|run| run.summary.steps),
            train: problem.train_chunks(self.samples, norm_mode),
            test: problem.test_chunks(norm_mode),
            initial: self.run.is_some().then(|| problem.initial_values()),
            recalled: None,
            problem,
        })
    }

    /// Config and weights of the solution, and the run that they are of, if they are of one.
    fn source(&self) -> Result<(PathBuf, PathBuf, Option<Finished>), CommandError> {
        if let (Some(model), Some(config)) = (&self.model, &self.config) {
            return Ok((find(config)?, model.clone(), None));
        }
        let path = self.run.as_deref().unwrap_or(Path::new(""));
        let directory = RunDirectory::open(path)?;
        let finished = directory.finished()?;
        let weights = self.weights();
        if weights == Weights::Average && matches!(finished.config.average, Average::None) {
            return Err(CommandError::Input(format!(
                "--weights average: the run in {} keeps no average of its weights; train with average.kind = \
                 \"ema\"",
                path.display()
            )));
        }
        directory.check_weights(&finished.summary, weights)?;
        Ok((
            directory.config_file(),
            directory.weights_file(weights),
            Some(finished),
        ))
    }

    fn weights(&self) -> Weights {
        word(Weights::ALL, Weights::as_str, &self.weights)
    }

    /// On what it is measured, as a hook would say it.
    pub fn scope(&self) -> Scope {
        Scope {
            samples: self.samples,
            norm_mode: word(NormMode::ALL, NormMode::as_str, &self.norm_mode),
            dropout: word(DropoutMode::ALL, DropoutMode::as_str, &self.dropout),
            weights: self.weights(),
            ..Scope::default()
        }
    }

    fn load(&self, path: &Path) -> Result<Config, CommandError> {
        let overrides: Vec<Override> = self
            .backend
            .as_deref()
            .map(|backend| {
                Override::from_flag(&format!("--backend {backend}"), "backend", &backend.into())
            })
            .into_iter()
            .collect();
        Ok(config::load(path, &overrides, &measure::names())?)
    }

    /// What outputs depend on besides parameters and inputs, as the flags say.
    fn conditions(&self, problem: &Problem, statistics: &[f64]) -> Conditions {
        Conditions {
            statistics: problem.statistics(statistics),
            norm_mode: word(NormMode::ALL, NormMode::as_str, &self.norm_mode),
            dropout: problem.dropout(word(DropoutMode::ALL, DropoutMode::as_str, &self.dropout)),
        }
    }

    fn check_samples(&self, available: usize) -> Result<(), CommandError> {
        match self.samples.filter(|&n| n == 0 || n > available) {
            None => Ok(()),
            Some(samples) => Err(CommandError::Input(format!(
                "--samples {samples}: must be from 1 to {available}, the config's training samples"
            ))),
        }
    }
}

/// What a config says of the function that a network is, without where it began.
fn model_of(config: &Config) -> String {
    let mut model = match config.value("model") {
        Some(toml::Value::Table(model)) => model,
        _ => toml::Table::new(),
    };
    model.retain(|key, _| !key.starts_with("init"));
    model.to_string().trim().to_owned()
}

/// The choice of a flag whose words have been checked.
fn word<T: Copy + Default>(all: &[T], name: impl Fn(T) -> &'static str, word: &str) -> T {
    let found = all.iter().copied().find(|&choice| name(choice) == word);
    found.unwrap_or_default()
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
            seed: config.seed,
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
