//! Weights alone, whose shapes tell their model.

use super::{Solution, SolutionArgs, word};
use crate::cli::{CommandError, normalise};
use crate::config::Override;
use crate::model::NormMode;
use crate::params::store::WeightsError;
use crate::random::Streams;
use crate::report::Finding;
use crate::train::Problem;
use crate::weights::{self, WeightsFile};
use crate::{data, measure};
use clap::Args;
use lab_formats::weights::rename::Rename;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// What a file of weights does not tell.
#[derive(Args, Clone, Debug)]
pub(super) struct ElsewhereArgs {
    /// The data that a file of weights is measured on (digits, mnist, fashion-mnist, cifar10, text, ...); or arrays, folder or csv
    /// with --set data.file=FILE or --set data.folder=DIR, for data of your own
    #[arg(long, value_name = "NAME", requires = "run", conflicts_with = "model")]
    pub(super) data: Option<String>,
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

impl SolutionArgs {
    /// Opens weights whose model their shapes tell.
    pub(super) fn open_file(
        &self,
        path: &Path,
        finding: &Finding,
    ) -> Result<Solution, CommandError> {
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
        let renames = self.renames()?;
        let inferred = file.inferred(&renames)?;
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
        let filled = file.fill_inferred(&renames, &inferred, layouts.map(Arc::as_ref))?;
        let mut notes = vec![format!("read as {}", weights::said(architecture))];
        notes.extend(assumed);
        notes.extend(self.pixels_assumed(&problem));
        notes.push(samples(self.samples, &problem));
        notes.extend(filled.notes);
        let mut solution = self.solution(Rc::new(problem), filled.vectors, None, false);
        if !overrides.iter().any(|it| it.key() == "seed") {
            solution.seed = None;
        }
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

    /// How inputs are handed on, where nothing says how the file's model wants them.
    fn pixels_assumed(&self, problem: &Problem) -> Option<String> {
        let is_said = |text: &String| text.starts_with("data.normalize");
        if self.elsewhere.normalize.is_some() || self.elsewhere.set.iter().any(is_said) {
            return None;
        }
        let way = problem.config.value("data.normalize")?;
        let way = way.as_str()?;
        Some(format!(
            "assumed: data.normalize = \"{way}\", which shapes do not tell; another by --normalize, such as 0.1307/0.3081"
        ))
    }

    pub(super) fn renames(&self) -> Result<Vec<Rename>, CommandError> {
        let texts = self.elsewhere.rename.iter();
        let parse = |text: &String| {
            let refused = |error| CommandError::Input(format!("--rename {text}: {error}"));
            Rename::parse(text).map_err(refused)
        };
        texts.map(parse).collect()
    }
}

/// On how much is measured, of which only the owner knows whether it is what the weights were trained on.
fn samples(asked: Option<usize>, problem: &Problem) -> String {
    match asked {
        Some(samples) => format!("measured on the first {samples} training samples"),
        None => format!(
            "measured on all {} training samples; --samples N takes the first N, such as those that these weights were trained on",
            problem.data.train.len()
        ),
    }
}

/// The bytes of a file of weights.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    let error = |source| WeightsError::Read {
        path: path.to_owned(),
        source,
    };
    Ok(std::fs::read(path).map_err(error)?)
}
