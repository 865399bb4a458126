//! The arguments of `lab sweep FILE`.

use super::Places;
use crate::cli::output::Format;
use crate::sweep::{Sweep, Task};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What runs the members of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Launcher {
    /// Processes on this machine
    Local,
    /// Array jobs of Slurm
    Slurm,
}

// What stands here would be the command's description: that is in `SweepArgs`.
#[derive(Args, Debug)]
pub(super) struct LaunchArgs {
    /// The sweep: a TOML file, or its name in configs/ with or without .toml
    #[arg(value_name = "FILE", required = true)]
    pub file: Option<PathBuf>,
    /// Members at a time; each has its share of the cores [default: one for each core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// What runs the members
    #[arg(long, value_enum, default_value = "local")]
    pub launcher: Launcher,
    /// Go on although FILE was changed, with the members that stay valid
    #[arg(long)]
    pub resume: bool,
    /// Check everything, print the tasks and what they cost, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A member that fails does not stop the others: the default. It fails where its training diverges or ends with an
    /// error; one that is degenerate has come to its end
    #[arg(long, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// The first member that fails stops the others, which save a checkpoint. A degenerate one (its network has learned
    /// nothing) is a finished run and stops nothing: `lab sweep status` counts and names it
    #[arg(long)]
    pub fail_fast: bool,
    /// With --launcher slurm: submit and leave
    #[arg(long)]
    pub detach: bool,
    /// No progress, only the result
    #[arg(long)]
    pub quiet: bool,
    /// How the plan, or what became of it, is printed
    #[arg(long, value_enum, default_value = "md")]
    pub format: Format,
    #[command(flatten)]
    pub places: Places,
}

impl LaunchArgs {
    /// The arguments of the command that runs one task, but for its number.
    pub fn task_command(&self, sweep: &Sweep) -> Vec<String> {
        let mut words = ["sweep", "run", sweep.file()].map(str::to_owned).to_vec();
        words.extend(["--fingerprint".to_owned(), sweep.fingerprint.clone()]);
        words.extend(self.places.arguments());
        words.push("--quiet".to_owned());
        words
    }
}

/// What messages call a task.
pub(super) fn called(sweep: &Sweep, task: &Task) -> String {
    format!("task {} ({})", task.number, sweep.called(task))
}
