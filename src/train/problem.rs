//! Config and data made into something that can be trained and measured.

use crate::backend::{BackendError, Compute};
use crate::config::{Config, ConfigError, Method, Model};
use crate::data::{self, DataError, Source, Split};
use crate::model::{Mlp, MlpShape, Network};
use crate::objective::{Chunks, Objective};
use crate::optim::{self, Schedule, Stepper};
use crate::params::Parameters;
use crate::random::Streams;
use std::path::Path;
use thiserror::Error;

/// Samples per chunk where a whole data set is swept: large enough for matrix products to be
/// efficient, small enough to bound the memory of a Hessian-vector product.
const CHUNK: usize = 512;

/// The largest model: its vectors in f64 take 4 GB each.
const MOST_PARAMETERS: f64 = 5e8;

/// Why a problem cannot be set up. All of it is for the user to mend.
#[derive(Debug, Error)]
pub enum ProblemError {
    /// The config does not fit the data.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model is larger than this program can hold.
    #[error(
        "`model.hidden` = {hidden:?} makes {parameters:.1e} parameters; the most this program takes is \
         {MOST_PARAMETERS:e}. Use narrower layers"
    )]
    TooLarge {
        /// The widths.
        hidden: Vec<usize>,
        /// The number of parameters.
        parameters: f64,
    },
    /// The backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// A config with its data loaded, its network built and its backend opened.
pub struct Problem {
    /// The config.
    pub config: Config,
    /// Training and test data.
    pub data: Split,
    /// The network with its loss.
    pub objective: Objective,
    /// The run's random streams.
    pub streams: Streams,
}

impl Problem {
    /// Opens the backend and loads the data of a config, which came from the file `origin`.
    ///
    /// # Errors
    ///
    /// [`ProblemError`]; nothing has been written.
    pub fn open(config: Config, origin: &str, data_dir: &Path) -> Result<Self, ProblemError> {
        let streams = Streams::new(config.seed);
        let data = data::load(&config.data, data_dir, &streams)?;
        config.check_against_data(origin, data.train.len())?;
        check_size(&config, &data)?;
        let compute = Compute::open(config.backend, config.precision)?;
        let network = network(&config, &data);
        Ok(Self {
            objective: Objective::new(network, config.train.loss, compute),
            config,
            data,
            streams,
        })
    }

    /// The backend.
    pub fn compute(&self) -> &Compute {
        self.objective.compute()
    }

    /// The starting point of the run's seed.
    pub fn initial_values(&self) -> Vec<f64> {
        let mut rng = self.streams.stream("init", 0);
        let values = self.objective.network().initialise(&mut rng);
        // Rounded once to the run's precision, so that the distance from it is 0 at the start.
        let parameters = self.parameters(&values);
        parameters.to_host().unwrap_or(values)
    }

    /// A parameter vector on the device.
    pub fn parameters(&self, values: &[f64]) -> Parameters {
        Parameters::from_host(self.objective.network().layout(), values, self.compute())
    }

    /// A fresh optimizer.
    pub fn optimizer(&self) -> Box<dyn Stepper> {
        optim::init(&self.config.optimizer, self.objective.network().layout())
    }

    /// The learning rate as a function of the step.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            base: self.config.optimizer.learning_rate,
            warmup: self.config.schedule.warmup as u64,
            shape: self.config.schedule.shape,
            steps_per_epoch: self.steps_per_epoch(),
            total_steps: self.total_steps(),
        }
    }

    /// Optimizer steps in one pass over the training data.
    pub fn steps_per_epoch(&self) -> u64 {
        self.config.steps_per_epoch(self.data.train.len()) as u64
    }

    /// Optimizer steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.config.total_steps(self.data.train.len()) as u64
    }

    /// The first `samples` training samples (all for `None`) on the device.
    pub fn train_chunks(&self, samples: Option<usize>) -> Chunks {
        let count = samples.unwrap_or(self.data.train.len());
        self.chunks(&self.data.train, count)
    }

    /// All test samples on the device.
    pub fn test_chunks(&self) -> Chunks {
        self.chunks(&self.data.test, self.data.test.len())
    }

    fn chunks(&self, dataset: &data::Dataset, count: usize) -> Chunks {
        let indices: Vec<u32> = (0..count as u32).collect();
        Chunks::gather(
            dataset,
            &indices,
            CHUNK,
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
        matches!(self.config.optimizer.method, Method::Gd(_))
    }
}

/// Refuses a model whose parameters could not be held, before anything is allocated.
fn check_size(config: &Config, data: &Split) -> Result<(), ProblemError> {
    let Model::Mlp(mlp) = &config.model;
    let mut widths = vec![data.train.features()];
    widths.extend(&mlp.hidden);
    widths.push(config.train.loss.outputs(data.train.classes()));
    let parameters: f64 = widths
        .windows(2)
        .map(|pair| (pair[0] as f64 + 1.0) * pair[1] as f64)
        .sum();
    if parameters > MOST_PARAMETERS {
        return Err(ProblemError::TooLarge {
            hidden: mlp.hidden.clone(),
            parameters,
        });
    }
    Ok(())
}

fn network(config: &Config, data: &Split) -> Box<dyn Network> {
    let outputs = config.train.loss.outputs(data.train.classes());
    match &config.model {
        Model::Mlp(mlp) => Box::new(Mlp::new(MlpShape {
            inputs: data.train.features(),
            hidden: mlp.hidden.clone(),
            outputs,
            activation: mlp.activation,
            bias: mlp.bias,
            initialisation: mlp.init,
            initialisation_scale: mlp.init_scale,
        })),
    }
}
