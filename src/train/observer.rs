//! Whoever watches a run.

use crate::run::{Row, Skipped};

/// Someone who watches a run. Every method has an empty default.
pub trait Observer {
    /// A checkpoint cannot be used, and the run goes on from an older one.
    fn skipped(&mut self, _checkpoint: &Skipped) {}
    /// Compute kernels are being prepared, which can take a while on a first use.
    fn preparing(&mut self) {}
    /// Kernels are ready.
    fn prepared(&mut self, _seconds: f64) {}
    /// A step was made.
    fn stepped(&mut self, _step: u64) {}
    /// Measuring begins.
    fn measuring(&mut self, _step: u64) {}
    /// The measure of this name is begun, one of so many of this round.
    fn taking(&mut self, _name: &str, _of: usize) {}
    /// The measure of this name was taken, or could not be.
    fn taken(&mut self, _name: &str) {}
    /// Rows were written.
    fn measured(&mut self, _rows: &[Row]) {}
}
