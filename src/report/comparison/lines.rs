//! The table of a comparison: which lines are shown, and how.

use crate::compare::{
    CellValue, Comparison, Decision, Group, Larger, Line, Method, Verdict, larger, margin_words,
};
use crate::measure::find;
use crate::reparam::MapKind;
use crate::table::{Cell, Column, Table};

/// Lines that are shown whether or not they are decided: what was set, and without what a sharpness
/// misleads; what training and test data say; and of each idea of flatness the measure by which it is
/// known, with the one beside it that no map moves.
pub const HEADLINES: [&str; 21] = [
    "optimizer.learning_rate",
    "epochs",
    "steps",
    "loss.train",
    "loss.test",
    "gap.loss",
    "accuracy.test",
    "r2.test",
    "margin.median",
    "margin.spectral",
    "norm.path",
    "distance.init",
    "gradient.norm",
    "hessian.lambda_max",
    "hessian.lambda_max.adaptive",
    "hessian.trace",
    "sharpness.sam",
    "sharpness.asam",
    "sharpness.average",
    "sharpness.average.adaptive",
    "sharpness.relative_curvature",
];

/// The lines that are shown.
pub(super) fn shown(comparison: &Comparison, shows_all: bool) -> Vec<&Line> {
    let is_shown = |line: &&Line| {
        let is_answer = line.is_decided() || line.verdict == Verdict::Equal;
        shows_all || is_answer || HEADLINES.contains(&line.name.as_str())
    };
    comparison.lines.iter().filter(is_shown).collect()
}

/// Says that lines are not shown.
pub(super) fn hidden(comparison: &Comparison, hidden: usize) -> String {
    let (lines, verb) = match hidden {
        1 => ("1 line".to_owned(), "is"),
        lines => (format!("{lines} lines"), "are"),
    };
    let standing = if comparison.tests > 0 {
        ", none of them decided"
    } else {
        ""
    };
    format!("{lines} {verb} not shown{standing}: --all shows every line.")
}

/// The longest label of a group that verdicts repeat; groups with longer ones have a letter each.
const LONG: usize = 12;

/// The short names of groups, where verdicts would be too wide with their labels: these are long, or of several keys and there
/// are more than two.
pub(super) fn short_names(comparison: &Comparison) -> Option<Vec<String>> {
    let groups = &comparison.groups;
    let are_long = groups
        .iter()
        .any(|group| group.label.chars().count() > LONG);
    let are_of_several = comparison.key.contains(',') && groups.len() > 2;
    let letters = ('A'..='Z').map(String::from);
    let names: Vec<String> = letters.take(groups.len()).collect();
    let is_enough = groups.len() > 1 && names.len() == groups.len();
    (comparison.is_tested && is_enough && (are_long || are_of_several)).then_some(names)
}

/// A line and the groups with short names in the place of the groups' labels.
fn renamed(line: &Line, groups: &[Group], names: &[String]) -> (Line, Vec<Group>) {
    let name = |label: &str| {
        let place = groups.iter().position(|group| group.label == label);
        place.map_or_else(|| label.to_owned(), |place| names[place].clone())
    };
    let mut line = line.clone();
    for pair in &mut line.pairs {
        (pair.first, pair.second) = (name(&pair.first), name(&pair.second));
    }
    let groups = groups.iter().map(|group| Group {
        label: name(&group.label),
        ..group.clone()
    });
    (line, groups.collect())
}

/// Lines down, groups across: means with what is said of them. Groups with long labels have a letter each, which stands before
/// their labels at the head of the columns.
pub(super) fn table(comparison: &Comparison, shown: &[&Line]) -> Table {
    let by = comparison.key.replace(',', ", ");
    let names = short_names(comparison);
    let groups = comparison.groups.iter().enumerate();
    let groups = groups.map(|(place, group)| {
        let letter = names.as_ref().map(|names| format!("{}: ", names[place]));
        let letter = letter.unwrap_or_default();
        Column::estimate(format!("{letter}{} (n={})", group.label, group.runs))
    });
    let mut columns = vec![Column::text(format!("by {by}"))];
    columns.extend(groups);
    if comparison.is_tested {
        columns.push(Column::text("verdict"));
    }
    columns.push(Column::text("moved by"));
    let caption = if shown.len() == comparison.lines.len() {
        format!("Means ± standard deviations by {by}.")
    } else {
        format!("Means ± standard deviations by {by}: decided lines and headline measures.")
    };
    let rows = shown
        .iter()
        .map(|line| row(comparison, line, names.as_deref()));
    Table::new(columns).captioned(caption).with_rows(rows)
}

fn row(comparison: &Comparison, line: &Line, names: Option<&[String]>) -> Vec<Cell> {
    let mut row = vec![line.label().into()];
    row.extend(line.cells.iter().map(|cell| figure(cell.as_ref())));
    if comparison.is_tested {
        let groups = &comparison.groups;
        row.push(match names.map(|names| renamed(line, groups, names)) {
            None => verdict(line, groups),
            Some((line, groups)) => verdict(&line, &groups),
        });
    }
    row.push(moved_by(line, &comparison.maps).into());
    row
}

pub(super) fn figure(cell: Option<&CellValue>) -> Cell {
    cell.map_or(Cell::Missing, |cell| {
        Cell::estimate(cell.mean, cell.deviation.or(cell.error))
    })
}

/// What a line says, or why it says nothing.
pub(super) fn verdict(line: &Line, groups: &[Group]) -> Cell {
    match line.verdict {
        Verdict::LastLarger | Verdict::FirstLarger => {
            let within = line.pairs.iter().find(|pair| pair.is_within_margin);
            let margin = within.and_then(|pair| pair.margin).map(margin_words);
            let within = margin.map_or(String::new(), |margin| format!(", within {margin}"));
            format!("{} larger{within}", order(line, groups)).into()
        }
        Verdict::SomeDiffer => order(line, groups).into(),
        Verdict::Equal => {
            let margin = line.pairs.first().and_then(|pair| pair.margin);
            format!(
                "equal within {}",
                margin.map(margin_words).unwrap_or_default()
            )
            .into()
        }
        Verdict::NotDecided if groups.len() > 2 && !equal_pairs(line).is_empty() => {
            order(line, groups).into()
        }
        Verdict::NotDecided => "undecided".into(),
        Verdict::Identical => "identical".into(),
        Verdict::TooFewSeeds => "too few seeds".into(),
        Verdict::Given => Cell::Empty,
        Verdict::Withheld => Cell::Failed(line.reason.clone().unwrap_or_default()),
    }
}

/// The pairs of groups that are equal within the margin, in words.
fn equal_pairs(line: &Line) -> Vec<String> {
    let equal = line
        .pairs
        .iter()
        .filter(|pair| pair.decision == Decision::Equal);
    equal
        .map(|pair| format!("{} = {}", pair.first, pair.second))
        .collect()
}

/// Which groups are larger than which, and which are equal within the margin. Of two: the larger one. Of more:
/// `512 > 128 > 32`, or `512 > 32; rest undecided`.
pub(super) fn order(line: &Line, groups: &[Group]) -> String {
    ordered(&larger(line), equal_pairs(line), groups)
}

/// The same of what is known to be larger and what to be equal.
pub(super) fn ordered(decided: &[Larger], equal: Vec<String>, groups: &[Group]) -> String {
    if let ([_, _], [pair]) = (groups, decided) {
        return pair.group.clone();
    }
    let below = |label: &str| -> Vec<&str> {
        let below = decided.iter().filter(|pair| pair.group == label);
        below.map(|pair| pair.than.as_str()).collect()
    };
    let mut labels: Vec<&str> = groups.iter().map(|group| group.label.as_str()).collect();
    labels.sort_by_key(|label| std::cmp::Reverse(below(label).len()));
    let count = groups.len();
    let pairs = count * (count - 1) / 2;
    let is_chain = decided.len() == pairs
        && labels
            .iter()
            .enumerate()
            .all(|(rank, label)| below(label).len() == count - 1 - rank);
    if is_chain {
        return labels.join(" > ");
    }
    let is_whole = decided.len() + equal.len() == pairs;
    let mut parts: Vec<String> = labels
        .iter()
        .filter(|label| !below(label).is_empty())
        .map(|label| format!("{label} > {}", below(label).join(" & ")))
        .collect();
    parts.extend(equal);
    if !is_whole {
        parts.push("rest undecided".to_owned());
    }
    parts.join("; ")
}

pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Paired => "paired",
        Method::Welch => "Welch",
    }
}

/// The maps that move a line's measure, briefly: the column is one of many.
pub(super) fn moved_by(line: &Line, maps: &[MapKind]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_are_lines() {
        let set = ["optimizer.learning_rate", "epochs", "steps"];
        for name in HEADLINES {
            assert!(set.contains(&name) || find(name).is_some(), "{name}");
        }
    }
}
