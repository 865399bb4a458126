//! What commands look at: the solution of a finished run, or weights made elsewhere.

use super::find::{Found, find};
use super::{CommandError, DataDir, normalise};
use crate::config::{Average, Config, Override};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::data;
use crate::linear::{Interrupt, LinearError};
use crate::measure::{self, LastStep, Measurement, Session, Subject, WarmStarts, Weights};
use crate::model::Conditions;
use crate::model::{DropoutMode, NormMode};
use crate::objective::{Chunks, Objective};
use crate::optim::step_rule;
use crate::params::Parameters;
use crate::params::store::{WeightsError, read_weights};
use crate::random::Streams;
use crate::report::Finding;
use crate::run::{Finished, Row, RunDirectory};
use crate::train::{Problem, Recalled, Scope};
use crate::weights::{self, WeightsFile};
use clap::Args;
use lab_formats::weights::rename::Rename;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Which solution, on which data, computed where.
#[derive(Args, Clone, Debug)]
pub struct SolutionArgs {
    /// A run directory: its final weights and its own config. Or a file of weights from elsewhere
    /// (.safetensors, .pt, .pth), whose shapes tell the model, with --data
    #[arg(value_name = "RUN_DIR|FILE", required_unless_present = "model", conflicts_with_all = ["model", "config"])]
    run: Option<PathBuf>,
    /// Weights from elsewhere, with the config that describes their model
    #[arg(long, value_name = "FILE", requires = "config")]
    model: Option<PathBuf>,
    /// The config that describes the model and its data. How the weights were trained it does not
    /// know: run.* then has no value, and stability.* is about a step with the config's settings
    #[arg(long, value_name = "FILE", requires = "model")]
    config: Option<PathBuf>,
    #[command(flatten)]
    elsewhere: ElsewhereArgs,
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

/// What a file of weights does not tell.
#[derive(Args, Clone, Debug)]
struct ElsewhereArgs {
    /// The data that a file of weights is measured on (digits, mnist, fashion-mnist, cifar10, text)
    #[arg(long, value_name = "NAME", requires = "run", conflicts_with = "model")]
    data: Option<String>,
    /// How the file's model wants its pixels: unit, standard, imagenet, cifar, or MEANS/DEVIATIONS of the channels,
    /// such as 0.1307/0.3081
    #[arg(long, value_name = "WAY", requires = "data")]
    normalize: Option<String>,
    /// A key that shapes do not tell, such as model.activation=tanh or model.heads=4
    #[arg(long, value_name = "KEY=VALUE", requires = "data")]
    set: Vec<String>,
    /// A new name for the file's tensors, such as 'fc(\d)=layers.$1': what the regular expression finds is replaced;
    /// a tensor without a name is left out
    #[arg(long, value_name = "PATTERN=NAME")]
    rename: Vec<String>,
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
    /// Whether a config says how steps are made; of weights alone nothing does.
    has_training: bool,
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
        match self.run.as_deref().filter(|path| path.is_file()) {
            Some(weights) => self.open_file(weights, finding),
            None => self.open_described(finding),
        }
    }

    /// Opens weights that a run or a config belongs to.
    fn open_described(&self, finding: &Finding) -> Result<Solution, CommandError> {
        if let Some(dataset) = &self.elsewhere.data {
            let run = self.run.as_deref().unwrap_or(Path::new(""));
            if !run.exists() {
                return Err(CommandError::Input(format!(
                    "{}: there is no such file",
                    run.display()
                )));
            }
            return Err(CommandError::Input(format!(
                "--data {dataset}: {} is no file of weights; a run is measured on its own data",
                run.display()
            )));
        }
        let (config, weights_file, finished) = self.source()?;
        let config = self.load(&config)?;
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
        let layouts = layouts.map(Arc::as_ref);
        let is_of_run = finished.is_some();
        let (vectors, notes) = match is_of_run {
            true => (read_weights(&weights_file, layouts)?, Vec::new()),
            false => {
                let bytes = bytes_of(&weights_file)?;
                let file = WeightsFile::read(&weights_file, &bytes)?;
                let filled = file.fill(&self.renames()?, layouts)?;
                (filled.vectors, filled.notes)
            }
        };
        let solution = self.solution(problem, vectors, finished, true);
        if !is_of_run {
            solution.ask(finding, &notes);
        }
        Ok(solution)
    }

    /// Opens weights whose model their shapes tell.
    fn open_file(&self, path: &Path, finding: &Finding) -> Result<Solution, CommandError> {
        let Some(dataset) = &self.elsewhere.data else {
            return Err(CommandError::Input(format!(
                "{} is a file of weights: give the data to measure it on (--data mnist), or the config of its model \
                 (--model {} --config FILE)",
                path.display(),
                path.display()
            )));
        };
        if word(NormMode::ALL, NormMode::as_str, &self.norm_mode) == NormMode::Batch {
            let reason = "--norm-mode batch: weights alone do not tell the size of a batch; a config does (--model FILE --config FILE)";
            return Err(CommandError::Input(reason.to_owned()));
        }
        let bytes = bytes_of(path)?;
        let file = WeightsFile::read(path, &bytes)?;
        let inferred = file.inferred(&self.renames()?)?;
        let architecture = &inferred.architecture;
        let overrides = self.overrides(dataset)?;
        let (config, assumed) = weights::config(architecture, path, &overrides, &measure::names())?;
        let streams = Streams::new(config.seed);
        let data = data::load(&config.data, &self.data_dir.data_dir, &streams)?;
        weights::check_data(architecture, path, &config, &data)?;
        let problem = Problem::with_data(config, data)?;
        self.check_samples(problem.data.train.len())?;
        let network = problem.objective.network();
        let layouts = [network.layout(), network.blueprint().statistics()];
        let filled = file.fill_inferred(&inferred, layouts.map(Arc::as_ref))?;
        let mut notes = vec![format!("read as {}", weights::said(architecture))];
        notes.extend(assumed);
        notes.extend(filled.notes);
        let solution = self.solution(Rc::new(problem), filled.vectors, None, false);
        solution.ask(finding, &notes);
        Ok(solution)
    }

    /// What the command line says of weights without a config.
    fn overrides(&self, dataset: &str) -> Result<Vec<Override>, CommandError> {
        let flag = format!("--data {dataset}");
        let mut overrides = vec![Override::from_flag(&flag, "data.dataset", &dataset.into())];
        if let Some(way) = &self.elsewhere.normalize {
            overrides.extend(normalise::overrides(way)?);
        }
        overrides.extend(self.backend_override());
        for text in &self.elsewhere.set {
            overrides.push(Override::parse(text)?);
        }
        Ok(overrides)
    }

    fn renames(&self) -> Result<Vec<Rename>, CommandError> {
        let texts = self.elsewhere.rename.iter();
        let parse = |text: &String| {
            let refused = |error| CommandError::Input(format!("--rename {text}: {error}"));
            Rename::parse(text).map_err(refused)
        };
        texts.map(parse).collect()
    }

    /// A problem at a point.
    fn solution(
        &self,
        problem: Rc<Problem>,
        [values, statistics]: [Vec<f64>; 2],
        finished: Option<Finished>,
        has_training: bool,
    ) -> Solution {
        let is_of_run = finished.is_some();
        let conditions = self.conditions(&problem, &statistics);
        let norm_mode = conditions.norm_mode;
        Solution {
            objective: problem.objective.under(conditions),
            parameters: problem.parameters(&values),
            weights: self.weights(),
            has_training,
            learning_rate: finished.as_ref().map(|run| run.summary.learning_rate),
            step: finished.map(|run| run.summary.steps),
            train: problem.train_chunks(self.samples, norm_mode),
            test: problem.test_chunks(norm_mode),
            initial: is_of_run.then(|| problem.initial_values()),
            recalled: None,
            problem,
        }
    }

    /// Config and weights of the solution, and the run that they are of, if they are of one.
    fn source(&self) -> Result<(Found, PathBuf, Option<Finished>), CommandError> {
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
            Found::read(directory.config_file())?,
            directory.weights_file(weights),
            Some(finished),
        ))
    }

    fn weights(&self) -> Weights {
        word(Weights::ALL, Weights::as_str, &self.weights)
    }

    fn backend_override(&self) -> Option<Override> {
        let backend = self.backend.as_deref()?;
        let flag = format!("--backend {backend}");
        Some(Override::from_flag(&flag, "backend", &backend.into()))
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

    fn load(&self, found: &Found) -> Result<Config, CommandError> {
        let overrides: Vec<Override> = self.backend_override().into_iter().collect();
        found.load(&overrides)
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

/// The bytes of a file of weights.
fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    let error = |source| WeightsError::Read {
        path: path.to_owned(),
        source,
    };
    Ok(std::fs::read(path).map_err(error)?)
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

    /// Asks whether weights from elsewhere do what their owner knows of them, and says how they were read.
    fn ask(&self, finding: &Finding, notes: &[String]) {
        let measured =
            Session::new(self.subject()).measure_watched(&["accuracy.test"], &mut |_| {});
        let accuracy = measured.ok().and_then(|rows| rows.first()?.value);
        if let Some(accuracy) = accuracy {
            finding.say(&format!(
                "accuracy on the test part {:.1} %: is it yours?",
                100.0 * accuracy
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
