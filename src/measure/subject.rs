//! What is measured, and under which circumstances.

use super::chain_settings::ChainSettings;
use super::circumstances::Weights;
use super::failure::Failure;
use super::measurement::Measurement;
use super::step_rule::{Reach, StepRule};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Budget, Interrupt, LinearError, LinearOperator, Restricted, WarmStart};
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::random::{StreamRng, Streams};
use std::collections::BTreeMap;
use std::ops::Range;

/// What searches for eigenvalues have left for the next ones, by the name of the search.
pub type WarmStarts = BTreeMap<String, WarmStart>;

/// How searches for the largest eigenvalues of the Hessian begin.
#[derive(Clone, Copy, Debug, Default)]
pub enum Search<'a> {
    /// From random vectors.
    #[default]
    Fresh,
    /// From what the last search of this kind has left, if there was one; each leaves something for the
    /// next.
    Remembering(Option<&'a WarmStarts>),
}

/// The last step of training, for measures of steps.
#[derive(Clone, Copy, Debug)]
pub struct LastStep<'a> {
    /// Where it set out from.
    pub before: &'a Parameters,
    /// The gradient that the update rule was given: of the step's batch, with what else training makes of it,
    /// without weight decay; none where that is not known.
    pub gradient: Option<&'a Parameters>,
}

/// What happens in a round of measurements, for whoever watches it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The measure of this name is begun.
    Begins(&'a str),
    /// A measure was taken, or could not be.
    Ended(&'a Measurement),
}

/// What is measured.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The network and its loss.
    pub objective: &'a Objective,
    /// Where on the loss surface.
    pub parameters: &'a Parameters,
    /// Which weights of the run these are.
    pub weights: Weights,
    /// Where training started, for distances.
    pub initial: Option<&'a [f64]>,
    /// Training samples.
    pub train: &'a Chunks,
    /// Test samples, if there are any.
    pub test: Option<&'a Chunks>,
    /// Curvature, gradient and norms of this block of the parameters only.
    pub block: Option<&'a str>,
    /// Bounds on each estimate.
    pub budget: Budget,
    /// How chains of Langevin dynamics run, where not by default.
    pub chains: ChainSettings,
    /// How searches for the largest eigenvalues begin.
    pub search: Search<'a>,
    /// What the last round of measurements like this one has left, for overlaps.
    pub past: Option<&'a WarmStarts>,
    /// The step that led here; none where there was none or it is not known.
    pub last_step: Option<LastStep<'a>>,
    /// Whether the parameters were trained elsewhere. Learning rate, update rule and batch size are then
    /// a proposal of the config, for conditions on a step, and nothing that is known of the past.
    pub trained_elsewhere: bool,
    /// The learning rate of the step, for stability conditions.
    pub learning_rate: Option<f64>,
    /// What a step does with a gradient.
    pub step_rule: Option<StepRule<'a>>,
    /// Which parameters it reaches.
    pub reach: Reach<'a>,
    /// Samples per training step.
    pub batch_size: Option<usize>,
    /// Samples that training steps are drawn from; `train` may hold fewer.
    pub training_samples: Option<usize>,
    /// The run's random streams.
    pub streams: Streams,
    /// The training step, which numbers the probes.
    pub step: u64,
    /// The user's wish to stop.
    pub interrupt: Interrupt<'a>,
}

impl<'a> Subject<'a> {
    /// A network at a point, with its training samples and nothing else: no bounds, no history of training,
    /// the streams of seed 0.
    pub fn new(objective: &'a Objective, parameters: &'a Parameters, train: &'a Chunks) -> Self {
        Self {
            objective,
            parameters,
            weights: Weights::Last,
            initial: None,
            train,
            test: None,
            block: None,
            budget: Budget::default(),
            chains: ChainSettings::default(),
            search: Search::Fresh,
            past: None,
            last_step: None,
            trained_elsewhere: true,
            learning_rate: None,
            step_rule: None,
            reach: Reach::default(),
            batch_size: None,
            training_samples: Some(train.samples()),
            streams: Streams::new(0),
            step: 0,
            interrupt: Interrupt::never(),
        }
    }
}

impl<'a> Subject<'a> {
    /// Where the block lies in the parameter vector: everywhere if there is none.
    ///
    /// # Errors
    ///
    /// Where the network has no such block.
    pub fn range(&self) -> Result<Range<usize>, LinearError> {
        let layout = self.parameters.layout();
        match self.block {
            Some(block) => layout.range(block).ok_or(LinearError::Empty),
            None => Ok(0..layout.len()),
        }
    }

    /// The labels of the training samples, one for each position.
    ///
    /// # Errors
    ///
    /// Where numbers are to be predicted.
    pub fn labels(&self) -> Result<&'a [u8], Failure> {
        self.train.labels().ok_or_else(Failure::no_classes)
    }

    /// A random stream of this step; no two consumers may share a name.
    pub fn stream(&self, name: &str) -> StreamRng {
        self.streams.stream(name, self.step)
    }

    /// Runs `work` on a matrix at the parameters, restricted to the block if there is one.
    ///
    /// # Errors
    ///
    /// As `work`.
    pub fn with_operator<T>(
        &self,
        matrix: Matrix,
        work: impl FnOnce(&mut dyn LinearOperator) -> Result<T, LinearError>,
    ) -> Result<T, LinearError> {
        let mut operator = self.operator(matrix);
        match self.block {
            None => work(&mut operator),
            Some(_) => {
                let range = self.range()?;
                work(&mut Restricted::new(&mut operator, range))
            }
        }
    }

    /// A matrix at all parameters.
    pub fn operator(&self, matrix: Matrix) -> CurvatureOperator<'_> {
        CurvatureOperator::new(
            matrix,
            self.objective,
            self.parameters,
            self.train,
            self.interrupt,
        )
    }

    /// The gradient of the mean training loss, of the block if there is one.
    ///
    /// # Errors
    ///
    /// Where it cannot be computed or is not finite.
    pub fn gradient(&self) -> Result<Vec<f64>, Failure> {
        let gradient = self.operator(Matrix::Hessian).gradient()?;
        Ok(gradient[self.range()?].to_vec())
    }
}
