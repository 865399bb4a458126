//! Tables in Markdown, CSV and JSON.

use super::{error_of, significant, two_digits};
use crate::compare::{Comparison, Group, Line, Verdict};
use crate::curvature::Density;
use crate::measure::{Bound, Measurement, find};
use crate::reparam::MapKind;
use crate::selfcheck::Check;
use crate::train::{Row, Summary};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell, CellAlignment, Table};

/// A Markdown table; every column whose header starts with `>` is aligned right.
pub fn markdown(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let aligned = |text: &str, header: &str| {
        let cell = Cell::new(text);
        if header.starts_with('>') {
            cell.set_alignment(CellAlignment::Right)
        } else {
            cell
        }
    };
    table.set_header(
        headers
            .iter()
            .map(|header| aligned(header.trim_start_matches('>'), header)),
    );
    for row in rows {
        table.add_row(
            row.iter()
                .zip(headers)
                .map(|(text, header)| aligned(text, header)),
        );
    }
    table.to_string()
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// What the end of a training run prints.
pub fn run_table(summary: &Summary, place: &str) -> String {
    let total = summary.training_seconds + summary.measuring_seconds;
    let share = if total > 0.0 {
        100.0 * summary.measuring_seconds / total
    } else {
        0.0
    };
    format!(
        "{}\n\n\
         {} seed {}: {} parameters, {} steps ({} epochs), ended by {}\n\
         training {:.2} s, measuring {:.2} s ({share:.0} % of the time){}\n\
         {ERRORS}\n\n\
         run directory: {place}",
        measurement_table(&summary.measurements),
        summary.run,
        summary.seed,
        summary.parameters,
        summary.steps,
        significant(summary.epochs),
        summary.stopped_by,
        summary.training_seconds,
        summary.measuring_seconds,
        summary
            .preparing_seconds
            .map(|seconds| format!(", preparing kernels {seconds:.1} s"))
            .unwrap_or_default(),
    )
}

/// How to read the error column.
const ERRORS: &str = "errors: ± one standard error (of a mean over samples, or over probes); \
                      residual = ‖Hv − λv‖ / |λ| of an eigenvalue, the rise \
                      still promised / the rise found of a maximum, half the bracket of a threshold; exact = over these samples, to rounding";

fn measurement_table(measurements: &[Measurement]) -> String {
    let rows = measurements.iter().map(|row| {
        vec![
            row.name.clone(),
            row.value.map_or_else(|| "-".to_owned(), significant),
            error_of(row),
            optional(row.samples),
            optional(row.matvecs),
            format!("{:.2}", row.seconds),
        ]
    });
    markdown(
        &[
            "measure", ">value", "error", ">samples", ">matvecs", ">seconds",
        ],
        rows,
    )
}

/// What `lab measure` prints.
pub fn rows_table(rows: &[Row]) -> String {
    let measurements: Vec<_> = rows.iter().map(|row| row.measurement.clone()).collect();
    format!("{}\n\n{ERRORS}", measurement_table(&measurements))
}

/// Measurement rows as CSV.
///
/// # Errors
///
/// What the writer says.
pub fn rows_csv(rows: &[Row]) -> Result<String, String> {
    let header = [
        "run",
        "seed",
        "step",
        "epoch",
        "name",
        "value",
        "stderr",
        "residual",
        "converged",
        "matvecs",
        "samples",
        "norm_mode",
        "dtype",
        "seconds",
        "reason",
        "note",
        "rounding",
        "bound",
    ];
    let records = rows.iter().map(|row| {
        let m = &row.measurement;
        vec![
            row.run.clone(),
            row.seed.to_string(),
            blank(row.step),
            blank(row.epoch),
            m.name.clone(),
            blank(m.value),
            blank(m.stderr),
            blank(m.residual),
            blank(m.converged),
            blank(m.matvecs),
            blank(m.samples),
            blank(m.norm_mode.as_ref()),
            row.dtype.to_string(),
            m.seconds.to_string(),
            blank(m.reason.as_ref()),
            blank(m.note.as_ref()),
            blank(m.rounding),
            blank(m.bound.map(Bound::as_str)),
        ]
    });
    csv(&header.map(str::to_owned), records)
}

pub(super) fn blank<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(super) fn csv(
    header: &[String],
    records: impl Iterator<Item = Vec<String>>,
) -> Result<String, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let write = |writer: &mut csv::Writer<Vec<u8>>| -> Result<(), csv::Error> {
        writer.write_record(header)?;
        for record in records {
            writer.write_record(record)?;
        }
        writer.flush()?;
        Ok(())
    };
    write(&mut writer).map_err(|error| error.to_string())?;
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// What `lab selfcheck` prints.
pub fn checks_table(checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        vec![
            check.name.clone(),
            significant(check.expected),
            significant(check.got),
            two_digits(check.error),
            two_digits(check.tolerance),
            verdict_of(check).to_owned(),
        ]
    });
    markdown(
        &[
            "check",
            ">expected",
            ">got",
            ">error",
            ">allowed",
            "verdict",
        ],
        rows,
    )
}

/// Checks as CSV.
///
/// # Errors
///
/// What the writer says.
pub fn checks_csv(checks: &[Check]) -> Result<String, String> {
    let header = ["check", "expected", "got", "error", "allowed", "verdict"].map(str::to_owned);
    let records = checks.iter().map(|check| {
        vec![
            check.name.clone(),
            check.expected.to_string(),
            check.got.to_string(),
            check.error.to_string(),
            check.tolerance.to_string(),
            verdict_of(check).to_owned(),
        ]
    });
    csv(&header, records)
}

fn verdict_of(check: &Check) -> &'static str {
    if check.passed() { "PASS" } else { "FAIL" }
}

/// A spectral density as CSV: one line per quadrature point, its weight over all probes.
///
/// # Errors
///
/// What the writer says.
pub fn density_csv(density: &Density) -> Result<String, String> {
    let header = ["probe", "eigenvalue", "weight"].map(str::to_owned);
    let count = density.probes.len() as f64;
    let records = density
        .probes
        .iter()
        .enumerate()
        .flat_map(|(probe, points)| {
            points.iter().map(move |(value, weight)| {
                vec![
                    probe.to_string(),
                    value.to_string(),
                    (weight / count).to_string(),
                ]
            })
        });
    csv(&header, records)
}

/// The comparison as Markdown, with notes on how far it can be trusted.
pub fn comparison_table(comparison: &Comparison) -> String {
    let labels: Vec<String> = comparison
        .groups
        .iter()
        .map(|group| format!(">{} (n={})", group.label, group.runs))
        .collect();
    let first = format!("by {}", comparison.key);
    let mut headers = vec![first.as_str()];
    headers.extend(labels.iter().map(String::as_str));
    if comparison.groups.len() > 1 {
        headers.extend([">ratio", "verdict"]);
    }
    headers.push("moved by");
    let rows = comparison.lines.iter().map(|line| {
        let mut row = vec![line.name.clone()];
        row.extend(line.cells.iter().map(|cell| match cell {
            Some(cell) => match cell.error {
                Some(error) => format!("{} ± {}", significant(cell.mean), two_digits(error)),
                None => significant(cell.mean),
            },
            None => "-".to_owned(),
        }));
        if comparison.groups.len() > 1 {
            row.push(line.ratio.map_or_else(|| "-".to_owned(), significant));
            row.push(verdict(line, &comparison.groups));
        }
        row.push(moved_by(line, &comparison.maps));
        row
    });
    let mut text = markdown(&headers, rows);
    text.push('\n');
    for note in &comparison.notes {
        text.push_str("\n- ");
        text.push_str(note);
    }
    text
}

fn verdict(line: &Line, groups: &[Group]) -> String {
    let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
        return "-".to_owned();
    };
    match line.verdict {
        Verdict::LastLarger => format!("{} larger", last.label),
        Verdict::FirstLarger => format!("{} larger", first.label),
        Verdict::NotDecided => "undecided".to_owned(),
        Verdict::TooFewSeeds => "one seed".to_owned(),
        Verdict::Given => String::new(),
    }
}

/// The maps that move a line's measure, briefly: the column is one of many.
fn moved_by(line: &Line, maps: &[MapKind]) -> String {
    match find(&line.name) {
        None => return String::new(),
        Some(measure) if measure.is_check => return "check".to_owned(),
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

/// The comparison as CSV: one line per measure and group.
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
    ];
    let records = comparison.lines.iter().flat_map(|line| {
        line.cells
            .iter()
            .zip(&comparison.groups)
            .map(|(cell, group)| {
                vec![
                    line.name.clone(),
                    comparison.key.clone(),
                    group.label.clone(),
                    group.runs.to_string(),
                    blank(cell.as_ref().map(|cell| cell.mean)),
                    blank(cell.as_ref().and_then(|cell| cell.error)),
                    blank(line.ratio),
                    blank(line.interval.map(|interval| interval[0])),
                    blank(line.interval.map(|interval| interval[1])),
                    verdict(line, &comparison.groups),
                    moved_by(line, &comparison.maps),
                ]
            })
    });
    csv(&header.map(str::to_owned), records)
}

/// The comparison as JSON.
///
/// # Errors
///
/// What the encoder says.
pub fn comparison_json(comparison: &Comparison) -> Result<String, String> {
    serde_json::to_string_pretty(comparison).map_err(|error| error.to_string())
}
