//! Comparisons for machines.

use super::lines::{method_name, moved_by, verdict};
use crate::compare::{CellValue, Comparison, Decision, Group, Line, Pair};
use crate::table::{Cell, Column, Table};

/// A row for every line and group, then for every pair of groups that was tested.
pub(super) fn records(comparison: &Comparison) -> Table {
    let columns = [
        Column::text("measure"),
        Column::text("key"),
        Column::text("group"),
        Column::number("runs"),
        Column::number("mean"),
        Column::number("error"),
        Column::number("ratio"),
        Column::number("interval_low"),
        Column::number("interval_high"),
        Column::text("verdict"),
        Column::text("moved_by"),
        Column::text("against"),
        Column::text("method"),
        Column::number("p"),
        Column::number("p_holm"),
        Column::text("apart"),
    ];
    let rows = comparison.lines.iter().flat_map(|line| {
        let cells = line.cells.iter().zip(&comparison.groups);
        let cells = cells.map(|(cell, group)| of_group(comparison, line, cell.as_ref(), group));
        let pairs = line
            .pairs
            .iter()
            .map(|pair| of_pair(comparison, line, pair));
        cells.chain(pairs).collect::<Vec<_>>()
    });
    Table::new(columns).with_rows(rows)
}

/// The columns that only pairs have stay empty.
fn of_group(
    comparison: &Comparison,
    line: &Line,
    cell: Option<&CellValue>,
    group: &Group,
) -> Vec<Cell> {
    vec![
        line.name.as_str().into(),
        comparison.key.as_str().into(),
        group.label.as_str().into(),
        group.runs.into(),
        cell.map(|cell| cell.mean).into(),
        cell.and_then(|cell| cell.error).into(),
        line.ratio.into(),
        line.interval.map(|interval| interval[0]).into(),
        line.interval.map(|interval| interval[1]).into(),
        verdict(line, &comparison.groups),
        moved_by(line, &comparison.maps).into(),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        line.apart.join(", ").into(),
    ]
}

fn of_pair(comparison: &Comparison, line: &Line, pair: &Pair) -> Vec<Cell> {
    let larger = |label: &str| format!("{label} larger");
    let decision = match pair.decision {
        Decision::FirstLarger => larger(&pair.first),
        Decision::SecondLarger => larger(&pair.second),
        Decision::NotDecided => "undecided".to_owned(),
    };
    vec![
        line.name.as_str().into(),
        comparison.key.as_str().into(),
        pair.second.as_str().into(),
        Cell::Empty,
        pair.difference.into(),
        pair.error.into(),
        Cell::Empty,
        pair.interval.map(|interval| interval[0]).into(),
        pair.interval.map(|interval| interval[1]).into(),
        decision.into(),
        moved_by(line, &comparison.maps).into(),
        pair.first.as_str().into(),
        method_name(pair.method).into(),
        pair.p.into(),
        pair.p_holm.into(),
        line.apart.join(", ").into(),
    ]
}
