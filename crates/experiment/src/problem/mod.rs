//! Classical problems without networks, and their closed forms.

pub mod basins;
pub mod convolution;
pub mod dense;
pub mod draw;
pub mod factorisation;
pub mod kernel;
pub mod least_squares;
pub mod linear_class;
pub mod linear_program;
pub mod mirror;
pub mod power_law;
pub mod quadratic;
pub mod relu;
pub mod saddle;
pub mod separable;
pub mod spectra;
pub mod stochastic;
pub mod vector;
