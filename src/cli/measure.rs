//! `lab measure`.

use super::output::print;
use super::solution::{Solution, SolutionArgs};
use super::{ExitCode, Failure, Format, lists};
use crate::curvature::{Budget, DensityOptions, Interrupt, LinearOperator, spectral_density};
use crate::files::write_atomically;
use crate::measure::{Measurement, Session, Subject, catalogue};
use crate::params::Layout;
use crate::report::{density_csv, rows_csv, rows_table};
use crate::train::{Problem, Row};
use clap::Args;
use std::path::{Path, PathBuf};

/// Measure a finished run, or weights made elsewhere.
#[derive(Args, Debug)]
#[command(after_help = measure_list())]
pub struct MeasureArgs {
    #[command(flatten)]
    solution: SolutionArgs,
    /// Names separated by commas, or `light`, `full`
    #[arg(long, value_name = "LIST", default_value = "full")]
    measures: String,
    /// How to print: a Markdown table, JSON, or CSV
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
pub fn run(args: &MeasureArgs) -> Result<ExitCode, Failure> {
    let names = lists::measures(&args.measures)?;
    let solution = args.solution.open()?;
    check_block(args.block.as_deref(), solution.parameters.layout())?;
    let rows = rows(args, &solution, &names)?;
    match args.format {
        Format::Md => print(&rows_table(&rows))?,
        Format::Json => print(
            &serde_json::to_string_pretty(&rows)
                .map_err(|error| Failure::Other(error.to_string()))?,
        )?,
        Format::Csv => print(&rows_csv(&rows).map_err(Failure::Other)?)?,
    }
    Ok(ExitCode::Success)
}

fn check_block(block: Option<&str>, layout: &Layout) -> Result<(), Failure> {
    let Some(block) = block.filter(|block| layout.range(block).is_none()) else {
        return Ok(());
    };
    let names: Vec<&str> = layout
        .blocks()
        .iter()
        .map(|block| block.name.as_str())
        .collect();
    Err(Failure::Input(format!(
        "--block: the model has no block `{block}`{} It has: {}",
        lists::hint(block, &names),
        names.join(", ")
    )))
}

fn rows(args: &MeasureArgs, solution: &Solution, names: &[&str]) -> Result<Vec<Row>, Failure> {
    solution.check_deterministic(names)?;
    let problem = &solution.problem;
    if let Some(path) = &args.density {
        write_density(path, &mut solution.hessian(), problem, args)?;
    }
    let subject = Subject {
        block: args.block.as_deref(),
        budget: budget(args),
        ..solution.subject()
    };
    let measurements = Session::new(subject)
        .measure(names)
        .map_err(|error| Failure::Other(error.to_string()))?;
    Ok(measurements
        .into_iter()
        .map(|measurement| Row {
            run: problem.config.name.clone(),
            seed: problem.config.seed,
            step: solution.step,
            epoch: solution.step as f64 / problem.steps_per_epoch() as f64,
            measurement: named_by_block(measurement, args.block.as_deref()),
            dtype: problem.config.precision,
        })
        .collect())
}

fn budget(args: &MeasureArgs) -> Budget {
    Budget {
        max_matvecs: args.max_matvecs.map(|most| most as usize),
        max_seconds: args.max_seconds,
    }
}

/// A number about a block carries the block's name.
fn named_by_block(mut row: Measurement, block: Option<&str>) -> Measurement {
    let families = [
        "hessian.",
        "ggn.",
        "residual.",
        "noise.",
        "moment.",
        "stability.",
        "norm.",
        "distance.",
        "gradient.",
        "sharpness.",
        "pac_bayes.sigma",
        "reparam.rescale.lambda_max",
        "reparam.rescale.adaptive",
    ];
    if let Some(block) = block.filter(|_| families.iter().any(|f| row.name.starts_with(f))) {
        row.name = format!("{}.{block}", row.name);
    }
    row
}

/// Estimates the spectral density and writes its points.
fn write_density(
    path: &Path,
    operator: &mut dyn LinearOperator,
    problem: &Problem,
    args: &MeasureArgs,
) -> Result<(), Failure> {
    let options = DensityOptions {
        budget: budget(args),
        ..DensityOptions::default()
    };
    let mut rng = problem.streams.stream("probes.density", 0);
    let density = spectral_density(operator, &mut rng, options, Interrupt::never())
        .map_err(|error| Failure::Other(error.to_string()))?;
    let text = density_csv(&density).map_err(Failure::Other)?;
    write_atomically(path, text.as_bytes())
        .map_err(|error| Failure::Input(format!("--density {}: {error}", path.display())))?;
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
