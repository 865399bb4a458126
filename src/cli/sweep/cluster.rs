//! `lab sweep FILE --launcher slurm`: array jobs, and following them.

use super::args::{LaunchArgs, called};
use super::local::Watch;
use super::{CommandError, ExitCode};
use crate::cli::interrupt;
use crate::cli::train::quoted;
use crate::files::write_atomically;
use crate::report::finished_of;
use crate::sweep::launch::local::Observer;
use crate::sweep::launch::slurm::{self, Script};
use crate::sweep::{MemberState, State, Sweep, SweepDirectory, SweepError};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Between two looks at what became of the members.
const LOOK: Duration = Duration::from_secs(1);

/// Submits what is left to a cluster that takes arrays of this size, and follows it.
pub(super) fn run(
    args: &LaunchArgs,
    sweep: &Sweep,
    directory: &SweepDirectory,
    max_array_size: usize,
) -> Result<ExitCode, CommandError> {
    let left = left(sweep, args.places.out())?;
    if left.is_empty() {
        eprintln!("nothing is left to submit");
        return Ok(ended(directory));
    }
    let script = write_script(args, sweep, directory)?;
    let [tuning, members] = waves(sweep, left);
    let mut jobs: Vec<String> = Vec::new();
    let submit = |tasks: &[usize], after: &[String]| -> Result<Vec<String>, SweepError> {
        let arrays = slurm::arrays(tasks, max_array_size);
        let concurrent = sweep.entries.slurm.concurrent;
        let numbers = arrays
            .iter()
            .map(|array| slurm::submit(&script, array, concurrent, after));
        numbers.collect()
    };
    jobs.extend(submit(&tuning, &[])?);
    let after = jobs.clone();
    jobs.extend(submit(&members, &after)?);
    eprintln!(
        "submitted job {} ({}); `lab sweep status {}` tells how it goes, `scancel {}` ends it",
        jobs.join(", "),
        script.display(),
        directory.path().display(),
        jobs.join(" ")
    );
    match args.detach {
        true => Ok(ExitCode::Success),
        false => follow(args, sweep, directory, &jobs),
    }
}

/// The tasks that tune a learning rate, and the others, which begin once those have ended.
fn waves(sweep: &Sweep, tasks: Vec<usize>) -> [Vec<usize>; 2] {
    let tunes = |task: &usize| sweep.tasks[*task].tunes.is_some();
    let (tuning, members) = tasks.into_iter().partition(tunes);
    [tuning, members]
}

/// The tasks that are neither finished nor hopeless nor under way.
fn left(sweep: &Sweep, out: &Path) -> Result<Vec<usize>, CommandError> {
    let mut left = Vec::new();
    for task in &sweep.tasks {
        let state = match sweep.state(task, out) {
            Err(error @ SweepError::Tuning { .. }) => {
                eprintln!("error: {}: {error}", called(sweep, task));
                continue;
            }
            state => state?.state,
        };
        match state {
            State::Waiting | State::NotBegun | State::BrokenOff | State::Failed(_) => {
                left.push(task.number);
            }
            State::Running | State::Finished(_) | State::Diverged(_) => {}
            State::Unusable(reason) => return Err(CommandError::Input(reason)),
        }
    }
    Ok(left)
}

/// Writes the job script into the folder of the sweep.
fn write_script(
    args: &LaunchArgs,
    sweep: &Sweep,
    directory: &SweepDirectory,
) -> Result<PathBuf, CommandError> {
    let other = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| CommandError::Other(format!("{what}: {error}"))
    };
    let logs = directory.path().join("slurm");
    let shown = logs.display().to_string();
    std::fs::create_dir_all(&logs).map_err(other(&shown))?;
    let logs = logs.canonicalize().map_err(other(&shown))?;
    let text = script(args, sweep, &logs)?;
    let path = logs.join(SCRIPT);
    write_atomically(&path, text.as_bytes()).map_err(other(&path.display().to_string()))?;
    Ok(path)
}

/// The name of the job script.
const SCRIPT: &str = "job.sh";

/// The text of the job script, whose logs go to a folder.
fn script(args: &LaunchArgs, sweep: &Sweep, logs: &Path) -> Result<String, CommandError> {
    let other = |what: &'static str| {
        move |error: std::io::Error| CommandError::Other(format!("{what}: {error}"))
    };
    let folder = std::env::current_dir().map_err(other("the working folder"))?;
    let program = std::env::current_exe().map_err(other("the program's own file"))?;
    let words = [program.display().to_string()].into_iter();
    let words = words
        .chain(args.task_command(sweep))
        .chain(["--requeue".to_owned()]);
    let command: Vec<String> = words.map(quoted).collect();
    let script = Script {
        name: &sweep.name,
        slurm: &sweep.entries.slurm,
        logs,
        folder: &folder,
        command: &command.join(" "),
    };
    Ok(script.text())
}

/// What would be submitted: the commands and the script that they name.
pub(super) fn planned(args: &LaunchArgs, sweep: &Sweep) -> Result<String, CommandError> {
    let logs = sweep.directory(args.places.out()).join("slurm");
    let logs = std::path::absolute(&logs)
        .map_err(|error| CommandError::Other(format!("{}: {error}", logs.display())))?;
    let size = slurm::max_array_size().unwrap_or(slurm::MAX_ARRAY_SIZE);
    let waves = waves(sweep, left(sweep, args.places.out())?);
    if waves.iter().all(Vec::is_empty) {
        return Ok(
            "Nothing would be submitted: every task is finished, under way, or cannot be finished."
                .to_owned(),
        );
    }
    let arrays = waves.map(|tasks| slurm::arrays(&tasks, size)).concat();
    let script_place = logs.join(SCRIPT).display().to_string();
    let command = |array| {
        let options = slurm::options(array, sweep.entries.slurm.concurrent).into_iter();
        let words = std::iter::once("sbatch".to_owned()).chain(options);
        let words = words.chain(std::iter::once(script_place.clone()));
        words.map(quoted).collect::<Vec<_>>().join(" ")
    };
    let commands: Vec<String> = arrays.iter().map(command).collect();
    Ok(format!(
        "Would be submitted (tasks that tune a learning rate first, the others after them):\n\n{}\n\n{script_place}:\n\n{}",
        commands.join("\n"),
        script(args, sweep, &logs)?
    ))
}

/// Tells which members end, until no job is left or the user has seen enough.
fn follow(
    args: &LaunchArgs,
    sweep: &Sweep,
    directory: &SweepDirectory,
    jobs: &[String],
) -> Result<ExitCode, CommandError> {
    let out = args.places.out();
    let mut watch = Watch::new(
        sweep,
        sweep.entries.slurm.concurrent.unwrap_or(1),
        args.quiet,
    );
    let mut left: VecDeque<usize> = (0..sweep.tasks.len()).collect();
    let mut is_first = true;
    loop {
        // Before the states are read, so that nothing ends between the two.
        let are_queued = slurm::are_queued(jobs)?;
        let mut running = Vec::new();
        let mut still = VecDeque::new();
        for task in left {
            let state = match sweep.state(&sweep.tasks[task], out) {
                Err(SweepError::Tuning { .. }) => MemberState::waiting(),
                state => state?,
            };
            match &state.state {
                State::Finished(_) => {
                    let seconds = state.seconds().filter(|_| !is_first);
                    watch.ended(task, &state, seconds);
                }
                State::Diverged(_) if sweep.tasks[task].tunes.is_some() => {
                    watch.ended(task, &state, None);
                }
                State::Diverged(reason) | State::Unusable(reason) => watch.failed(task, reason),
                State::Running => running.push((task, 0.0)),
                _ => still.push_back(task),
            }
        }
        watch.waited(&running, &still);
        left = running.iter().map(|(task, _)| *task).chain(still).collect();
        is_first = false;
        if !are_queued {
            watch.progress.clear();
            return Ok(ended(directory));
        }
        if interrupt::flag().load(Ordering::SeqCst) {
            watch.progress.clear();
            eprintln!("no longer following: the jobs go on by themselves");
            return Ok(ExitCode::Interrupted);
        }
        std::thread::sleep(LOOK);
    }
}

/// How a sweep has ended whose jobs are gone.
fn ended(directory: &SweepDirectory) -> ExitCode {
    let states = directory.states();
    let members = directory.listing.tasks.iter().zip(&states);
    let finished = members.filter(|(task, member)| match member.state {
        State::Finished(_) => true,
        State::Diverged(_) => task.tunes,
        _ => false,
    });
    let (finished, of) = (finished.count(), states.len());
    if finished == of {
        return ExitCode::Success;
    }
    eprintln!(
        "{}; the same command submits the others again",
        finished_of(finished, of, "task")
    );
    ExitCode::Failed
}
