//! Tables in Markdown, CSV and JSON.

use super::{error_of, significant, two_digits};
use crate::config::KeyRow;
use crate::linear::Density;
use crate::measure::{Bound, Measurement};
use crate::run::{Row, Summary};
use crate::selfcheck::Check;
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

/// What `lab config keys` prints.
pub fn config_keys_table(keys: &[KeyRow]) -> String {
    let rows = keys.iter().map(|row| {
        vec![
            format!("`{}`", row.key),
            row.values.clone(),
            row.default.clone(),
            row.only.clone(),
            row.meaning.clone(),
        ]
    });
    markdown(&["key", "values", "default", "only for", "meaning"], rows)
}

/// The keys of a config as CSV.
///
/// # Errors
///
/// What the writer says.
pub fn config_keys_csv(keys: &[KeyRow]) -> Result<String, String> {
    let header = ["key", "values", "default", "only", "meaning"].map(str::to_owned);
    let records = keys.iter().map(|row| {
        let KeyRow {
            key,
            values,
            default,
            only,
            meaning,
        } = row.clone();
        vec![key, values, default, only, meaning]
    });
    csv(&header, records)
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
         {} seed {}: {} parameters, {} steps ({} epochs), ended by {}{}\n\
         {}training {:.2} s, measuring {:.2} s ({share:.0} % of the time){}\n\
         {ERRORS}\n\n\
         run directory: {place}",
        measurement_table(&summary.measurements),
        summary.run,
        summary.seed,
        summary.parameters,
        summary.steps,
        significant(summary.epochs),
        summary.stopped_by,
        at_loss(summary),
        summary
            .degenerate
            .as_ref()
            .map(|reason| format!(
                "DEGENERATE: {reason}. That its loss is flat or sharp says nothing about minima\n"
            ))
            .unwrap_or_default(),
        summary.training_seconds,
        summary.measuring_seconds,
        summary
            .preparing_seconds
            .map(|seconds| format!(", preparing kernels {seconds:.1} s"))
            .unwrap_or_default(),
    )
}

/// The loss a run ended at, and what it did to end there.
fn at_loss(summary: &Summary) -> String {
    let loss = summary.train_loss.map(significant);
    let loss = loss.map(|loss| format!(" at training loss {loss}"));
    let part = summary.last_step_part.map(two_digits);
    let part = part.map(|part| format!(" (after {part} of its last step)"));
    loss.unwrap_or_default() + &part.unwrap_or_default()
}

/// How to read the error column.
const ERRORS: &str = "errors: ± one standard error (of a mean over samples, or over probes); \
                      residual = ‖Hv − λv‖ / ‖H‖ of an eigenvalue (‖H‖ is the largest |λ| seen: the value, or what stands after \"of\"), how far \
                      the fourth of several ascents stayed below the best of a maximum (a lower bound), \
                      half the bracket of a threshold; \
                      rounding ≤ what 32-bit numbers may have moved a value by, where its digits could show it; \
                      exact = over these samples, to rounding";

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
        "scale",
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
            blank(m.stderr()),
            blank(m.residual()),
            blank(m.converged),
            blank(m.matvecs),
            blank(m.samples),
            blank(m.circumstances.norm_mode),
            row.dtype.to_string(),
            m.seconds.to_string(),
            blank(m.reason()),
            blank(m.note.as_ref()),
            blank(m.rounding),
            blank(m.bound().map(Bound::as_str)),
            blank(m.scale()),
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
