//! `lab reparam`.

use super::interrupt::AtOnce;
use super::output::{Picture, print, write_named};
use super::solution::SolutionArgs;
use super::{CommandError, ExitCode, Format, device, lists};
use crate::measure::invariance::{Line, MapReport, UnderMap};
use crate::measure::{self, Measure, Measurement, Session};
use crate::model::Network;
use crate::plot::{MOST, PlotError, invariance};
use crate::random::Streams;
use crate::reparam::{FACTOR, MapKind, ParameterMap, applicable, build_by};
use crate::report::{Finding, significant};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Check which measures survive maps that leave the function alone.
///
/// Each map changes the parameters of the solution and not its function, which is verified on the
/// training samples. A measure that claims to survive a map and moves by more than its errors is a
/// failure, and so is a map that changes the function. Ctrl-C ends the command with a table of what
/// has been found.
#[derive(Args, Debug)]
pub struct ReparamArgs {
    #[command(flatten)]
    solution: SolutionArgs,
    /// Names separated by commas, or `light`, `full`
    #[arg(long, value_name = "LIST", default_value = "full")]
    measures: String,
    /// layer-rescaling, unit-rescaling, permutation, normalised-scale, attention-rescaling,
    /// orthogonal-basis, separated by commas [default: all that the network has]
    #[arg(long, value_name = "LIST")]
    maps: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// The seed of random factors and orders [default: the config's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What a layer rescaling multiplies its layer by [default: 10]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    factor: Option<f64>,
    /// Also draw what the maps make of the measures, at most 16, as .svg or .png
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &ReparamArgs) -> Result<ExitCode, CommandError> {
    let measures = measures(&args.measures)?;
    check_figure(args.figure.as_deref(), measures.len())?;
    let kinds = args.maps.as_deref().map(lists::maps).transpose()?;
    check_factor(args.factor, kinds.as_deref())?;
    // Without a network it is not known how many maps it has.
    let finding = Finding::new(measures.len(), args.solution.quiet);
    let result = reparam(args, &measures, kinds, &finding);
    finding.close();
    result
}

fn reparam(
    args: &ReparamArgs,
    measures: &[&'static Measure],
    kinds: Option<Vec<MapKind>>,
    finding: &Finding,
) -> Result<ExitCode, CommandError> {
    let reports: Arc<Mutex<Vec<MapReport>>> = Arc::default();
    let at_once = AtOnce::after(give_up(args.format, finding, &reports));
    finding.begins("reading data and weights");
    let solution = args.solution.open(finding)?;
    let device = device::announcement_of_first_use(solution.problem.compute());
    device.iter().for_each(|device| finding.say(device));
    let streams = args.seed.map_or(solution.problem.streams, Streams::new);
    let task = solution.problem.config.data.task();
    let names: Vec<&str> = measures.iter().map(|measure| measure.name).collect();
    let names = lists::applying(&args.measures, &names, task);
    let is_wanted = |measure: &&&'static Measure| names.contains(&measure.name);
    let measures: Vec<&'static Measure> = measures.iter().filter(is_wanted).copied().collect();
    let measures = &measures[..];
    let network = solution.objective.network();
    if kinds.is_none() {
        for kind in MapKind::ALL
            .iter()
            .filter(|kind| is_missed(network, **kind))
        {
            finding.say(&format!("no {kind}: that needs {}", kind.needs()));
        }
    }
    check_factor(args.factor, Some(&applicable(network)))?;
    let factor = args.factor.unwrap_or(FACTOR);
    let maps = maps(network, kinds, factor, (streams, solution.probes()))?;
    solution.check_deterministic(&names)?;
    finding.expect(measures.len() * maps.len());
    let mut session = Session::new(solution.subject());
    for map in &maps {
        let kind = map.kind();
        let mut watch = |event: UnderMap<'_>| match event {
            UnderMap::Before(name) => finding.begins(&format!("{kind}: {name} before")),
            UnderMap::After(name) => finding.begins(&format!("{kind}: {name} after")),
            UnderMap::Found(report) => {
                report
                    .lines
                    .last()
                    .iter()
                    .for_each(|line| finding.found(told(line)));
                keep(&reports, report);
            }
        };
        let report = session.under_watched(map, measures, &mut watch);
        keep(
            &reports,
            &report.map_err(|error| CommandError::Other(error.to_string()))?,
        );
    }
    drop(at_once);
    finding.close();
    let reports = locked(&reports);
    print(&args.format.text(reports.as_slice())?)?;
    if let Some(path) = &args.figure {
        let figure = invariance(&reports)?;
        write_named(
            FIGURE,
            path,
            &Picture::of(FIGURE, path, &[])?.bytes(&figure, path)?,
        )?;
    }
    Ok(if reports.iter().all(MapReport::passed) {
        ExitCode::Success
    } else {
        ExitCode::Failed
    })
}

/// What the help of `--factor` says.
const _: () = assert!(FACTOR == 10.0);

/// Refuses a factor that none of these maps multiplies by, or that leaves everything where it is.
fn check_factor(factor: Option<f64>, kinds: Option<&[MapKind]>) -> Result<(), CommandError> {
    let Some(factor) = factor else {
        return Ok(());
    };
    if !(factor.is_finite() && factor > 0.0 && factor != 1.0) {
        return Err(CommandError::Input(format!(
            "--factor {factor}: must be positive and not 1, such as 10 or 100"
        )));
    }
    let rescaling = MapKind::LayerRescaling;
    if kinds.is_some_and(|kinds| !kinds.contains(&rescaling)) {
        return Err(CommandError::Input(format!(
            "--factor {factor}: is of the {rescaling}, which is not among the maps of --maps, or not a map of this network; leave \
             it out"
        )));
    }
    Ok(())
}

/// The flag that names the figure.
const FIGURE: &str = "--figure";

/// Refuses, before anything is measured, a figure that could not be written or would not be read.
fn check_figure(path: Option<&Path>, measures: usize) -> Result<(), CommandError> {
    let Some(path) = path else {
        return Ok(());
    };
    Picture::of(FIGURE, path, &[])?;
    match measures > MOST {
        true => Err(PlotError::Crowded {
            found: measures,
            most: MOST,
        }
        .into()),
        false => Ok(()),
    }
}

fn locked(reports: &Mutex<Vec<MapReport>>) -> MutexGuard<'_, Vec<MapReport>> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a report in the place of what was known of its map.
fn keep(reports: &Mutex<Vec<MapReport>>, report: &MapReport) {
    let mut reports = locked(reports);
    reports.retain(|other| other.map != report.map);
    reports.push(report.clone());
}

/// What an interrupt leaves: what was found by then.
fn give_up(
    format: Format,
    finding: &Finding,
    reports: &Arc<Mutex<Vec<MapReport>>>,
) -> impl FnOnce() + Send + 'static {
    let (finding, reports) = (finding.clone(), reports.clone());
    move || {
        finding.close();
        let reports = locked(&reports);
        // There is nobody left to tell that this could not be written.
        let _ = format
            .text(reports.as_slice())
            .and_then(|text| print(&text));
        let lines: usize = reports.iter().map(|report| report.lines.len()).sum();
        eprintln!(
            "interrupted: the table is partial, {lines} measures under {} maps",
            reports.len()
        );
    }
}

/// A measure before and after a map in a line of its own.
fn told(line: &Line) -> String {
    let number = |row: &Measurement| row.value.map_or_else(|| "-".to_owned(), significant);
    let (map, measure, verdict) = (line.map, line.measure, line.verdict);
    let (before, after) = (number(&line.before), number(&line.after));
    format!("{map}: {measure} {before} before, {after} after: {verdict}")
}

/// The measures of a list without those that report on a map themselves.
fn measures(list: &str) -> Result<Vec<&'static Measure>, CommandError> {
    let names = lists::measures(list)?;
    let measures = names.iter().filter_map(|name| measure::find(name));
    let measures: Vec<_> = measures.filter(|measure| !measure.is_check).collect();
    if measures.is_empty() {
        return Err(CommandError::Input(format!(
            "--measures {list}: these report on a map themselves; name what is to be measured \
             before and after one"
        )));
    }
    Ok(measures)
}

/// Whether the network has no such map, where the reason says something about it: rescaling is what sharpness is moved by.
fn is_missed(network: &dyn Network, kind: MapKind) -> bool {
    kind == MapKind::LayerRescaling && !applicable(network).contains(&kind)
}

/// Draws the maps asked for, or all that the network has.
fn maps(
    network: &dyn Network,
    kinds: Option<Vec<MapKind>>,
    factor: f64,
    (streams, step): (Streams, u64),
) -> Result<Vec<ParameterMap>, CommandError> {
    let kinds = kinds.unwrap_or_else(|| applicable(network));
    if kinds.is_empty() {
        return Err(CommandError::Input(
            "the network has no hidden units, so no map leaves its function alone".to_owned(),
        ));
    }
    let draw = |kind: MapKind| {
        let mut rng = streams.stream(&format!("reparam.{kind}"), step);
        build_by(network, kind, factor, &mut rng)
    };
    let maps = kinds.into_iter().map(draw).collect::<Result<Vec<_>, _>>();
    maps.map_err(|error| CommandError::Input(format!("--maps: {error}")))
}
