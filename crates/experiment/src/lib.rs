//! Claims about learning that run. [`problem`] holds the classical problems with their closed forms, [`experiment`] what
//! the literature says of them: each claim with an estimate, and a rule that decides by its interval.

#![warn(missing_docs)]

pub mod experiment;
pub mod problem;

use lab_common::{extremes, figure, nearest, random, statistics, table};
