//! `lab measure`.

use super::interrupt::AtOnce;
use super::output::print;
use super::solution::{Solution, SolutionArgs};
use super::{CommandError, ExitCode, Format, device, lists};
use crate::files::write_atomically;
use crate::linear::{Budget, Density, DensityOptions, Interrupt, spectral_density};
use crate::measure::{Event, Measurement, Session, Subject, catalogue};
use crate::nearest::{hint, nearest};
use crate::params::Layout;
use crate::report::{Finding, density_table, error_of, significant};
use crate::run::Row;
use crate::table::{Csv, Renderer};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Measure a finished run, or weights trained elsewhere.
///
/// Rows are told on standard error as they are found, and printed together at the end. Ctrl-C ends
/// the command with a table of what has been found.
#[derive(Args, Debug)]
#[command(after_help = measure_list())]
pub struct MeasureArgs {
    #[command(flatten)]
    solution: SolutionArgs,
    /// Names separated by commas, or `light`, `full`
    #[arg(long, value_name = "LIST", default_value = "full")]
    measures: String,
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
    /// Also write the spectral density of the Hessian (points and weights, CSV) to this file
    #[arg(long, value_name = "FILE.csv")]
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
    let finding = Finding::new(names.len(), args.solution.quiet);
    let result = measure(args, &names, &finding);
    finding.close();
    result
}

fn measure(
    args: &MeasureArgs,
    names: &[&'static str],
    finding: &Finding,
) -> Result<ExitCode, CommandError> {
    let rows: Arc<Mutex<Vec<Row>>> = Arc::default();
    let at_once = AtOnce::after(give_up(args.format, names.len(), finding, &rows));
    finding.begins("reading data and weights");
    let solution = args.solution.open(finding)?;
    let names = &lists::applying(&args.measures, names, solution.problem.config.data.task())[..];
    finding.expect(names.len());
    let device = device::announcement_of_first_use(solution.problem.compute());
    device.iter().for_each(|device| finding.say(device));
    check_block(args.block.as_deref(), solution.parameters.layout())?;
    solution.check_deterministic(names)?;
    let subject = Subject {
        block: args.block.as_deref(),
        budget: budget(args),
        ..solution.subject()
    };
    let mut watch = |event: Event<'_>| match event {
        Event::Begins(name) => finding.begins(name),
        Event::Ended(measurement) => {
            let measurement = named_by_block(measurement.clone());
            finding.found(line(&measurement));
            let row = solution.row(measurement);
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(row);
        }
    };
    Session::new(subject)
        .measure_watched(names, &mut watch)
        .map_err(|error| CommandError::Other(error.to_string()))?;
    let density = match &args.density {
        Some(_) => Some(density(args, &solution, finding)?),
        None => None,
    };
    drop(at_once);
    finding.close();
    if let (Some(path), Some(density)) = (&args.density, density) {
        write_density(path, &density)?;
    }
    let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
    print(&args.format.text(rows.as_slice())?)?;
    Ok(ExitCode::Success)
}

/// What an interrupt leaves: what was found by then.
fn give_up(
    format: Format,
    wanted: usize,
    finding: &Finding,
    rows: &Arc<Mutex<Vec<Row>>>,
) -> impl FnOnce() + Send + 'static {
    let (finding, rows) = (finding.clone(), rows.clone());
    move || {
        finding.close();
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nobody left to tell that this could not be written.
        let _ = format.text(rows.as_slice()).and_then(|text| print(&text));
        let found = rows.len();
        if found < wanted {
            eprintln!("interrupted: the table is partial, {found} of {wanted} measures");
        } else {
            eprintln!("interrupted: the table is whole, the spectral density is not written");
        }
    }
}

/// A row in a line of its own.
fn line(row: &Measurement) -> String {
    let value = row.value.map_or_else(|| "-".to_owned(), significant);
    let (name, error, seconds) = (&row.name, error_of(row), row.seconds);
    format!("{name} {value} {error} ({seconds:.2} s)")
}

fn check_block(block: Option<&str>, layout: &Layout) -> Result<(), CommandError> {
    let Some(block) = block.filter(|block| layout.range(block).is_none()) else {
        return Ok(());
    };
    let names: Vec<&str> = layout
        .blocks()
        .iter()
        .map(|block| block.name.as_str())
        .collect();
    Err(CommandError::Input(format!(
        "--block: the model has no block `{block}`{} It has: {}",
        hint(nearest(block, &names)),
        names.join(", ")
    )))
}

fn budget(args: &MeasureArgs) -> Budget {
    Budget {
        max_matvecs: args.max_matvecs.map(|most| most as usize),
        max_seconds: args.max_seconds,
    }
}

/// A number about a block carries the block's name.
fn named_by_block(mut row: Measurement) -> Measurement {
    if let Some(block) = &row.circumstances.block {
        row.name = format!("{}.{block}", row.name);
    }
    row
}

/// Estimates the spectral density.
fn density(
    args: &MeasureArgs,
    solution: &Solution,
    finding: &Finding,
) -> Result<Density, CommandError> {
    finding.begins("spectral density");
    let options = DensityOptions {
        budget: budget(args),
        ..DensityOptions::default()
    };
    let streams = solution.problem.streams;
    let mut rng = streams.stream("probes.density", 0);
    spectral_density(
        &mut solution.hessian(),
        &mut rng,
        options,
        Interrupt::never(),
    )
    .map_err(|error| CommandError::Other(error.to_string()))
}

/// Writes the points of the density.
fn write_density(path: &Path, density: &Density) -> Result<(), CommandError> {
    let text = Csv.table(&density_table(density)) + "\n";
    write_atomically(path, text.as_bytes())
        .map_err(|error| CommandError::Input(format!("--density {}: {error}", path.display())))?;
    eprintln!(
        "spectral density: {} probes, {} matrix-vector products{}, written to {}",
        density.probes.len(),
        density.matvecs,
        if density.converged {
            ""
        } else {
            " (cut short by the budget)"
        },
        path.display()
    );
    Ok(())
}
