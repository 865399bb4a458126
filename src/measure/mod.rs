//! Measures: numbers about a solution, each with its error and with what it claims to survive.
//!
//! Measuring is pure: it reads parameters and data, and returns rows. What cannot be measured
//! becomes a row with the reason in it; nothing here can end a run.
//!
//! From below: what a row is (`measurement`, `failure`), what is measured (`subject`), what has been computed
//! about it (`session`, `memo`), what a measure is (`declaration`); then the families, one file or folder for
//! each; then `catalogue`, which lists them, and `dispatch`, which finds them by name.

mod catalogue;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod coverage;
mod curvature;
mod declaration;
mod dispatch;
mod evaluated;
mod evaluation;
mod failure;
#[cfg(test)]
mod fixture;
pub mod invariance;
mod layers;
#[cfg(test)]
mod least_squares;
mod margin;
mod measurement;
mod memo;
mod noise;
mod norm;
#[cfg(test)]
mod reference;
mod reparam;
mod rounding;
#[cfg(test)]
mod rows;
mod run;
mod session;
mod sharpness;
mod stability;
mod statistic;
mod step_rule;
mod subject;
mod take;

pub use catalogue::{catalogue, find, names};
pub use declaration::{Cost, Family, Measure, Part, Preset, ProductLaw, RoundingLaw, Take};
pub use dispatch::{Named, matrices, needs_products};
pub use evaluated::Evaluated;
pub use failure::{Failure, FailureKind};
pub use measurement::{Algorithm, Bound, Circumstances, Error, Measurement};
pub use norm::{Convolution, HostMatrix, SpectralNorm};
pub use session::Session;
pub use statistic::Statistic;
pub use step_rule::StepRule;
pub use subject::{Event, Recollections, Search, Subject};
