//! What commands look at: the solution of a finished run, or weights made elsewhere.

mod described;
mod elsewhere;
mod opened;

pub use described::Second;
pub use opened::Solution;

use super::{CommandError, DataDir};
use crate::config::Override;
use crate::measure::Weights;
use crate::model::{Conditions, DropoutMode, NormMode};
use crate::report::Finding;
use crate::run::Finished;
use crate::train::{Problem, Scope};
use clap::Args;
use elsewhere::ElsewhereArgs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

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
            seed: Some(problem.config.seed),
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

/// The choice of a flag whose words have been checked.
fn word<T: Copy + Default>(all: &[T], name: impl Fn(T) -> &'static str, word: &str) -> T {
    let found = all.iter().copied().find(|&choice| name(choice) == word);
    found.unwrap_or_default()
}
