//! `lab report`.

use super::output::{check_page, write_file};
use super::runs::{self, Allowing, Found, finished, is_sweep, usual_keys};
use super::{CommandError, ExitCode};
use crate::compare::{FinishedRun, compare};
use crate::config::Config;
use crate::plot::{PlottedRun, kinds};
use crate::report::{Arms, Picture, ReportedRun, StatusReport, Study, counted};
use crate::run::RunDirectory;
use crate::sweep::{MemberState, SweepDirectory};
use clap::Args;
use std::path::{Path, PathBuf};

/// Write a page about finished runs: one HTML file with the answer, all tables and curves, configs and commands.
///
/// The file needs nothing else: no network, no other file, no script to be read. Given a sweep's folder it tells of the
/// sweep too, and leaves out what only tunes.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Run directories, folders of them (a sweep's too), or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
    /// The config key that makes the groups; several with commas between them [default: train.batch_size; of a sweep
    /// what its arms differ in]
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    by: Vec<String>,
    #[command(flatten)]
    allowing: Allowing,
}

/// Runs the command.
pub fn run(args: &ReportArgs) -> Result<ExitCode, CommandError> {
    check_page("--out", &args.out)?;
    args.by.iter().try_for_each(|key| Config::check_key(key))?;
    let sweeps = sweeps(&args.runs)?;
    let Found { runs, left_out } = finished(&args.runs, &args.allowing, |directory| {
        // What is missing or damaged is said of the run before its rows are read.
        let finished = directory.finished()?;
        let record = finished.record.clone();
        let run = FinishedRun::of(directory, finished);
        let rows = directory.rows()?.rows;
        let slices = slices(directory);
        Ok((PlottedRun { run, rows }, ReportedRun { record, slices }))
    })?;
    let (runs, reported): (Vec<PlottedRun>, Vec<ReportedRun>) = runs.into_iter().unzip();
    let each: Vec<FinishedRun> = runs.iter().map(|run| run.run.clone()).collect();
    args.allowing.check_versions(&each)?;
    let by = keys(args, &each);
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    runs::warn(&left_out);
    let compared = compare(&each, left_out, &by).map_err(|error| error.to_string());
    let kinds = kinds(&runs).unwrap_or_default();
    let states: Vec<Vec<MemberState>> = sweeps.iter().map(SweepDirectory::states).collect();
    let sweeps: Vec<StatusReport<'_>> = sweeps
        .iter()
        .zip(&states)
        .map(|(sweep, states)| StatusReport {
            listing: &sweep.listing,
            states,
        })
        .collect();
    let study = Study {
        runs: &runs,
        reported: &reported,
        arms: Arms {
            comparison: compared.as_ref().map_err(String::as_str),
            kinds: &kinds,
        },
        sweeps: &sweeps,
        command: &command(args),
    };
    let html = study.html()?;
    write_file(&args.out, html.as_bytes())?;
    eprintln!(
        "a page about {}, {} kB, written to {}",
        counted(runs.len(), "run"),
        html.len().div_ceil(1000),
        args.out.display()
    );
    Ok(ExitCode::Success)
}

/// The sweeps whose folders are among the arguments.
fn sweeps(arguments: &[String]) -> Result<Vec<SweepDirectory>, CommandError> {
    let folders = arguments.iter().map(Path::new);
    let sweeps = folders.filter(|folder| is_sweep(folder));
    Ok(sweeps
        .map(SweepDirectory::open)
        .collect::<Result<Vec<_>, _>>()?)
}

/// What makes the groups: the keys asked for, or the usual ones.
fn keys(args: &ReportArgs, runs: &[FinishedRun]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in &args.by {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    match keys.is_empty() {
        true => usual_keys(&args.runs, runs),
        false => keys,
    }
}

/// The pictures of slices in a run directory, by their names. One that cannot be read is not shown.
fn slices(directory: &RunDirectory) -> Vec<Picture> {
    let folder = directory.path().join("slices");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "svg"))
        .collect();
    places.sort();
    let picture = |place: PathBuf| {
        Some(Picture {
            svg: std::fs::read_to_string(&place).ok()?,
            place: place.display().to_string(),
        })
    };
    places.into_iter().filter_map(picture).collect()
}

/// The command that makes the page.
fn command(args: &ReportArgs) -> Vec<String> {
    let mut words = vec!["lab".to_owned(), "report".to_owned()];
    words.extend(args.runs.iter().cloned());
    if !args.by.is_empty() {
        words.extend(["--by".to_owned(), args.by.join(",")]);
    }
    words.extend(["--out".to_owned(), args.out.display().to_string()]);
    words
}
