//! Sharpness by perturbation: how much the training loss changes when the parameters move.
//!
//! Where a measure is a maximum, what is reported is the largest value that ascents from several starts
//! have found, a lower bound on the true one. Its residual says how far the fourth of the independent
//! ascents stayed below it, or how much the slopes there still promise if that is more; it has
//! converged where both are at most 1 %. A change of the loss that is
//! within the rounding of the losses is no number but a failed row. Where a subject has a block, only
//! the block's parameters move, unless a measure says that it cannot.

pub(super) mod average;
mod ball;
mod chart;
mod climb;
pub(super) mod critical;
mod crossing;
mod cube;
pub(super) mod directional;
mod highest;
pub(super) mod keskar;
pub(super) mod landscape;
pub(super) mod noise_threshold;
pub(super) mod pac_bayes;
pub(super) mod quadratic;
pub(super) mod relative_flatness;
pub(super) mod worst_case;

#[cfg(test)]
mod tests;
