//! `lab sweep list`.

use super::{CommandError, ExitCode, Places, check, open};
use crate::cli::output::print;
use crate::cli::train::quoted;
use clap::Args;
use std::path::PathBuf;

/// Print the command of each task, one a line, for any engine that runs lines.
///
/// Each can be given again: what is finished is skipped, what was broken off goes on. For GNU parallel:
/// `lab sweep list FILE | parallel --jobs 2`; for HyperQueue: `lab sweep list FILE > tasks && hq submit --each-line tasks --
/// bash -c '$HQ_ENTRY'`.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// The sweep: a TOML file, or its name in configs/ with or without .toml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    places: Places,
}

/// Runs the command.
pub(super) fn run(args: &ListArgs) -> Result<ExitCode, CommandError> {
    let sweep = open(&args.file, &args.places)?;
    check::every_arm(&sweep, args.places.out(), |_, _| Ok(()))?;
    let lines = sweep.tasks.iter().map(|task| {
        let number = task.number.to_string();
        let fixed = ["lab", "sweep", "run", sweep.file(), "--task", &number];
        let mut words = fixed.map(str::to_owned).to_vec();
        words.extend(["--fingerprint".to_owned(), sweep.fingerprint.clone()]);
        words.extend(args.places.arguments());
        words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    });
    print(&lines.collect::<Vec<_>>().join("\n"))?;
    Ok(ExitCode::Success)
}
