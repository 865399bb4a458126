//! Where descent goes when the loss has no smallest value, and what the norm of its steps has to do with it.

mod deep_linear;
mod frequencies;
mod hard_margin;
mod homogeneous;
mod norms;
mod optimisers;
mod squares;
mod stagewise;
mod two_gaussians;

use super::Experiment;

pub use deep_linear::DeepLinearNetworks;
pub use frequencies::FrequenciesOfLinearConvolutions;
pub use hard_margin::DescentToTheHardMargin;
pub use homogeneous::HomogeneousNetworks;
pub use norms::MarginsOfSteepestDescent;
pub use optimisers::OptimisersAndMargins;
pub use squares::SteepestDescentOnSquares;
pub use stagewise::StagewiseAndTheLasso;
pub use two_gaussians::LogisticRegressionOnTwoGaussians;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &SteepestDescentOnSquares,
    &StagewiseAndTheLasso,
    &DescentToTheHardMargin,
    &LogisticRegressionOnTwoGaussians,
    &MarginsOfSteepestDescent,
    &OptimisersAndMargins,
    &DeepLinearNetworks,
    &HomogeneousNetworks,
    &FrequenciesOfLinearConvolutions,
];
