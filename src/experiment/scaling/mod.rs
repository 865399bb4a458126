//! Scaling laws and risk: which exponents a fit finds, what it says of budgets, and what data of another distribution do
//! to a risk.

mod architecture;
mod exponent_fit;
mod modes;


mod scaling_regimes;

use super::Experiment;
use crate::problem::draw;
use crate::random::StreamRng;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] =
    &[&exponent_fit::ExponentFit, &scaling_regimes::ScalingRegimes, &architecture::Architecture];

/// The text that most of this subject is printed in.
const COURSE: &str = "The Mathematical Structure of Machine Learning (course text)";

/// Numbers from one to another in equal ratios.
fn in_equal_ratios(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last / first).ln() / (count as f64 - 1.0).max(1.0);
    (0..count).map(|index| first * (step * index as f64).exp()).collect()
}

/// What is measured of a curve: its values, each with a normal error of its logarithm.
fn measured(rng: &mut StreamRng, values: impl IntoIterator<Item = f64>, error: f64) -> Vec<f64> {
    values.into_iter().map(|value| value * (error * draw::normal(rng)).exp()).collect()
}

/// How many of some things something is true of.
fn count<T>(things: &[T], is: impl Fn(&T) -> bool) -> usize {
    things.iter().filter(|thing| is(thing)).count()
}

/// One number of each of some things.
fn each<T>(things: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    things.iter().map(of).collect()
}
