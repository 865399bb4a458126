//! Matrices as products of factors, and dropout: what descent and dropped columns prefer.

mod completion_by_descent;
mod dropout_as_penalty;
mod dropout_completion;
mod dropout_contours;
mod dropout_landscape;
mod dropout_nuclear_norm;
mod dropout_regression;
mod factorisation_width;

use super::Experiment;
use crate::figure::Line;
use crate::statistics::mean;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &completion_by_descent::CompletionByDescent,
    &factorisation_width::FactorisationWidth,
    &dropout_as_penalty::DropoutAsPenalty,
    &dropout_regression::DropoutRegression,
    &dropout_nuclear_norm::DropoutNuclearNorm,
    &dropout_completion::DropoutCompletion,
    &dropout_landscape::DropoutLandscape,
    &dropout_contours::DropoutContours,
];

/// A line through the means over seeds, with the range of all seeds as a band: `at` gives the values of all seeds at a
/// place.
fn line_of_means(label: &str, x: &[f64], at: impl Fn(usize) -> Vec<f64>) -> Line {
    let of = |fold: &dyn Fn(&[f64]) -> f64| {
        (0..x.len())
            .map(|place| fold(&at(place)))
            .collect::<Vec<f64>>()
    };
    Line::new(label, x.to_vec(), of(&mean))
        .with_markers()
        .with_band(
            of(&|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
            of(&|values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            format!("smallest to largest of {} seeds", at(0).len()),
        )
}
