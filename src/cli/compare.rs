//! `lab compare`.

use super::output::print;
use super::runs::{self, Found, finished};
use super::{CommandError, ExitCode, Format};
use crate::compare::{FinishedRun, compare};
use crate::config::Config;
use crate::report::ComparisonReport;
use clap::Args;

/// Compare groups of runs: an answer in sentences, then a table.
///
/// The table has the decided lines and the headline measures; what its words mean stands below it.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The config key that makes the groups; several with commas between them
    #[arg(
        long,
        value_name = "KEY",
        default_value = "train.batch_size",
        value_delimiter = ','
    )]
    by: Vec<String>,
    /// Show every line, not only those that are decided or headlines; JSON and CSV have all anyway
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, CommandError> {
    let mut keys: Vec<&str> = Vec::new();
    for key in &args.by {
        Config::check_key(key)?;
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let Found { runs, left_out } = finished(&args.runs, |directory| {
        Ok(FinishedRun::of(directory, directory.finished()?))
    })?;
    let comparison = compare(&runs, left_out, &keys)?;
    runs::warn(&comparison.left_out);
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: args.all,
    };
    print(&args.format.text(&report)?)?;
    Ok(ExitCode::Success)
}
