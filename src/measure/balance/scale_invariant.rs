//! Weights whose scale a normalisation divides out. Their gradient is orthogonal to them, so a step of SGD with
//! weight decay `μ` makes of them `‖w₊‖² = (1 − ημ)²‖w‖² + η²‖g‖²`, and what moves the function is the effective
//! learning rate `η/‖w‖²`, because `g` at `w` is that at `w/‖w‖` over `‖w‖`.

use crate::extremes::{largest, smallest};
use crate::linear::{dot, norm};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::step_rule::StepRule;
use crate::model::{Freedom, NormMode};
use crate::statistics::{mean, stated_error};
use rand::seq::index;

/// Mini-batches whose gradients are taken.
const BATCHES: u64 = 16;

/// The places in the parameter vector of weights that are scaled together.
type Group = Vec<usize>;

impl Session<'_> {
    /// `η / min ‖w‖²`.
    pub(super) fn effective_rate(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rate = self.rate_of_step()?;
        let values = self.values()?;
        let groups = self.scale_invariant_groups()?;
        let rates = groups.iter().map(|group| rate / square(&values, group));
        Ok(Measurement::exact(name, largest(rates)))
    }

    /// `max |w·g| / (‖w‖ ‖g‖)`.
    pub(super) fn orthogonality(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.require_scale_divided_out()?;
        let groups = self.scale_invariant_groups()?;
        let values = self.values()?;
        let gradient = self.whole_gradient()?;
        let cosines = groups.iter().map(|group| {
            let (weights, slopes) = (picked(&values, group), picked(&gradient, group));
            dot(&weights, &slopes).abs() / (norm(&weights) * norm(&slopes))
        });
        let row = Measurement::exact(name, largest(cosines));
        let row = row.over(self.subject.train.samples());
        if !self.states_rounding {
            return Ok(row);
        }
        let moved = self.rounding_of_gradient()?;
        let smallest = smallest(groups.iter().map(|group| norm(&picked(&gradient, group))));
        Ok(row.with_rounding(moved / smallest))
    }

    /// `η² E‖g_B‖² / ‖w‖² − (1 − (1 − ημ)²)` of the group for which it is largest in size, over mini-batches of the
    /// run's size, drawn anew.
    pub(super) fn growth(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.require_scale_divided_out()?;
        let rate = self.rate_of_step()?;
        let penalty = self.penalty_of_plain_descent()?;
        let (groups, values) = (self.scale_invariant_groups()?, self.values()?);
        let squares = self.squared_gradients(&groups)?;
        let of_gradient = self.rounding_of_a_gradient()?;
        let reach = self.subject.reach;
        let is_moved = |group: &Group| reach.moves.is_none_or(|moves| moves[group[0]]);
        let pairs = groups.iter().zip(&squares);
        let rows = pairs
            .filter(|(group, _)| is_moved(group))
            .map(|(group, squares)| {
                let decays = reach.decays.is_none_or(|decays| decays[group[0]]);
                let penalty = if decays { penalty } else { 0.0 };
                let shrinking = 1.0 - (1.0 - rate * penalty).powi(2);
                let factor = rate * rate / square(&values, group);
                let row = Measurement::new(name, factor * mean(squares) - shrinking)
                    .with_rounding(2.0 * factor * mean(squares).sqrt() * of_gradient);
                match squares.len() {
                    1 => row.with_error(Error::Exact),
                    _ => row.with_stderr(factor * stated_error(squares)),
                }
            });
        let size = |row: &Measurement| row.value.map_or(f64::INFINITY, f64::abs);
        let row = rows.max_by(|one, other| size(one).total_cmp(&size(other)));
        let row = row.ok_or_else(none_normalised)?;
        Ok(Measurement {
            rounding: row.rounding.filter(|_| self.states_rounding),
            ..row.over(self.subject.train.samples())
        })
    }

    /// The squared gradients of each group, over mini-batches; over the one batch where a step takes all samples.
    fn squared_gradients(&self, groups: &[Group]) -> Result<Vec<Vec<f64>>, Failure> {
        let subject = self.subject;
        let samples = subject.train.samples();
        let unknown = || Failure::not_known("the batch size is not known");
        let size = subject.batch_size.ok_or_else(unknown)?;
        let mut squares = vec![Vec::new(); groups.len()];
        let mut note = |gradient: &[f64]| {
            for (squares, group) in squares.iter_mut().zip(groups) {
                squares.push(square(gradient, group));
            }
        };
        if size >= samples {
            note(&self.whole_gradient()?);
            return Ok(squares);
        }
        for number in 0..BATCHES {
            subject.interrupt.check()?;
            let mut rng = subject.stream(&format!("scale_invariant.batch.{number}"));
            let mut places = index::sample(&mut rng, samples, size).into_vec();
            places.sort_unstable();
            let objective = subject.objective;
            let (batch, _) = subject.train.pick(&places, objective.compute());
            let weight = 1.0 / size as f64;
            let (_, gradient) = objective.loss_and_gradient(subject.parameters, &batch, weight);
            note(&gradient.into_host().map_err(Failure::device)?);
        }
        Ok(squares)
    }

    /// The weights that are scaled together, of the block if there is one.
    fn scale_invariant_groups(&self) -> Result<Vec<Group>, Failure> {
        let network = self.subject.objective.network();
        let (layout, range) = (network.layout(), self.subject.range()?);
        let mut symmetries = network.symmetries();
        symmetries.retain(|symmetry| symmetry.freedom == Freedom::Normalised);
        let groups = symmetries.iter().map(|symmetry| {
            let slabs = symmetry.raised.iter();
            let places = slabs
                .flat_map(|slab| (0..symmetry.units).flat_map(|unit| slab.places(layout, unit)));
            places.collect::<Group>()
        });
        let within = |group: &Group| group.iter().all(|place| range.contains(place));
        let groups: Vec<Group> = groups.filter(within).collect();
        match groups.is_empty() {
            true => Err(none_normalised()),
            false => Ok(groups),
        }
    }

    /// Refuses where a normalisation uses statistics that do not follow the weights.
    fn require_scale_divided_out(&self) -> Result<(), Failure> {
        match self.subject.objective.norm_mode() {
            Some(NormMode::Eval) => Err(Failure::not_defined(
                "by running statistics a normalisation divides no scale out: norm_mode = batch",
            )),
            _ => Ok(()),
        }
    }

    fn rate_of_step(&self) -> Result<f64, Failure> {
        let unknown = || Failure::not_known("the learning rate is not known");
        self.subject.learning_rate.ok_or_else(unknown)
    }

    /// The weight decay of SGD, for whose steps alone the recursion holds.
    fn penalty_of_plain_descent(&self) -> Result<f64, Failure> {
        match self.subject.step_rule {
            Some(StepRule::Descent {
                momentum: 0.0,
                penalty,
                ..
            }) => Ok(penalty),
            Some(_) => Err(Failure::not_defined(
                "the recursion is that of SGD without momentum",
            )),
            None => Err(Failure::not_known("the update rule is not known")),
        }
    }

    /// The gradient in all parameters, whatever the block.
    fn whole_gradient(&self) -> Result<Vec<f64>, Failure> {
        Ok(self
            .subject
            .operator(crate::curvature::Matrix::Hessian)
            .gradient()?)
    }

    fn rounding_of_a_gradient(&mut self) -> Result<f64, Failure> {
        match self.states_rounding {
            true => self.rounding_of_gradient(),
            false => Ok(0.0),
        }
    }
}

fn none_normalised() -> Failure {
    Failure::not_defined("no weights in it feed a normalisation that divides their scale out")
}

fn picked(values: &[f64], group: &[usize]) -> Vec<f64> {
    group.iter().map(|&place| values[place]).collect()
}

fn square(values: &[f64], group: &[usize]) -> f64 {
    group.iter().map(|&place| values[place].powi(2)).sum()
}
