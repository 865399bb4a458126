//! `lab measure`.

mod asked;
mod book;
mod chains;
mod density;
mod round;

use super::interrupt::AtOnce;
use super::output::print;
use super::solution::SolutionArgs;
use super::{CommandError, ExitCode, Format, lists};
use crate::measure::catalogue;
use crate::report::{Arrangement, Finding};
use asked::Asked;
use book::{Book, Shared};
use chains::ChainArgs;
use clap::Args;
use density::DensityFile;
use round::Round;
use std::path::{Path, PathBuf};

/// Measure finished runs again, or weights trained elsewhere.
///
/// Rows are told on standard error as they are found, and printed together at the end, several runs or files of weights
/// beside each other. Ctrl-C ends the command with a table of what has been found.
#[derive(Args, Debug)]
#[command(after_help = measure_list())]
pub struct MeasureArgs {
    #[command(flatten)]
    solution: SolutionArgs,
    /// More run directories, folders of them, patterns such as 'runs/sgd_*', or files of weights
    #[arg(value_name = "RUN", requires = "run")]
    more: Vec<PathBuf>,
    /// Names separated by commas, or `light`, `full`
    #[arg(long, value_name = "LIST", default_value = "full")]
    measures: String,
    /// Add the rows to the runs, as if they had been asked for in training: compare, plot, report and export see
    /// them. What is there already is not measured again; under other conditions it is another row
    #[arg(long, conflicts_with = "model")]
    append: bool,
    /// Measure at every checkpoint that the run has kept (train.keep_checkpoints), and at its end
    #[arg(long, conflicts_with = "model")]
    checkpoints: bool,
    /// Measure each layer by itself: one table of layers and measures
    #[arg(long, conflicts_with = "block")]
    per_layer: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// Curvature, gradient and norms of this block of the parameters only: a parameter
    /// (layers.0.weight) or a layer (layers.0)
    #[arg(long, value_name = "NAME")]
    block: Option<String>,
    /// End each estimate after this many matrix-vector products
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_matvecs: Option<u64>,
    /// End each estimate after this many seconds
    #[arg(long, value_name = "S", value_parser = positive_seconds)]
    max_seconds: Option<f64>,
    #[command(flatten)]
    chains: ChainArgs,
    /// Also estimate the spectral density of the Hessian; the ending says what is written: .csv (points and
    /// weights), .svg or .png
    #[arg(long, value_name = "FILE", conflicts_with_all = ["checkpoints", "per_layer"])]
    density: Option<PathBuf>,
}

fn positive_seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0 && seconds.is_finite())
        .ok_or_else(|| "must be a number of seconds above 0".to_owned())
}

fn measure_list() -> String {
    let width = catalogue().map(|measure| measure.name.len()).max();
    let width = width.unwrap_or_default();
    let lines: Vec<String> = catalogue()
        .map(|measure| format!("  {:width$}  {}", measure.name, measure.description))
        .collect();
    format!("Measures:\n{}", lines.join("\n"))
}

/// Runs the command.
pub fn run(args: &MeasureArgs) -> Result<ExitCode, CommandError> {
    let names = lists::measures(&args.measures)?;
    let density = args.density.as_deref().map(DensityFile::new).transpose()?;
    let asked = Asked::new(args, names)?;
    let finding = Finding::new(asked.names.len(), args.solution.quiet);
    let result = measure(args, &asked, density.as_ref(), &finding);
    finding.close();
    result
}

fn measure(
    args: &MeasureArgs,
    asked: &Asked<'_>,
    density: Option<&DensityFile<'_>>,
    finding: &Finding,
) -> Result<ExitCode, CommandError> {
    asked.tell_left_out(finding);
    let book = Shared::new(Book::new(
        arrangement(args, asked.places.len()),
        asked.places.len(),
        asked.names.len(),
    ));
    let at_once = AtOnce::after(give_up(args.format, density.is_some(), finding, &book));
    finding.expect_runs(asked.places.len());
    let round = Round {
        args,
        asked,
        finding,
        book: &book,
    };
    let (mut estimated, mut code) = (None, ExitCode::Success);
    for place in &asked.places {
        match round.run(place.as_deref(), density) {
            Ok(found) => estimated = found,
            Err(error) if asked.places.len() == 1 => return Err(error),
            // One run that cannot be measured does not cost the others.
            Err(error) => {
                let place = place.as_deref().unwrap_or(Path::new(""));
                finding.warn(&format!("{} is left out: {error}", place.display()));
                code = error.exit_code();
            }
        }
    }
    drop(at_once);
    finding.close();
    // The table first: what was measured is not lost where a file cannot be written.
    print(&args.format.text(book.lock().report())?)?;
    if let (Some(file), Some(estimated)) = (density, &estimated) {
        file.write(estimated)?;
    }
    Ok(code)
}

fn arrangement(args: &MeasureArgs, places: usize) -> Arrangement {
    match (args.per_layer, args.checkpoints) {
        (true, _) => Arrangement::Layers,
        (false, true) => Arrangement::Checkpoints,
        (false, false) if places > 1 => Arrangement::Solutions,
        (false, false) => Arrangement::Rows,
    }
}

/// What an interrupt leaves: what was found by then.
fn give_up(
    format: Format,
    has_density: bool,
    finding: &Finding,
    book: &Shared,
) -> impl FnOnce() + Send + 'static {
    let (finding, book) = (finding.clone(), book.clone());
    move || {
        finding.close();
        let mut book = book.lock();
        if let Err(error) = book.close() {
            eprintln!("error: {error}");
        }
        // There is nobody left to tell that this could not be written.
        let _ = format.text(book.report()).and_then(|text| print(&text));
        let (found, wanted) = (book.found(), book.wanted());
        if found < wanted || !has_density {
            eprintln!("interrupted: the table is partial, {found} of {wanted} measures");
        } else {
            eprintln!("interrupted: the table is whole, the spectral density is not written");
        }
        book.told().iter().for_each(|line| eprintln!("{line}"));
    }
}
