//! `lab plot`.

use super::output::{Picture, write_file};
use super::runs::{self, Allowing, Found, finished, usual_keys};
use super::{CommandError, ExitCode};
use crate::compare::{Comparison, FinishedRun, LeftOut, compare};
use crate::figure::Tabulated;
use crate::plot::{Along, PlottedRun, Request, Span, What, plot, ratios};
use crate::report::{ComparisonReport, HEADLINES, Layout, counted};
use crate::words::Word;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
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
    #[command(flatten)]
    allowing: Allowing,
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
enum Drawn {
    /// A figure.
    Figure(What),
    /// The decided lines and the headline measures, as `lab compare` has them.
    Table,
    /// How many times the headline measures of one group are those of another.
    Ratios,
    /// The picture of a slice that lies in a run directory.
    Slice,
}

/// The word of the table, beside those of figures.
const TABLE: &str = "table";

/// The word of ratios.
const RATIOS: &str = "ratios";

/// The word of slices.
const SLICE: &str = "slice";

fn drawn() -> impl TypedValueParser<Value = Drawn> {
    let words = What::WORDS.iter().copied().chain([TABLE, RATIOS, SLICE]);
    PossibleValuesParser::new(words).map(|word| match word.as_str() {
        TABLE => Drawn::Table,
        RATIOS => Drawn::Ratios,
        SLICE => Drawn::Slice,
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
    let what = match args.what {
        Drawn::Slice => return slice(args, kind),
        Drawn::Ratios => return of_groups(args, kind),
        Drawn::Table => None,
        Drawn::Figure(what) => Some(what),
    };
    let Found { runs, mut left_out } = finished(&args.runs, &args.allowing, |directory| {
        // What is missing or damaged is said of the run before its rows are read.
        let run = FinishedRun::of(directory, directory.finished()?);
        let rows = directory.rows()?.rows;
        Ok(PlottedRun { run, rows })
    })?;
    let (bytes, what) = match what {
        Some(what) => {
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
        None => (table(args, &runs, left_out, kind)?, TABLE),
    };
    write_file(&args.out, &bytes)?;
    eprintln!(
        "{what} of {}, written to {}",
        counted(runs.len(), "run"),
        args.out.display()
    );
    Ok(ExitCode::Success)
}

/// The picture of a slice, which `lab slice` has left in the run: of the only one there, or of the one that is named.
fn slice(args: &PlotArgs, kind: Picture) -> Result<ExitCode, CommandError> {
    let [place] = args.runs.as_slice() else {
        return Err(CommandError::Input(format!(
            "--what slice: a picture is of one slice, and {} places are given",
            args.runs.len()
        )));
    };
    let (ending, place) = (kind.ending(), Path::new(place));
    let picture = match place.is_dir() {
        true => only_slice(place, ending)?,
        false => PathBuf::from(format!("{}.{ending}", place.display())),
    };
    let bytes = std::fs::read(&picture)
        .map_err(|error| CommandError::Input(format!("{}: {error}", picture.display())))?;
    write_file(&args.out, &bytes)?;
    eprintln!("{}, written to {}", picture.display(), args.out.display());
    Ok(ExitCode::Success)
}

fn only_slice(run: &Path, ending: &str) -> Result<PathBuf, CommandError> {
    let folder = run.join("slices");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|other| other == ending))
        .collect();
    places.sort();
    match places.as_slice() {
        [place] => Ok(place.clone()),
        [] => Err(CommandError::Input(format!(
            "{}: has no slice; `lab slice {}` makes one",
            folder.display(),
            run.display()
        ))),
        places => {
            let suffix = format!(".{ending}");
            let names = places.iter().map(|place| place.display().to_string());
            let names: Vec<String> = names
                .map(|name| name.trim_end_matches(&suffix).to_owned())
                .collect();
            Err(CommandError::Input(format!(
                "{}: has {} slices; name one of them: {}",
                folder.display(),
                names.len(),
                names.join(", ")
            )))
        }
    }
}

/// The ratios of each place that has two groups by itself; else of all places together.
fn of_groups(args: &PlotArgs, kind: Picture) -> Result<ExitCode, CommandError> {
    let apart: Vec<(String, Comparison)> = args
        .runs
        .iter()
        .map(|place| {
            Ok((
                place.clone(),
                compared(std::slice::from_ref(place), &args.allowing)?,
            ))
        })
        .collect::<Result<_, CommandError>>()?;
    let comparisons = match apart.iter().all(|(_, of)| of.groups.len() == 1) {
        true => vec![(args.runs.join(" "), compared(&args.runs, &args.allowing)?)],
        false => apart,
    };
    for (_, comparison) in &comparisons {
        runs::warn(&comparison.left_out);
    }
    let figure = ratios(&comparisons, &HEADLINES)?;
    write_file(&args.out, &kind.bytes(&figure, &args.out)?)?;
    eprintln!(
        "{RATIOS} of {}, written to {}",
        counted(comparisons.len(), "comparison"),
        args.out.display()
    );
    Ok(ExitCode::Success)
}

/// The runs in some places, compared as `lab compare` does by itself.
fn compared(places: &[String], allowing: &Allowing) -> Result<Comparison, CommandError> {
    let Found { runs, left_out } = finished(places, allowing, |directory| {
        Ok(FinishedRun::of(directory, directory.finished()?))
    })?;
    allowing.check_versions(&runs)?;
    let by = usual_keys(places, &runs);
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    Ok(compare(&runs, left_out, &by)?)
}

/// The table of a comparison, drawn.
fn table(
    args: &PlotArgs,
    runs: &[PlottedRun],
    left_out: Vec<LeftOut>,
    kind: Picture,
) -> Result<Vec<u8>, CommandError> {
    let runs: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    args.allowing.check_versions(&runs)?;
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
