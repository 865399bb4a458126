//! Capacity, stability and bounds: what of the generalisation of linear classes is known beforehand, and who is to be
//! credited for an answer.

mod benign_complexity;
mod cover;
mod datamodels;
mod effective_dimension;
mod effective_rank;
mod finite_class;
mod gap_floor;
mod importance;
mod influence;
mod leave_one_out;
mod polynomial;
mod rademacher;
mod shapley;
mod sparsified_margin;
mod strong_convexity;
mod uniform_convergence;

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[
    &polynomial::PolynomialInterpolation,
    &finite_class::FiniteClass,
    &cover::CoverBound,
    &rademacher::RademacherComplexity,
    &uniform_convergence::UniformConvergence,
    &sparsified_margin::SparsifiedMargin,
    &gap_floor::GapFloor,
    &benign_complexity::BenignComplexity,
    &leave_one_out::LeaveOneOutStability,
    &strong_convexity::StronglyConvexStability,
    &effective_rank::EffectiveRank,
    &effective_dimension::EffectiveDimension,
    &importance::ImportanceWeights,
    &influence::InfluenceFunctions,
    &shapley::ShapleyValues,
    &datamodels::Datamodels,
];
