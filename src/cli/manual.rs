//! `lab manual`.

use super::{Cli, CommandError, ExitCode, output};
use clap::{Args, CommandFactory};
use std::fs;
use std::path::PathBuf;

/// Write manual pages, one for each command, for `man`.
#[derive(Args, Debug)]
pub struct ManualArgs {
    /// The folder they are written to, made where it is missing
    #[arg(long, value_name = "DIR", default_value = "man1")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &ManualArgs) -> Result<ExitCode, CommandError> {
    let shown = args.out.display();
    fs::create_dir_all(&args.out)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.out))
        .map_err(|error| CommandError::Input(format!("--out {shown}: {error}")))?;
    output::print(&format!(
        "{shown}: a page for each command; `man {}` shows the first",
        args.out.join("lab.1").display()
    ))?;
    Ok(ExitCode::Success)
}
