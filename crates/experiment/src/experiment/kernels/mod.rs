//! Kernels and wide networks: closed forms against networks, laziness, rates by modes, and where networks leave them.

mod beyond_the_kernel;
mod deep_kernel;
mod kernel_descent;
mod kernel_drift;
mod label_alignment;
mod label_complexity;
mod learnable_teachers;
mod linear_splines;
mod noise_and_spectrum;
mod spectral_bias;
mod two_layer_kernel;

use super::lines::{at, banded};
use super::{Experiment, ExperimentError};
use crate::statistics::Estimate;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &two_layer_kernel::TwoLayerKernel,
    &deep_kernel::DeepKernel,
    &kernel_drift::KernelDrift,
    &kernel_descent::KernelDescent,
    &label_alignment::LabelAlignment,
    &spectral_bias::SpectralBias,
    &noise_and_spectrum::NoiseAndSpectrum,
    &label_complexity::LabelComplexity,
    &learnable_teachers::LearnableTeachers,
    &beyond_the_kernel::BeyondTheKernel,
    &linear_splines::LinearSplines,
];

/// The exponent of a power law, seed by seed and then averaged, of a row of numbers per seed.
fn exponent(x: &[f64], rows: &[Vec<f64>]) -> Estimate {
    let logs = |numbers: &[f64]| {
        numbers
            .iter()
            .map(|number| number.ln())
            .collect::<Vec<f64>>()
    };
    let slopes: Vec<f64> = rows
        .iter()
        .map(|row| Estimate::slope(&logs(x), &logs(row)).value)
        .collect();
    Estimate::mean(&slopes)
}

/// Numbers of a parameter that must be whole, such as widths.
fn whole(numbers: &[f64]) -> Vec<usize> {
    numbers
        .iter()
        .map(|number| number.round() as usize)
        .collect()
}

/// An error where a list has too few numbers for a trend.
fn at_least(least: usize, name: &str, numbers: &[f64]) -> Result<(), ExperimentError> {
    if numbers.len() < least {
        return Err(ExperimentError::because(format!(
            "`{name}` needs at least {least} numbers to show a trend"
        )));
    }
    Ok(())
}
