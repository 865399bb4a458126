//! `lab train`.

use super::interrupt::{self, AtOnce};
use super::output::print;
use super::seeds::{Seeds, parse_seeds};
use super::{DataDir, ExitCode, Failure, device};
use crate::config::{self, Config, Override};
use crate::measure;
use crate::report::{Progress, run_table};
use crate::train::{
    Checkpoint, DirectoryError, Observer, Outcome, Problem, Row, Run, RunDirectory, RunRecord,
    Status, Summary, TrainError,
};
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
            print(&plan(&problem, &place))?;
        }
        return Ok(ExitCode::Success);
    }
    let planned = configs.into_iter().map(|config| planned(args, config));
    train_all(args, planned.collect::<Result<_, _>>()?)
}

/// What is to be done about one seed.
enum Planned {
    /// Its run is begun.
    Begin(Box<Config>),
    /// The run in this directory is continued, or found to be finished.
    Continue(PathBuf),
}

/// What is to be done about a config; refuses a place that holds another run.
fn planned(args: &TrainArgs, config: Config) -> Result<Planned, Failure> {
    let place = RunDirectory::place(args.out(), &config);
    let is_there = place.join("config.toml").is_file();
    if args.resume.is_none() || !is_there {
        RunDirectory::check(&place, args.force)?;
        return Ok(Planned::Begin(Box::new(config)));
    }
    let found = config::load(&place.join("config.toml"), &[], &measure::names())?;
    let Some(key) = config.difference(&found) else {
        return Ok(Planned::Continue(place));
    };
    let value = |config: &Config| {
        let value = config.value(key).map(|value| value.to_string());
        value.unwrap_or_else(|| "absent".to_owned())
    };
    let (here, there, place) = (value(&config), value(&found), place.display());
    Err(Failure::Input(match key {
        "hooks" => format!("{place} holds a run with other `hooks`; {ANOTHER_CONFIG}"),
        _ => format!(
            "{place} holds a run with another config: `{key}` is {there} there and {here} here; \
             {ANOTHER_CONFIG}"
        ),
    }))
}

/// What to do about it.
const ANOTHER_CONFIG: &str = "to continue it as it is give --resume its directory, to begin another \
                              run choose another place with --out or --set name=...";

/// Trains one run after another. One that fails does not cost the others.
fn train_all(args: &TrainArgs, planned: Vec<Planned>) -> Result<ExitCode, Failure> {
    let of = planned.len();
    let mut task = Task::single(args);
    let mut code = ExitCode::Success;
    for (index, planned) in planned.into_iter().enumerate() {
        task.place = (of > 1).then_some((index + 1, of));
        let is_begun = matches!(planned, Planned::Continue(_));
        let result = match planned {
            Planned::Begin(config) => train(&task, *config),
            Planned::Continue(path) => resume(&task, &path),
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

fn train(task: &Task, config: Config) -> Result<ExitCode, Failure> {
    let args = task.args;
    let place = RunDirectory::place(args.out(), &config);
    let words = match task.place {
        None => "nothing was written".to_owned(),
        Some(_) => task.hint(&place),
    };
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run began: {words}"));
    let problem = Problem::open(config, &origin(args), &args.data_dir.data_dir)?;
    drop(at_once);
    let directory = RunDirectory::create(&place, &problem.config, args.force)?;
    let record = RunRecord::begin(&problem);
    execute(task, &problem, &directory, record, None)
}

fn resume(task: &Task, path: &Path) -> Result<ExitCode, Failure> {
    let directory = RunDirectory::open_for_writing(path)?;
    directory.check_resumable()?;
    let record = directory.read_json::<RunRecord>("run.json").ok();
    let config = directory.config(record.as_ref())?;
    let summary = directory.read_json::<Summary>("summary.json").ok();
    if let Some(summary) = summary.filter(|_| directory.is_finished()) {
        mend_record(&directory, record, &summary)?;
        eprintln!(
            "{} is finished ({} steps): nothing to resume",
            path.display(),
            summary.steps
        );
        return Ok(ExitCode::Success);
    }
    let origin = directory.config_file().display().to_string();
    let words = task.hint(path);
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run went on: {words}"));
    let problem = Problem::open(config, &origin, &task.args.data_dir.data_dir)?;
    drop(at_once);
    let mut record = record.unwrap_or_else(|| RunRecord::begin(&problem));
    record.check_data(&problem).map_err(Failure::Input)?;
    record.go_on();
    let checkpoint = newest_checkpoint(&directory, &problem)?;
    execute(task, &problem, &directory, record, checkpoint)
}

/// A run killed between its summary and its record still says that it is running.
fn mend_record(
    directory: &RunDirectory,
    record: Option<RunRecord>,
    summary: &Summary,
) -> Result<(), Failure> {
    let is_open =
        |record: &RunRecord| !matches!(record.status, Status::Finished | Status::Degenerate);
    if let Some(mut record) = record.filter(is_open) {
        record.finish(summary);
        directory.write_json("run.json", &record)?;
    }
    Ok(())
}

/// The newest checkpoint that can be read; none for a run killed before its first one, which starts
/// over.
fn newest_checkpoint(
    directory: &RunDirectory,
    problem: &Problem,
) -> Result<Option<Checkpoint>, Failure> {
    let files = directory.checkpoint_files();
    for path in &files {
        match usable_checkpoint(path, directory, problem) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(reason) => eprintln!("warning: {}: skipped: {reason}", path.display()),
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    Err(Failure::Input(format!(
        "none of the checkpoints in {} can be used; to start the run over, train it again with --force",
        directory.path().display()
    )))
}

/// A checkpoint of this very run whose rows are still there.
fn usable_checkpoint(
    path: &Path,
    directory: &RunDirectory,
    problem: &Problem,
) -> Result<Checkpoint, String> {
    let blueprint = problem.objective.network().blueprint();
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::decode(&bytes, blueprint, problem.compute())?;
    if checkpoint.config != problem.config.fingerprint() {
        return Err("it was made with another config than config.toml holds now".to_owned());
    }
    let (found, needed) = (directory.metrics_length(), checkpoint.metrics_length);
    if found < needed {
        return Err(format!(
            "metrics.jsonl has {found} bytes, it was made with {needed}"
        ));
    }
    Ok(checkpoint)
}

fn execute(
    task: &Task,
    problem: &Problem,
    directory: &RunDirectory,
    mut record: RunRecord,
    checkpoint: Option<Checkpoint>,
) -> Result<ExitCode, Failure> {
    let quiet = task.args.quiet;
    let hint = task.hint(directory.path());
    let could_not_write =
        |error: DirectoryError| Failure::Other(format!("{error}; once that is mended, {hint}"));
    directory
        .write_json("run.json", &record)
        .map_err(could_not_write)?;
    let device = device::announcement(problem.compute()).filter(|_| !quiet);
    device.iter().for_each(|device| eprintln!("{device}"));
    let progress = Progress::new(problem, task.place, quiet);
    let before_steps = before_first_step(directory, &record, hint.clone(), progress.clearing());
    let mut watch = Watch {
        at_once: Some(AtOnce::after(before_steps)),
        progress,
    };
    let result = Run::new(problem, directory, interrupt::flag()).execute(checkpoint, &mut watch);
    watch.at_once = None;
    watch.progress.clear();
    match &result {
        Ok(Outcome {
            summary: Some(summary),
            ..
        }) => record.finish(summary),
        Ok(_) => record.interrupt(),
        Err(error) => record.fail(error),
    }
    let recorded = directory.write_json("run.json", &record);
    let outcome = match result {
        Err(TrainError::Directory(error @ DirectoryError::Io { .. })) => {
            return Err(could_not_write(error));
        }
        result => result?,
    };
    recorded.map_err(could_not_write)?;
    match outcome.summary {
        Some(summary) => {
            print(&run_table(
                &summary,
                &directory.path().display().to_string(),
            ))?;
            Ok(ExitCode::Success)
        }
        None => {
            let (step, of) = (outcome.step, problem.total_steps());
            eprintln!("interrupted after step {step} of {of}: checkpoint saved; {hint}");
            Ok(ExitCode::Interrupted)
        }
    }
}

/// What is said and noted when the user interrupts before the first step: while kernels are
/// prepared, say, which no flag can interrupt. What the run directory holds can be resumed.
fn before_first_step(
    directory: &RunDirectory,
    record: &RunRecord,
    hint: String,
    clear: impl FnOnce() + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    let (path, mut record) = (directory.path().to_owned(), record.clone());
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
fn plan(problem: &Problem, place: &Path) -> String {
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
