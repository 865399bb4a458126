//! The command line: one file per command.

mod compare;
mod completions;
mod config;
mod data;
mod demo;
mod device;
mod doctor;
mod exit;
mod experiment;
mod export;
mod find;
mod folder;
mod init;
mod interrupt;
mod lists;
mod manual;
mod measure;
mod normalise;
mod output;
mod plot;
mod reparam;
mod report;
mod runs;
mod screen;
mod selfcheck;
mod slice;
mod solution;
mod sweep;
mod train;
mod watch;

pub use exit::{CommandError, ExitCode, panic_message};

use clap::{Args, Parser, Subcommand};
use output::Format;
use std::path::PathBuf;

/// A laboratory for the loss surfaces of small networks.
///
/// Trains MLPs, ResNets and transformers, measures the geometry of the loss while they train, each
/// number with its error, and compares the solutions. Results go to standard output, progress and
/// logs to standard error.
///
/// Ctrl-C asks a command to stop: training saves a checkpoint, `measure` and `reparam` print what
/// they have found. Asked twice, it ends at once.
///
/// Tables and words are as wide as the terminal, or as COLUMNS says; what goes into a file or a pipe has whole lines.
///
/// Exit codes: 0 success; 1 the run failed; 2 the input is wrong, or there is no place to write a result to; 130
/// interrupted. A run that finds the disk full while it trains has failed (1), and goes on with --resume.
#[derive(Debug, Parser)]
#[command(name = "lab", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

// The words of each are those of its arguments: a comment here would hide them.
#[derive(Debug, Subcommand)]
enum Command {
    Train(train::TrainArgs),
    Sweep(sweep::SweepArgs),
    Measure(measure::MeasureArgs),
    Reparam(reparam::ReparamArgs),
    Compare(compare::CompareArgs),
    Plot(plot::PlotArgs),
    Report(report::ReportArgs),
    Watch(watch::WatchArgs),
    Slice(slice::SliceArgs),
    #[command(subcommand)]
    Export(export::ExportCommand),
    #[command(subcommand)]
    Experiment(experiment::ExperimentCommand),
    #[command(subcommand)]
    Data(data::DataCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Selfcheck(selfcheck::SelfcheckArgs),
    Demo(demo::DemoArgs),
    Doctor(doctor::DoctorArgs),
    Init(init::InitArgs),
    Completions(completions::CompletionsArgs),
    Manual(manual::ManualArgs),
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

/// Runs a parsed command line.
///
/// # Errors
///
/// [`CommandError`], to be printed once; it knows its exit code.
pub fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Measure(args) => measure::run(&args),
        Command::Reparam(args) => reparam::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Slice(args) => slice::run(&args),
        Command::Export(command) => export::run(&command),
        Command::Experiment(command) => experiment::run(&command),
        Command::Data(command) => data::run(&command),
        Command::Config(command) => config::run(&command),
        Command::Selfcheck(args) => selfcheck::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Manual(args) => manual::run(&args),
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
