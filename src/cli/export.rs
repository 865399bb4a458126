//! `lab export`.

use super::output::{print, unwritten, write_file};
use super::runs::{self, Allowing, Found, finished};
use super::train::quoted;
use super::{CommandError, ExitCode};
use crate::export::{ExportedRun, MARGINS, event_file, table};
use crate::files::Together;
use crate::report::counted;
use clap::{Args, Subcommand};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Hand the rows of runs to other programs.
///
/// Runs that are not finished are exported as far as they are. `metrics.jsonl` of a run is read by DuckDB, Polars and pandas as it
/// is; docs/metrics.schema.json says what its fields mean.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Event files for TensorBoard: scalars with their errors, histograms, hyperparameters
    ///
    /// The histograms are of the eigenvalues (rows `hessian.lambda_*`) and of the least margins of the classes (rows
    /// `margin.class.*`, which are in no preset: a hook names them, or `lab measure RUN --measures
    /// margin.class.0,margin.class.1 --append`) at each step that has such rows.
    Tensorboard(TensorboardArgs),
    /// One table of all rows, with the run and its config in every row, as CSV
    Csv(CsvArgs),
    /// The same as a Parquet file
    Parquet(ParquetArgs),
}

/// Of event files.
#[derive(Args, Debug)]
pub struct TensorboardArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The folder to write to: `tensorboard --logdir DIR` shows it
    #[arg(long, value_name = "DIR", default_value = "tensorboard")]
    out: PathBuf,
    #[command(flatten)]
    allowing: Allowing,
}

/// Of a table as CSV.
#[derive(Args, Debug)]
pub struct CsvArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    allowing: Allowing,
}

/// Of a table as Parquet.
#[derive(Args, Debug)]
pub struct ParquetArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    allowing: Allowing,
}

/// The file of a run's events. The name is always the same, so that what is exported again takes the place of what was there, and
/// no step is shown twice.
const EVENTS: &str = "events.out.tfevents.0000000000.lab";

/// Runs the command.
pub fn run(command: &ExportCommand) -> Result<ExitCode, CommandError> {
    match command {
        ExportCommand::Tensorboard(args) => tensorboard(args),
        ExportCommand::Csv(args) => {
            let runs = read(&args.runs, &args.allowing)?;
            let text = table(&runs).csv();
            match &args.out {
                None => print(&text)?,
                Some(out) => write_table(out, text.as_bytes(), &runs)?,
            }
            Ok(ExitCode::Success)
        }
        ExportCommand::Parquet(args) => {
            let runs = read(&args.runs, &args.allowing)?;
            let bytes = table(&runs).parquet();
            let bytes = bytes.map_err(|error| CommandError::Other(error.to_string()))?;
            write_table(&args.out, &bytes, &runs)?;
            Ok(ExitCode::Success)
        }
    }
}

fn read(arguments: &[String], allowing: &Allowing) -> Result<Vec<ExportedRun>, CommandError> {
    // What a run has measured so far is exported as well.
    let allowing = allowing.with_unfinished();
    let Found { runs, left_out } = finished(arguments, &allowing, ExportedRun::of)?;
    runs::warn(&left_out);
    Ok(runs)
}

fn write_table(out: &Path, bytes: &[u8], runs: &[ExportedRun]) -> Result<(), CommandError> {
    write_file(out, bytes)?;
    let rows: usize = runs.iter().map(|run| run.rows.len()).sum();
    eprintln!(
        "{} of {}, written to {}",
        counted(rows, "row"),
        counted(runs.len(), "run"),
        out.display()
    );
    Ok(())
}

fn tensorboard(args: &TensorboardArgs) -> Result<ExitCode, CommandError> {
    let runs = read(&args.runs, &args.allowing)?;
    let places: Vec<PathBuf> = runs.iter().map(|run| PathBuf::from(&run.place)).collect();
    let mut together = Together::default();
    for (run, name) in runs.iter().zip(names(&places)) {
        let file = args.out.join(name).join(EVENTS);
        let written = together.file(&file, &event_file(run));
        written.map_err(|error| unwritten(&file.display().to_string(), &error))?;
    }
    together.keep();
    let arguments: Vec<String> = args.runs.iter().cloned().map(quoted).collect();
    if let Some(note) = without_margins(&runs, &arguments) {
        eprintln!("note: {note}");
    }
    eprintln!(
        "{}, written to {out}; look at them with `tensorboard --logdir {out}`",
        counted(runs.len(), "run"),
        out = args.out.display()
    );
    Ok(ExitCode::Success)
}

/// How histograms of margins are had, where no run has the rows that make them; none where no run tells classes apart.
fn without_margins(runs: &[ExportedRun], arguments: &[String]) -> Option<String> {
    let is_missing = runs.iter().all(|run| !run.has_rows_of(MARGINS));
    let have_classes = runs.iter().any(|run| run.has_rows_of("accuracy."));
    (is_missing && have_classes).then(|| {
        let names = crate::measure::names();
        let names = names.into_iter().filter(|name| name.starts_with(MARGINS));
        let names: Vec<&str> = names.collect();
        format!(
            "no histograms of margins: no run has rows {MARGINS}*. `lab measure {} --measures {} --append` adds them at \
             the end of training, `measures` of a [[hooks]] while it goes on",
            arguments.join(" "),
            names.join(",")
        )
    })
}

/// The last parts of paths, two at least, as many as tell them apart.
fn names(places: &[PathBuf]) -> Vec<PathBuf> {
    let parts: Vec<Vec<String>> = places.iter().map(|place| parts(place)).collect();
    let longest = parts.iter().map(Vec::len).max().unwrap_or_default();
    let last = |count: usize| -> Vec<PathBuf> {
        let of = |parts: &Vec<String>| parts[parts.len().saturating_sub(count)..].iter().collect();
        parts.iter().map(of).collect()
    };
    let tells_apart = |count: &usize| {
        let names = last(*count);
        names.iter().collect::<BTreeSet<_>>().len() == names.len()
    };
    last((2..longest).find(tells_apart).unwrap_or(longest.max(2)))
}

/// The names of the folders of a path.
fn parts(place: &Path) -> Vec<String> {
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    let names = place.components().filter_map(|part| match part {
        std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_by_as_many_folders_as_tell_them_apart() {
        let of = |places: &[&str]| -> Vec<String> {
            let places: Vec<PathBuf> = places.iter().map(PathBuf::from).collect();
            names(&places)
                .iter()
                .map(|name| name.display().to_string())
                .collect()
        };
        assert_eq!(of(&["/x/runs/a/seed-0"]), ["a/seed-0"]);
        assert_eq!(
            of(&["/x/runs/a/seed-0", "/x/runs/b/seed-0"]),
            ["a/seed-0", "b/seed-0"]
        );
        assert_eq!(
            of(&["/x/a/seed-0", "/y/a/seed-0"]),
            ["x/a/seed-0", "y/a/seed-0"]
        );
    }
}
