//! `lab plot`.

use super::runs::{self, Found, finished};
use super::{CommandError, ExitCode};
use crate::compare::FinishedRun;
use crate::figure::{Figure, Theme};
use crate::files::write_atomically;
use crate::plot::{Along, PlotError, PlottedRun, Request, Span, What, plot};
use crate::words::Word;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Draw finished runs: means over seeds with bands, logarithmic axes where they fit, the edge of stability.
///
/// Runs that differ only in their seeds are one line; others have lines of their own. An SVG follows the viewer's
/// light or dark scheme, a PNG has 300 dots per inch at 8 or 16 cm.
#[derive(Args, Debug)]
pub struct PlotArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// What to show
    #[arg(long, value_name = "WHAT", default_value = "curves", value_parser = word::<What>())]
    what: What,
    /// The file to write; its ending says what it is: .svg or .png
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What training is counted in
    #[arg(long, value_name = "UNIT", default_value = "epochs", value_parser = word::<Along>())]
    along: Along,
    /// What bands over seeds span: from the smallest to the largest, or one standard deviation to both sides
    #[arg(long, value_name = "SPAN", default_value = "range", value_parser = word::<Span>())]
    band: Span,
}

/// A parser of the words of a choice.
fn word<W: Word + Send + Sync>() -> impl TypedValueParser<Value = W> {
    PossibleValuesParser::new(W::WORDS.iter().copied())
        .map(|word| W::of_word(&word).unwrap_or_default())
}

/// What is written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Svg,
    Png,
}

/// Runs the command.
pub fn run(args: &PlotArgs) -> Result<ExitCode, CommandError> {
    let kind = kind(&args.out)?;
    let Found { runs, mut left_out } = finished(&args.runs, |directory| {
        // What is missing or damaged is said of the run before its rows are read.
        let run = FinishedRun::of(directory, directory.finished()?);
        let rows = directory.rows()?.rows;
        Ok(PlottedRun { run, rows })
    })?;
    let request = Request {
        what: args.what,
        along: args.along,
        span: args.band,
    };
    let drawn = plot(&runs, request);
    if let Ok((_, repeated)) = &drawn {
        left_out.extend_from_slice(repeated);
    }
    runs::warn(&left_out);
    let (figure, _) = drawn?;
    let bytes = bytes(&figure, kind, &args.out)?;
    write_atomically(&args.out, &bytes).map_err(|error| unwritten(&args.out, &error))?;
    eprintln!(
        "{} of {} runs, written to {}",
        args.what,
        runs.len(),
        args.out.display()
    );
    Ok(ExitCode::Success)
}

fn kind(out: &Path) -> Result<Kind, CommandError> {
    let ending = out
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("svg") => Ok(Kind::Svg),
        Some("png") => Ok(Kind::Png),
        _ => {
            let found = ending.map_or_else(|| "none".to_owned(), |ending| format!(".{ending}"));
            Err(CommandError::Input(format!(
                "--out {}: the ending says what is written, .svg or .png; this is {found}",
                out.display()
            )))
        }
    }
}

fn bytes(figure: &Figure, kind: Kind, out: &Path) -> Result<Vec<u8>, CommandError> {
    let id = out.file_stem().unwrap_or_default().to_string_lossy();
    let bytes = match kind {
        Kind::Svg => figure.svg(&id).map(String::into_bytes),
        Kind::Png => figure.png(Theme::Light),
    };
    bytes.map_err(|error| PlotError::from(error).into())
}

/// A full disk is no wrong choice of a place.
fn unwritten(out: &Path, error: &std::io::Error) -> CommandError {
    let message = format!("--out {}: {error}", out.display());
    match error.kind() {
        ErrorKind::StorageFull => CommandError::Other(message),
        _ => CommandError::Input(message),
    }
}
