//! How far groups lie apart and how certain that is: the numbers behind the verdicts.

use super::lines::method_name;
use crate::compare::{Comparison, Line, LineTrend, Pair};
use crate::table::{Cell, Column, Table, significant, three_digits, two_digits};

/// The pairs of groups that are told of lines: of two groups the only one, of more the last against the first, or all.
fn told<'a>(
    comparison: &'a Comparison,
    shown: &[&'a Line],
    shows_all: bool,
) -> Vec<(&'a Line, &'a Pair)> {
    let groups = &comparison.groups;
    let ends = groups.first().zip(groups.last());
    let is_told = |pair: &&Pair| {
        let is_ends = ends
            .is_some_and(|(first, last)| pair.first == first.label && pair.second == last.label);
        shows_all || is_ends
    };
    let pairs = shown.iter().flat_map(|&line| {
        let pairs = line.pairs.iter().filter(is_told);
        pairs.map(move |pair| (line, pair))
    });
    pairs.collect()
}

/// What the rows of a table are about: the measure, and the pair where there are several.
fn name(comparison: &Comparison, line: &Line, pair: &Pair, shows_all: bool) -> String {
    match shows_all && comparison.groups.len() > 2 {
        true => format!("{}: {} − {}", line.label(), pair.second, pair.first),
        false => line.label(),
    }
}

/// What stands above a table of pairs.
fn between(comparison: &Comparison, shows_all: bool) -> String {
    match &comparison.groups[..] {
        [_, .., _] if shows_all && comparison.groups.len() > 2 => "every pair of groups".to_owned(),
        [first, .., last] => format!("{} against {}", last.label, first.label),
        _ => String::new(),
    }
}

/// Differences, ratios and effects, with their intervals; none where nothing is tested.
pub(super) fn differences(
    comparison: &Comparison,
    shown: &[&Line],
    shows_all: bool,
) -> Option<Table> {
    let told = told(comparison, shown, shows_all);
    if told.is_empty() {
        return None;
    }
    let disagree = told.iter().any(|(_, pair)| pair.intervals_disagree);
    let mut columns = vec![
        Column::text("measure"),
        Column::text("difference").right(),
        Column::text("ratio").right(),
        Column::text("g").right(),
        Column::text("test"),
    ];
    if disagree {
        columns.push(Column::text("by bootstrap").right());
    }
    let rows = told.iter().map(|(line, pair)| {
        let mut row = vec![
            name(comparison, line, pair, shows_all).into(),
            with_interval(Some(pair.difference), pair.interval, three_digits),
            with_interval(pair.ratio, pair.ratio_interval, significant),
            effect(pair),
            tested(comparison, pair).into(),
        ];
        if disagree {
            row.push(by_bootstrap(pair));
        }
        row
    });
    Some(
        Table::new(columns)
            .captioned(format!(
                "How far apart: {}, with 95 % intervals of each line alone.",
                between(comparison, shows_all)
            ))
            .with_rows(rows),
    )
}

/// How a pair was tested, with the numbers of values where they are not those of the groups.
fn tested(comparison: &Comparison, pair: &Pair) -> String {
    let runs = |label: &str| {
        let mut groups = comparison.groups.iter();
        groups
            .find(|group| group.label == label)
            .map(|group| group.runs)
    };
    let method = method_name(pair.method);
    match [runs(&pair.first), runs(&pair.second)] == pair.n.map(Some) {
        true => method.to_owned(),
        false => format!("{method}, n={} and {}", pair.n[0], pair.n[1]),
    }
}

/// `1.5 [1.2, 1.8]`.
fn with_interval(
    value: Option<f64>,
    interval: Option<[f64; 2]>,
    digits: fn(f64) -> String,
) -> Cell {
    match (value, interval) {
        (None, _) => Cell::Missing,
        (Some(value), None) => digits(value).into(),
        (Some(value), Some([low, high])) => {
            format!("{} [{}, {}]", digits(value), digits(low), digits(high)).into()
        }
    }
}

fn effect(pair: &Pair) -> Cell {
    let ends = pair.effect_interval.map(|ends| ends.map(two_digits));
    match (pair.effect, ends) {
        (Some(effect), Some([low, high])) => {
            format!("{} [{low}, {high}]", two_digits(effect)).into()
        }
        _ => Cell::Missing,
    }
}

/// The intervals by resampling, where they say something else.
fn by_bootstrap(pair: &Pair) -> Cell {
    if !pair.intervals_disagree {
        return Cell::Empty;
    }
    let words = |what: &str, interval: Option<[f64; 2]>| {
        let [low, high] = interval?.map(three_digits);
        Some(format!("{what}[{low}, {high}]"))
    };
    let parts = [
        words("", pair.interval_bootstrap),
        words("ratio ", pair.ratio_interval_bootstrap),
    ];
    parts
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
        .into()
}

/// p-values, as they are and corrected; none where nothing is tested.
pub(super) fn p_values(comparison: &Comparison, shown: &[&Line], shows_all: bool) -> Option<Table> {
    let told = told(comparison, shown, shows_all);
    if told.is_empty() {
        return None;
    }
    let mut columns = vec![
        Column::text("measure"),
        Column::number("p"),
        Column::number("Holm"),
        Column::number("FDR"),
    ];
    if comparison.has_margins {
        columns.extend([
            Column::text("margin").right(),
            Column::number("p (equal)"),
            Column::number("Holm (equal)"),
        ]);
    }
    let rows = told.iter().map(|(line, pair)| {
        let mut row = vec![
            name(comparison, line, pair, shows_all).into(),
            pair.p.map_or(Cell::Missing, Cell::rough),
            Cell::rough(pair.p_holm),
            Cell::rough(pair.p_fdr),
        ];
        if comparison.has_margins {
            row.extend([
                pair.margin.map(crate::compare::margin_words).into(),
                pair.p_equal.map_or(Cell::Missing, Cell::rough),
                pair.p_equal_holm.map_or(Cell::Missing, Cell::rough),
            ]);
        }
        row
    });
    Some(
        Table::new(columns)
            .captioned(format!("How certain: {}.", between(comparison, shows_all)))
            .with_rows(rows),
    )
}

/// Exponents over the axis that groups lie on; none without one.
pub(super) fn trends(shown: &[&Line]) -> Option<Table> {
    let found: Vec<(&Line, &LineTrend)> = shown
        .iter()
        .filter_map(|line| Some((*line, line.trend.as_ref()?)))
        .collect();
    let axis = &found.first()?.1.axis;
    let columns = [
        Column::text("measure"),
        Column::text("exponent").right(),
        Column::text("trend"),
        Column::number("p"),
        Column::number("Holm"),
        Column::number("FDR"),
    ];
    let rows = found.iter().map(|(line, trend)| {
        vec![
            line.label().into(),
            with_interval(Some(trend.slope), Some(trend.interval), three_digits),
            direction(trend).into(),
            Cell::rough(trend.p),
            Cell::rough(trend.p_holm),
            Cell::rough(trend.p_fdr),
        ]
    });
    let caption = format!(
        "Over {axis}: the exponent of a power law through all groups (the slope in double logarithms), with its \
         95 % interval."
    );
    Some(Table::new(columns).captioned(caption).with_rows(rows))
}

/// What a trend says after correction.
pub(super) fn direction(trend: &LineTrend) -> &'static str {
    match trend.p_holm <= crate::statistics::difference::LEVEL {
        false => "undecided",
        true if trend.slope > 0.0 => "rises",
        true => "falls",
    }
}
