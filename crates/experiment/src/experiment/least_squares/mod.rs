//! Least squares with more unknowns than equations: which solution a method ends at, and how fast.

mod closest_to_the_start;
mod curvature_and_preconditioning;
mod early_stopping_and_ridge;
mod kernel_regression;
mod minimum_norm;
mod norm_of_the_interpolant;
mod optimisers_and_minimum_norm;
mod ridge_and_minimum_norm;
mod step_size;

use super::Experiment;
use crate::figure::{Figure, Line, Style, Width};
use crate::statistics::estimate::median;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &minimum_norm::MinimumNorm,
    &step_size::StepSize,
    &closest_to_the_start::ClosestToTheStart,
    &norm_of_the_interpolant::NormOfTheInterpolant,
    &ridge_and_minimum_norm::RidgeAndMinimumNorm,
    &early_stopping_and_ridge::EarlyStoppingAndRidge,
    &optimisers_and_minimum_norm::OptimisersAndMinimumNorm,
    &curvature_and_preconditioning::CurvatureAndPreconditioning,
    &kernel_regression::KernelRegression,
];

/// One number of each result.
pub(crate) fn each<T>(results: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    results.iter().map(of).collect()
}

/// The largest of some numbers, none of which is NaN.
pub(crate) fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// A colour and a pattern of dashes.
pub(crate) const fn style(colour: usize, dash: usize) -> Style {
    Style {
        colour: Some(colour),
        dash,
    }
}

/// The same figure with two panels side by side on the width of a page.
pub(crate) fn beside(figure: Figure) -> Figure {
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

/// The medians of curves over draws at the same places, with the range of the middle half of them. What is missing
/// (NaN) in one draw is missing.
pub(crate) fn curve(label: impl Into<String>, x: &[f64], draws: &[Vec<f64>]) -> Line {
    let at = |place: usize| draws.iter().map(|draw| draw[place]).collect::<Vec<f64>>();
    let places = 0..x.len();
    let middle = places.clone().map(|place| median(&at(place))).collect();
    let quarter = |share: f64| {
        places
            .clone()
            .map(|place| quantile(at(place), share))
            .collect()
    };
    let meaning = format!("the middle half of {} draws", draws.len());
    Line::new(label, x.to_vec(), middle).with_band(quarter(0.25), quarter(0.75), meaning)
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values
        .get((share * last).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
