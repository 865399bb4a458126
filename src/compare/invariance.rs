//! Whether the measure of a line survives the maps that leave the function alone.

use super::FinishedRun;
use super::cell::{cell, find};
use super::grouping::Grouping;
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
