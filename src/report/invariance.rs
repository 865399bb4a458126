//! The invariance table: measures by maps.

use super::table::{blank, csv, markdown};
use super::{significant, two_digits};
use crate::measure::invariance::{Change, Line, MapReport, Verdict};

/// A claim is tested loosely where the errors leave room for a larger relative change than this.
const LOOSE: f64 = 0.05;

/// A relative change that shows in a table.
const VISIBLE: f64 = 5e-4;

/// What `lab reparam` prints: whether the maps left the function alone, the ratio of every measure
/// after each map to before, and what must be known to believe it.
pub fn invariance_table(reports: &[MapReport]) -> String {
    let mut text = function_table(reports);
    text.push_str("\n\n");
    text.push_str(&measure_table(reports));
    text.push('\n');
    for note in notes(reports) {
        text.push_str("\n- ");
        text.push_str(&note);
    }
    text
}

fn function_table(reports: &[MapReport]) -> String {
    let rows = reports.iter().map(|report| {
        let mut row = vec![report.map.to_string()];
        match &report.function {
            Some(check) => row.extend([check.outputs, check.margins, check.loss].map(change)),
            None => row.extend(["-", "-", "-"].map(str::to_owned)),
        }
        row.push(function(report));
        row
    });
    let headers = [
        "map",
        ">outputs (allowed)",
        ">margins (allowed)",
        ">loss (allowed)",
        "function",
    ];
    markdown(&headers, rows)
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
fn measure_table(reports: &[MapReport]) -> String {
    let mut headers = vec!["measure"];
    headers.extend(reports.iter().map(|report| report.map.short()));
    let mut names: Vec<&str> = Vec::new();
    for line in lines(reports) {
        if !names.contains(&line.measure) {
            names.push(line.measure);
        }
    }
    let rows = names.into_iter().map(|name| {
        let mut row = vec![name.to_owned()];
        row.extend(reports.iter().map(|report| {
            let line = report.lines.iter().find(|line| line.measure == name);
            line.map_or_else(|| "-".to_owned(), cell)
        }));
        row
    });
    markdown(&headers, rows)
}

fn cell(line: &Line) -> String {
    let word = match line.verdict {
        Verdict::Kept => "PASS",
        Verdict::Broken => "FAIL",
        Verdict::Moved => "moves",
        Verdict::DidNotMove => "stays",
        Verdict::NotConverged => "not converged",
        Verdict::NotMeasured => return "-".to_owned(),
    };
    let ratio = line.ratio.map_or_else(|| "-".to_owned(), significant);
    format!("{ratio} {word}")
}

fn notes(reports: &[MapReport]) -> Vec<String> {
    let claimed = lines(reports).filter(|line| line.claimed);
    let tested: Vec<&Line> = claimed
        .filter(|line| matches!(line.verdict, Verdict::Kept | Verdict::Broken))
        .collect();
    let kept = tested.iter().filter(|line| line.verdict == Verdict::Kept);
    let seconds: f64 = reports.iter().map(|report| report.seconds).sum();
    let mut notes = vec![
        format!(
            "{} of {} claims to survive a map were kept; {seconds:.1} s.",
            kept.count(),
            tested.len()
        ),
        "Numbers are the measure after the map over before it. PASS, FAIL: it claims to survive \
         the map. moves, stays: it claims nothing."
            .to_owned(),
        "The function: the largest change of an output, of a margin and of the mean loss, relative \
         to the largest of each; allowed is what rounding explains, and what normalisation adds to variances."
            .to_owned(),
    ];
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

/// Names measures that moved visibly, but by less than their own large errors.
fn loose(tested: &[&Line]) -> Option<String> {
    let share = |line: &Line| Some(line.allowed? / line.before.value?.abs());
    let is_visible = |line: &Line| line.ratio.is_none_or(|ratio| (ratio - 1.0).abs() > VISIBLE);
    let mut names: Vec<&str> = Vec::new();
    for line in tested.iter().filter(|line| line.verdict == Verdict::Kept) {
        let is_loose = share(line).is_some_and(|share| share > LOOSE) && is_visible(line);
        if is_loose && !names.contains(&line.measure) {
            names.push(line.measure);
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "Kept only within large errors of their own (more than {:.0} %): {}.",
            100.0 * LOOSE,
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

/// The invariance table as CSV: one line per map and measure; the function's outputs, margins and
/// loss have lines of their own.
///
/// # Errors
///
/// What the writer says.
pub fn invariance_csv(reports: &[MapReport]) -> Result<String, String> {
    let header = [
        "map", "measure", "before", "after", "ratio", "moved_by", "allowed", "claimed", "verdict",
        "reason",
    ];
    let records = reports.iter().flat_map(|report| {
        let function = function_records(report);
        function.into_iter().chain(report.lines.iter().map(record))
    });
    csv(&header.map(str::to_owned), records)
}

fn function_records(report: &MapReport) -> Vec<Vec<String>> {
    let verdict = if report.preserves_function() {
        "kept"
    } else {
        "broken"
    };
    let record = |name: &str, change: Option<Change>| {
        let mut record = vec![report.map.to_string(), format!("function.{name}")];
        record.extend([const { String::new() }; 3]);
        record.extend([
            blank(change.map(|change| change.moved)),
            blank(change.map(|change| change.allowed)),
            "true".to_owned(),
            verdict.to_owned(),
            blank(report.reason.as_ref()),
        ]);
        record
    };
    let check = report.function;
    vec![
        record("outputs", check.map(|check| check.outputs)),
        record("margins", check.map(|check| check.margins)),
        record("loss", check.map(|check| check.loss)),
    ]
}

fn record(line: &Line) -> Vec<String> {
    let (before, after) = (line.before.value, line.after.value);
    vec![
        line.map.to_string(),
        line.measure.to_owned(),
        blank(before),
        blank(after),
        blank(line.ratio),
        blank(
            before
                .zip(after)
                .map(|(before, after)| (after - before).abs()),
        ),
        blank(line.allowed),
        line.claimed.to_string(),
        line.verdict.to_string(),
        if line.ratio.is_none() {
            line.reason()
        } else {
            String::new()
        },
    ]
}
