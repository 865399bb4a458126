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
use super::lines::{beside, curve, each, style};
use crate::extremes::largest;

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
