//! The spectrum of the Hessian at the end of training.

use super::group::Group;
use super::quantity::Unit;
use super::series::{Number, meaning, summary, track};
use super::{Along, Span};
use crate::figure::{Axis, Bars, Line, Panel, Style};

/// The measures by rank.
const RANKS: [&str; 5] = [
    "hessian.lambda_max",
    "hessian.lambda_2",
    "hessian.lambda_3",
    "hessian.lambda_4",
    "hessian.lambda_5",
];

const SMALLEST: &str = "hessian.lambda_min";

/// The largest eigenvalues by rank, and the smallest one; none of them where runs have only the very largest.
pub(super) fn panels(groups: &[Group<'_>], span: Span) -> Vec<Panel> {
    let has_more = groups.iter().any(|group| {
        RANKS[1..]
            .iter()
            .any(|rank| !at_end(group, rank).is_empty())
    });
    if !has_more {
        return Vec::new();
    }
    let config = &groups[0].runs[0].run.config;
    let axis = |name: &str| Unit::Loss.axis(name.to_owned(), config);
    let ranks = Axis::counting("rank of the eigenvalue").linear();
    let mut largest = Panel::new(ranks, axis("eigenvalue of the Hessian"));
    for (place, group) in groups.iter().enumerate() {
        let summaries: Vec<[f64; 3]> = RANKS
            .iter()
            .map(|rank| summary(&at_end(group, rank), span))
            .collect();
        let of = |index: usize| summaries.iter().map(|summary| summary[index]).collect();
        let ranks = (1..).map(f64::from).take(RANKS.len()).collect();
        let mut line = Line::new(&group.label, ranks, of(0))
            .with_markers()
            .styled(Style::of_place(place));
        if group.runs.len() > 1 {
            line = line.with_band(of(1), of(2), meaning(span, group.runs.len()));
        }
        largest = largest.with(line);
    }
    let mut panels = vec![largest];
    panels.extend(smallest(groups, axis("smallest eigenvalue of the Hessian")));
    panels
}

/// The smallest eigenvalue of each group, as bars.
fn smallest(groups: &[Group<'_>], axis: Axis) -> Option<Panel> {
    let summaries: Vec<[f64; 3]> = groups
        .iter()
        .map(|group| summary(&at_end(group, SMALLEST), Span::Deviation))
        .collect();
    if summaries.iter().all(|summary| summary[0].is_nan()) {
        return None;
    }
    let values = summaries.iter().map(|[mean, ..]| *mean).collect();
    let sizes: Vec<f64> = summaries
        .iter()
        .map(|[mean, _, high]| high - mean)
        .collect();
    let names = groups.iter().map(|group| group.label.as_str());
    let mut bars = Bars::new("", values);
    if sizes.iter().any(|size| !size.is_nan()) {
        bars = bars.with_errors(sizes, "one standard deviation over seeds");
    }
    Some(Panel::new(Axis::of_categories("runs", names), axis).with(bars))
}

/// The last values of a measure in the runs of a group; NaN where the last one could not be found.
fn at_end(group: &Group<'_>, measure: &'static str) -> Vec<f64> {
    let Some(number) = Number::all(measure, &group.runs).into_iter().next() else {
        return Vec::new();
    };
    let tracks = group
        .runs
        .iter()
        .map(|run| track(&run.rows, &number, Along::Steps));
    let last = tracks.filter_map(|track| track.values().last().map(|point| point.value));
    last.collect()
}
