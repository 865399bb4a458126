//! Weights that a run or a config belongs to.

use super::elsewhere::bytes_of;
use super::{Solution, SolutionArgs};
use crate::cli::CommandError;
use crate::cli::find::{Found, find};
use crate::config::{Average, Config, Override};
use crate::measure::Weights;
use crate::params::store::read_weights;
use crate::report::Finding;
use crate::run::{Finished, RunDirectory};
use crate::train::Problem;
use crate::weights::WeightsFile;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

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

    /// Opens weights that a run or a config belongs to.
    pub(super) fn open_described(&self, finding: &Finding) -> Result<Solution, CommandError> {
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

    fn load(&self, found: &Found) -> Result<Config, CommandError> {
        let overrides: Vec<Override> = self.backend_override().into_iter().collect();
        found.load(&overrides)
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
