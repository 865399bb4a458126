//! Measurements: those of a command, and those at the end of a training run.

use super::{Report, counted, error_of, significant, two_digits};
use crate::measure::{Algorithm, Bound, Measurement, Weights};
use crate::model::{DropoutMode, NormMode};
use crate::run::{Occurrence, Row, Summary};
use crate::table::{Cell, Column, Markdown, Page, Renderer, Table};

impl Report for [Row] {
    fn page(&self) -> Page {
        Page::from(table(self.iter().map(|row| &row.measurement))).paragraph(ERRORS)
    }

    fn records(&self) -> Table {
        records(self.iter())
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

/// Rows for machines.
pub(super) fn records<'a>(rows: impl Iterator<Item = &'a Row>) -> Table {
    let text = |name: &str| Column::text(name);
    let number = |name: &str| Column::number(name);
    let columns = [
        text("run"),
        number("seed"),
        number("step"),
        number("epoch"),
        text("name"),
        number("value"),
        number("stderr"),
        number("residual"),
        text("converged"),
        number("matvecs"),
        number("samples"),
        text("norm_mode"),
        text("dtype"),
        number("seconds"),
        text("reason"),
        text("note"),
        number("rounding"),
        text("bound"),
        number("scale"),
        text("error"),
        text("failure"),
        text("dropout"),
        number("subset"),
        text("block"),
        number("max_matvecs"),
        number("max_seconds"),
        text("algorithm"),
        text("weights"),
        text("chains"),
    ];
    Table::new(columns).with_rows(rows.map(record))
}

fn record(row: &Row) -> Vec<Cell> {
    let m = &row.measurement;
    vec![
        row.run.as_str().into(),
        row.seed.into(),
        row.step.into(),
        row.epoch.into(),
        m.name.as_str().into(),
        m.value.into(),
        m.stderr().into(),
        m.residual().into(),
        m.converged.into(),
        m.matvecs.into(),
        m.samples.into(),
        m.circumstances.norm_mode.map(NormMode::as_str).into(),
        row.dtype.to_string().into(),
        m.seconds.into(),
        m.reason().into(),
        m.note.as_deref().into(),
        m.rounding.into(),
        m.bound().map(Bound::as_str).into(),
        m.scale().into(),
        m.kind_of_error().into(),
        m.failure
            .as_ref()
            .map(|failure| failure.kind.as_str())
            .into(),
        m.circumstances.dropout.map(DropoutMode::as_str).into(),
        m.circumstances.subset.into(),
        m.circumstances.block.as_deref().into(),
        m.circumstances.max_matvecs.into(),
        m.circumstances.max_seconds.into(),
        m.circumstances.algorithm.map(Algorithm::as_str).into(),
        m.circumstances.weights.map(Weights::as_str).into(),
        m.circumstances
            .chains
            .map(|chains| chains.to_string())
            .into(),
    ]
}

/// Measurements with their errors in words.
pub(super) fn table<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Table {
    let columns = [
        Column::text("measure"),
        Column::number("value"),
        Column::text("error"),
        Column::number("samples"),
        Column::number("matvecs"),
        Column::number("seconds"),
    ];
    Table::new(columns).with_rows(measurements.map(|row| {
        vec![
            title(row).into(),
            row.value.into(),
            error_of(row).into(),
            row.samples.into(),
            row.matvecs.into(),
            Cell::seconds(row.seconds),
        ]
    }))
}

/// The name, with the block that a number is about, and the weights where they are not the last ones.
pub(super) fn title(row: &Measurement) -> String {
    let block = row.circumstances.block.as_deref();
    let name = match block.map(|block| format!(".{block}")) {
        Some(end) if !row.name.ends_with(&end) => format!("{}{end}", row.name),
        _ => row.name.clone(),
    };
    match row.circumstances.weights {
        None => name,
        Some(weights) => format!("{name}, {weights} weights"),
    }
}

/// What the end of a training run prints.
pub fn run_table(summary: &Summary, place: &str) -> String {
    let page = Page::from(table(summary.measurements.iter()))
        .paragraph(format!("{}\n{ERRORS}", ending(summary)))
        .list(summary.events.iter().map(happened))
        .paragraph(format!("run directory: {place}"));
    Markdown.page(&page)
}

/// How a training run went.
pub(super) fn ending(summary: &Summary) -> String {
    let total = summary.training_seconds + summary.measuring_seconds;
    let share = if total > 0.0 {
        100.0 * summary.measuring_seconds / total
    } else {
        0.0
    };
    let degenerate = summary.degenerate.as_ref().map(|reason| {
        format!("DEGENERATE: {reason}. That its loss is flat or sharp says nothing about minima\n")
    });
    let preparing = summary
        .preparing_seconds
        .map(|seconds| format!(", preparing kernels {seconds:.1} s"));
    let epochs = match summary.epochs == 1.0 {
        true => "1 epoch".to_owned(),
        false => format!("{} epochs", significant(summary.epochs)),
    };
    format!(
        "{} seed {}: {}, {} ({}), ended by {}{}\n\
         {}training {:.2} s, measuring {:.2} s ({share:.0} % of the time){}",
        summary.run,
        summary.seed,
        counted(summary.parameters, "parameter"),
        counted(summary.steps as usize, "step"),
        epochs,
        summary.stopped_by,
        at_loss(summary),
        degenerate.unwrap_or_default(),
        summary.training_seconds,
        summary.measuring_seconds,
        preparing.unwrap_or_default(),
    )
}

/// When something first happened, and how often it did.
pub(super) fn happened(occurrence: &Occurrence) -> String {
    let Occurrence {
        event,
        first_step,
        since,
        times,
        circumstances,
    } = occurrence;
    let since = since.map(|since| format!(", and not yet after step {since}"));
    let times = match times {
        1 => String::new(),
        times => format!("; {times} times in all"),
    };
    let samples = circumstances.subset;
    let samples = samples.map(|samples| format!(", measured on {samples} samples"));
    format!(
        "{event}: after step {first_step}{}{times}{}",
        since.unwrap_or_default(),
        samples.unwrap_or_default()
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
pub(super) const ERRORS: &str = "errors: ± one standard error (of a mean over samples, or over probes); \
                      residual = ‖Hv − λv‖ / ‖H‖ of an eigenvalue (‖H‖ is the largest |λ| seen: the value, or what stands after \"of\"), how far \
                      the fourth of several ascents stayed below the best of a maximum (a lower bound), \
                      half the bracket of a threshold; \
                      rounding ≤ what 32-bit numbers may have moved a value by, where its digits could show it; \
                      exact = over these samples, to rounding";
