//! What runs have measured, as one figure.

use super::{CellValue, FinishedRun};
use crate::measure::Measurement;
use crate::statistics::{mean, standard_error, variance};

/// The first row of a name in a run.
pub(super) fn find<'a>(run: &'a FinishedRun, name: &str) -> Option<&'a Measurement> {
    run.summary.measurements.iter().find(|row| row.name == name)
}

/// The figure of a group's runs; none where no run has a value.
pub(super) fn cell<'a>(
    runs: &[&'a FinishedRun],
    find: impl Fn(&'a FinishedRun) -> Option<&'a Measurement>,
) -> Option<CellValue> {
    let rows: Vec<&Measurement> = runs
        .iter()
        .filter_map(|run| find(run))
        .filter(|row| row.value.is_some())
        .collect();
    let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    if values.is_empty() {
        return None;
    }
    let own = rows[0].absolute_error();
    Some(CellValue {
        mean: mean(&values),
        n: values.len(),
        deviation: deviation(&values),
        error: if values.len() > 1 {
            Some(standard_error(&values))
        } else {
            own
        },
        values,
    })
}

/// The standard deviation over runs; none of one.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    (values.len() > 1).then(|| variance(values).sqrt())
}
