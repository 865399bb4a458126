//! Comparisons in Markdown, CSV and JSON.

use super::table::{blank, csv, markdown};
use super::{significant, two_digits};
use crate::compare::{
    CellValue, Comparison, Decision, Group, Line, Matching, Method, Pair, Verdict,
};
use crate::measure::find;
use crate::reparam::MapKind;

/// The comparison as Markdown: what was compared at what losses, what could mislead, the table, and
/// notes on how far it can be trusted.
pub fn comparison_table(comparison: &Comparison) -> String {
    // Why there are no verdicts comes before everything else.
    let is_withheld = comparison.groups.len() > 1 && !comparison.is_tested;
    let (reason, warnings) = comparison.warnings.split_at(usize::from(is_withheld));
    let losses = [first_line(comparison)];
    let lines: Vec<&str> = reason
        .iter()
        .chain(&losses)
        .chain(warnings)
        .map(String::as_str)
        .collect();
    let mut text = lines.join("\n- ");
    text.push_str("\n\n");
    text.push_str(&table(comparison));
    text.push('\n');
    for note in &comparison.notes {
        text.push_str("\n- ");
        text.push_str(note);
    }
    text
}

fn first_line(comparison: &Comparison) -> String {
    let groups: Vec<String> = comparison.groups.iter().map(reached).collect();
    let groups = groups.join(if groups.len() == 2 { " and " } else { ", " });
    let standing = match (comparison.is_tested, comparison.losses) {
        (false, _) => "",
        (_, Matching::Equal) => ": equal within 2 %",
        (_, Matching::WithinErrors) => ": different by no more than their errors",
        (_, Matching::Unequal) => ": NOT equal",
        (_, Matching::Unknown) => ": not all known",
    };
    format!(
        "By {}, at training losses of {groups}{standing}.",
        comparison.key.replace(',', " and "),
    )
}

/// The training loss that a group's runs ended at.
fn reached(group: &Group) -> String {
    let seeds = match group.runs {
        1 => "1 seed".to_owned(),
        runs => format!("{runs} seeds"),
    };
    match group.training_loss {
        None => format!("unknown size ({}, {seeds})", group.label),
        Some(loss) => match loss.error {
            None => format!("{} ({}, {seeds})", significant(loss.mean), group.label),
            Some(error) => format!(
                "{} ± {} ({}, {seeds}, {} to {})",
                significant(loss.mean),
                two_digits(error),
                group.label,
                significant(loss.min),
                significant(loss.max)
            ),
        },
    }
}

fn table(comparison: &Comparison) -> String {
    let labels = comparison.groups.iter();
    let labels: Vec<String> = labels
        .map(|group| format!(">{} (n={})", group.label, group.runs))
        .collect();
    let first = format!("by {}", comparison.key.replace(',', ", "));
    let ratio = match &comparison.groups[..] {
        [first, _, .., last] => format!(">{} / {}", last.label, first.label),
        _ => ">ratio".to_owned(),
    };
    let mut headers = vec![first.as_str()];
    headers.extend(labels.iter().map(String::as_str));
    if comparison.is_tested {
        headers.extend([ratio.as_str(), "verdict", ">p", "test"]);
    }
    headers.push("moved by");
    let rows = comparison.lines.iter().map(|line| {
        let mut row = vec![line.label()];
        row.extend(line.cells.iter().map(|cell| figure(cell.as_ref())));
        if comparison.is_tested {
            row.push(line.ratio.map_or_else(|| "-".to_owned(), significant));
            row.push(verdict(line, &comparison.groups));
            row.push(smallest_p(line).map(two_digits).unwrap_or_default());
            row.push(method(line).to_owned());
        }
        row.push(moved_by(line, &comparison.maps));
        row
    });
    markdown(&headers, rows)
}

fn figure(cell: Option<&CellValue>) -> String {
    match cell {
        Some(CellValue {
            mean,
            error: Some(error),
            ..
        }) => {
            format!("{} ± {}", significant(*mean), two_digits(*error))
        }
        Some(cell) => significant(cell.mean),
        None => "-".to_owned(),
    }
}

fn verdict(line: &Line, groups: &[Group]) -> String {
    let larger = |group: Option<&Group>| {
        group.map_or_else(String::new, |group| format!("{} larger", group.label))
    };
    match line.verdict {
        Verdict::LastLarger => larger(groups.last()),
        Verdict::FirstLarger => larger(groups.first()),
        Verdict::SomeDiffer => order(&line.pairs, groups),
        Verdict::NotDecided => "undecided".to_owned(),
        Verdict::Equal => "equal".to_owned(),
        Verdict::TooFewSeeds => "too few seeds".to_owned(),
        Verdict::Given => String::new(),
        Verdict::Withheld => format!("none: {}", line.reason.as_deref().unwrap_or_default()),
    }
}

/// Which of three or more groups are larger than which: `512 > 128 > 32`, or
/// `512 > 32; rest undecided`.
fn order(pairs: &[Pair], groups: &[Group]) -> String {
    let decided: Vec<(&str, &str)> = pairs
        .iter()
        .filter_map(|pair| match pair.decision {
            Decision::FirstLarger => Some((pair.first.as_str(), pair.second.as_str())),
            Decision::SecondLarger => Some((pair.second.as_str(), pair.first.as_str())),
            Decision::NotDecided => None,
        })
        .collect();
    let below = |label: &str| -> Vec<&str> {
        let below = decided.iter().filter(|(larger, _)| *larger == label);
        below.map(|(_, smaller)| *smaller).collect()
    };
    let mut labels: Vec<&str> = groups.iter().map(|group| group.label.as_str()).collect();
    labels.sort_by_key(|label| std::cmp::Reverse(below(label).len()));
    let count = groups.len();
    let is_chain = decided.len() == count * (count - 1) / 2
        && labels
            .iter()
            .enumerate()
            .all(|(rank, label)| below(label).len() == count - 1 - rank);
    if is_chain {
        return labels.join(" > ");
    }
    let mut parts: Vec<String> = labels
        .iter()
        .filter(|label| !below(label).is_empty())
        .map(|label| format!("{label} > {}", below(label).join(" & ")))
        .collect();
    parts.push("rest undecided".to_owned());
    parts.join("; ")
}

/// The corrected p-value of the clearest pair.
fn smallest_p(line: &Line) -> Option<f64> {
    line.pairs.iter().map(|pair| pair.p_holm).reduce(f64::min)
}

fn method(line: &Line) -> &'static str {
    let mut methods = line.pairs.iter().map(|pair| pair.method);
    match methods.next() {
        None => "",
        Some(first) if methods.any(|method| method != first) => "both",
        Some(method) => method_name(method),
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Paired => "paired",
        Method::Welch => "Welch",
    }
}

/// The maps that move a line's measure, briefly: the column is one of many.
fn moved_by(line: &Line, maps: &[MapKind]) -> String {
    match find(&line.name) {
        None => return String::new(),
        Some(measure) if measure.is_check => return "check".to_owned(),
        Some(measure) if measure.is_given => return String::new(),
        Some(_) => {}
    }
    let moving: Vec<MapKind> = line.moved_by.iter().map(|movement| movement.map).collect();
    let is_scaling = |map: &MapKind| !MapKind::ISOMETRIES.contains(map);
    let scalings: Vec<MapKind> = maps.iter().copied().filter(is_scaling).collect();
    if moving.is_empty() {
        "nothing".to_owned()
    } else if moving == maps {
        "all maps".to_owned()
    } else if moving == scalings {
        "scaling".to_owned()
    } else {
        let words: Vec<&str> = moving.iter().map(|map| map.short()).collect();
        words.join(", ")
    }
}

/// The comparison as CSV: one line per measure and group, then one per pair of groups tested, with
/// the other group under `against` and the difference of the two means as the mean.
///
/// # Errors
///
/// What the writer says.
pub fn comparison_csv(comparison: &Comparison) -> Result<String, String> {
    let header = [
        "measure",
        "key",
        "group",
        "runs",
        "mean",
        "error",
        "ratio",
        "interval_low",
        "interval_high",
        "verdict",
        "moved_by",
        "against",
        "method",
        "p",
        "p_holm",
    ];
    let records = comparison.lines.iter().flat_map(|line| {
        let cells = line.cells.iter().zip(&comparison.groups);
        let cells = cells.map(|(cell, group)| group_record(comparison, line, cell.as_ref(), group));
        let pairs = line
            .pairs
            .iter()
            .map(|pair| pair_record(comparison, line, pair));
        cells.chain(pairs).collect::<Vec<_>>()
    });
    csv(&header.map(str::to_owned), records)
}

fn group_record(
    comparison: &Comparison,
    line: &Line,
    cell: Option<&CellValue>,
    group: &Group,
) -> Vec<String> {
    let mut record = vec![
        line.name.clone(),
        comparison.key.clone(),
        group.label.clone(),
        group.runs.to_string(),
        blank(cell.map(|cell| cell.mean)),
        blank(cell.and_then(|cell| cell.error)),
        blank(line.ratio),
        blank(line.interval.map(|interval| interval[0])),
        blank(line.interval.map(|interval| interval[1])),
        verdict(line, &comparison.groups),
        moved_by(line, &comparison.maps),
    ];
    // What only pairs have.
    record.extend(std::iter::repeat_n(String::new(), 4));
    record
}

fn pair_record(comparison: &Comparison, line: &Line, pair: &Pair) -> Vec<String> {
    let larger = |label: &str| format!("{label} larger");
    vec![
        line.name.clone(),
        comparison.key.clone(),
        pair.second.clone(),
        String::new(),
        pair.difference.to_string(),
        pair.error.to_string(),
        String::new(),
        blank(pair.interval.map(|interval| interval[0])),
        blank(pair.interval.map(|interval| interval[1])),
        match pair.decision {
            Decision::FirstLarger => larger(&pair.first),
            Decision::SecondLarger => larger(&pair.second),
            Decision::NotDecided => "undecided".to_owned(),
        },
        moved_by(line, &comparison.maps),
        pair.first.clone(),
        method_name(pair.method).to_owned(),
        blank(pair.p),
        pair.p_holm.to_string(),
    ]
}

/// The comparison as JSON.
///
/// # Errors
///
/// What the encoder says.
pub fn comparison_json(comparison: &Comparison) -> Result<String, String> {
    serde_json::to_string_pretty(comparison).map_err(|error| error.to_string())
}
