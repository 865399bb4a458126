//! Config and data made into something that can be trained and measured.

mod error;
mod fit;
mod network;
#[cfg(test)]
mod tests;

pub use error::ProblemError;

use crate::backend::Compute;
use crate::config::{Config, Epochs};
use crate::data::{self, Source, Split};
use crate::model::{Dropout, DropoutMode, NormMode};
use crate::objective::{Chunks, Objective};
use crate::optim::{self, Reach, Schedule, UpdateRule};
use crate::params::Parameters;
use crate::random::Streams;
use fit::{check_batches, check_blocks, check_frozen, check_image, check_maps, check_size};
use network::network;
use std::path::Path;

/// A config with its data loaded, its network built and its backend opened.
pub struct Problem {
    /// The config.
    pub config: Config,
    /// Training and test data.
    pub data: Split,
    /// The network with its loss.
    pub objective: Objective,
    /// Which parameters steps reach.
    pub reach: Reach,
    /// The run's random streams.
    pub streams: Streams,
}

impl Problem {
    /// Opens the backend and loads the data of a config.
    ///
    /// # Errors
    ///
    /// [`ProblemError`]; nothing has been written.
    pub fn open(config: Config, data_dir: &Path) -> Result<Self, ProblemError> {
        let data = data::load(&config.data, data_dir, &Streams::new(config.seed))?;
        Self::with_data(config, data)
    }

    /// Opens the backend for a config and data that are loaded.
    ///
    /// # Errors
    ///
    /// [`ProblemError`]; nothing has been written.
    pub fn with_data(config: Config, data: Split) -> Result<Self, ProblemError> {
        config.check_against_data(data.train.len())?;
        if config.data.text.is_none() {
            check_image(&config.model, data.train.shape())?;
        }
        check_size(&config, &data)?;
        check_batches(&config, &data)?;
        let compute = Compute::open(config.backend, config.precision)?;
        let network = network(&config, &data);
        check_maps(&config, network.as_ref())?;
        check_blocks(&config, network.layout())?;
        check_frozen(&config, network.layout())?;
        Ok(Self {
            reach: Reach::of(&config, network.layout()),
            objective: Objective::new(network, config.train.loss, compute),
            streams: Streams::new(config.seed),
            config,
            data,
        })
    }

    /// The backend.
    pub fn compute(&self) -> &Compute {
        self.objective.compute()
    }

    /// The starting point of the run's seed.
    pub fn initial_values(&self) -> Vec<f64> {
        let mut rng = self.streams.stream("init", 0);
        let blueprint = self.objective.network().blueprint();
        let values = blueprint.initial_parameters(&mut rng);
        // Rounded once to the run's precision, so that the distance from it is 0 at the start.
        let parameters = self.parameters(&values);
        parameters.to_host().unwrap_or(values)
    }

    /// A parameter vector on the device.
    pub fn parameters(&self, values: &[f64]) -> Parameters {
        Parameters::from_host(self.objective.network().layout(), values, self.compute())
    }

    /// Running statistics on the device.
    pub fn statistics(&self, values: &[f64]) -> Parameters {
        let blueprint = self.objective.network().blueprint();
        Parameters::from_host(blueprint.statistics(), values, self.compute())
    }

    /// What dropout does in a mode of measuring.
    pub fn dropout(&self, mode: DropoutMode) -> Dropout {
        match mode {
            DropoutMode::Off => Dropout::Off,
            DropoutMode::Fixed => Dropout::Fixed(self.streams),
        }
    }

    /// A fresh optimizer.
    pub fn optimizer(&self) -> Box<dyn UpdateRule> {
        let layout = self.objective.network().layout();
        let config = &self.config.optimizer;
        let rule = optim::init(config, layout, self.streams, self.compute());
        self.reach.confined(rule)
    }

    /// The learning rate as a function of the step.
    pub fn schedule(&self) -> Schedule {
        Schedule::of(&self.config, self.data.train.len())
    }

    /// The passes over the training data.
    pub fn epochs(&self) -> Epochs {
        self.config.epochs(self.data.train.len())
    }

    /// The learning rate before any schedule, at the batch size that the run begins with.
    pub fn base_rate(&self) -> f64 {
        let first = self.epochs().batch_size(0);
        self.config.optimizer.learning_rate * self.config.learning_rate_rule.factor(first)
    }

    /// Optimizer steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.config.total_steps(self.data.train.len()) as u64
    }

    /// The first `samples` training samples (all for `None`) on the device.
    pub fn train_chunks(&self, samples: Option<usize>, norm_mode: NormMode) -> Chunks {
        let count = samples.unwrap_or(self.data.train.len());
        self.chunks(&self.data.train, count, norm_mode)
    }

    /// All training samples on the device, so many in a batch.
    pub fn all_in_chunks_of(&self, size: usize) -> Chunks {
        let train = &self.data.train;
        let indices: Vec<u32> = (0..train.len() as u32).collect();
        Chunks::gather(train, &indices, size, self.objective.loss(), self.compute())
    }

    /// All test samples on the device.
    pub fn test_chunks(&self, norm_mode: NormMode) -> Chunks {
        self.chunks(&self.data.test, self.data.test.len(), norm_mode)
    }

    fn chunks(&self, dataset: &data::Dataset, count: usize, norm_mode: NormMode) -> Chunks {
        let indices: Vec<u32> = (0..count as u32).collect();
        let network = self.objective.network();
        // A batch normalised by its own statistics must be a batch of training.
        let chunk = match norm_mode {
            NormMode::Batch if network.has_statistics() => {
                self.config.train.batch_size.unwrap_or(count)
            }
            _ => network.samples_per_chunk(),
        };
        Chunks::gather(
            dataset,
            &indices,
            chunk,
            self.objective.loss(),
            self.compute(),
        )
    }

    /// The files the data came from.
    pub fn sources(&self) -> &[Source] {
        &self.data.sources
    }

    /// Whether every step uses the whole training data.
    pub fn is_full_batch(&self) -> bool {
        self.config.train.full_batch
    }
}
