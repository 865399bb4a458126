//! Mirror descent and reparameterisation: which interpolant a geometry leads to.

mod commuting;
mod equivalent_flows;
mod nearest_interpolant;
mod signed_squares;

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &nearest_interpolant::NearestInterpolant,
    &equivalent_flows::EquivalentFlows,
    &signed_squares::SignedSquares,
    &commuting::CommutingParameterisations,
];
