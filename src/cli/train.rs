//! `lab train`.

use super::interrupt::{self, AtOnce};
use super::output::print;
use super::seeds::{Seeds, parse_seeds};
use super::{DataDir, ExitCode, Failure, device};
use crate::config::{self, Config, Override};
use crate::measure;
use crate::report::{Progress, run_table};
use crate::run::{DirectoryError, Row, RunDirectory, Skipped};
use crate::train::{self, Action, Existing, Found, Observer, Planned, Problem, Run, TrainError};
use clap::Args;
use std::path::{Path, PathBuf};

/// Train a network, measuring on the way.
///
/// One run is written to `DIR/NAME/seed-N`. Ctrl-C saves a checkpoint; `--resume RUN_DIR` goes on
/// with one run, `--resume` beside `--config` (and `--seeds`) with whatever is left of its runs.
#[derive(Args, Debug)]
#[command(after_long_help = LOSSES)]
pub struct TrainArgs {
    /// The experiment: a TOML file, or its name in configs/ with or without .toml
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
    /// Continue the run in this directory, which holds its own config; without a directory, do what
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
  square         1/2 sum_k (z_k - t_k)^2 with t_y = 1 and 0 elsewhere: half the SUM over outputs.
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

    /// Refuses flags that say what the directory of `--resume RUN_DIR` says itself, and a bare
    /// `--resume` of nothing.
    fn check(&self) -> Result<(), Failure> {
        let Some(Some(path)) = &self.resume else {
            return match self.config {
                Some(_) => Ok(()),
                None => Err(Failure::Input(
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
            ("--set", !self.overrides.is_empty()),
            ("--out", self.out.is_some()),
        ];
        match flags.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::Input(format!(
                "--resume {} cannot be used with {flag}: a run directory holds its own config; for \
                 what is left of a config's runs give --resume without a directory",
                path.display()
            ))),
        }
    }
}

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<ExitCode, Failure> {
    args.check()?;
    if let Some(Some(path)) = &args.resume {
        return resume(&Task::single(args), path);
    }
    let configs = configs(args)?;
    if args.dry_run {
        for config in configs {
            let place = RunDirectory::place(args.out(), &config);
            let problem = Problem::open(config, &origin(args), &args.data_dir.data_dir)?;
            print(&described(&problem, &place))?;
        }
        return Ok(ExitCode::Success);
    }
    let planned = configs.into_iter();
    let planned = planned.map(|config| train::plan(config, args.out(), args.existing()));
    train_all(args, planned.collect())
}

/// Trains one run after another, unless one of them cannot be had. One that fails does not cost the
/// others.
fn train_all(args: &TrainArgs, mut planned: Vec<Planned>) -> Result<ExitCode, Failure> {
    let refused = |planned: &Planned| matches!(planned.action, Action::Refuse(_));
    if let Some(place) = planned.iter().position(refused)
        && let Action::Refuse(refusal) = planned.swap_remove(place).action
    {
        return Err(refusal.into());
    }
    let of = planned.len();
    let mut task = Task::single(args);
    let mut code = ExitCode::Success;
    for (index, planned) in planned.into_iter().enumerate() {
        task.place = (of > 1).then_some((index + 1, of));
        let is_begun = !matches!(planned.action, Action::Begin);
        let result = if is_begun {
            resume(&task, &planned.place)
        } else {
            begin(&task, planned)
        };
        match result {
            Ok(ExitCode::Success) => task.finished += 1,
            Ok(other) => return Ok(other),
            Err(failure) if of > 1 && is_of_one_run(&failure, is_begun) => {
                eprintln!("error: {failure}");
                code = failure.exit_code();
            }
            Err(failure) => {
                if of > 1 {
                    eprintln!("{}", task.hint(Path::new("")));
                }
                return Err(failure);
            }
        }
    }
    if task.finished < of && of > 1 {
        eprintln!("{} of {of} runs are finished", task.finished);
    }
    Ok(code)
}

/// Whether a failure says nothing about the other runs of a command.
fn is_of_one_run(failure: &Failure, is_begun: bool) -> bool {
    match failure {
        Failure::Train(_) => true,
        Failure::Input(_) | Failure::Directory(_) => is_begun,
        _ => false,
    }
}

/// One run of a command that may have several.
struct Task<'a> {
    args: &'a TrainArgs,
    /// Which of how many, where there are several.
    place: Option<(usize, usize)>,
    /// How many of them are finished.
    finished: usize,
}

impl<'a> Task<'a> {
    fn single(args: &'a TrainArgs) -> Self {
        Self {
            args,
            place: None,
            finished: 0,
        }
    }

    /// How to go on after an interrupt in this run.
    fn hint(&self, run: &Path) -> String {
        match self.place {
            None => format!("continue with `lab train --resume {}`", run.display()),
            Some((_, of)) => format!(
                "{} of {of} runs are finished; continue with `{}`",
                self.finished,
                continuation(std::env::args().skip(1))
            ),
        }
    }
}

/// The command that does what is left of this one.
fn continuation(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["lab".to_owned()];
    words.extend(arguments.filter(|word| word != "--force"));
    if !words.iter().any(|word| word == "--resume") {
        words.push("--resume".to_owned());
    }
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    words.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The config file as messages name it.
fn origin(args: &TrainArgs) -> String {
    let name = args.config.as_deref().unwrap_or(Path::new(""));
    config::find(name)
        .unwrap_or_else(|_| name.to_owned())
        .display()
        .to_string()
}

/// The checked config of each seed.
fn configs(args: &TrainArgs) -> Result<Vec<Config>, Failure> {
    let name = args.config.as_deref().unwrap_or(Path::new(""));
    let path = config::find(name)?;
    let mut overrides = Vec::new();
    for text in &args.overrides {
        overrides.push(Override::parse(text)?);
    }
    if let Some(backend) = &args.backend {
        let flag = format!("--backend {backend}");
        overrides.push(Override::from_flag(
            &flag,
            "backend",
            &backend.as_str().into(),
        ));
    }
    let known = measure::names();
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
                    Failure::Input(format!("--seed {seed}: the largest seed is {}", i64::MAX))
                })?;
                let flag = format!("--seed {seed}");
                overrides.push(Override::from_flag(&flag, "seed", &value.into()));
            }
            Ok(config::load(&path, &overrides, &known)?)
        })
        .collect()
}

fn begin(task: &Task, planned: Planned) -> Result<ExitCode, Failure> {
    let (args, place) = (task.args, planned.place);
    let words = match task.place {
        None => "nothing was written".to_owned(),
        Some(_) => task.hint(&place),
    };
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run began: {words}"));
    let problem = Problem::open(planned.config, &origin(args), &args.data_dir.data_dir)?;
    drop(at_once);
    execute(task, Run::begin(problem, &place, args.force)?)
}

fn resume(task: &Task, path: &Path) -> Result<ExitCode, Failure> {
    let broken_off = match train::reopen(path)? {
        Found::BrokenOff(broken_off) => broken_off,
        Found::Finished(summary) => {
            eprintln!(
                "{} is finished ({} steps): nothing to resume",
                path.display(),
                summary.steps
            );
            return Ok(ExitCode::Success);
        }
    };
    let words = task.hint(path);
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run went on: {words}"));
    let run = broken_off.load(&task.args.data_dir.data_dir)?;
    drop(at_once);
    execute(task, run)
}

fn execute(task: &Task, mut run: Run) -> Result<ExitCode, Failure> {
    let quiet = task.args.quiet;
    let hint = task.hint(run.path());
    let device = device::announcement(run.problem().compute()).filter(|_| !quiet);
    device.iter().for_each(|device| eprintln!("{device}"));
    let progress = Progress::new(run.problem(), task.place, quiet);
    let before_steps = before_first_step(&run, hint.clone(), progress.clearing());
    let mut watch = Watch {
        at_once: Some(AtOnce::after(before_steps)),
        progress,
    };
    let result = run.execute(interrupt::flag(), &mut watch);
    watch.at_once = None;
    watch.progress.clear();
    let outcome = match result {
        Err(TrainError::Directory(error @ DirectoryError::Io { .. })) => {
            let message = format!("{error}; once that is mended, {hint}");
            return Err(Failure::Other(message));
        }
        result => result?,
    };
    match outcome.summary {
        Some(summary) => {
            print(&run_table(&summary, &run.path().display().to_string()))?;
            Ok(ExitCode::Success)
        }
        None => {
            let (step, of) = (outcome.step, run.problem().total_steps());
            eprintln!("interrupted after step {step} of {of}: checkpoint saved; {hint}");
            Ok(ExitCode::Interrupted)
        }
    }
}

/// What is said and noted when the user interrupts before the first step: while kernels are
/// prepared, say, which no flag can interrupt. What the run directory holds can be resumed.
fn before_first_step(
    run: &Run,
    hint: String,
    clear: impl FnOnce() + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    let (path, mut record) = (run.path().to_owned(), run.record().clone());
    move || {
        clear();
        record.interrupt();
        let noted = RunDirectory::open(&path).and_then(|run| run.write_json("run.json", &record));
        if let Err(error) = noted {
            eprintln!("error: {error}");
        }
        eprintln!("interrupted before the first step: {hint}");
    }
}

/// Shows progress; from the first step on, an interrupt is left to the training loop, which saves a
/// checkpoint.
struct Watch {
    progress: Progress,
    at_once: Option<AtOnce>,
}

impl Observer for Watch {
    fn skipped(&mut self, checkpoint: &Skipped) {
        self.progress.warn(&checkpoint.to_string());
    }

    fn preparing(&mut self) {
        self.progress.preparing();
    }

    fn prepared(&mut self, seconds: f64) {
        self.progress.prepared(seconds);
    }

    fn stepped(&mut self, step: u64) {
        self.at_once = None;
        self.progress.stepped(step);
    }

    fn measuring(&mut self, step: u64) {
        self.progress.measuring(step);
    }

    fn taking(&mut self, name: &str, of: usize) {
        self.progress.taking(name, of);
    }

    fn taken(&mut self, name: &str) {
        self.progress.taken(name);
    }

    fn measured(&mut self, rows: &[Row]) {
        self.progress.measured(rows);
    }
}

/// What `--dry-run` prints.
fn described(problem: &Problem, place: &Path) -> String {
    let config = &problem.config;
    let data = &problem.data;
    format!(
        "{}\n\
         # run directory      {}\n\
         # device             {}\n\
         # training samples   {}\n\
         # test samples       {}\n\
         # parameters         {}\n\
         # steps per epoch    {}\n\
         # steps              {}\n",
        config.to_toml(),
        place.display(),
        problem.compute().device_name(),
        data.train.len(),
        data.test.len(),
        problem.objective.network().layout().len(),
        problem.steps_per_epoch(),
        problem.total_steps(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_done_by_the_same_command_and_resume() {
        let command = |words: &[&str]| continuation(words.iter().map(|&word| word.to_owned()));
        let expected = "lab train --config c.toml --seeds 0..9 --resume";
        assert_eq!(
            command(&["train", "--config", "c.toml", "--force", "--seeds", "0..9"]),
            expected
        );
        assert_eq!(
            command(&["train", "--config", "c.toml", "--seeds", "0..9", "--resume"]),
            expected
        );
        assert_eq!(
            command(&[
                "train",
                "--resume",
                "--set",
                "model.hidden=[3, 4]",
                "--out",
                "it's"
            ]),
            "lab train --resume --set 'model.hidden=[3, 4]' --out 'it'\\''s'"
        );
    }
}
