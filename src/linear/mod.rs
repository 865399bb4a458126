//! Linear operators that are known only by their products with vectors, and what can be read off them,
//! each number with its error.
//!
//! Nothing here knows of networks, losses or configs. Vectors live on the host in f64, whatever the
//! precision of the products: inner products and orthogonalisation then add no error of their own, and
//! the estimators can be tested on any matrix.

mod basis;
mod block;
mod budget;
mod certainty;
mod davidson;
mod deflation;
mod dense;
mod density;
mod diagonal;
mod error;
mod interrupt;
mod lanczos;
mod operator;
mod pair;
mod precision;
mod ritz;
mod search;
mod spectral_model;
mod sphere;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod transform;
mod vector;

pub use budget::{Budget, Estimate, ProbeOptions, Spending};
pub(crate) use budget::{draw, draw_ratio};
pub use davidson::{
    DavidsonOptions, LeadingPairs, Start, Surrogate, WarmStart, davidson, davidson_by_surrogate,
};
pub(crate) use dense::largest_singular_value;
pub use dense::{DenseMatrix, SpectralNorm};
pub use density::{Density, DensityOptions, spectral_density};
pub use diagonal::{DiagonalEstimate, diagonal};
pub use error::LinearError;
pub use interrupt::Interrupt;
pub use lanczos::{LanczosOptions, Spectrum, lanczos};
pub use operator::LinearOperator;
pub use pair::{PairedForms, Ratio, paired_forms};
pub use precision::Precision;
pub use ritz::Eigenpair;
pub use trace::{Traces, frobenius_norm, hutch_plus_plus, hutchinson, traces};
pub use transform::{Conjugated, Restricted, Shifted};
pub(crate) use vector::is_finite;
pub(crate) use vector::{axpy, random_normal, random_signs, scale};
pub use vector::{dot, norm};
