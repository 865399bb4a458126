//! How many times the measures of one group are those of another, in several comparisons, as a figure.

use super::PlotError;
use crate::compare::{Comparison, Line};
use crate::figure::{Axis, Bars, Figure, Panel, Width};
use crate::measure::find;

/// How many measures have room.
const MOST: usize = 16;

/// A bar for each measure and comparison of two groups: how many times the second group's mean is the first's, from one on a
/// logarithmic axis, with the 95 % interval of the line alone (Fieller's).
///
/// A line that is not tested, as that of a sharpness where training losses differ, has a bar without an interval; a measure
/// that is not above zero has none.
///
/// # Errors
///
/// [`PlotError::NotTwo`] where a comparison is not of two groups; [`PlotError::NoRatio`] where no measure has a ratio.
pub fn ratios(
    comparisons: &[(String, Comparison)],
    measures: &[&str],
) -> Result<Figure, PlotError> {
    for (place, comparison) in comparisons {
        let groups = comparison.groups.len();
        if groups != 2 {
            return Err(PlotError::NotTwo {
                place: place.clone(),
                key: comparison.key.clone(),
                groups,
            });
        }
    }
    let shown = shown(comparisons, measures);
    if shown.is_empty() {
        return Err(PlotError::NoRatio);
    }
    let axis = Axis::counting("ratio").log();
    let mut panel = Panel::new(Axis::of_categories("measure", shown.iter().cloned()), axis);
    for (place, comparison) in comparisons {
        let found: Vec<Option<(f64, Option<[f64; 2]>)>> = shown
            .iter()
            .map(|measure| of(comparison, measure))
            .collect();
        let ratios = found
            .iter()
            .map(|found| found.map_or(f64::NAN, |(ratio, _)| ratio));
        let intervals: Vec<[f64; 2]> = found
            .iter()
            .map(|found| {
                let interval = found.and_then(|(_, interval)| interval);
                interval.unwrap_or([f64::NAN; 2])
            })
            .collect();
        let label = match comparisons.len() {
            1 => String::new(),
            _ => place.clone(),
        };
        let bars = Bars::new(label, ratios.collect()).from(1.0);
        panel = panel
            .with(bars.with_intervals(&intervals, "95 % interval, none where nothing is tested"));
    }
    Ok(Figure {
        width: Width::Page,
        ..Figure::new(title(comparisons))
    }
    .with(panel))
}

/// The lines of these measures that have a ratio somewhere, each once: those of one name that were measured under other
/// circumstances are lines of their own.
fn shown(comparisons: &[(String, Comparison)], measures: &[&str]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for measure in measures.iter().filter(|measure| find(measure).is_some()) {
        let lines = comparisons
            .iter()
            .flat_map(|(_, comparison)| &comparison.lines);
        for line in lines.filter(|line| line.name == *measure && ratio(line).is_some()) {
            if !shown.contains(&line.label()) {
                shown.push(line.label());
            }
        }
    }
    shown.truncate(MOST);
    shown
}

/// What is divided by what; of comparisons of unlike groups no more than that.
fn title(comparisons: &[(String, Comparison)]) -> String {
    let of = |(_, comparison): &(String, Comparison)| match &comparison.groups[..] {
        [first, second] => format!(
            "{} over {}, by {}",
            second.label, first.label, comparison.key
        ),
        _ => String::new(),
    };
    let mut titles: Vec<String> = comparisons.iter().map(of).collect();
    titles.dedup();
    match titles.as_slice() {
        [title] => format!("Measures at the end of training: {title}"),
        _ => "Measures at the end of training: the second group over the first".to_owned(),
    }
}

/// The ratio of a comparison's line and its interval.
fn of(comparison: &Comparison, label: &str) -> Option<(f64, Option<[f64; 2]>)> {
    let is_it = |line: &&Line| line.label() == label;
    ratio(comparison.lines.iter().find(is_it)?)
}

fn ratio(line: &Line) -> Option<(f64, Option<[f64; 2]>)> {
    let pair = line.pairs.first();
    let ratio = pair.and_then(|pair| pair.ratio).or(line.ratio)?;
    let interval = pair.and_then(|pair| pair.ratio_interval);
    // An interval that reaches zero or beyond has no logarithm there.
    let interval = interval.filter(|[low, high]| *low > 0.0 && high.is_finite());
    (ratio > 0.0 && ratio.is_finite()).then_some((ratio, interval))
}
