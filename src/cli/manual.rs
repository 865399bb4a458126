//! `lab manual`.

use super::{Cli, CommandError, ExitCode, output};
use crate::files::Together;
use clap::{Args, CommandFactory};
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
    let mut together = Together::default();
    together
        .folder(&args.out)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.out))
        .map_err(|error| output::unwritten(&format!("--out {shown}"), &error))?;
    together.keep();
    output::print(&format!(
        "{shown}: a page for each command; `man {}` shows the first",
        args.out.join("lab.1").display()
    ))?;
    Ok(ExitCode::Success)
}
