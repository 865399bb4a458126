//! Why runs cannot be drawn.

use super::What;
use crate::compare::CompareError;
use crate::figure::FigureError;
use thiserror::Error;

/// Why runs cannot be drawn.
#[derive(Debug, Error)]
pub enum PlotError {
    /// No run has a row of what is asked for.
    #[error(
        "--what {0}: none of the runs has rows of that kind. In the config of a run, hooks such as\n\n{hook}\n\n\
         measure them while it trains",
        hook = hook(*.0)
    )]
    NoRows(What),
    /// The runs are of too many kinds for one figure.
    #[error(
        "the runs are of {kinds} kinds, which differ in {others}: too many for one figure. Give fewer of them, \
         such as the folders of two experiments"
    )]
    TooUnlike {
        /// In what they differ.
        others: String,
        /// The number of kinds.
        kinds: usize,
    },
    /// No measure has a ratio.
    #[error("nothing to draw: no measure has a value before and after a map")]
    Empty,
    /// A ratio is of two groups.
    #[error(
        "--what ratios is of two groups, and the runs in {place} are {groups} by {key}: give two arms, such as 'SWEEP/sgd_*'"
    )]
    NotTwo {
        /// Where the runs are.
        place: String,
        /// What makes the groups.
        key: String,
        /// How many there are.
        groups: usize,
    },
    /// No measure has a ratio of groups.
    #[error("nothing to draw: no headline measure is above zero in both groups")]
    NoRatio,
    /// There are more measures than have room.
    #[error("{found} measures, and a figure has room for {most}: choose some with --measures")]
    Crowded {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// The runs cannot be grouped.
    #[error(transparent)]
    Compare(CompareError),
    /// The figure cannot be drawn.
    #[error(transparent)]
    Figure(#[from] FigureError),
}

impl From<CompareError> for PlotError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::TooUnlike { others, kinds, .. } => Self::TooUnlike { others, kinds },
            error => Self::Compare(error),
        }
    }
}

impl What {
    /// The lines of a config that make a run measure what it shows.
    pub fn hook(self) -> &'static str {
        hook(self)
    }
}

fn hook(what: What) -> &'static str {
    match what {
        What::Curves | What::Margins => "[[hooks]]\npreset = \"light\"\nevery = 1",
        What::Spectrum => {
            "[[hooks]]\nmeasures = [\"hessian.lambda_max\", \"hessian.lambda_2\", \"hessian.lambda_3\", \
             \"hessian.lambda_4\", \"hessian.lambda_5\", \"hessian.lambda_min\"]\nevery = 10"
        }
        What::Eigenvalues => {
            "[[hooks]]\nmeasures = [\"hessian.lambda_max\", \"hessian.lambda_min\", \"stability.momentum\"]\n\
             every = 1"
        }
    }
}
