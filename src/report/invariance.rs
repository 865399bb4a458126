//! The invariance table: measures by maps.

use super::{Report, significant, two_digits};
use crate::measure::invariance::{Change, LARGE_ERROR, Line, MapReport, Verdict};
use crate::table::{Cell, Column, Page, Table};

/// What `lab reparam` has found: whether the maps left the function alone, the ratio of every measure
/// after each map to before, and what must be known to believe it.
impl Report for [MapReport] {
    fn page(&self) -> Page {
        Page::from(function_table(self))
            .table(measure_table(self))
            .list(notes(self))
    }

    /// One row per map and measure; the function's outputs, margins and loss have rows of their own.
    fn records(&self) -> Table {
        let columns = [
            Column::text("map"),
            Column::text("measure"),
            Column::number("before"),
            Column::number("after"),
            Column::number("ratio"),
            Column::number("moved_by"),
            Column::number("allowed"),
            Column::text("claimed"),
            Column::text("verdict"),
            Column::text("reason"),
        ];
        let rows = self.iter().flat_map(|report| {
            let function = function_records(report);
            function.into_iter().chain(report.lines.iter().map(record))
        });
        Table::new(columns).with_rows(rows)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

fn function_table(reports: &[MapReport]) -> Table {
    let columns = [
        Column::text("map"),
        Column::text("outputs (allowed)").right(),
        Column::text("margins (allowed)").right(),
        Column::text("loss (allowed)").right(),
        Column::text("function"),
    ];
    Table::new(columns).with_rows(reports.iter().map(|report| {
        let check = report.function;
        vec![
            report.map.to_string().into(),
            check.map(|check| change(check.outputs)).into(),
            check.map(|check| change(check.margins)).into(),
            check.map(|check| change(check.loss)).into(),
            function(report).into(),
        ]
    }))
}

fn change(change: Change) -> String {
    format!(
        "{} ({})",
        two_digits(change.moved),
        two_digits(change.allowed)
    )
}

fn function(report: &MapReport) -> String {
    let changed = report.reason.as_ref().map_or_else(
        || "ANOTHER: FAIL".to_owned(),
        |reason| format!("FAIL: {reason}"),
    );
    if report.preserves_function() {
        "the same".to_owned()
    } else {
        changed
    }
}

/// Measures down, maps across.
fn measure_table(reports: &[MapReport]) -> Table {
    let maps = reports
        .iter()
        .map(|report| Column::text(report.map.short()));
    let columns = std::iter::once(Column::text("measure")).chain(maps);
    let mut names: Vec<&str> = Vec::new();
    for line in lines(reports) {
        if !names.contains(&line.measure) {
            names.push(line.measure);
        }
    }
    let row = |name: &str| {
        let cells = reports.iter().map(|report| {
            let line = report.lines.iter().find(|line| line.measure == name);
            line.map_or(Cell::Missing, cell)
        });
        std::iter::once(name.into()).chain(cells).collect()
    };
    Table::new(columns).with_rows(names.into_iter().map(row))
}

/// The ratio, the verdict, and what the errors allow, where that is needed to understand the verdict.
fn cell(line: &Line) -> Cell {
    let word = match line.verdict {
        Verdict::Kept => "PASS",
        Verdict::Broken => "FAIL",
        Verdict::Moved => "moves",
        Verdict::DidNotMove => "stays",
        Verdict::Undecided => "unclear",
        Verdict::NotConverged => "unfinished",
        Verdict::NotMeasured => return Cell::Missing,
    };
    // Of what moves as it states, and of what says nothing, it does not matter.
    let matters = !matches!(line.verdict, Verdict::Moved | Verdict::NotConverged);
    let allowed = line
        .allowed_ratio()
        .filter(|_| matters && line.has_changed_visibly());
    let allowed = allowed.map_or_else(String::new, |a| format!(" (±{})", two_digits(a)));
    format!("{} {word}{allowed}", ratio(line)).into()
}

fn ratio(line: &Line) -> String {
    match (line.ratio, line.after.value) {
        (Some(ratio), _) => significant(ratio),
        (None, Some(after)) => format!("0 to {}", significant(after)),
        (None, None) => "no value".to_owned(),
    }
}

fn notes(reports: &[MapReport]) -> Vec<String> {
    let claimed = lines(reports).filter(|line| line.claimed);
    let tested: Vec<&Line> = claimed
        .filter(|line| matches!(line.verdict, Verdict::Kept | Verdict::Broken))
        .collect();
    let kept = tested.iter().filter(|line| line.verdict == Verdict::Kept);
    let seconds: f64 = reports.iter().map(|report| report.seconds).sum();
    let mut notes = vec![format!(
        "{} of {} claims to survive a map were kept; {seconds:.1} s.",
        kept.count(),
        tested.len()
    )];
    let described = reports
        .iter()
        .filter(|report| !report.description.is_empty());
    notes.extend(described.map(|report| format!("{}: {}.", report.map, report.description)));
    notes.extend(legend(reports));
    notes.push(
        "The function: the largest change of an output, of a margin and of the mean loss, relative \
         to the largest of each; allowed is what rounding explains, and what normalisation adds to variances."
            .to_owned(),
    );
    notes.extend(
        tested
            .iter()
            .filter(|line| line.verdict == Verdict::Broken)
            .map(|line| broken(line)),
    );
    notes.extend(loose(&tested));
    notes.extend(not_measured(reports));
    notes
}

fn broken(line: &Line) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "no value".to_owned(), significant);
    format!(
        "FAIL: {} claims to survive {} and went from {} to {}; its errors explain {}.",
        line.measure,
        line.map,
        value(line.before.value),
        value(line.after.value),
        line.allowed.map_or_else(|| line.reason(), two_digits)
    )
}

/// What the numbers and the words mean that occur in the table.
fn legend(reports: &[MapReport]) -> Vec<String> {
    let words: [(Verdict, &str); 6] = [
        (
            Verdict::Kept,
            "PASS: it claims to survive the map, and does, to within its errors.",
        ),
        (
            Verdict::Broken,
            "FAIL: it claims to survive the map, and changed by more than its errors.",
        ),
        (
            Verdict::Moved,
            "moves: as stated, it does not claim to survive the map.",
        ),
        (
            Verdict::DidNotMove,
            "stays: it claims nothing, and did not change by more than its errors, which are small.",
        ),
        (
            Verdict::Undecided,
            "unclear: it claims nothing, and changed by less than its errors, which are large.",
        ),
        (
            Verdict::NotConverged,
            "unfinished: it claims to survive and changed by more than its errors, but a search \
             behind it had not converged, so that says nothing.",
        ),
    ];
    let occurs = |verdict: Verdict| lines(reports).any(|line| line.verdict == verdict);
    let words = words.into_iter().filter(|(verdict, _)| occurs(*verdict));
    let numbers =
        "Numbers are the measure after the map over before it; (±x) is how far from 1 the \
                   errors of both allow that to be."
            .to_owned();
    std::iter::once(numbers)
        .chain(words.map(|(_, meaning)| meaning.to_owned()))
        .collect()
}

/// Names measures that moved visibly, but by less than their own large errors.
fn loose(tested: &[&Line]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for line in tested.iter().filter(|line| line.verdict == Verdict::Kept) {
        let is_loose = line.has_large_error() && line.has_changed_visibly();
        if is_loose && !names.contains(&line.measure) {
            names.push(line.measure);
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "Hardly tested, because their own errors allow a change of more than {:.0} %: {}.",
            100.0 * LARGE_ERROR,
            names.join(", ")
        )
    })
}

/// Measures without a value, with the reason, each pair once.
fn not_measured(reports: &[MapReport]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for line in lines(reports).filter(|line| line.verdict == Verdict::NotMeasured) {
        let note = format!("{}: not measured: {}.", line.measure, line.reason());
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn lines(reports: &[MapReport]) -> impl Iterator<Item = &Line> {
    reports.iter().flat_map(|report| &report.lines)
}

fn function_records(report: &MapReport) -> [Vec<Cell>; 3] {
    let verdict = if report.preserves_function() {
        "kept"
    } else {
        "broken"
    };
    let record = |name: &str, change: Option<Change>| {
        vec![
            report.map.to_string().into(),
            format!("function.{name}").into(),
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            change.map(|change| change.moved).into(),
            change.map(|change| change.allowed).into(),
            true.into(),
            verdict.into(),
            report.reason.as_deref().into(),
        ]
    };
    let check = report.function;
    [
        record("outputs", check.map(|check| check.outputs)),
        record("margins", check.map(|check| check.margins)),
        record("loss", check.map(|check| check.loss)),
    ]
}

fn record(line: &Line) -> Vec<Cell> {
    let (before, after) = (line.before.value, line.after.value);
    let both = before.zip(after);
    vec![
        line.map.to_string().into(),
        line.measure.into(),
        before.into(),
        after.into(),
        line.ratio.into(),
        both.map(|(before, after)| (after - before).abs()).into(),
        line.allowed.into(),
        line.claimed.into(),
        line.verdict.to_string().into(),
        line.ratio.is_none().then(|| line.reason()).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measurement;
    use crate::measure::invariance::FunctionCheck;
    use crate::reparam::MapKind;
    use crate::table::{Markdown, Renderer};

    fn line(measure: &'static str, numbers: [f64; 3], claimed: bool, verdict: Verdict) -> Line {
        let [before, after, allowed] = numbers;
        Line {
            map: MapKind::Permutation,
            measure,
            before: Measurement::new(measure, before),
            after: Measurement::new(measure, after),
            ratio: (before != 0.0).then_some(after / before),
            allowed: Some(allowed),
            claimed,
            verdict,
        }
    }

    #[test]
    fn a_cell_shows_what_was_found_and_what_was_allowed_where_that_matters() {
        let lines = vec![
            line("norm.l2", [2.0, 2.0, 1e-9], true, Verdict::Kept),
            line("hessian.trace", [3.0, 2.794, 0.6], true, Verdict::Kept),
            line("gradient.norm", [1.0, 1.2, 0.01], true, Verdict::Broken),
            line("distance.init", [0.0, 1.2, 0.01], true, Verdict::Broken),
            line("norm.path", [1.0, 33.78, 1e-6], false, Verdict::Moved),
            line("margin.min", [1.0, 1.0, 1e-6], false, Verdict::DidNotMove),
            line(
                "sharpness.keskar.full.spread",
                [1.0, 3.221, 4.0],
                false,
                Verdict::Undecided,
            ),
            line(
                "hessian.lambda_max",
                [1.0, 1.5, 0.1],
                true,
                Verdict::NotConverged,
            ),
        ];
        let still = Change {
            moved: 0.0,
            allowed: 1e-12,
        };
        let report = MapReport {
            map: MapKind::Permutation,
            description: String::new(),
            function: Some(FunctionCheck {
                outputs: still,
                margins: still,
                loss: still,
                is_exact: true,
            }),
            reason: None,
            lines,
            seconds: 0.5,
        };
        insta::assert_snapshot!(Markdown.page(&[report].page()), @r"
        | map         | outputs (allowed) | margins (allowed) | loss (allowed) | function |
        |-------------|-------------------|-------------------|----------------|----------|
        | permutation |       0 (1.0e-12) |       0 (1.0e-12) |    0 (1.0e-12) | the same |

        | measure                      | permutation          |
        |------------------------------|----------------------|
        | norm.l2                      | 1.000 PASS           |
        | hessian.trace                | 0.9313 PASS (±0.20)  |
        | gradient.norm                | 1.200 FAIL (±0.010)  |
        | distance.init                | 0 to 1.200 FAIL      |
        | norm.path                    | 33.78 moves          |
        | margin.min                   | 1.000 stays          |
        | sharpness.keskar.full.spread | 3.221 unclear (±4.0) |
        | hessian.lambda_max           | 1.500 unfinished     |

        - 2 of 4 claims to survive a map were kept; 0.5 s.
        - Numbers are the measure after the map over before it; (±x) is how far from 1 the errors of both allow that to be.
        - PASS: it claims to survive the map, and does, to within its errors.
        - FAIL: it claims to survive the map, and changed by more than its errors.
        - moves: as stated, it does not claim to survive the map.
        - stays: it claims nothing, and did not change by more than its errors, which are small.
        - unclear: it claims nothing, and changed by less than its errors, which are large.
        - unfinished: it claims to survive and changed by more than its errors, but a search behind it had not converged, so that says nothing.
        - The function: the largest change of an output, of a margin and of the mean loss, relative to the largest of each; allowed is what rounding explains, and what normalisation adds to variances.
        - FAIL: gradient.norm claims to survive permutation and went from 1.000 to 1.200; its errors explain 0.010.
        - FAIL: distance.init claims to survive permutation and went from 0 to 1.200; its errors explain 0.010.
        - Hardly tested, because their own errors allow a change of more than 5 %: hessian.trace.
        ");
    }
}
