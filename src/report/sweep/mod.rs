//! Sweeps: the plan, what became of it, and progress.

mod plan;
mod progress;
mod status;

pub use plan::{PlanReport, PlannedRow};
pub use progress::SweepProgress;
pub use status::StatusReport;

/// Seconds in words, to the two largest units.
fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes in MiB, to be read.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
