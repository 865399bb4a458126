//! Comparisons for machines.

use super::lines::{method_name, moved_by, verdict};
use crate::compare::{CellValue, Comparison, Decision, Group, Line, Pair, margin_words};
use crate::table::{Cell, Column, Table};

/// How many columns only pairs have besides those between the others, and how many only lines with a trend.
const PAIR: usize = 13;
const TREND: usize = 5;

/// A row for every line and group, then for every pair of groups that was tested.
pub(super) fn records(comparison: &Comparison) -> Table {
    let columns = [
        Column::text("measure"),
        Column::text("key"),
        Column::text("group"),
        Column::number("runs"),
        Column::number("n"),
        Column::number("mean"),
        Column::number("deviation"),
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
        Column::number("p_fdr"),
        Column::number("bootstrap_low"),
        Column::number("bootstrap_high"),
        Column::number("ratio_low"),
        Column::number("ratio_high"),
        Column::number("ratio_bootstrap_low"),
        Column::number("ratio_bootstrap_high"),
        Column::number("effect"),
        Column::number("effect_low"),
        Column::number("effect_high"),
        Column::text("margin"),
        Column::number("p_equal"),
        Column::number("p_equal_holm"),
        Column::number("slope"),
        Column::number("slope_low"),
        Column::number("slope_high"),
        Column::number("slope_p"),
        Column::number("slope_p_holm"),
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
    let mut row: Vec<Cell> = vec![
        line.name.as_str().into(),
        comparison.key.as_str().into(),
        group.label.as_str().into(),
        group.runs.into(),
        cell.map(|cell| cell.n).into(),
        cell.map(|cell| cell.mean).into(),
        cell.and_then(|cell| cell.deviation).into(),
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
    ];
    row.extend(std::iter::repeat_n(Cell::Empty, PAIR));
    let trend = line.trend.as_ref();
    row.extend([
        trend.map(|trend| trend.slope).into(),
        trend.map(|trend| trend.interval[0]).into(),
        trend.map(|trend| trend.interval[1]).into(),
        trend.map(|trend| trend.p).into(),
        trend.map(|trend| trend.p_holm).into(),
    ]);
    row.push(line.apart.join(", ").into());
    row
}

fn of_pair(comparison: &Comparison, line: &Line, pair: &Pair) -> Vec<Cell> {
    let larger = |label: &str| format!("{label} larger");
    let decision = match pair.decision {
        Decision::FirstLarger => larger(&pair.first),
        Decision::SecondLarger => larger(&pair.second),
        Decision::Equal => {
            let margin = pair.margin.map(margin_words).unwrap_or_default();
            format!("equal within {margin}")
        }
        Decision::NotDecided => "undecided".to_owned(),
    };
    let mut row: Vec<Cell> = vec![
        line.name.as_str().into(),
        comparison.key.as_str().into(),
        pair.second.as_str().into(),
        Cell::Empty,
        pair.n.iter().sum::<usize>().into(),
        pair.difference.into(),
        Cell::Empty,
        pair.error.into(),
        pair.ratio.into(),
        pair.interval.map(|interval| interval[0]).into(),
        pair.interval.map(|interval| interval[1]).into(),
        decision.into(),
        moved_by(line, &comparison.maps).into(),
        pair.first.as_str().into(),
        method_name(pair.method).into(),
        pair.p.into(),
        pair.p_holm.into(),
    ];
    row.push(pair.p_fdr.into());
    let intervals = [
        pair.interval_bootstrap,
        pair.ratio_interval,
        pair.ratio_interval_bootstrap,
    ];
    row.extend(intervals.into_iter().flat_map(ends));
    row.push(pair.effect.into());
    row.extend(ends(pair.effect_interval));
    row.extend([
        pair.margin.map(margin_words).into(),
        pair.p_equal.into(),
        pair.p_equal_holm.into(),
    ]);
    row.extend(std::iter::repeat_n(Cell::Empty, TREND));
    row.push(line.apart.join(", ").into());
    row
}

/// Both ends of an interval.
fn ends(interval: Option<[f64; 2]>) -> [Cell; 2] {
    [0, 1].map(|end| interval.map(|interval| interval[end]).into())
}
