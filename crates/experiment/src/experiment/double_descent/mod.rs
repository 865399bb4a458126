//! Double descent and benign overfitting: what the fit of smallest norm does to the test error, and where it does not.

mod benign_overfitting;
mod isotropic_error;
mod random_fourier_features;
mod random_relu_features;
mod set_ups;

use super::Experiment;
use super::lines::{beside, curve, each, style};

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &isotropic_error::IsotropicError,
    &set_ups::SetUps,
    &random_relu_features::RandomReluFeatures,
    &random_fourier_features::RandomFourierFeatures,
    &benign_overfitting::BenignOverfitting,
];
