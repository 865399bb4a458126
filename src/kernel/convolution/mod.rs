//! Two-dimensional convolution on the processor.
mod correlate;
mod geometry;
mod padded;
mod tile;
mod weight_gradient;

pub use correlate::{forward, input_gradient};
pub use geometry::Geometry;
pub use weight_gradient::weight_gradient;

#[cfg(test)]
mod tests;
