//! Scaling laws and risk: which exponents a fit finds, what it says of budgets, and what data of another distribution do
//! to a risk.

mod allocation;
mod architecture;
mod covariate_shift;
mod exponent_fit;
mod joint_law;
mod label_shift;
mod modes;
mod optimisers;
mod overlapping_intervals;
mod policies;
mod scaling_regimes;

use super::Experiment;
use super::lines::each;
use crate::problem::draw;
use crate::random::StreamRng;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &exponent_fit::ExponentFit,
    &scaling_regimes::ScalingRegimes,
    &architecture::Architecture,
    &optimisers::Optimisers,
    &overlapping_intervals::OverlappingIntervals,
    &joint_law::JointScaling,
    &allocation::Allocation,
    &policies::Policies,
    &covariate_shift::CovariateShift,
    &label_shift::LabelShift,
];

/// Numbers from one to another in equal ratios.
fn in_equal_ratios(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last / first).ln() / (count as f64 - 1.0).max(1.0);
    (0..count)
        .map(|index| first * (step * index as f64).exp())
        .collect()
}

/// What is measured of a curve: its values, each with a normal error of its logarithm.
fn measured(rng: &mut StreamRng, values: impl IntoIterator<Item = f64>, error: f64) -> Vec<f64> {
    values
        .into_iter()
        .map(|value| value * (error * draw::normal(rng)).exp())
        .collect()
}

/// How many of some things something is true of.
fn count<T>(things: &[T], is: impl Fn(&T) -> bool) -> usize {
    things.iter().filter(|thing| is(thing)).count()
}
