//! Printing results to standard output.

use super::CommandError;
use crate::files::write_atomically;
use crate::report::Report;
use crate::table::{Csv, Latex, Markdown, Renderer, Terminal};
use clap::ValueEnum;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown
    Md,
    /// Plain text for a terminal
    Text,
    /// LaTeX, for documents with the package booktabs
    Latex,
    /// JSON
    Json,
    /// Comma-separated values
    Csv,
}

impl Format {
    /// What was found, in this form.
    pub fn text<R: Report + ?Sized>(self, report: &R) -> Result<String, CommandError> {
        match self {
            Self::Md => Ok(Markdown.page(&report.page())),
            Self::Text => Ok(Terminal.page(&report.page())),
            Self::Latex => Ok(Latex.page(&report.page())),
            Self::Csv => Ok(Csv.table(&report.records())),
            Self::Json => report
                .json()
                .map_err(|error| CommandError::Other(error.to_string())),
        }
    }
}

/// Writes the file that `--out` names, as [`write_named`].
pub fn write_file(out: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    write_named("--out", out, bytes)
}

/// Writes a file that a flag names, whole or not at all. A full disk is no wrong choice of a place.
pub fn write_named(flag: &str, path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    write_atomically(path, bytes).map_err(|error| {
        let message = format!("{flag} {}: {error}", path.display());
        match error.kind() {
            ErrorKind::StorageFull => CommandError::Other(message),
            _ => CommandError::Input(message),
        }
    })
}

/// Prints a result. A reader that went away (`lab ... | head`) is no failure.
pub fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Other(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
