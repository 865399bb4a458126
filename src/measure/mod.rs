//! Measures: numbers about a solution, each with its error and with what it claims to survive.
//!
//! Measuring is pure: it reads parameters and data, and returns rows. What cannot be measured
//! becomes a row with the reason in it; nothing here can end a run.
//!
//! From below: what a row is (`measurement`, `failure`), what is measured (`subject`), what has been computed
//! about it (`session`, `memo`), what a measure is (`declaration`); then the families, one file or folder for
//! each; then `catalogue`, which lists them, and `dispatch`, which finds them by name.

mod balance;
mod calibration;
mod catalogue;
mod chain_settings;
mod circumstances;
mod curvature;
mod declaration;
mod dispatch;
mod evaluated;
mod evaluation;
mod failure;
mod fields;
pub mod invariance;
mod kernel;
mod layers;
mod learning_coefficient;
mod line;
mod margin;
mod measurement;
mod memo;
mod noise;
mod norm;
mod precise;
mod reparam;
mod representation;
mod rounding;
mod run;
mod session;
mod sharpness;
mod stability;
mod statistic;
mod step;
mod step_rule;
mod subject;
mod take;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use catalogue::{catalogue, find, names};
pub use chain_settings::ChainSettings;
pub use circumstances::{Algorithm, Circumstances, Weights};
pub use declaration::{Cost, Family, Measure, Part, Preset, ProductLaw, Reads, RoundingLaw, Take};
pub use dispatch::{Named, about, matrices, needs_products};
pub use evaluated::Evaluated;
pub use failure::{Failure, FailureKind};
pub use line::{LINE_MEASURES, over_the_line};
pub use measurement::{Bound, Error, Measurement};
pub use norm::Convolution;
pub use session::Session;
pub use stability::descent::largest_stable;
pub use statistic::Statistic;
pub use step_rule::{Reach, StepRule};
pub use subject::{Event, LastStep, Search, Subject, WarmStarts};
