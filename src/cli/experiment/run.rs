//! `lab experiment run`.

use super::{subject, write};
use crate::cli::output::print;
use crate::cli::{CommandError, ExitCode, interrupt};
use crate::experiment::outcome::{Outcome, files};
use crate::experiment::{Experiment, ExperimentError, Extent, Setup, Subject, Value, catalogue};
use crate::seeds::{Seeds, parse_seeds_alone};
use crate::table::{Renderer, Terminal};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Run experiments: what was found, the verdict on every claim, and where the pictures are.
///
/// The files of an experiment go to DIR/NAME: report.md, result.json, a CSV for each table and figure, and each figure as
/// SVG and PNG. The same command gives the same bytes, but for the seconds.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Names, as `lab experiment list` prints them
    #[arg(value_name = "NAME", required_unless_present_any = ["subject", "all"])]
    names: Vec<String>,
    /// All experiments of a subject
    #[arg(long, value_name = "SUBJECT", value_parser = subject(), conflicts_with_all = ["names", "all"])]
    subject: Option<Subject>,
    /// All experiments
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Smaller problems and fewer seeds: a second or two for each
    #[arg(long)]
    quick: bool,
    /// The seeds, as a range or a list, instead of the experiment's own; without a meaning where nothing is random
    #[arg(long, value_name = "SEEDS", value_parser = parse_seeds_alone)]
    seeds: Option<Seeds>,
    /// Another value of a parameter, for all of the experiments that have it
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder for the results
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    out: PathBuf,
    /// How many experiments run at the same time; the cores are divided among them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

/// An experiment that is to be run.
struct Task {
    experiment: &'static dyn Experiment,
    values: BTreeMap<&'static str, Value>,
    seeds: Vec<u64>,
    is_quick: bool,
    folder: PathBuf,
}

/// Runs the command.
pub fn run(args: &RunArgs) -> Result<ExitCode, CommandError> {
    let tasks = tasks(args)?;
    let bar = bar(tasks.len());
    let results = on_all(&tasks, usize::from(args.jobs), |index, result| {
        bar.inc(1);
        bar.suspend(|| tell(&tasks[index], result))
    });
    bar.finish_and_clear();
    let mut worst = ExitCode::Success;
    for result in results? {
        match result {
            Some(code) if code != ExitCode::Success => worst = code,
            None => return Ok(ExitCode::Interrupted),
            Some(_) => {}
        }
    }
    Ok(worst)
}

fn tasks(args: &RunArgs) -> Result<Vec<Task>, CommandError> {
    let mut experiments = Vec::new();
    for name in &args.names {
        let found = catalogue::find(name)?;
        let is_new = |other: &&dyn Experiment| other.about().name != found.about().name;
        if experiments.iter().all(is_new) {
            experiments.push(found);
        }
    }
    if let Some(subject) = args.subject {
        experiments.extend(catalogue::of(subject));
    } else if args.all {
        experiments = catalogue::all();
    }
    let values = catalogue::settings(&experiments, &args.set)?;
    write::check_root(&args.out)?;
    let with_values = experiments.into_iter().zip(values);
    let tasks = with_values.map(|(experiment, values)| {
        let about = experiment.about();
        let folder = args.out.join(about.name);
        write::check(&folder)?;
        Ok(Task {
            experiment,
            values,
            seeds: seeds(args, about.seeds),
            is_quick: args.quick,
            folder,
        })
    });
    tasks.collect()
}

fn seeds(args: &RunArgs, own: Extent<u64>) -> Vec<u64> {
    match &args.seeds {
        _ if own.full == 0 => Vec::new(),
        Some(Seeds(seeds)) => seeds.clone(),
        None if args.quick => (0..own.quick).collect(),
        None => (0..own.full).collect(),
    }
}

/// What came of a task: the outcome, which has been written, or why there is none.
type Done = Result<Outcome, CommandError>;

/// Carries the tasks out, `jobs` at a time, and tells of each in their order; none for those that were interrupted.
fn on_all(
    tasks: &[Task],
    jobs: usize,
    mut tell: impl FnMut(usize, Done) -> Result<ExitCode, CommandError>,
) -> Result<Vec<Option<ExitCode>>, CommandError> {
    let jobs = jobs.clamp(1, tasks.len().max(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Before the threads: their pools are taken down with them.
    let flag = interrupt::flag();
    let next = AtomicUsize::new(0);
    let mut codes: Vec<Option<ExitCode>> = tasks.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads((cores / jobs).max(1))
                .build()
                .map_err(|error| CommandError::Other(error.to_string()))?;
            scope.spawn(move || {
                while !flag.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(index) else { break };
                    let done = pool.install(|| carry_out(task, flag));
                    if sender.send((index, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut told = 0;
        for (index, done) in receiver {
            waiting.insert(index, done);
            while let Some(done) = waiting.remove(&told) {
                if let Some(done) = done {
                    codes[told] = Some(tell(told, done)?);
                }
                told += 1;
            }
        }
        Ok(codes)
    })
}

/// Runs one experiment and writes what it found; none where it was interrupted.
fn carry_out(task: &Task, flag: &std::sync::atomic::AtomicBool) -> Option<Done> {
    let about = task.experiment.about();
    let begun = Instant::now();
    let setup = Setup::new(task.values.clone(), task.seeds.clone(), task.is_quick, flag);
    let findings = match task.experiment.run(&setup) {
        Ok(findings) => findings,
        Err(ExperimentError::Interrupted) => return None,
        Err(ExperimentError::Failed(reason)) => {
            return Some(Err(CommandError::Other(format!(
                "{}: {reason}",
                about.name
            ))));
        }
    };
    let parameters = task.experiment.parameters().into_iter().map(|parameter| {
        let default = if task.is_quick {
            parameter.quick
        } else {
            parameter.full
        };
        let value = task.values.get(parameter.name).unwrap_or(&default);
        (parameter.name.to_owned(), value.json())
    });
    let outcome = Outcome {
        quick: task.is_quick,
        seeds: task.seeds.clone(),
        parameters: parameters.collect(),
        seconds: begun.elapsed().as_secs_f64(),
        ..Outcome::of(&about, &findings)
    };
    let files = files(&about, &findings, &outcome)
        .map_err(|error| CommandError::Other(format!("{}: {error}", about.name)));
    let written = files.and_then(|files| write::write(&task.folder, &files));
    Some(written.map(|()| outcome))
}

/// Prints what was found; a failure is printed too, and the others go on.
fn tell(task: &Task, done: Done) -> Result<ExitCode, CommandError> {
    match done {
        Ok(outcome) => {
            print(&found(&outcome, &task.folder))?;
            Ok(ExitCode::Success)
        }
        Err(error) => {
            eprintln!("error: {error}");
            Ok(error.exit_code())
        }
    }
}

fn found(outcome: &Outcome, folder: &Path) -> String {
    let figures = outcome.figures.join(", ");
    let place = folder.display();
    let pictures = if figures.is_empty() {
        format!("Report in {place}.")
    } else {
        format!("Report and figures ({figures}) in {place}.")
    };
    format!(
        "{}: {}\n\n{}\n\n{pictures}\n",
        outcome.name,
        outcome.finding,
        Terminal.table(&outcome.table())
    )
}

fn bar(length: usize) -> ProgressBar {
    if length < 2 && !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template(
        "{bar:30} {pos} of {len} experiments, {elapsed}, about {eta} left",
    );
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
