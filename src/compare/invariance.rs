//! Whether the measure of a line survives the maps that leave the function alone.

use super::grouping::Grouping;
use super::line::{cell, find};
use super::losses::Matching;
use super::remarks::is_decided;
use super::{FinishedRun, Line};
use crate::measure::Measure;
use crate::measure::invariance::row_name;
use crate::reparam::MapKind;
use serde::Serialize;

/// A map that a measure does not claim to survive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Movement {
    /// The kind of the map.
    pub map: MapKind,
    /// The measure after it over the measure before, where the runs measured that: the mean of the
    /// first group that did.
    pub ratio: Option<f64>,
}

/// The maps that any of the runs' networks has.
pub(super) fn maps(grouping: &Grouping) -> Vec<MapKind> {
    let has = |kind: &&MapKind| {
        let mut runs = grouping.groups.iter().flat_map(|group| &group.runs);
        runs.any(|run: &&FinishedRun| run.summary.maps.contains(kind))
    };
    MapKind::ALL.iter().filter(has).copied().collect()
}

/// Which of the maps a measure does not claim to survive.
pub(super) fn movements(measure: &Measure, maps: &[MapKind], grouping: &Grouping) -> Vec<Movement> {
    let moving = maps.iter().filter(|map| !measure.survives(**map));
    moving
        .map(|&map| Movement {
            map,
            ratio: ratio(measure.name, map, grouping),
        })
        .collect()
}

fn ratio(measure: &str, map: MapKind, grouping: &Grouping) -> Option<f64> {
    let is_sharpness = map == MapKind::LayerRescaling && measure == "hessian.lambda_max";
    let names = [
        Some(row_name(map, measure)),
        is_sharpness.then(|| "reparam.rescale.lambda_max".to_owned()),
    ];
    let cells = names.iter().flatten().flat_map(|name| {
        grouping
            .groups
            .iter()
            .filter_map(|group| cell(&group.runs, |run| find(run, name)))
    });
    cells.map(|cell| cell.mean).next()
}

/// What the decided lines rest on, where the groups can be compared at all.
pub(super) fn note(lines: &[Line], maps: &[MapKind], losses: Matching) -> String {
    if maps.is_empty() {
        return "The networks have no map that leaves their function alone.".to_owned();
    }
    let meaning = "Moved by: maps that leave the function alone and change the measure.";
    if !losses.allows_conclusions() {
        return format!(
            "{meaning} No conclusion about flatness is drawn at training losses that differ or are \
             not known."
        );
    }
    let decided = || lines.iter().filter(|line| is_decided(line));
    let moved: Vec<String> = decided()
        .filter(|line| !line.moved_by.is_empty())
        .map(described)
        .collect();
    let kept: Vec<&str> = decided()
        .filter(|line| line.moved_by.is_empty())
        .map(|line| line.name.as_str())
        .collect();
    let list = |names: &[&str]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let moved: Vec<&str> = moved.iter().map(String::as_str).collect();
    format!(
        "{meaning} Decided lines that no map moves: {}. Decided lines that rest on the \
         parameterisation: {}.",
        list(&kept),
        list(&moved)
    )
}

/// A line's name with how far maps moved its measure, where that was measured.
fn described(line: &Line) -> String {
    let ratios: Vec<String> = line
        .moved_by
        .iter()
        .filter_map(|movement| Some(format!("x{:.3} under {}", movement.ratio?, movement.map)))
        .collect();
    if ratios.is_empty() {
        return line.name.clone();
    }
    format!("{} ({})", line.name, ratios.join(", "))
}
