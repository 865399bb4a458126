//! `lab reparam`.

use super::output::print;
use super::solution::SolutionArgs;
use super::{ExitCode, Failure, Format, lists};
use crate::measure::Session;
use crate::measure::invariance::MapReport;
use crate::model::Network;
use crate::random::Streams;
use crate::reparam::{MapKind, ParameterMap, applicable, build};
use crate::report::{invariance_csv, invariance_table};
use clap::Args;

/// Check which measures survive maps that leave the function alone.
///
/// Each map changes the parameters of the solution and not its function, which is verified on the
/// training samples. A measure that claims to survive a map and moves by more than its errors is a
/// failure, and so is a map that changes the function.
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
    /// How to print: a Markdown table, JSON, or CSV
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// The seed of random factors and orders [default: the config's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Runs the command.
pub fn run(args: &ReparamArgs) -> Result<ExitCode, Failure> {
    let names = measures(&args.measures)?;
    let kinds = args.maps.as_deref().map(lists::maps).transpose()?;
    let solution = args.solution.open()?;
    let streams = args.seed.map_or(solution.problem.streams, Streams::new);
    let network = solution.objective.network();
    let maps = maps(network, kinds, streams, solution.step)?;
    solution.check_deterministic(&names)?;
    let mut session = Session::new(solution.subject());
    let mut reports = Vec::new();
    for map in &maps {
        eprintln!("{}: measuring before and after ...", map.kind());
        let report = session.under(map, &names);
        reports.push(report.map_err(|error| Failure::Other(error.to_string()))?);
    }
    print(&text(args.format, &reports)?)?;
    Ok(if reports.iter().all(MapReport::passed) {
        ExitCode::Success
    } else {
        ExitCode::Failed
    })
}

/// The measures of a list without those that report on a map themselves.
fn measures(list: &str) -> Result<Vec<&'static str>, Failure> {
    let mut names = lists::measures(list)?;
    names.retain(|name| crate::measure::find(name).is_some_and(|measure| !measure.is_check));
    if names.is_empty() {
        return Err(Failure::Input(format!(
            "--measures {list}: these report on a map themselves; name what is to be measured \
             before and after one"
        )));
    }
    Ok(names)
}

/// Draws the maps asked for, or all that the network has.
fn maps(
    network: &dyn Network,
    kinds: Option<Vec<MapKind>>,
    streams: Streams,
    step: u64,
) -> Result<Vec<ParameterMap>, Failure> {
    let kinds = kinds.unwrap_or_else(|| applicable(network));
    if kinds.is_empty() {
        return Err(Failure::Input(
            "the network has no hidden units, so no map leaves its function alone".to_owned(),
        ));
    }
    let draw = |kind: MapKind| {
        let mut rng = streams.stream(&format!("reparam.{kind}"), step);
        build(network, kind, &mut rng)
    };
    let maps = kinds.into_iter().map(draw).collect::<Result<Vec<_>, _>>();
    maps.map_err(|error| Failure::Input(format!("--maps: {error}")))
}

fn text(format: Format, reports: &[MapReport]) -> Result<String, Failure> {
    match format {
        Format::Md => Ok(invariance_table(reports)),
        Format::Json => {
            serde_json::to_string_pretty(reports).map_err(|error| Failure::Other(error.to_string()))
        }
        Format::Csv => invariance_csv(reports).map_err(Failure::Other),
    }
}
