//! `lab sweep FILE --launcher local`: processes of this program, each of which runs one task.

use super::args::{LaunchArgs, called};
use super::{CommandError, ExitCode};
use crate::cli::interrupt;
use crate::cli::output::print;
use crate::report::{SweepProgress, finished_of, seed_line};
use crate::sweep::launch::local::{self, Observer, Options, Tasks};
use crate::sweep::{Forecast, MemberState, State, Sweep, SweepError};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Command;

/// How many members run at a time, and with how many threads each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jobs {
    jobs: usize,
    threads: usize,
}

impl Jobs {
    /// One member for each core where the user says nothing.
    ///
    /// # Errors
    ///
    /// More members than cores.
    pub fn new(args: &LaunchArgs) -> Result<Self, CommandError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = args.jobs.unwrap_or(cores);
        if jobs == 0 || jobs > cores {
            return Err(CommandError::Input(format!(
                "--jobs {jobs}: from 1 to {cores}, as many as there are cores: each member has one thread at least"
            )));
        }
        Ok(Self {
            jobs,
            threads: cores / jobs,
        })
    }
}

/// Runs every task that is left.
pub(super) fn run(
    args: &LaunchArgs,
    sweep: &Sweep,
    Jobs { jobs, threads }: Jobs,
) -> Result<ExitCode, CommandError> {
    let program = std::env::current_exe()
        .map_err(|error| CommandError::Other(format!("the program's own file: {error}")))?;
    let members = Members {
        args,
        sweep,
        program,
        threads,
    };
    let options = Options {
        jobs,
        fails_fast: args.fail_fast,
    };
    let mut watch = Watch::new(sweep, jobs, args.quiet);
    let order = 0..sweep.tasks.len();
    let outcome = local::run(&members, order, options, interrupt::flag(), &mut watch);
    watch.progress.clear();
    let outcome = outcome?;
    let of = sweep.tasks.len();
    if interrupt::flag().load(std::sync::atomic::Ordering::SeqCst) {
        eprintln!(
            "interrupted: {}; the same command goes on with the others",
            finished_of(outcome.finished, of, "task")
        );
        return Ok(ExitCode::Interrupted);
    }
    match outcome.failed + outcome.left {
        0 => Ok(ExitCode::Success),
        _ => {
            let left = match outcome.left {
                0 => String::new(),
                1 => ", 1 is left".to_owned(),
                left => format!(", {left} are left"),
            };
            eprintln!(
                "{}, {} ended with an error{left}",
                finished_of(outcome.finished, of, "task"),
                outcome.failed
            );
            Ok(ExitCode::Failed)
        }
    }
}

struct Members<'a> {
    args: &'a LaunchArgs,
    sweep: &'a Sweep,
    program: PathBuf,
    threads: usize,
}

impl Tasks for Members<'_> {
    fn state(&self, task: usize) -> Result<MemberState, SweepError> {
        self.sweep
            .state(self.sweep.task(task)?, self.args.places.out())
    }

    fn must_converge(&self, task: usize) -> bool {
        // That training diverges at a rate is what tuning is to find out.
        let task = self.sweep.tasks.get(task);
        task.is_some_and(|task| task.tunes.is_none())
    }

    fn command(&self, task: usize) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(self.args.task_command(self.sweep))
            .args(["--task", &task.to_string()])
            .env("RAYON_NUM_THREADS", self.threads.to_string());
        command
    }
}

/// Tells what happens.
pub(super) struct Watch<'a> {
    sweep: &'a Sweep,
    jobs: usize,
    quiet: bool,
    pub progress: SweepProgress,
    forecast: Forecast,
    failed: usize,
}

impl<'a> Watch<'a> {
    pub fn new(sweep: &'a Sweep, jobs: usize, quiet: bool) -> Self {
        Self {
            sweep,
            jobs,
            quiet,
            progress: SweepProgress::new(sweep.tasks.len(), quiet),
            forecast: Forecast::default(),
            failed: 0,
        }
    }

    fn arm(&self, task: usize) -> usize {
        self.sweep.tasks.get(task).map_or(0, |task| task.arm)
    }
}

impl Observer for Watch<'_> {
    fn ended(&mut self, task: usize, member: &MemberState, seconds: Option<f64>) {
        self.progress.ended();
        if let Some(seconds) = seconds.or_else(|| member.seconds()) {
            self.forecast.ended(self.arm(task), seconds);
        }
        if let (State::Finished(summary), Some(_), false) = (&member.state, seconds, self.quiet) {
            let line = seed_line(summary, &member.place.display().to_string());
            // A reader that is gone ends no sweep.
            let _ = self.progress.aside(|| print(&line));
        }
    }

    fn failed(&mut self, task: usize, reason: &str) {
        self.failed += 1;
        self.progress.ended();
        if let Some(task) = self.sweep.tasks.get(task) {
            let called = called(self.sweep, task);
            self.progress
                .aside(|| eprintln!("error: {called}: {reason}"));
        }
    }

    fn waited(&mut self, running: &[(usize, f64)], queue: &VecDeque<usize>) {
        let under_way = running
            .iter()
            .map(|(task, seconds)| (self.arm(*task), *seconds));
        let left = queue.iter().map(|task| (self.arm(*task), 0.0));
        let members: Vec<(usize, f64)> = under_way.chain(left).collect();
        let left = self.forecast.left(&members, self.jobs);
        self.progress.show(running.len(), self.failed, left);
    }
}
