//! A laboratory for the loss surfaces of small networks: it trains them, measures the geometry of
//! the loss while they train, and compares the solutions. Every number comes with its error.
//!
//! Data flows one way: [`config`] → [`data`] → [`model`] → training ⇄ [`measure`] ←
//! [`curvature`] ← [`dual`] → run directory → comparison.

#![warn(missing_docs)]

#[macro_use]
mod words;

pub mod backend;
#[doc(hidden)]
pub mod cli;
pub mod compare;
pub mod config;
pub mod curvature;
pub mod data;
pub mod dual;
mod extremes;
mod files;
#[cfg(test)]
mod fuzz;
#[doc(hidden)]
pub mod kernel;
pub mod linear;
pub mod measure;
pub mod model;
pub mod objective;
pub mod optim;
pub mod params;
pub mod random;
pub mod reparam;
mod report;
pub mod run;
mod selfcheck;
pub mod statistics;
pub mod table;
pub mod train;
mod workers;
