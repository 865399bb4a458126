//! `lab train`.

use super::output::print;
use super::{DataDir, ExitCode, Failure};
use crate::config::{self, Config, Override};
use crate::measure;
use crate::report::{Progress, run_table};
use crate::train::{
    Checkpoint, DirectoryError, Outcome, Problem, Run, RunDirectory, RunRecord, Status, Summary,
    TrainError,
};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Train a network, measuring on the way.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// The experiment: a TOML file, or its name in configs/ with or without .toml
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "resume",
        conflicts_with = "resume"
    )]
    config: Option<PathBuf>,
    /// Where to compute [default: the config's, else cpu]
    #[arg(long, value_name = "BACKEND", value_parser = ["cpu", "ndarray", "wgpu"], conflicts_with = "resume")]
    backend: Option<String>,
    /// The run's seed [default: the config's, else 0]
    #[arg(long, value_name = "N", conflicts_with_all = ["resume", "seeds"])]
    seed: Option<u64>,
    /// Several seeds, one run each: `0..5` (0 to 4) or `0,3,7`
    #[arg(long, value_name = "RANGE", conflicts_with = "resume", value_parser = parse_seeds)]
    seeds: Option<Seeds>,
    /// Override a config key; the value is TOML, a bare word is a string
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "resume")]
    overrides: Vec<String>,
    /// The folder under which the run is written, as `DIR/NAME/seed-N`
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs",
        conflicts_with = "resume"
    )]
    out: PathBuf,
    /// Continue the run in this directory; it holds its own config
    #[arg(long, value_name = "RUN_DIR")]
    resume: Option<PathBuf>,
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

/// The most seeds one command trains.
const MOST_SEEDS: usize = 10_000;

/// The seeds of `--seeds`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seeds(Vec<u64>);

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| {
        text.trim().parse::<u64>().map_err(|_| {
            format!("`{text}` is not a seed: use a range such as 0..5, or a list such as 0,3,7")
        })
    };
    let mut seeds = match text.split_once("..") {
        // One more than allowed is enough to refuse a range without listing it.
        Some((first, last)) => match last.strip_prefix('=') {
            Some(last) => (number(first)?..=number(last)?)
                .take(MOST_SEEDS + 1)
                .collect(),
            None => (number(first)?..number(last)?)
                .take(MOST_SEEDS + 1)
                .collect(),
        },
        None => text.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
    };
    let mut seen = BTreeSet::new();
    seeds.retain(|seed| seen.insert(*seed));
    if seeds.len() > MOST_SEEDS {
        return Err(format!("{text} stands for more than {MOST_SEEDS} seeds"));
    }
    if seeds.is_empty() {
        return Err(format!(
            "{text} holds no seed; 0..5 stands for 0, 1, 2, 3, 4"
        ));
    }
    Ok(Seeds(seeds))
}

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<ExitCode, Failure> {
    if let Some(path) = &args.resume {
        return resume(args, path);
    }
    let configs = configs(args)?;
    if args.dry_run {
        for config in configs {
            let place = RunDirectory::place(&args.out, &config);
            let problem = Problem::open(config, &origin(args), &args.data_dir.data_dir)?;
            print(&plan(&problem, &place))?;
        }
        return Ok(ExitCode::Success);
    }
    for config in &configs {
        RunDirectory::check(&RunDirectory::place(&args.out, config), args.force)?;
    }
    let interrupt = interrupt_flag();
    let mut code = ExitCode::Success;
    let several = configs.len() > 1;
    for config in configs {
        match train(args, config, interrupt) {
            Ok(ExitCode::Success) => {}
            Ok(other) => return Ok(other),
            // One seed that diverges must not cost the others.
            Err(failure @ Failure::Train(_)) if several => {
                eprintln!("error: {failure}");
                code = failure.exit_code();
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(code)
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

fn train(
    args: &TrainArgs,
    config: Config,
    interrupt: &'static AtomicBool,
) -> Result<ExitCode, Failure> {
    let place = RunDirectory::place(&args.out, &config);
    let problem = Problem::open(config, &origin(args), &args.data_dir.data_dir)?;
    let directory = RunDirectory::create(&place, &problem.config, args.force)?;
    let record = RunRecord::begin(&problem);
    execute(args, &problem, &directory, record, None, interrupt)
}

fn resume(args: &TrainArgs, path: &Path) -> Result<ExitCode, Failure> {
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
    let problem = Problem::open(config, &origin, &args.data_dir.data_dir)?;
    let mut record = record.unwrap_or_else(|| RunRecord::begin(&problem));
    record.check_data(&problem).map_err(Failure::Input)?;
    record.go_on();
    let checkpoint = newest_checkpoint(&directory, &problem)?;
    execute(
        args,
        &problem,
        &directory,
        record,
        checkpoint,
        interrupt_flag(),
    )
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
    args: &TrainArgs,
    problem: &Problem,
    directory: &RunDirectory,
    mut record: RunRecord,
    checkpoint: Option<Checkpoint>,
    interrupt: &AtomicBool,
) -> Result<ExitCode, Failure> {
    let place = directory.path().display();
    let could_not_write = |error: DirectoryError| {
        Failure::Other(format!(
            "{error}; once that is mended, continue with `lab train --resume {place}`"
        ))
    };
    directory
        .write_json("run.json", &record)
        .map_err(could_not_write)?;
    let mut progress = Progress::new(problem.total_steps(), problem.steps_per_epoch(), args.quiet);
    let result = Run::new(problem, directory, interrupt).execute(checkpoint, &mut progress);
    progress.clear();
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
            print(&run_table(&summary, &place.to_string()))?;
            Ok(ExitCode::Success)
        }
        None => {
            eprintln!(
                "interrupted after step {} of {}: checkpoint saved; continue with `lab train --resume {place}`",
                outcome.step,
                problem.total_steps()
            );
            Ok(ExitCode::Interrupted)
        }
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

/// A flag that the first Ctrl-C raises; the second ends the program at once.
fn interrupt_flag() -> &'static AtomicBool {
    static RAISED: AtomicBool = AtomicBool::new(false);
    // Without a handler Ctrl-C still ends the program, only without a checkpoint.
    let _ = ctrlc::set_handler(|| {
        if RAISED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(u8::from(ExitCode::Interrupted)));
        }
    });
    &RAISED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_ranges_or_lists() {
        let seeds = |text: &str| parse_seeds(text).map(|seeds| seeds.0);
        assert_eq!(seeds("0..3"), Ok(vec![0, 1, 2]));
        assert_eq!(seeds("2..=3"), Ok(vec![2, 3]));
        assert_eq!(seeds("4, 1, 4"), Ok(vec![4, 1]));
        assert!(seeds("0..1000000000000").unwrap_err().contains("more than"));
        assert!(seeds("3..3").unwrap_err().contains("no seed"));
        assert!(seeds("a..3").unwrap_err().contains("`a` is not a seed"));
    }
}
