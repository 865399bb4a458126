//! A laboratory for the loss surfaces of small networks: it trains them, measures the geometry of
//! the loss while they train, and compares the solutions. Every number comes with its error.
//!
//! From below: [`linear`] reads numbers with errors off operators that are known by their products;
//! [`dual`] tensors carry a tangent through every operation, so that one forward pass of a [`model`] gives values,
//! gradients and Hessian-vector products of an [`objective`]; [`curvature`] makes operators of them; [`measure`] names
//! numbers about a solution and [`reparam`] the maps that they should survive. [`train`] follows a [`config`] and
//! measures on the way, [`run`] keeps what comes of it, [`compare`] decides between groups of runs, and [`table`] prints.
//! Beside them stand [`experiment`]s about classical [`problem`]s, whose claims a rule decides by an estimate with its interval.
//!
//! A solution of your own is measured in three lines: a [`measure::Subject`], a [`measure::Session`] of it, and
//! [`measure::Session::measure`]. The examples show a network, an operator and a measure of one's own.

#![warn(missing_docs)]

#[macro_use]
mod words;

pub mod backend;
#[doc(hidden)]
pub mod cli;
pub mod compare;
pub mod config;
mod counted;
pub mod curvature;
pub mod data;
mod demo;
pub mod dual;
mod export;
mod files;
#[doc(hidden)]
pub mod kernel;
pub mod linear;
pub mod measure;
pub mod model;
pub mod objective;
pub mod optim;
pub mod params;
mod plot;
pub mod reparam;
mod report;
pub mod run;
mod seeds;
mod selfcheck;
mod slice;
mod starters;
pub mod sweep;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod train;
mod weights;
mod workers;

use lab_common::{extremes, nearest};
pub use lab_common::{figure, random, statistics, table};
pub use lab_experiment::{experiment, problem};
