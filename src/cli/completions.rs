//! `lab completions`.

use super::{Cli, CommandError, ExitCode, output};
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

/// Print what a shell needs to complete this program's commands and flags.
///
/// For bash, for example: lab completions bash > ~/.local/share/bash-completion/completions/lab
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionsArgs) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "lab", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Success)
}
