//! Runs as they were at the last training loss that all of them have had, read off the rows of their hooks.

use super::identity::bearing;
use super::{CompareError, Comparison, FinishedRun, Margins, compare_with};
use crate::measure::{Circumstances, Error, Measurement, find};
use crate::run::Row;
use serde::Serialize;

/// What is read off the rows.
const LOSS: &str = "loss.train";

/// A comparison at the last common training loss.
#[derive(Clone, Debug, Serialize)]
pub struct AtCommonLoss {
    /// The loss.
    pub loss: f64,
    /// How far the losses of the two rounds of hooks lie apart, at most, between which a run was read: their ratio.
    pub widest: f64,
    /// The comparison, of the measures of flatness only.
    pub comparison: Box<Comparison>,
}

/// A round of hooks in which flatness was measured.
struct Round<'a> {
    loss: f64,
    rows: Vec<&'a Measurement>,
}

/// The least training loss at which a run's hooks have measured flatness; none where they have not.
pub fn lowest_loss(rows: &[Row]) -> Option<f64> {
    rounds(rows).iter().map(|round| round.loss).reduce(f64::min)
}

/// A run as its hooks found it when it last had a training loss, with how far the losses of the two rounds lie apart
/// between which it was read. Numbers lie on the straight line between the rounds over the logarithm of the loss. None where no
/// two rounds have the loss between them.
pub fn at_loss(run: &FinishedRun, rows: &[Row], loss: f64) -> Option<(FinishedRun, f64)> {
    let rounds = rounds(rows);
    let measured: Vec<&Measurement> = rounds.last()?.rows.clone();
    let mut widest = 1.0f64;
    let mut measurements = Vec::new();
    for row in measured {
        let values: Vec<(f64, f64)> = rounds
            .iter()
            .filter_map(|round| {
                let mut rows = round.rows.iter();
                let same =
                    rows.find(|other| other.name == row.name && bearing(other) == bearing(row));
                Some((round.loss, same?.value?))
            })
            .collect();
        let Some((value, apart)) = between(&values, loss) else {
            continue;
        };
        widest = widest.max(apart);
        measurements.push(Measurement {
            value: Some(value),
            // What the straight line between two rounds leaves out is not known.
            error: Error::Unknown("read between two rounds of hooks".to_owned()),
            ..row.clone()
        });
    }
    if measurements.is_empty() {
        return None;
    }
    measurements.push(Measurement::new(LOSS, loss));
    let mut found = run.clone();
    found.summary.train_loss = Some(loss);
    found.summary.measurements = measurements;
    found.summary.events.clear();
    Some((found, widest))
}

/// Compares runs as they were at a common loss.
///
/// # Errors
///
/// As those of a comparison.
pub fn compare_at(
    runs: &[FinishedRun],
    (loss, widest): (f64, f64),
    by: &[&str],
    margins: &Margins,
) -> Result<AtCommonLoss, CompareError> {
    let mut comparison = compare_with(runs, Vec::new(), by, margins)?;
    comparison.associations = None;
    // How long runs took was not read at that loss.
    comparison.lines.retain(|line| find(&line.name).is_some());
    Ok(AtCommonLoss {
        loss,
        widest,
        comparison: Box::new(comparison),
    })
}

/// The rounds of hooks, oldest first: rows of one step, among them a training loss over all samples and flatness.
fn rounds(rows: &[Row]) -> Vec<Round<'_>> {
    let by_step = rows.chunk_by(|one, other| one.step == other.step);
    by_step.filter_map(round).collect()
}

fn round(rows: &[Row]) -> Option<Round<'_>> {
    let measured = || rows.iter().map(|row| &row.measurement);
    let is_whole = |row: &&Measurement| {
        let Circumstances {
            subset, weights, ..
        } = &row.circumstances;
        row.name == LOSS && subset.is_none() && weights.is_none()
    };
    let loss = measured().find(is_whole)?.value?;
    let is_flatness = |row: &&Measurement| {
        find(&row.name).is_some_and(|measure| measure.is_flatness) && row.value.is_some()
    };
    let rows: Vec<&Measurement> = measured().filter(is_flatness).collect();
    (loss > 0.0 && !rows.is_empty()).then_some(Round { loss, rows })
}

/// The value where the loss last was this, and the ratio of the two losses between which it was read.
fn between(values: &[(f64, f64)], loss: f64) -> Option<(f64, f64)> {
    if let Some((_, value)) = values.iter().rev().find(|(own, _)| *own == loss) {
        return Some((*value, 1.0));
    }
    let mut pairs = values.windows(2).rev();
    let crosses = |pair: &&[(f64, f64)]| (pair[0].0 > loss) != (pair[1].0 > loss);
    let [(loss_before, before), (loss_after, after)] = pairs.find(crosses)? else {
        return None;
    };
    let share = (loss / loss_before).ln() / (loss_after / loss_before).ln();
    let ratio = loss_before / loss_after;
    Some((before + share * (after - before), ratio.max(1.0 / ratio)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_where_the_loss_was_last_crossed() {
        let values = [(4.0, 1.0), (1.0, 3.0), (2.0, 5.0), (0.5, 9.0)];
        assert_eq!(between(&values, 1.0), Some((3.0, 1.0)));
        // Between 2 and ½, half-way in the logarithm.
        let (value, apart) = between(&values, 0.9999).unwrap();
        assert!((value - 7.0).abs() < 1e-3 && apart == 4.0, "{value}");
        assert_eq!(between(&values, 0.4), None);
        assert_eq!(between(&values, 5.0), None);
        assert_eq!(between(&values, 0.5), Some((9.0, 1.0)));
    }
}
