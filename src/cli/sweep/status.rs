//! `lab sweep status`.

use super::{CommandError, ExitCode};
use crate::cli::output::{Format, print};
use crate::report::StatusReport;
use crate::sweep::SweepDirectory;
use clap::Args;
use std::path::PathBuf;

/// What became of a sweep, read off its runs.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// The folder of the sweep: runs/NAME
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// How it is printed; csv and json have a row for each task
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, CommandError> {
    let directory = SweepDirectory::open(&args.directory)?;
    let report = StatusReport {
        listing: &directory.listing,
        states: &directory.states(),
    };
    print(&args.format.text(&report)?)?;
    Ok(ExitCode::Success)
}
