//! What is asked for: of which runs, which measures.

use super::MeasureArgs;
use crate::cli::{CommandError, runs};
use crate::linear::Budget;
use crate::measure::{ChainSettings, find};
use crate::report::Finding;
use std::path::{Path, PathBuf};

/// What is measured, of what.
pub(super) struct Asked<'a> {
    /// The run directories and files of weights; one that is none for weights with a config.
    pub places: Vec<Option<PathBuf>>,
    /// The measures.
    pub names: Vec<&'static str>,
    /// Measures that are of the whole network, and are left out where layers are measured.
    left_out: Vec<&'static str>,
    /// How chains run, where that was said.
    pub chains: ChainSettings,
    args: &'a MeasureArgs,
}

impl<'a> Asked<'a> {
    /// Of the flags and these measures.
    pub fn new(args: &'a MeasureArgs, names: Vec<&'static str>) -> Result<Self, CommandError> {
        let places = places(args)?;
        if args.density.is_some() && places.len() > 1 {
            return Err(CommandError::Input(format!(
                "--density is of one solution, and these are {} runs: give one of them",
                places.len()
            )));
        }
        let is_of_block = |name: &&str| find(name).is_some_and(|measure| measure.is_of_block);
        let (names, left_out) = match args.per_layer {
            true => names.into_iter().partition(is_of_block),
            false => (names, Vec::new()),
        };
        if names.is_empty() {
            return Err(CommandError::Input(format!(
                "--per-layer: nothing of these measures is about a layer by itself ({}); add one that is, such as \
                 hessian.lambda_max, hessian.trace, gradient.norm or norm.l2",
                left_out.join(", ")
            )));
        }
        let chains = args.chains.settings(&names)?;
        Ok(Self {
            places,
            names,
            left_out,
            chains,
            args,
        })
    }

    /// Says which measures are left out.
    pub fn tell_left_out(&self, finding: &Finding) {
        if !self.left_out.is_empty() {
            let names = self.left_out.join(", ");
            finding.say(&format!(
                "left out, because they are of the whole network: {names}"
            ));
        }
    }

    /// Bounds on each estimate.
    pub fn budget(&self) -> Budget {
        Budget {
            max_matvecs: self.args.max_matvecs.map(|most| most as usize),
            max_seconds: self.args.max_seconds,
        }
    }
}

/// The runs that the arguments stand for, and then files of weights; a single directory is itself, whatever is in it.
fn places(args: &MeasureArgs) -> Result<Vec<Option<PathBuf>>, CommandError> {
    let Some(first) = args.solution.run() else {
        return Ok(vec![None]);
    };
    let needs_run = [
        ("--append", args.append),
        ("--checkpoints", args.checkpoints),
    ];
    let all = std::iter::once(first).chain(args.more.iter().map(PathBuf::as_path));
    for (flag, _) in needs_run.into_iter().filter(|(_, is_given)| *is_given) {
        if let Some(file) = all.clone().find(|place| place.is_file()) {
            return Err(CommandError::Input(format!(
                "{flag} needs run directories, and {} is a file of weights: it has no rows and no checkpoints",
                file.display()
            )));
        }
    }
    if args.more.is_empty() && !is_of_several(first) {
        return Ok(vec![Some(first.to_owned())]);
    }
    let arguments = std::iter::once(first).chain(args.more.iter().map(PathBuf::as_path));
    let (files, others): (Vec<&Path>, Vec<&Path>) = arguments.partition(|path| path.is_file());
    let others: Vec<String> = others
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let places = runs::directories(&others)?.into_values();
    let files = files.into_iter().map(Path::to_owned);
    Ok(places.chain(files).map(Some).collect())
}

/// Whether an argument may stand for several runs: a folder that is none itself, or a pattern.
fn is_of_several(path: &Path) -> bool {
    let is_pattern = || path.to_string_lossy().contains(['*', '?', '[']);
    match path.exists() {
        true => {
            path.is_dir()
                && !path.join("config.toml").is_file()
                && runs::directories(&[path.display().to_string()]).is_ok()
        }
        false => is_pattern(),
    }
}
