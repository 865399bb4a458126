//! The learning rate of each step: a schedule, and what bounds it.

use super::{Position, Problem};
use crate::config::{Limit, SharpnessLimit};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{DavidsonOptions, Interrupt, WarmStart, davidson};
use crate::model::{Conditions, Dropout, NormMode};
use crate::objective::Chunks;
use crate::optim::Schedule;
use crate::params::{Parts, SavedState};

/// Gives the learning rate of each step.
pub(super) struct Rate<'a> {
    schedule: Schedule,
    bound: Option<SharpnessBound<'a>>,
}

impl<'a> Rate<'a> {
    /// The rate of a problem, before the first step. `all` are the training samples as steps over all of them
    /// take them, normalised in this mode.
    pub fn new(problem: &'a Problem, all: &Chunks, norm_mode: NormMode) -> Self {
        let bound = match problem.config.schedule.limit {
            Limit::None => None,
            Limit::Sharpness(limit) => Some(SharpnessBound {
                limit,
                problem,
                norm_mode,
                samples: match limit.limit_samples {
                    None => all.clone(),
                    samples => problem.train_chunks(samples, norm_mode),
                },
                found: None,
                applied: None,
            }),
        };
        Self {
            schedule: problem.schedule(),
            bound,
        }
    }

    /// The learning rate of the step from a position.
    ///
    /// # Errors
    ///
    /// Why the sharpness that bounds it could not be measured.
    pub fn of_step(&mut self, at: &Position) -> Result<f64, String> {
        let rate = self.schedule.learning_rate(at.step);
        match &mut self.bound {
            None => Ok(rate),
            Some(bound) => bound.applied(rate, at),
        }
    }

    /// The learning rate of the last of so many steps; that of the first where none has been made.
    pub fn of_last(&self, steps: u64) -> f64 {
        let applied = self.bound.as_ref().and_then(|bound| bound.applied);
        let scheduled = || self.schedule.learning_rate(steps.saturating_sub(1));
        applied.unwrap_or_else(scheduled)
    }

    /// Adds what the next rates depend on besides the position.
    pub fn save(&self, parts: &mut Parts) {
        if let Some(bound) = &self.bound {
            parts.insert(PART.to_owned(), bound.save());
        }
    }

    /// Takes up what it has saved, and takes it out.
    ///
    /// # Errors
    ///
    /// A sentence on what is missing or does not fit.
    pub fn load(&mut self, parts: &mut Parts) -> Result<(), String> {
        match &mut self.bound {
            None => Ok(()),
            Some(bound) => bound.load(parts.remove(PART).unwrap_or_default()),
        }
    }
}

/// `η ≤ c · 2 / λmax` of the Hessian of the training loss (Cohen et al. 2021: gradient descent is stable up to
/// `2 / λmax`), measured every few steps by a search that begins with what the last one has left.
struct SharpnessBound<'a> {
    limit: SharpnessLimit,
    problem: &'a Problem,
    norm_mode: NormMode,
    samples: Chunks,
    found: Option<Found>,
    /// The rate of the last step.
    applied: Option<f64>,
}

/// What the last search has found.
struct Found {
    /// The step it was made before.
    step: u64,
    sharpness: f64,
    pairs: WarmStart,
}

/// The rate's name among the parts of a checkpoint.
const PART: &str = "learning_rate";

/// The step of the last search, what it has found, and the rate of the last step.
const FOUND: &str = "found";
const VALUES: &str = "eigenvalues";
const VECTORS: &str = "eigenvectors";

/// The name of the stream that searches draw from, numbered by the step.
const STREAM: &str = "probes.sharpness_limit";

impl SharpnessBound<'_> {
    /// The rate of a step whose schedule says `rate`.
    fn applied(&mut self, rate: f64, at: &Position) -> Result<f64, String> {
        let rate = match self.limit.limit_steps {
            Some(steps) if at.step >= steps as u64 => rate,
            _ => rate.min(self.bound(at)?),
        };
        self.applied = Some(rate);
        Ok(rate)
    }

    /// `c · 2 / λmax`, infinite where the loss bends down everywhere.
    fn bound(&mut self, at: &Position) -> Result<f64, String> {
        let is_due = at.step.is_multiple_of(self.limit.limit_every as u64);
        let sharpness = match &self.found {
            Some(found) if !is_due || found.step == at.step => found.sharpness,
            _ => self.search(at)?,
        };
        match sharpness > 0.0 {
            true => Ok(self.limit.limit_factor * 2.0 / sharpness),
            false => Ok(f64::INFINITY),
        }
    }

    fn search(&mut self, at: &Position) -> Result<f64, String> {
        let objective = self.problem.objective.under(Conditions {
            statistics: at.statistics.clone(),
            norm_mode: self.norm_mode,
            dropout: Dropout::Off,
        });
        let interrupt = Interrupt::never();
        let (parameters, samples) = (&at.parameters, &self.samples);
        let mut hessian =
            CurvatureOperator::new(Matrix::Hessian, &objective, parameters, samples, interrupt);
        let past = self.found.as_ref().map(|found| &found.pairs);
        let mut rng = self.problem.streams.stream(STREAM, at.step);
        let options = DavidsonOptions::default();
        let found = davidson(&mut hessian, past, &mut rng, options, interrupt);
        let found = found.map_err(|error| error.to_string())?;
        let pair = found.pairs.first().ok_or("the search has found nothing")?;
        let sharpness = pair.value;
        self.found = Some(Found {
            step: at.step,
            sharpness,
            pairs: found.warm_start,
        });
        Ok(sharpness)
    }

    fn save(&self) -> SavedState {
        let Some((found, applied)) = self.found.as_ref().zip(self.applied) else {
            return SavedState::default();
        };
        let pairs = &found.pairs;
        let all = (0..pairs.len()).flat_map(|index| pairs.vector(index));
        let numbers = vec![found.step as f64, found.sharpness, applied];
        SavedState {
            steps: 1,
            vectors: vec![
                (FOUND.to_owned(), numbers),
                (VALUES.to_owned(), pairs.values().to_vec()),
                (VECTORS.to_owned(), all.collect()),
            ],
        }
    }

    fn load(&mut self, mut state: SavedState) -> Result<(), String> {
        (self.found, self.applied) = (None, None);
        if let Some(numbers) = state.take_numbers(FOUND, 3)? {
            let values = state.take_all(VALUES)?.unwrap_or_default();
            let vectors = state.take_all(VECTORS)?.unwrap_or_default();
            self.found = Some(Found {
                step: numbers[0] as u64,
                sharpness: numbers[1],
                pairs: self.pairs(values, &vectors)?,
            });
            self.applied = Some(numbers[2]);
        }
        state.finish()?;
        Ok(())
    }

    fn pairs(&self, values: Vec<f64>, vectors: &[f64]) -> Result<WarmStart, String> {
        let length = self.problem.objective.network().layout().len();
        let (found, expected) = (vectors.len(), values.len().saturating_mul(length));
        if found != expected {
            return Err(format!(
                "its `{VECTORS}` have {found} numbers, expected {expected}"
            ));
        }
        let vectors = vectors.chunks(length.max(1)).map(<[f64]>::to_vec);
        let pairs: Vec<_> = values.into_iter().zip(vectors).collect();
        let precision = self.problem.config.precision;
        WarmStart::new(&pairs, precision).map_err(|error| error.to_string())
    }
}
