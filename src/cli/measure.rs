//! `lab measure`.

use super::output::print;
use super::{DataDir, ExitCode, Failure, Format};
use crate::backend::BackendKind;
use crate::config::{self, Config, DropoutMode, NormMode, Override, Precision};
use crate::curvature::{
    Budget, CurvatureError, CurvatureOperator, DensityOptions, Interrupt, LinearOperator, Matrix,
    spectral_density,
};
use crate::files::write_atomically;
use crate::measure::{self, Measurement, Preset, Session, Subject, catalogue};
use crate::model::Conditions;
use crate::objective::Objective;
use crate::params::Layout;
use crate::params::store::read_weights;
use crate::report::{density_csv, rows_csv, rows_table};
use crate::train::{Problem, Row, RunDirectory, RunRecord, Summary};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Measure a finished run, or weights made elsewhere.
#[derive(Args, Debug)]
#[command(after_help = measure_list())]
pub struct MeasureArgs {
    /// A run directory: its final weights and its own config
    #[arg(value_name = "RUN_DIR", required_unless_present = "model", conflicts_with_all = ["model", "config"])]
    run: Option<PathBuf>,
    /// Weights with PyTorch's state-dict names and layouts
    #[arg(long, value_name = "FILE.safetensors", requires = "config")]
    model: Option<PathBuf>,
    /// The config that describes the model and its data
    #[arg(long, value_name = "FILE", requires = "model")]
    config: Option<PathBuf>,
    /// Names separated by commas, or `light`, `full`
    #[arg(long, value_name = "LIST", default_value = "full")]
    measures: String,
    /// How to print: a Markdown table, JSON, or CSV
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// Measure on the first N training samples [default: all]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Curvature, gradient and norms of this block of the parameters only: a parameter (layers.0.weight) or a layer
    /// (layers.0)
    #[arg(long, value_name = "NAME")]
    block: Option<String>,
    /// How normalisation layers behave: by their running statistics, or by each batch's
    #[arg(long, value_name = "MODE", default_value = "eval", value_parser = ["eval", "batch"])]
    norm_mode: String,
    /// What dropout does: nothing, or silence the same units for every sample
    #[arg(long, value_name = "MODE", default_value = "off", value_parser = ["off", "fixed"])]
    dropout: String,
    /// End each estimate after this many matrix-vector products
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_matvecs: Option<u64>,
    /// End each estimate after this many seconds
    #[arg(long, value_name = "S", value_parser = positive_seconds)]
    max_seconds: Option<f64>,
    /// Also write the spectral density of the Hessian (points and weights, CSV) to this file
    #[arg(long, value_name = "FILE.csv")]
    density: Option<PathBuf>,
    /// Where to compute [default: the config's]
    #[arg(long, value_name = "BACKEND", value_parser = ["cpu", "ndarray", "wgpu"])]
    backend: Option<String>,
    #[command(flatten)]
    data_dir: DataDir,
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
    let names = names(&args.measures)?;
    let (config_file, weights_file, step) = source(args)?;
    let config = load(&config_file, args.backend.as_deref())?;
    let origin = config_file.display().to_string();
    let problem = Problem::open(config, &origin, &args.data_dir.data_dir)?;
    if problem.compute().kind == BackendKind::Wgpu {
        eprintln!("preparing compute kernels (minutes on a first use, seconds after) ...");
    }
    let available = problem.data.train.len();
    if let Some(samples) = args.samples.filter(|&n| n == 0 || n > available) {
        return Err(Failure::Input(format!(
            "--samples {samples}: must be from 1 to {available}, the config's training samples"
        )));
    }
    if let Some(path) = &args.run {
        let record: RunRecord = RunDirectory::open(path)?.read_json("run.json")?;
        record.check_data(&problem).map_err(Failure::Input)?;
    }
    let layout = problem.objective.network().layout();
    check_block(args.block.as_deref(), layout)?;
    let layouts = [layout, problem.objective.network().blueprint().statistics()];
    let [values, statistics] = read_weights(&weights_file, layouts.map(Arc::as_ref))?;
    let objective = problem
        .objective
        .under(conditions(args, &problem, &statistics));
    let rows = rows(args, &problem, &objective, &values, &names, step)?;
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

/// Config, weights and step of what is to be measured.
fn source(args: &MeasureArgs) -> Result<(PathBuf, PathBuf, u64), Failure> {
    if let (Some(model), Some(config)) = (&args.model, &args.config) {
        return Ok((config::find(config)?, model.clone(), 0));
    }
    let path = args.run.as_deref().unwrap_or(Path::new(""));
    let directory = RunDirectory::open(path)?;
    if !directory.is_finished() {
        return Err(Failure::Input(format!(
            "{} is not finished: finish it with `lab train --resume {0}`",
            path.display()
        )));
    }
    let summary: Summary = directory.read_json("summary.json")?;
    Ok((
        directory.config_file(),
        directory.model_file(),
        summary.steps,
    ))
}

fn load(path: &Path, backend: Option<&str>) -> Result<Config, Failure> {
    let overrides: Vec<Override> = backend
        .map(|backend| {
            Override::from_flag(&format!("--backend {backend}"), "backend", &backend.into())
        })
        .into_iter()
        .collect();
    Ok(config::load(path, &overrides, &measure::names())?)
}

/// The measures of a list, in which presets stand for theirs; each once.
fn names(list: &str) -> Result<Vec<&'static str>, Failure> {
    let mut names: Vec<&'static str> = Vec::new();
    for word in list.split(',').map(str::trim) {
        let found = match word {
            "light" => Preset::Light.measures(),
            "full" => Preset::Full.measures(),
            name => vec![name_of(name)?],
        };
        for name in found {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn name_of(name: &str) -> Result<&'static str, Failure> {
    measure::find(name)
        .map(|measure| measure.name)
        .ok_or_else(|| {
            let nearest = config::nearest(name, &measure::names()).map_or_else(
                || ".".to_owned(),
                |nearest| format!("; did you mean `{nearest}`?"),
            );
            Failure::Input(format!(
                "--measures: there is no measure `{name}`{nearest} Allowed: light, full, {}",
                measure::names().join(", ")
            ))
        })
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
    let nearest = config::nearest(block, &names).map_or_else(
        || ".".to_owned(),
        |nearest| format!("; did you mean `{nearest}`?"),
    );
    Err(Failure::Input(format!(
        "--block: the model has no block `{block}`{nearest} It has: {}",
        names.join(", ")
    )))
}

/// What outputs depend on besides parameters and inputs, as the flags say.
fn conditions(args: &MeasureArgs, problem: &Problem, statistics: &[f64]) -> Conditions {
    Conditions {
        statistics: problem.statistics(statistics),
        norm_mode: word(NormMode::ALL, NormMode::as_str, &args.norm_mode),
        dropout: problem.dropout(word(DropoutMode::ALL, DropoutMode::as_str, &args.dropout)),
    }
}

/// The choice of a flag whose words have been checked.
fn word<T: Copy + Default>(all: &[T], name: impl Fn(T) -> &'static str, word: &str) -> T {
    let found = all.iter().copied().find(|&choice| name(choice) == word);
    found.unwrap_or_default()
}

fn rows(
    args: &MeasureArgs,
    problem: &Problem,
    objective: &Objective,
    values: &[f64],
    names: &[&str],
    step: u64,
) -> Result<Vec<Row>, Failure> {
    let parameters = problem.parameters(values);
    let norm_mode = objective.conditions().norm_mode;
    let train = problem.train_chunks(args.samples, norm_mode);
    let test = problem.test_chunks(norm_mode);
    let available = problem.data.train.len();
    let initial = problem.initial_values();
    let never = Interrupt::never();
    let hessian = || CurvatureOperator::new(Matrix::Hessian, objective, &parameters, &train, never);
    let needs_products = names.iter().any(|name| measure::needs_products(name));
    // Whatever else goes wrong here goes wrong again, and is told, in each measurement.
    if let Err(error @ CurvatureError::NotDeterministic { .. }) = check(needs_products, &hessian) {
        return Err(Failure::Input(error.to_string()));
    }
    if let Some(path) = &args.density {
        write_density(path, &mut hessian(), problem, args)?;
    }
    // Weights made elsewhere have no step, so no place on the schedule.
    let learning_rate = match args.run {
        Some(_) => problem.schedule().learning_rate(step.saturating_sub(1)),
        None => problem.config.optimizer.learning_rate,
    };
    let subject = Subject {
        objective,
        parameters: &parameters,
        // Weights made elsewhere did not start where this seed starts.
        initial: args.run.is_some().then_some(&initial[..]),
        train: &train,
        test: Some(&test),
        block: args.block.as_deref(),
        budget: budget(args),
        start: None,
        learning_rate: Some(learning_rate),
        momentum: problem.config.optimizer.method.momentum(),
        batch_size: Some(problem.config.train.batch_size.unwrap_or(available)),
        training_samples: Some(available),
        streams: problem.streams,
        step,
        interrupt: never,
    };
    let measurements = Session::new(subject)
        .measure(names)
        .map_err(|error| Failure::Other(error.to_string()))?;
    let precision: Precision = problem.config.precision;
    Ok(measurements
        .into_iter()
        .map(|measurement| Row {
            run: problem.config.name.clone(),
            seed: problem.config.seed,
            step,
            epoch: step as f64 / problem.steps_per_epoch() as f64,
            measurement: named_by_block(measurement, args.block.as_deref()),
            dtype: precision,
        })
        .collect())
}

/// Refuses, where curvature is asked for, a model that gives two answers to one question.
fn check<'a>(
    is_needed: bool,
    operator: &impl Fn() -> CurvatureOperator<'a>,
) -> Result<(), CurvatureError> {
    if is_needed {
        operator().check_deterministic()?;
    }
    Ok(())
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
