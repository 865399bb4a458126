//! Optimisation: gradient descent and its relatives on quadratics, logistic regression and small functions that are not
//! convex, with and without noise.

mod adagrad;
mod adaptive;
mod batch_size;
mod blocks;
mod delayed;
mod descent_lemma;
mod distributed;
mod equation;
mod linear_scaling;
mod minibatch;
mod modes;
mod momentum;
mod needle;
mod plateau;
mod preconditioners;
mod quadratic;
mod rate;
mod stationary;
mod stochastic_rate;

use super::Experiment;
use super::lines::{banded, each};
use crate::statistics::Rule;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &descent_lemma::DescentLemma,
    &quadratic::GradientDescentOnAQuadratic,
    &modes::ModesByEigenvalue,
    &blocks::BlockwiseStepSizes,
    &preconditioners::Preconditioners,
    &delayed::DelayedGradients,
    &momentum::Momentum,
    &rate::RateOfGradientDescent,
    &needle::NeedleInAHaystack,
    &adaptive::AdaptiveStepSizes,
    &plateau::PlateauStepSize,
    &minibatch::MinibatchGradients,
    &stochastic_rate::RateOfStochasticGradientDescent,
    &batch_size::BatchSizeAndSteps,
    &adagrad::AdaGrad,
    &linear_scaling::LinearScalingRule,
    &stationary::ThreeParabolasAtRest,
    &equation::EquationOfDescent,
    &distributed::DistributedDescent,
];

/// Equality within a tolerance.
fn equals(value: f64, tolerance: f64) -> Rule {
    Rule::Equals { value, tolerance }
}

/// The slope of the least-squares line through the logarithms of points.
fn power(x: &[f64], y: &[f64]) -> f64 {
    let logs = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value.ln()).collect() };
    crate::statistics::Estimate::slope(&logs(x), &logs(y)).value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_the_exponent_of_a_power_law() {
        let x = [1.0, 2.0, 5.0, 10.0];
        let y = x.map(|x: f64| 3.0 * x.powf(-1.5));
        assert!((power(&x, &y) + 1.5).abs() < 1e-12);
    }

    #[test]
    fn a_band_goes_from_the_smallest_to_the_largest() {
        let line = banded("a", &[1.0, 2.0], &[&[3.0, 0.0], &[1.0, 5.0], &[2.0, 4.0]]);
        assert_eq!(line.y, [2.0, 4.0]);
        let band = line.band.unwrap();
        assert_eq!((band.low, band.high), (vec![1.0, 0.0], vec![3.0, 5.0]));
    }
}
