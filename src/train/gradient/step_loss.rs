//! The loss of a step: which samples, with which weights and labels, under which conditions.

use super::label_noise::{self, redrawn};
use super::{GradientOracle, Position};
use crate::model::{Conditions, Dropout, NormMode};
use crate::objective::{Batch, Chunks, Objective, TrainingGradient};
use crate::params::Parameters;
use crate::train::Problem;
use crate::train::batches::Batches;

/// Samples that go through the network together, as a part of a step's loss.
pub(in crate::train) struct Term {
    /// The samples.
    pub batch: Batch,
    /// The weight of each sample's loss.
    pub weight: f64,
    /// The number of the pass, which the masks of dropout follow.
    pub pass: u64,
}

/// The loss of a step as a function of the parameters: the sum of its terms, which the step alone
/// determines.
pub(in crate::train) struct StepLoss<'a> {
    problem: &'a Problem,
    samples: Samples<'a>,
    /// Passes numbered for each step, as many as one can take at most.
    passes: u64,
}

/// The samples of steps.
enum Samples<'a> {
    /// All of them, every time.
    All(Chunks),
    /// Batches, each in pieces.
    Batches(Batches<'a>),
    /// Two independent batches with the factors `(1 ± √(2ℓ − 1)) / 2` of SVAG.
    Pairs(Batches<'a>, [f64; 2]),
}

impl<'a> StepLoss<'a> {
    /// The loss of a problem's steps; `all` are the training samples as a step over all of them takes
    /// them.
    pub fn new(problem: &'a Problem, all: &Chunks) -> Self {
        let config = &problem.config;
        let micro_batch = config.sharpness_aware.as_ref().and_then(|keys| keys.batch);
        let samples = match (config.train.full_batch, config.train.svag, micro_batch) {
            (true, _, None) => Samples::All(all.clone()),
            (true, _, Some(size)) => Samples::All(problem.all_in_chunks_of(size)),
            (false, None, _) => Samples::Batches(Batches::new(problem, micro_batch)),
            (false, Some(l), _) => Samples::Pairs(Batches::new(problem, None), svag_factors(l)),
        };
        let passes = match &samples {
            Samples::All(chunks) => chunks.batches().len(),
            Samples::Batches(batches) => batches.most_pieces(),
            Samples::Pairs(batches, _) => 2 * batches.most_pieces(),
        };
        Self {
            problem,
            samples,
            passes: passes as u64,
        }
    }

    /// The terms of a step.
    pub fn terms(&mut self, step: u64) -> Vec<Term> {
        let batches = match &mut self.samples {
            Samples::All(chunks) => mean_of(chunks.batches().to_vec(), 1.0),
            Samples::Batches(batches) => mean_of(batches.at(step), 1.0),
            Samples::Pairs(batches, [first, second]) => {
                let mut terms = mean_of(batches.at(step), *first);
                if *second != 0.0 {
                    terms.extend(mean_of(batches.second_at(step), *second));
                }
                terms
            }
        };
        let first = step * self.passes;
        let mut terms: Vec<Term> = (first..)
            .zip(batches)
            .map(|(pass, (batch, weight))| Term {
                batch,
                weight,
                pass,
            })
            .collect();
        if let Some(noise) = &self.problem.config.label_noise {
            let mut rng = self.problem.streams.stream(label_noise::STREAM, step);
            for term in &mut terms {
                redrawn(self.problem, noise, &mut rng, &mut term.batch);
            }
        }
        terms
    }

    /// The sum of some terms and its gradient, which is 0 in parameters that are frozen. The running statistics are moved by every pass in turn.
    pub fn gradient_of(&self, at: &Position, terms: &[Term]) -> TrainingGradient {
        let mut statistics = at.statistics.clone();
        let mut of_term = |term: &Term| {
            let objective = self.objective(&statistics, term.pass);
            let found = objective.training_gradient(&at.parameters, &term.batch, term.weight);
            statistics = found.statistics.clone();
            found
        };
        let found = summed(terms.iter().map(&mut of_term));
        TrainingGradient {
            gradient: self.problem.reach.stilled(found.gradient),
            ..found
        }
    }

    /// `∇²L v` of the step's loss, exactly; 0 in parameters that are frozen.
    pub fn hessian_product(
        &self,
        at: &Position,
        terms: &[Term],
        direction: &Parameters,
    ) -> Parameters {
        let product = |term: &Term| {
            let objective = self.objective(&at.statistics, term.pass);
            let point = objective.at(&at.parameters, &term.batch);
            point.hessian_vector_product(direction, term.weight)
        };
        let products = terms.iter().map(product);
        let sum = products.reduce(|sum, product| sum + product);
        let sum = sum.expect("a step has at least one sample");
        self.problem.reach.stilled(sum)
    }

    /// The objective as one pass of training sees it; passes differ in what dropout draws.
    pub fn objective(&self, statistics: &Parameters, pass: u64) -> Objective {
        self.problem.objective.under(Conditions {
            statistics: statistics.clone(),
            norm_mode: NormMode::Batch,
            dropout: Dropout::Drawn {
                streams: self.problem.streams,
                pass,
            },
        })
    }

    /// What is trained.
    pub fn problem(&self) -> &'a Problem {
        self.problem
    }
}

impl GradientOracle for StepLoss<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let terms = self.terms(at.step);
        self.gradient_of(at, &terms)
    }
}

/// The sum of gradients, with the statistics of the last.
///
/// # Panics
///
/// Without any.
pub(super) fn summed(terms: impl Iterator<Item = TrainingGradient>) -> TrainingGradient {
    let sum = terms.reduce(|sum, term| TrainingGradient {
        loss: sum.loss + term.loss,
        gradient: sum.gradient + term.gradient,
        statistics: term.statistics,
    });
    sum.expect("a step has at least one sample")
}

/// Batches with the weight of each sample in a multiple of the mean over all of them, whatever their sizes.
fn mean_of(batches: Vec<Batch>, factor: f64) -> Vec<(Batch, f64)> {
    let samples: usize = batches.iter().map(Batch::samples).sum();
    let weight = factor / samples as f64;
    batches.into_iter().map(|batch| (batch, weight)).collect()
}

/// `(1 ± √(2ℓ − 1)) / 2`: the factors of two independent batches whose combined gradient has the mean of
/// one batch's and `ℓ` times its covariance (Li, Malladi & Arora 2021, "On the validity of modeling SGD
/// with stochastic differential equations (SDEs)", eq. 7).
fn svag_factors(l: usize) -> [f64; 2] {
    let root = (2.0 * l as f64 - 1.0).sqrt();
    [0.5 * (1.0 + root), 0.5 * (1.0 - root)]
}
