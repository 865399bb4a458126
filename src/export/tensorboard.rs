//! A run as an event file for TensorBoard.

use super::{ExportedRun, flat};
use crate::measure::Circumstances;
use crate::run::{Row, Status};
use jiff::Timestamp;
use lab_common::events::{Ending, EventFile, Setting};
use std::collections::BTreeMap;

/// Eigenvalues that make the histogram of a spectrum.
const SPECTRUM: [&str; 6] = [
    "hessian.lambda_max",
    "hessian.lambda_2",
    "hessian.lambda_3",
    "hessian.lambda_4",
    "hessian.lambda_5",
    "hessian.lambda_min",
];

/// What the names of the least margins of the classes begin with.
pub const MARGINS: &str = "margin.class.";

/// When, and how much.
type At = (f64, f64);

/// The event file of a run: a scalar for each row with a value, at its step and the time it was written, its error beside it
/// under a tag that ends in `.error`; histograms of the measured eigenvalues of the Hessian and of the least margins of the
/// classes at each step that has them; the config as hyperparameters, and how the run ended. Each tag has at most one value at a
/// step, the last that was measured.
pub fn event_file(run: &ExportedRun) -> Vec<u8> {
    let clock = Clock::of(run);
    let mut file = EventFile::new(clock.started);
    file.settings(clock.started, &run.config.name, &settings(run));
    let mut scalars: BTreeMap<(u64, String), At> = BTreeMap::new();
    let mut spectra: BTreeMap<(u64, String), (f64, BTreeMap<String, f64>)> = BTreeMap::new();
    for row in &run.rows {
        let (Some(step), Some(value)) = (row.step, row.measurement.value) else {
            continue;
        };
        let (tag, time) = (tag(row), clock.of_row(row));
        if let Some(error) = row.measurement.absolute_error() {
            scalars.insert((step, format!("{tag}.error")), (time, error));
        }
        if let Some(histogram) = histogram(row) {
            let entry = spectra.entry((step, histogram)).or_default();
            entry.0 = time;
            entry.1.insert(row.measurement.name.clone(), value);
        }
        scalars.insert((step, tag), (time, value));
    }
    for ((step, tag), (time, value)) in scalars {
        file.scalar(&tag, time, step, value);
    }
    for ((step, tag), (time, values)) in spectra {
        let values: Vec<f64> = values.into_values().collect();
        file.histogram(&tag, time, step, &values);
    }
    let ending = match run.record.status {
        Status::Finished | Status::Degenerate => Ending::Success,
        Status::Failed | Status::Diverged => Ending::Failure,
        Status::Running | Status::Interrupted => Ending::Running,
    };
    file.ended(clock.ended, ending);
    file.into_bytes()
}

/// The tag of a row: its name, whose family makes the group, with what it was taken under where that is unusual.
fn tag(row: &Row) -> String {
    let name = &row.measurement.name;
    let name = name.replacen('.', "/", 1);
    format!("{name}{}", unusual(&row.measurement.circumstances))
}

/// What is unusual about what a number was taken under; nothing where all is usual.
fn unusual(circumstances: &Circumstances) -> String {
    let usual = Circumstances::default().parts();
    let parts = circumstances.parts().into_iter().zip(usual);
    let parts: Vec<String> = parts
        .filter(|((name, value), (_, usual))| {
            // How an eigenvalue was searched for makes no curve of its own, and a name has its block already.
            let is_usual_mode = *name == "norm_mode" && value == "eval";
            value != usual && *name != "search" && *name != "block" && !is_usual_mode
        })
        .map(|((name, value), _)| format!("{name}={value}"))
        .collect();
    match (parts.is_empty(), &circumstances.block) {
        (true, None) => String::new(),
        (true, Some(block)) => format!(" [{block}]"),
        (false, None) => format!(" [{}]", parts.join(", ")),
        (false, Some(block)) => format!(" [{block}, {}]", parts.join(", ")),
    }
}

/// The tag of the histogram that a row is part of.
fn histogram(row: &Row) -> Option<String> {
    let name = row.measurement.name.as_str();
    let tag = match name {
        _ if SPECTRUM.contains(&name) => "hessian/eigenvalues",
        _ if name.starts_with(MARGINS) => "margin/classes",
        _ => return None,
    };
    Some(format!("{tag}{}", unusual(&row.measurement.circumstances)))
}

fn settings(run: &ExportedRun) -> Vec<(String, Setting)> {
    let of = |value: &toml::Value| match value {
        toml::Value::Integer(number) => Setting::Number(*number as f64),
        toml::Value::Float(number) => Setting::Number(*number),
        toml::Value::Boolean(truth) => Setting::Truth(*truth),
        toml::Value::String(text) => Setting::Text(text.clone()),
        value => Setting::Text(value.to_string()),
    };
    let flat = flat(&run.config);
    let keys = flat.iter().filter(|(key, _)| !key.starts_with("hooks"));
    keys.map(|(key, value)| (key.clone(), of(value))).collect()
}

/// When things happened, in seconds since 1970.
struct Clock {
    started: f64,
    ended: f64,
    steps: u64,
}

impl Clock {
    fn of(run: &ExportedRun) -> Self {
        let seconds = |text: &str| {
            let time: Option<Timestamp> = text.parse().ok();
            time.map(|time| time.as_millisecond() as f64 / 1e3)
        };
        let started = seconds(&run.record.started).unwrap_or_default();
        let last = run
            .rows
            .iter()
            .filter_map(|row| row.wall_time)
            .reduce(f64::max);
        let ended = run.record.ended.as_deref().and_then(seconds).or(last);
        Self {
            started,
            ended: ended.unwrap_or(started).max(started),
            steps: run
                .rows
                .iter()
                .filter_map(|row| row.step)
                .max()
                .unwrap_or_default(),
        }
    }

    /// When a row was written. Rows of earlier versions do not say: they are laid evenly between the start and the end of the
    /// run, by their steps.
    fn of_row(&self, row: &Row) -> f64 {
        let part = row.step.unwrap_or_default() as f64 / self.steps.max(1) as f64;
        let between = self.started + part * (self.ended - self.started);
        row.wall_time.unwrap_or(between)
    }
}
