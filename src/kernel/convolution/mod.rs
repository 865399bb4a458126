//! Two-dimensional convolution on the processor.
//!
//! Every pass is a sum over pairs of numbers: one is found in a padded image by adding two distances,
//! one for the window and one for the place within it, and meets a vector of neighbouring channels.
//! The forward pass sums over places for every window; so does the gradient in the input, with the
//! roles of the channels exchanged and the kernel turned round; the gradient in the weight sums over
//! windows for every place. [`tile`] is the loop of all three.

mod correlate;
mod geometry;
mod padded;
mod plan;
mod tile;
mod weight_gradient;

pub use correlate::{forward, input_gradient};
pub use geometry::Geometry;
pub use weight_gradient::weight_gradient;

#[cfg(test)]
mod tests;
