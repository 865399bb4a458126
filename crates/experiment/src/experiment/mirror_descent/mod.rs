//! Mirror descent and reparameterisation: which interpolant a geometry leads to.

mod commuting;
mod equivalent_flows;
mod exponentiated_gradient;
mod initialisation_scale;
mod nearest_interpolant;
mod signed_squares;
mod smallest_norm_under_shift;

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &nearest_interpolant::NearestInterpolant,
    &exponentiated_gradient::ExponentiatedGradient,
    &smallest_norm_under_shift::SmallestNormUnderShift,
    &equivalent_flows::EquivalentFlows,
    &signed_squares::SignedSquares,
    &commuting::CommutingParameterisations,
    &initialisation_scale::InitialisationScale,
];
