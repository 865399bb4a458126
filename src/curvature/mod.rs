//! Curvature: the matrices of a loss at a point, as operators known by their products.

mod operator;

pub use operator::{CurvatureOperator, Matrix};
pub(crate) use operator::{coupled, no_samples, sum_over_batches};
