//! Training the runs of a command, one after another.

use super::TrainArgs;
use super::task::{Command, Task};
use super::watch::{Watch, before_first_step};
use crate::cli::interrupt::{self, AtOnce};
use crate::cli::output::print;
use crate::cli::{CommandError, ExitCode, device, screen};
use crate::config::Override;
use crate::report::{Progress, counted, finished_of, run_table, seed_line, seeds_page};
use crate::run::{DirectoryError, RunDirectory, Summary};
use crate::train::{self, Action, Extended, Found, Planned, Problem, Run, TrainError};
use std::path::Path;

/// How a run ends that did not fail.
pub(in crate::cli) enum Ended {
    /// It came to its end, now.
    Now(Box<Summary>),
    /// It had come to its end before.
    Before(Box<Summary>),
    /// The user interrupted.
    Interrupted,
}

/// Goes on with the run in a directory.
pub(super) fn resume_one(args: &TrainArgs, path: &Path) -> Result<ExitCode, CommandError> {
    conclude(resume(&args.task(None), path)?, path)
}

/// Goes on with the run in a directory to another end than its own.
pub(super) fn extend(
    args: &TrainArgs,
    path: &Path,
    overrides: &[Override],
) -> Result<ExitCode, CommandError> {
    let task = args.task(None);
    let at_once = AtOnce::after(|| {
        eprintln!("interrupted before the run went on: continue with the same command");
    });
    let extended = train::extend(path, overrides, task.data_dir)?;
    drop(at_once);
    let ended = match extended {
        Extended::Finished(summary) => finished(path, summary),
        Extended::Run { run, from, dropped } => {
            let of = run.problem().total_steps();
            eprintln!("{} goes on from step {from} to step {of}", path.display());
            if dropped > 0 {
                eprintln!(
                    "warning: measured after its old end and gone: {}, which the longer run has not asked \
                     for. `lab measure {} --append` measures again, with --checkpoints also at the old end",
                    counted(dropped, "row"),
                    path.display()
                );
            }
            execute(&task, *run)?
        }
    };
    conclude(ended, path)
}

/// Trains one run after another, unless one of them cannot be had. One that fails does not cost the
/// others.
pub(super) fn train_all(args: &TrainArgs, planned: Vec<Planned>) -> Result<ExitCode, CommandError> {
    let mut wanted = Vec::new();
    for planned in planned {
        match planned.action {
            Action::Refuse(refusal) => return Err(refusal.into()),
            _ => wanted.push(planned),
        }
    }
    match <[Planned; 1]>::try_from(wanted) {
        Ok([planned]) => {
            let place = planned.place.clone();
            conclude(train(&args.task(None), planned)?, &place)
        }
        Err(several) => train_several(args, several),
    }
}

/// The end of the only run of a command.
fn conclude(ended: Ended, path: &Path) -> Result<ExitCode, CommandError> {
    match ended {
        Ended::Now(summary) => print(&run_table(&summary, &path.display().to_string()))?,
        Ended::Before(_) => {}
        Ended::Interrupted => return Ok(ExitCode::Interrupted),
    }
    Ok(ExitCode::Success)
}

fn train_several(args: &TrainArgs, planned: Vec<Planned>) -> Result<ExitCode, CommandError> {
    let of = planned.len();
    if args.resume.is_some() && !args.quiet {
        planned
            .iter()
            .for_each(|planned| eprintln!("{}", found(planned)));
    }
    let mut task = args.task(None);
    let mut code = ExitCode::Success;
    let mut finished = 0;
    let mut summaries = Vec::new();
    for (index, planned) in planned.into_iter().enumerate() {
        task.command = Command::OfSeveral {
            run: index + 1,
            of,
            finished,
        };
        let is_there = !matches!(planned.action, Action::Begin);
        let place = planned.place.display().to_string();
        match train(&task, planned) {
            Ok(Ended::Now(summary) | Ended::Before(summary)) => {
                finished += 1;
                print(&seed_line(&summary, &place))?;
                summaries.push(*summary);
            }
            Ok(Ended::Interrupted) => return Ok(ExitCode::Interrupted),
            Err(failure) if is_of_one_run(&failure, is_there) => {
                eprintln!("error: {failure}");
                code = failure.exit_code();
            }
            Err(failure) => {
                eprintln!("{}", task.hint(Path::new("")));
                return Err(failure);
            }
        }
    }
    if let Some(page) = seeds_page(&summaries) {
        print(&format!("\n{}", screen::markdown(&page)))?;
    }
    if finished < of {
        eprintln!("{}", finished_of(finished, of, "run"));
    }
    Ok(code)
}

/// What is found of a run of a set, and so what will be done about it.
fn found(planned: &Planned) -> String {
    let seed = planned.config.seed;
    let directory = RunDirectory::open(&planned.place).ok();
    let hopeless = directory
        .as_ref()
        .and_then(|run| run.check_resumable().err());
    match (&planned.action, directory) {
        (Action::Begin, _) | (_, None) => format!("seed {seed} begins"),
        (Action::Refuse(refusal), _) => format!("seed {seed}: {refusal}"),
        (Action::Leave, Some(directory)) => match directory.read_json::<Summary>("summary.json") {
            Ok(summary) => format!("seed {seed} has ended after step {}", summary.steps),
            Err(_) => {
                format!("seed {seed} has a summary that cannot be read: goes on to its end again")
            }
        },
        (Action::GoOn, Some(directory)) => match (hopeless, directory.newest_step()) {
            (Some(error), _) => format!("seed {seed} cannot go on: {error}"),
            (None, None) => {
                format!("seed {seed} was broken off before its first checkpoint: starts over")
            }
            (None, Some((step, None))) => format!("seed {seed} goes on from step {step}"),
            (None, Some((step, Some(epoch)))) => {
                let epoch = (100.0 * epoch).round() / 100.0;
                format!("seed {seed} goes on from epoch {epoch} (step {step})")
            }
        },
    }
}

/// Whether a failure says nothing about the other runs of a command.
fn is_of_one_run(failure: &CommandError, is_there: bool) -> bool {
    match failure {
        CommandError::Train(_) => true,
        CommandError::Input(_) | CommandError::Directory(_) => is_there,
        _ => false,
    }
}

/// Begins a run, or goes on with it.
pub(in crate::cli) fn train(task: &Task, planned: Planned) -> Result<Ended, CommandError> {
    match planned.action {
        Action::Begin => begin(task, planned),
        _ => resume(task, &planned.place),
    }
}

fn begin(task: &Task, planned: Planned) -> Result<Ended, CommandError> {
    let place = planned.place;
    let words = match task.command {
        Command::OfOneRun => "nothing was written".to_owned(),
        Command::OfSeveral { .. } | Command::ToRepeat => task.hint(&place),
    };
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run began: {words}"));
    let problem = Problem::open(planned.config, task.data_dir)?;
    drop(at_once);
    execute(task, Run::begin(problem, &place, task.force)?)
}

fn resume(task: &Task, path: &Path) -> Result<Ended, CommandError> {
    let broken_off = match train::reopen(path)? {
        Found::BrokenOff(broken_off) => broken_off,
        Found::Finished(summary) => return Ok(finished(path, summary)),
    };
    let words = task.hint(path);
    let at_once = AtOnce::after(move || eprintln!("interrupted before the run went on: {words}"));
    let run = broken_off.load(task.data_dir)?;
    drop(at_once);
    execute(task, run)
}

fn finished(path: &Path, summary: Box<Summary>) -> Ended {
    let (path, steps) = (path.display(), counted(summary.steps as usize, "step"));
    eprintln!("{path} is finished ({steps}): nothing to resume");
    Ended::Before(summary)
}

fn execute(task: &Task, mut run: Run) -> Result<Ended, CommandError> {
    let quiet = task.quiet;
    let hint = task.hint(run.path());
    let device = device::announcement(run.problem().compute()).filter(|_| !quiet);
    device.iter().for_each(|device| eprintln!("{device}"));
    let is_first = task.command.place().is_none_or(|(run, _)| run == 1);
    let remarks = run.problem().data.remarks.iter();
    remarks
        .filter(|_| is_first && !quiet)
        .for_each(|remark| eprintln!("{remark}"));
    let progress = Progress::new(run.problem(), task.command.place(), quiet);
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
            return Err(CommandError::Other(message));
        }
        result => result?,
    };
    match outcome.summary {
        Some(summary) => Ok(Ended::Now(Box::new(summary))),
        None => {
            let (step, of) = (outcome.step, run.problem().total_steps());
            eprintln!("interrupted after step {step} of {of}: checkpoint saved; {hint}");
            Ok(Ended::Interrupted)
        }
    }
}
