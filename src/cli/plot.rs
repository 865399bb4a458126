//! `lab plot`.

use super::output::{Picture, write_file};
use super::runs::{self, Found, finished, usual_keys};
use super::{CommandError, ExitCode};
use crate::compare::{FinishedRun, LeftOut, compare};
use crate::figure::Tabulated;
use crate::plot::{Along, PlottedRun, Request, Span, What, plot};
use crate::report::{ComparisonReport, Layout};
use crate::words::Word;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

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
    #[arg(long, value_name = "WHAT", default_value = "curves", value_parser = drawn())]
    what: Drawn,
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

/// What is drawn.
#[derive(Clone, Copy, Debug)]
enum Drawn {
    /// A figure.
    Figure(What),
    /// The decided lines and the headline measures, as `lab compare` has them.
    Table,
}

/// The word of the table, beside those of figures.
const TABLE: &str = "table";

fn drawn() -> impl TypedValueParser<Value = Drawn> {
    let words = What::WORDS.iter().copied().chain([TABLE]);
    PossibleValuesParser::new(words).map(|word| match word.as_str() {
        TABLE => Drawn::Table,
        word => Drawn::Figure(What::of_word(word).unwrap_or_default()),
    })
}

/// A parser of the words of a choice.
fn word<W: Word + Send + Sync>() -> impl TypedValueParser<Value = W> {
    PossibleValuesParser::new(W::WORDS.iter().copied())
        .map(|word| W::of_word(&word).unwrap_or_default())
}

/// Runs the command.
pub fn run(args: &PlotArgs) -> Result<ExitCode, CommandError> {
    let kind = Picture::of("--out", &args.out, &[])?;
    let Found { runs, mut left_out } = finished(&args.runs, |directory| {
        // What is missing or damaged is said of the run before its rows are read.
        let run = FinishedRun::of(directory, directory.finished()?);
        let rows = directory.rows()?.rows;
        Ok(PlottedRun { run, rows })
    })?;
    let (bytes, what) = match args.what {
        Drawn::Figure(what) => {
            let request = Request {
                what,
                along: args.along,
                span: args.band,
            };
            let drawn = plot(&runs, request);
            if let Ok((_, repeated)) = &drawn {
                left_out.extend_from_slice(repeated);
            }
            runs::warn(&left_out);
            (kind.bytes(&drawn?.0, &args.out)?, what.as_str())
        }
        Drawn::Table => (table(args, &runs, left_out, kind)?, TABLE),
    };
    write_file(&args.out, &bytes)?;
    eprintln!(
        "{what} of {} runs, written to {}",
        runs.len(),
        args.out.display()
    );
    Ok(ExitCode::Success)
}

/// The table of a comparison, drawn.
fn table(
    args: &PlotArgs,
    runs: &[PlottedRun],
    left_out: Vec<LeftOut>,
    kind: Picture,
) -> Result<Vec<u8>, CommandError> {
    let runs: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    let by = usual_keys(&args.runs, &runs);
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    let comparison = compare(&runs, left_out, &by)?;
    runs::warn(&comparison.left_out);
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: false,
        layout: Layout::default(),
    };
    let table = report.table().0;
    let drawn = Tabulated {
        title: "Measures at the end of training",
        table: &table,
    };
    kind.of_table(&drawn, &args.out)
}
