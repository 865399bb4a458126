//! Landscapes and saddles: critical points and their tests, escape from saddle points, flat and sharp basins, and losses
//! that the length of their weights does not change.

mod deep_scalar_logistic;
mod flat_neighbourhood;
mod gradient_conditions;
mod gradient_noise;
mod permutation_symmetry;
mod saddle_escape;
mod scale_invariant_descent;
mod single_neuron;
mod stuck_region;
mod top_eigenvector;
mod two_basins;

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &top_eigenvector::TopEigenvectorLandscape,
    &gradient_conditions::GradientConditions,
    &single_neuron::SingleNeuron,
    &permutation_symmetry::PermutationSymmetry,
    &saddle_escape::SaddleEscape,
    &stuck_region::StuckRegion,
    &deep_scalar_logistic::DeepScalarLogistic,
    &scale_invariant_descent::ScaleInvariantDescent,
    &flat_neighbourhood::FlatNeighbourhood,
    &gradient_noise::GradientNoise,
    &two_basins::FlatAndSharpBasin,
];
