//! Printing results to standard output.

use super::Failure;
use std::io::{ErrorKind, Write};

/// Prints a result. A reader that went away (`lab ... | head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Other(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
