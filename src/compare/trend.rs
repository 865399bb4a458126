//! How a line follows the axis that its groups lie on.

use super::grouping::{Grouping, Members};
use super::identity::Identity;
use super::line::sample;
use crate::statistics::difference::Method;
use crate::statistics::trend::{Point, log_log};
use serde::Serialize;

/// A key and the number that each group has of it.
pub(super) type Axis<'k> = (&'k str, Vec<f64>);

/// The exponent with which a measure follows a number that the groups differ in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineTrend {
    /// The key whose values the groups have.
    pub axis: String,
    /// The slope of the logarithm of the measure over that of the key.
    pub slope: f64,
    /// Its 95 % interval, not corrected for other tests.
    pub interval: [f64; 2],
    /// Paired: every seed has a line of its own, and this is their mean.
    pub method: Method,
    /// The two-sided p-value of no trend, not corrected.
    pub p: f64,
    /// The same corrected by Holm's method over all tests of the table.
    pub p_holm: f64,
    /// The false-discovery rate at which it would be decided.
    pub p_fdr: f64,
}

/// The key on whose values three groups or more lie, each a number above zero of its own, with these.
pub(super) fn axis<'a>(grouping: &'a Grouping<'_>) -> Option<Axis<'a>> {
    if grouping.groups.len() < 3 || !grouping.unlike.is_empty() {
        return None;
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number > 0.0);
    let (key, values) = match &grouping.keys[..] {
        [key] if grouping.arms.is_empty() => {
            let values = grouping.groups.iter().map(|group| number(&group.values[0]));
            (*key, values.collect::<Option<Vec<f64>>>()?)
        }
        // Arms that differ in one number lie on it.
        _ => match &grouping.arms[..] {
            [differing] => {
                let values = differing.by_group.iter().map(|value| number(value));
                (differing.key, values.collect::<Option<Vec<f64>>>()?)
            }
            _ => return None,
        },
    };
    let is_repeated = |place: usize| values[..place].contains(&values[place]);
    let is_axis = !(0..values.len()).any(is_repeated);
    is_axis.then_some((key, values))
}

/// That of a number, over groups whose flatness may be compared.
pub(super) fn trend(
    identity: &Identity,
    grouping: &Grouping,
    axis: Option<&Axis>,
) -> Option<LineTrend> {
    let (key, values) = axis?;
    let points = |(group, x): (&Members<'_>, &f64)| -> Vec<Point> {
        let values = sample(identity, &group.runs);
        values.into_iter().map(|(seed, y)| (seed, *x, y)).collect()
    };
    let points: Vec<Point> = grouping
        .groups
        .iter()
        .zip(values)
        .flat_map(points)
        .collect();
    let found = log_log(&points)?;
    Some(LineTrend {
        axis: (*key).to_owned(),
        slope: found.slope,
        interval: found.interval,
        method: found.method,
        p: found.p,
        p_holm: 1.0,
        p_fdr: 1.0,
    })
}
