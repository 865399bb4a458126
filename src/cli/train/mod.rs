//! `lab train`.

mod runs;
mod task;
mod watch;

pub(in crate::cli) use runs::{Ended, train};
pub(in crate::cli) use task::{Command, Task, quoted};

use super::find::find;
use super::output::print;
use super::{CommandError, DataDir, ExitCode};
use crate::config::{Config, Override};
use crate::run::RunDirectory;
use crate::seeds::{Seeds, parse_seeds};
use crate::train::{self, Existing, Problem};
use clap::Args;
use std::path::{Path, PathBuf};

/// Train a network, measuring on the way.
///
/// One run is written to `DIR/NAME/seed-N`. Ctrl-C saves a checkpoint; `--resume RUN_DIR` goes on
/// with one run, `--resume` beside `--config` (and `--seeds`) with whatever is left of its runs.
/// `--resume RUN_DIR --set train.epochs=N` makes of a run that has ended the run of N epochs.
#[derive(Args, Debug)]
#[command(after_long_help = LOSSES)]
pub struct TrainArgs {
    /// The experiment: a TOML file, or its name in configs/ or among those of `lab init`, with or without .toml
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Where to compute [default: the config's, else cpu]
    #[arg(long, value_name = "BACKEND", value_parser = ["cpu", "ndarray", "wgpu"])]
    backend: Option<String>,
    /// The run's seed [default: the config's, else 0]
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Several seeds, one run each: `0..5` (0 to 4), `0..=5` (0 to 5), or a list `0,3,7`
    #[arg(long, value_name = "RANGE", value_parser = parse_seeds)]
    seeds: Option<Seeds>,
    /// Override a config key; the value is TOML, a bare word is a string
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The folder under which runs are written, as `DIR/NAME/seed-N` [default: runs]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Continue the run in this directory, which holds its own config, with --set train.epochs or
    /// train.steps to another end than its own; without a directory, do what
    /// is left of the runs of --config: begin those not begun, continue those broken off
    #[arg(long, value_name = "RUN_DIR", num_args = 0..=1)]
    resume: Option<Option<PathBuf>>,
    /// Replace an earlier run in the same place
    #[arg(long, conflicts_with = "resume")]
    force: bool,
    /// Check everything, print the resolved plan, write nothing
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

/// What `train.loss` may be, with its scale: every gradient and curvature has the loss's.
const LOSSES: &str = "\
Losses (train.loss), each the mean over samples; z are the outputs of a sample, y is its label:
  cross_entropy  -ln softmax(z)_y, in nats
  square         1/2 sum_k (z_k - t_k)^2 with t_y = 1 and 0 elsewhere, or the numbers t_k that are
                 to be predicted (data.task = \"regression\"): half the SUM over outputs.
                 PyTorch's MSELoss, without the half and a mean over K outputs, is 2/K times this,
                 and so are its gradients and curvature
  logistic       sum_k ln(1 + exp(-t_k z_k)) with t_y = 1 and -1 elsewhere; two classes have a
                 single output, positive for the second
  exponential    sum_k exp(-t_k z_k), with the same signs
A sequence counts with the mean over its positions.";

impl TrainArgs {
    /// The folder of runs.
    fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("runs"))
    }

    /// What becomes of a run that is there already.
    fn existing(&self) -> Existing {
        if self.resume.is_some() {
            Existing::GoOn
        } else if self.force {
            Existing::Replace
        } else {
            Existing::Keep
        }
    }

    /// One run of several where `place` says which of how many.
    fn task(&self, place: Option<(usize, usize)>) -> Task<'_> {
        Task {
            data_dir: &self.data_dir.data_dir,
            force: self.force,
            quiet: self.quiet,
            command: match place {
                None => Command::OfOneRun,
                Some((run, of)) => Command::OfSeveral {
                    run,
                    of,
                    finished: 0,
                },
            },
        }
    }

    /// What `--set` says.
    fn overrides(&self) -> Result<Vec<Override>, CommandError> {
        let mut overrides = Vec::new();
        for text in &self.overrides {
            overrides.push(Override::parse(text)?);
        }
        Ok(overrides)
    }

    /// Refuses flags that say what the directory of `--resume RUN_DIR` says itself, and a bare
    /// `--resume` of nothing.
    fn check(&self) -> Result<(), CommandError> {
        let Some(Some(path)) = &self.resume else {
            return match self.config {
                Some(_) => Ok(()),
                None => Err(CommandError::Input(
                    "--resume needs a run directory, or --config FILE for what is left of its runs"
                        .to_owned(),
                )),
            };
        };
        let flags = [
            ("--config", self.config.is_some()),
            ("--backend", self.backend.is_some()),
            ("--seed", self.seed.is_some()),
            ("--seeds", self.seeds.is_some()),
            ("--out", self.out.is_some()),
        ];
        match flags.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(CommandError::Input(format!(
                "--resume {} cannot be used with {flag}: a run directory holds its own config; for \
                 what is left of a config's runs give --resume without a directory",
                path.display()
            ))),
        }
    }
}

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<ExitCode, CommandError> {
    args.check()?;
    if let Some(Some(path)) = &args.resume {
        return match args.overrides()? {
            overrides if overrides.is_empty() => runs::resume_one(args, path),
            overrides => runs::extend(args, path, &overrides),
        };
    }
    let configs = configs(args)?;
    if args.dry_run {
        for config in configs {
            let place = RunDirectory::place(args.out(), &config);
            let problem = Problem::open(config, &args.data_dir.data_dir)?;
            print(&described(&problem, &place))?;
        }
        return Ok(ExitCode::Success);
    }
    let planned = configs.into_iter();
    let planned = planned.map(|config| train::plan(config, args.out(), args.existing()));
    runs::train_all(args, planned.collect())
}

/// The checked config of each seed.
fn configs(args: &TrainArgs) -> Result<Vec<Config>, CommandError> {
    let name = args.config.as_deref().unwrap_or(Path::new(""));
    let found = find(name)?;
    let mut overrides = args.overrides()?;
    if let Some(backend) = &args.backend {
        let flag = format!("--backend {backend}");
        overrides.push(Override::from_flag(
            &flag,
            "backend",
            &backend.as_str().into(),
        ));
    }
    let seeds: Vec<Option<u64>> = match (&args.seeds, args.seed) {
        (Some(seeds), _) => seeds.0.iter().copied().map(Some).collect(),
        (None, seed) => vec![seed],
    };
    seeds
        .into_iter()
        .map(|seed| {
            let mut overrides = overrides.clone();
            if let Some(seed) = seed {
                let value = i64::try_from(seed).map_err(|_| {
                    CommandError::Input(format!("--seed {seed}: the largest seed is {}", i64::MAX))
                })?;
                let flag = format!("--seed {seed}");
                overrides.push(Override::from_flag(&flag, "seed", &value.into()));
            }
            found.load(&overrides)
        })
        .collect()
}

/// What `--dry-run` prints.
fn described(problem: &Problem, place: &Path) -> String {
    let config = &problem.config;
    let data = &problem.data;
    let remarks = data.remarks.iter();
    let remarks: String = remarks.map(|remark| format!("# {remark}\n")).collect();
    format!(
        "{}\n\
         # run directory      {}\n\
         # device             {}\n\
         # training samples   {}\n\
         # test samples       {}\n\
         # parameters         {}\n\
         # steps per epoch    {}\n\
         # steps              {}\n\
         # learning rate      {}\n{remarks}",
        config.to_toml(),
        place.display(),
        problem.compute().device_name(),
        data.train.len(),
        data.test.len(),
        problem.objective.network().layout().len(),
        problem.epochs().first(),
        problem.total_steps(),
        problem.base_rate(),
    )
}
