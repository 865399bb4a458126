//! What can go wrong between an operator and a number.

use thiserror::Error;

/// Why nothing could be read off an operator.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LinearError {
    /// A product held NaN or infinity.
    #[error("the matrix-vector product is not finite: the loss has overflowed or diverged here")]
    NotFinite,
    /// There is nothing to measure.
    #[error("the operator has dimension 0: there is nothing to measure")]
    Empty,
    /// Two evaluations of the same thing differ.
    #[error(
        "the same gradient evaluated twice differs by {difference} (relative): something in it is \
         random, or depends on what else is computed with it (dropout, statistics of a batch)"
    )]
    NotDeterministic {
        /// The relative difference.
        difference: String,
    },
    /// Remembered eigenvectors belong to an operator of another dimension.
    #[error(
        "a remembered eigenvector has {found} entries where {expected} are needed: it belongs to \
         another operator"
    )]
    WrongLength {
        /// The length of the vectors of this operator.
        expected: usize,
        /// The length of the remembered one.
        found: usize,
    },
    /// A matrix that has no negative eigenvalues seems to have one.
    #[error(
        "the matrix is positive semi-definite, but has the Rayleigh quotient {lowest} beside {largest}: \
         its products are wrong by more than rounding"
    )]
    NotPositive {
        /// The smallest Rayleigh quotient.
        lowest: String,
        /// The largest.
        largest: String,
    },
    /// Eigenvectors that were found are not orthogonal.
    #[error(
        "the search for eigenvalues has lost its orthogonality (an inner product of {loss} between unit \
         vectors): pairs may be copies of each other"
    )]
    NotOrthogonal {
        /// The largest inner product between two of them.
        loss: String,
    },
    /// The budget ends before there are enough random probes to tell an error.
    #[error(
        "an estimate whose error can be trusted takes at least {fewest} matrix-vector products or passes \
         here, and the budget allows {allowed}: raise max_matvecs or max_seconds"
    )]
    TooFewProducts {
        /// Those the budget allows.
        allowed: usize,
        /// Those that would be enough.
        fewest: usize,
    },
    /// The operator has no products, for a reason of its own.
    #[error("{0}")]
    Refused(String),
    /// The device that multiplies failed.
    #[error("{0}")]
    Device(String),
    /// The user interrupted the run.
    #[error("interrupted")]
    Interrupted,
}
