//! What a network is made of: its parameters, its running statistics, and how they start.

use crate::params::Layout;
use crate::random::StreamRng;
use rand::RngExt;
use rand_distr::{Distribution, Normal};
use std::sync::Arc;

/// The distribution a block starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// One number everywhere.
    Constant(f64),
    /// Normal numbers around 0 with this standard deviation.
    Normal(f64),
    /// Uniform numbers between minus and plus this bound.
    Uniform(f64),
}

impl Start {
    fn fill(self, values: &mut [f64], rng: &mut StreamRng) {
        match self {
            Self::Constant(value) => values.fill(value),
            Self::Normal(deviation) => {
                // A scale near the largest number must not overflow here: training then reports
                // the loss that is not finite.
                let normal = Normal::new(0.0, deviation.min(f64::MAX))
                    .expect("the standard deviation of a layer is positive and finite");
                values.fill_with(|| normal.sample(rng));
            }
            Self::Uniform(bound) => values.fill_with(|| bound * rng.random_range(-1.0..1.0)),
        }
    }
}

/// The parameters and running statistics of a network, in order.
#[derive(Clone, Debug)]
pub struct Blueprint {
    parameters: Arc<Layout>,
    starts: Vec<Start>,
    statistics: Arc<Layout>,
    initial_statistics: Vec<f64>,
}

impl Blueprint {
    /// The names and shapes of the parameters.
    pub fn parameters(&self) -> &Arc<Layout> {
        &self.parameters
    }

    /// The names and shapes of the running statistics of normalisation layers.
    pub fn statistics(&self) -> &Arc<Layout> {
        &self.statistics
    }

    /// Draws a starting point; the vector has the order of the parameters.
    pub fn initial_parameters(&self, rng: &mut StreamRng) -> Vec<f64> {
        let mut values = vec![0.0; self.parameters.len()];
        for (block, start) in self.parameters.blocks().iter().zip(&self.starts) {
            start.fill(&mut values[block.range()], rng);
        }
        values
    }

    /// The statistics before any batch was seen.
    pub fn initial_statistics(&self) -> &[f64] {
        &self.initial_statistics
    }
}

/// Collects the blocks of a network layer by layer.
#[derive(Debug, Default)]
pub struct Builder {
    parameters: Vec<(String, Vec<usize>)>,
    starts: Vec<Start>,
    statistics: Vec<(String, Vec<usize>)>,
    initial_statistics: Vec<f64>,
}

impl Builder {
    /// Adds a parameter; returns its position.
    pub fn parameter(&mut self, name: String, shape: &[usize], start: Start) -> usize {
        self.parameters.push((name, shape.to_vec()));
        self.starts.push(start);
        self.parameters.len() - 1
    }

    /// Adds a running statistic with a constant start; returns its position.
    pub fn statistic(&mut self, name: String, shape: &[usize], start: f64) -> usize {
        let length: usize = shape.iter().product();
        self.statistics.push((name, shape.to_vec()));
        self.initial_statistics
            .extend(std::iter::repeat_n(start, length));
        self.statistics.len() - 1
    }

    /// The finished blueprint.
    pub fn finish(self) -> Blueprint {
        Blueprint {
            parameters: Arc::new(Layout::new(self.parameters)),
            starts: self.starts,
            statistics: Arc::new(Layout::new(self.statistics)),
            initial_statistics: self.initial_statistics,
        }
    }
}
