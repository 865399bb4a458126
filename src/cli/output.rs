//! Printing results to standard output.

use super::{CommandError, screen};
use crate::figure::{Figure, Tabulated, Theme};
use crate::files::{is_full, said, write_atomically};
use crate::plot::PlotError;
use crate::report::Report;
use crate::table::{Csv, Latex, Renderer};
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
            Self::Md => Ok(screen::markdown(&report.page())),
            Self::Text => Ok(screen::text(&report.page())),
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

/// Writes a file that a flag names, whole or not at all.
pub fn write_named(flag: &str, path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    check_folder(flag, path)?;
    let place = format!("{flag} {}", path.display());
    write_atomically(path, bytes).map_err(|error| unwritten(&place, &error))
}

/// Why a result could not be written to a place. It is for the user to mend: there is another place, or room to be made.
pub fn unwritten(place: &str, error: &std::io::Error) -> CommandError {
    let remedy = match is_full(error) {
        true => ". Nothing was left there; make room, or write to another disk",
        false => "",
    };
    CommandError::Input(format!("{place}: {}{remedy}", said(error)))
}

/// Refuses a name that does not say that its file is HTML.
pub fn check_page(flag: &str, path: &Path) -> Result<(), CommandError> {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("html" | "htm") => Ok(()),
        _ => Err(CommandError::Input(format!(
            "{flag} {}: a page is written as HTML, and the name of its file ends in .html",
            path.display()
        ))),
    }
}

/// Refuses a file in a folder that is not there, before anything is done for it.
pub fn check_folder(flag: &str, path: &Path) -> Result<(), CommandError> {
    let folder = path.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.exists()) {
        None => Ok(()),
        Some(folder) => Err(CommandError::Input(format!(
            "{flag} {}: there is no folder {}",
            path.display(),
            folder.display()
        ))),
    }
}

/// How a figure is written.
#[derive(Clone, Copy, Debug)]
pub enum Picture {
    /// As an SVG, which follows the viewer's light or dark scheme.
    Svg,
    /// As a PNG.
    Png,
}

impl Picture {
    /// As the ending of a file says that a flag names, which may also have some others.
    pub fn of(flag: &str, out: &Path, others: &[&str]) -> Result<Self, CommandError> {
        let ending = out
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => {
                let found = ending.map_or_else(|| "none".to_owned(), |ending| format!(".{ending}"));
                let allowed: Vec<&str> = others.iter().copied().chain([".svg"]).collect();
                let allowed = allowed.join(", ");
                Err(CommandError::Input(format!(
                    "{flag} {}: the ending says what is written, {allowed} or .png; this is {found}",
                    out.display()
                )))
            }
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// A figure so; what names there are in an SVG begin with that of its file.
    pub fn bytes(self, figure: &Figure, out: &Path) -> Result<Vec<u8>, CommandError> {
        let bytes = match self {
            Self::Svg => figure.svg(&id(out)).map(String::into_bytes),
            Self::Png => figure.png(Theme::Light),
        };
        bytes.map_err(|error| PlotError::from(error).into())
    }

    /// A table that is drawn, so.
    pub fn of_table(self, table: &Tabulated<'_>, out: &Path) -> Result<Vec<u8>, CommandError> {
        let bytes = match self {
            Self::Svg => table.svg(&id(out)).map(String::into_bytes),
            Self::Png => table.png(Theme::Light),
        };
        bytes.map_err(|error| PlotError::from(error).into())
    }
}

/// The name that all names in a document begin with.
fn id(out: &Path) -> String {
    out.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Prints a result. A reader that went away (`lab ... | head`) is no failure.
pub fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
    match written {
        Err(error) if is_full(&error) => Err(unwritten("standard output", &error)),
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Other(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
