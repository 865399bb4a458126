//! Claims that run: each experiment sets a problem up, measures, and lets a rule decide what the numbers say of the
//! claims of its source.
//!
//! An [`Experiment`] says what it is about and what may be changed about it, and turns a [`Setup`] into [`Findings`].
//! Nothing of a result is written into it: a [`Claim`] is a sentence, a [`Rule`](crate::statistics::Rule) and an
//! [`Estimate`](crate::statistics::Estimate) with its interval; the verdict follows from the last two. Where a source
//! is wrong, the claim as it is printed and the corrected one are claims of their own.
//!
//! The room reads and writes no files.

pub mod catalogue;
mod findings;
pub mod ledger;
mod lines;
pub mod outcome;
pub mod parameter;
mod setup;

mod capacity;
mod double_descent;
mod factorisations;
mod kernels;
mod landscapes;
mod least_squares;
mod margins;
mod mirror_descent;
mod optimisation;
mod scaling;

pub use findings::{Claim, Findings, Standing};
pub use parameter::{Count, Handle, Number, Numbers, Parameter, Value};
pub use setup::Setup;

use thiserror::Error;

/// Why an experiment has no findings.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ExperimentError {
    /// The user has stopped it.
    #[error("interrupted")]
    Interrupted,
    /// A computation did not succeed, or the parameters leave nothing to compute.
    #[error("{0}")]
    Failed(String),
}

impl ExperimentError {
    /// With a reason in words.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

/// What experiments are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Least squares and minimum norm.
    LeastSquares,
    /// Double descent and benign overfitting.
    DoubleDescent,
    /// Margins and steepest descent.
    Margins,
    /// Mirror descent and reparameterisation.
    MirrorDescent,
    /// Factorised matrices and dropout.
    Factorisations,
    /// Kernels and wide networks.
    Kernels,
    /// Optimisation.
    Optimisation,
    /// Landscapes and saddles.
    Landscapes,
    /// Capacity, stability and bounds.
    Capacity,
    /// Scaling laws and risk.
    Scaling,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::LeastSquares,
        Self::DoubleDescent,
        Self::Margins,
        Self::MirrorDescent,
        Self::Factorisations,
        Self::Kernels,
        Self::Optimisation,
        Self::Landscapes,
        Self::Capacity,
        Self::Scaling,
    ];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::LeastSquares => "least-squares",
            Self::DoubleDescent => "double-descent",
            Self::Margins => "margins",
            Self::MirrorDescent => "mirror-descent",
            Self::Factorisations => "factorisations",
            Self::Kernels => "kernels",
            Self::Optimisation => "optimisation",
            Self::Landscapes => "landscapes",
            Self::Capacity => "capacity",
            Self::Scaling => "scaling",
        }
    }
}

/// How much of something there is in a full and in a quick run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent<T> {
    /// In a full run.
    pub full: T,
    /// In a quick run.
    pub quick: T,
}

/// What an experiment is about.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Its name, in small letters with hyphens.
    pub name: &'static str,
    /// What it belongs to.
    pub subject: Subject,
    /// What is claimed, in one sentence.
    pub claim: &'static str,
    /// Where that is printed.
    pub source: &'static str,
    /// The mathematics, in a paragraph.
    pub mathematics: &'static str,
    /// What would refute the claim.
    pub refuted_by: &'static str,
    /// How many seeds it runs over, from 0 on; none where nothing is random.
    pub seeds: Extent<u64>,
    /// How long it takes on two cores, in seconds.
    pub seconds: Extent<f64>,
}

/// Something to find out.
pub trait Experiment: Sync {
    /// What it is about.
    fn about(&self) -> About;

    /// What may be changed about it.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Finds it out. The same set-up gives the same findings, whatever the number of threads.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`].
    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError>;
}

#[cfg(test)]
mod tests;
