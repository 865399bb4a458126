//! `lab sweep run`.

use super::{CommandError, ExitCode, Places, open};
use crate::cli::interrupt;
use crate::cli::output::print;
use crate::cli::train::{Command, Ended, Task as Training, train};
use crate::report::{counted, seed_line};
use crate::run::DirectoryError;
use crate::sweep::launch::slurm;
use crate::sweep::{Member, MemberState, State, Sweep, SweepDirectory, SweepError, Task};
use crate::train::{self, Action, Existing};
use clap::Args;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Run one task of a sweep; skip it if it is finished, continue it if it was broken off.
///
/// Where its learning rate is to be tuned, the runs that tune it come first, unless they are finished.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// The sweep: a TOML file, or its name in configs/ with or without .toml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task's number
    #[arg(long, value_name = "N")]
    task: usize,
    /// Refuse to run if FILE has another fingerprint, and so perhaps other tasks
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// As a job of Slurm: when asked to stop, save and go back into the queue
    #[arg(long)]
    requeue: bool,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    places: Places,
}

/// Between two looks at a run that another process has.
const BUSY: Duration = Duration::from_millis(200);

/// A run that is busy so often in a row is another process's: it may have been somebody who only looked.
const LOOKS: usize = 5;

/// What became of a task here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Interrupted,
    /// Another process has it.
    Left,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, CommandError> {
    if args.requeue {
        interrupt::after_farewells(|| {
            if let Err(error) = slurm::requeue() {
                eprintln!("error: {error}");
            }
        });
    }
    let sweep = open(&args.file, &args.places)?;
    if let Some(expected) = args
        .fingerprint
        .as_ref()
        .filter(|given| **given != sweep.fingerprint)
    {
        return Err(SweepError::Fingerprint {
            file: sweep.file().to_owned(),
            found: sweep.fingerprint.clone(),
            expected: expected.clone(),
        }
        .into());
    }
    let task = *sweep.task(args.task)?;
    // Before anything is written.
    sweep.planned(&task, args.places.out())?;
    SweepDirectory::claim(&sweep, args.places.out(), false)?;
    let end = loop {
        let end = match tune(args, &sweep, &task)? {
            End::Finished => run_task(args, &sweep, &task)?,
            end => end,
        };
        // A job that was queued again after its node was lost may find that the node is not, or that the lock outlives
        // it for a while; nobody would run the task if it left.
        if !(args.requeue && end == End::Left) {
            break end;
        }
        if interrupt::flag().load(Ordering::SeqCst) {
            break End::Interrupted;
        }
        std::thread::sleep(BUSY);
    };
    match end {
        End::Finished => Ok(ExitCode::Success),
        End::Left => {
            eprintln!("task {} is another process's: left to it", task.number);
            Ok(ExitCode::Success)
        }
        End::Interrupted => {
            if args.requeue && slurm::requeue()? {
                eprintln!("task {} is back in the queue", task.number);
            }
            Ok(ExitCode::Interrupted)
        }
    }
}

/// Runs what tunes the learning rate of a task, waiting for those that others run.
fn tune(args: &RunArgs, sweep: &Sweep, task: &Task) -> Result<End, CommandError> {
    if task.tunes.is_some() {
        return Ok(End::Finished);
    }
    for tuning in sweep.tuning_of(task.arm) {
        loop {
            let state = sweep.state(tuning, args.places.out())?.state;
            if matches!(state, State::Finished(_) | State::Diverged(_)) {
                break;
            }
            match run_task(args, sweep, tuning) {
                Ok(End::Finished) => break,
                Ok(End::Interrupted) => return Ok(End::Interrupted),
                Ok(End::Left) if interrupt::flag().load(Ordering::SeqCst) => {
                    return Ok(End::Interrupted);
                }
                Ok(End::Left) => std::thread::sleep(BUSY),
                // A rate at which training diverges is not chosen, and that is all.
                Err(error) => match sweep.state(tuning, args.places.out())?.state {
                    State::Diverged(_) => break,
                    _ => return Err(error),
                },
            }
        }
    }
    Ok(End::Finished)
}

fn run_task(args: &RunArgs, sweep: &Sweep, task: &Task) -> Result<End, CommandError> {
    let out = args.places.out();
    let member = sweep.planned(task, out)?.ok_or_else(|| {
        CommandError::Other(format!("task {} still waits for tuning", task.number))
    })?;
    let state = MemberState::of(&member.place(), Some(&member.config));
    Sweep::check_version(&state)?;
    match state.state {
        State::Finished(summary) => {
            let (place, steps) = (member.place(), counted(summary.steps as usize, "step"));
            eprintln!("{} is finished ({steps}): nothing to do", place.display());
            Ok(End::Finished)
        }
        State::Diverged(reason) => Err(CommandError::Other(format!(
            "{}: {reason}; it would again: move it away to try all the same",
            member.place().display()
        ))),
        State::Unusable(reason) => Err(CommandError::Input(reason)),
        _ => train_member(args, &member),
    }
}

/// Begins a member's run or goes on with it, unless another process has it.
fn train_member(args: &RunArgs, member: &Member) -> Result<End, CommandError> {
    let training = Training {
        data_dir: &args.places.data_dir.data_dir,
        force: false,
        quiet: args.quiet,
        command: Command::ToRepeat,
    };
    for _ in 0..LOOKS {
        let planned = train::plan(member.config.clone(), &member.out, Existing::GoOn);
        let planned = match planned.action {
            Action::Refuse(refusal) => return Err(refusal.into()),
            Action::Leave => return Ok(End::Finished),
            Action::Begin | Action::GoOn => planned,
        };
        let place = planned.place.display().to_string();
        match train(&training, planned) {
            Ok(Ended::Now(summary)) => {
                print(&seed_line(&summary, &place))?;
                return Ok(End::Finished);
            }
            Ok(Ended::Before(_)) => return Ok(End::Finished),
            Ok(Ended::Interrupted) => return Ok(End::Interrupted),
            // Busy now, or begun by another process after we had looked.
            Err(CommandError::Directory(DirectoryError::Busy(_) | DirectoryError::Exists(_))) => {
                std::thread::sleep(BUSY);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(End::Left)
}
