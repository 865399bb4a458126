//! Landscapes and saddles: critical points and their tests, escape from saddle points, flat and sharp basins, and losses
//! that the length of their weights does not change.

mod gradient_conditions;
mod permutation_symmetry;
mod saddle_escape;
mod single_neuron;
mod stuck_region;
mod top_eigenvector;

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &top_eigenvector::TopEigenvectorLandscape,
    &gradient_conditions::GradientConditions,
    &single_neuron::SingleNeuron,
    &permutation_symmetry::PermutationSymmetry,
    &saddle_escape::SaddleEscape,
    &stuck_region::StuckRegion,
];
