//! The command line: one file per command.

mod compare;
mod config;
mod data;
mod exit;
mod folder;
mod lists;
mod measure;
mod output;
mod reparam;
mod selfcheck;
mod solution;
mod train;

pub use exit::{ExitCode, Failure, panic_message};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A laboratory for the loss surfaces of small networks.
///
/// Trains MLPs, measures the geometry of the loss while they train, and compares the solutions.
/// Results go to standard output, progress and logs to standard error.
///
/// Exit codes: 0 success; 1 the run failed; 2 the input is wrong; 130 interrupted, after saving a
/// checkpoint.
#[derive(Debug, Parser)]
#[command(name = "lab", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network, measuring on the way
    Train(train::TrainArgs),
    /// Measure a finished run, or weights made elsewhere
    Measure(measure::MeasureArgs),
    /// Check which measures survive maps that leave the function alone
    Reparam(reparam::ReparamArgs),
    /// Compare groups of runs in one table
    Compare(compare::CompareArgs),
    /// List, fetch and verify data sets
    #[command(subcommand)]
    Data(data::DataCommand),
    /// List the keys of a config, or print their JSON schema
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Compare this installation with closed forms
    Selfcheck(selfcheck::SelfcheckArgs),
}

/// Where data sets live.
#[derive(Args, Clone, Debug)]
struct DataDir {
    /// The folder with the data sets (mnist/, fashion-mnist/, cifar-10-batches-bin/)
    /// [default: $LAB_DATA_DIR, else data]
    #[arg(
        long = "data-dir",
        value_name = "DIR",
        default_value_os_t = folder::of_data(),
        hide_default_value = true,
        value_parser = folder::parser()
    )]
    data_dir: PathBuf,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A Markdown table
    Md,
    /// JSON
    Json,
    /// Comma-separated values
    Csv,
}

/// Runs a parsed command line.
///
/// # Errors
///
/// [`Failure`], to be printed once; it knows its exit code.
pub fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Measure(args) => measure::run(&args),
        Command::Reparam(args) => reparam::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Data(command) => data::run(&command),
        Command::Config(command) => config::run(&command),
        Command::Selfcheck(args) => selfcheck::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
