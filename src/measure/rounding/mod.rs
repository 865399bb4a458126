//! How far the rounding of 32-bit numbers may have moved what is measured.
//!
//! What rounding does to a loss cannot be read off the loss: at a margin of 20 an output that is off in its
//! seventh digit moves it by a part in 10⁵. So a little of the work is done again in 64 bits on the
//! processor, over some of the training samples (`WITNESSES`): those with the largest losses, which make up
//! most of the mean, and those with the largest outputs, which are rounded most. Parameters and inputs are
//! moved on the way by random halves of their last digits, because they may themselves be rounded numbers.
//! This shows
//!
//! - how far rounding moves outputs against each other, from which the losses of all samples are bounded
//!   ([`Loss::largest_change`](crate::objective::Loss::largest_change)), and how far it moves margins;
//! - how far it moves the gradient, for every unit of loss that is there to be moved;
//! - how far, relatively, it moves the product of the Hessian with a random vector, whose mean square is the
//!   squared Frobenius norm; by as much, at most, it moves eigenvalues relative to the largest one.
//!
//! Squares of single samples' slopes and the curvature of the loss in the outputs are bounded from the moves of
//! the outputs as well, because they may be small parts of the Hessian. What is summed or searched over
//! directions is also moved by the rounding of the stored directions.
//!
//! What is seen of some samples counts four times before it is taken for a bound on all of them, and what is
//! seen along one direction four times more: of 1,500 random networks one in 135 was beyond twice and twice.

use super::margin::rounding_of_margins;
use super::session::{Failure, Session, Subject};
use super::{Evaluated, Measurement};
use crate::backend::{Precision, read};
use crate::linear::{LinearError, norm, random_signs};
use crate::objective::{Batch, Loss, Objective};
use crate::params::Parameters;
use crate::statistics::mean;
use rand::RngExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Samples that are looked at in 64 bits: half of them for their losses, half for their outputs.
const WITNESSES: usize = 128;

/// How often the last digits are drawn.
const DRAWS: usize = 4;

/// What some samples show, times this, bounds what all of them do.
const FACTOR: f64 = 4.0;

/// What has been found so far; each part is looked for when a row first needs it.
#[derive(Default)]
pub(super) struct Rounding {
    witnesses: Option<Result<Witnesses, String>>,
    /// The distance of the witnesses' gradients.
    gradient: Option<f64>,
    size_of_gradient: Option<f64>,
    /// The distance of the witnesses' products, and their size.
    product: Option<[f64; 2]>,
}

/// Some samples at one point, in the run's precision and in 64 bits.
struct Witnesses {
    ours: Batch,
    reference: Objective,
    parameters: Parameters,
    theirs: Batch,
    moved: Moved,
}

/// What rounding does to the outputs of the witnesses, at most.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    /// In the norm of the loss.
    outputs: f64,
    /// The same, relative to the size of a sample's centred outputs.
    normalised: f64,
    margins: f64,
    /// The mean over witnesses of what their losses would change by, per unit of `outputs`.
    slope: f64,
}

impl Witnesses {
    fn of(subject: &Subject<'_>, evaluated: &Evaluated) -> Result<Self, String> {
        let (objective, train) = (subject.objective, subject.train);
        let places = places(evaluated, train.samples());
        if places.is_empty() {
            return Err("there are no samples to measure on".to_owned());
        }
        let (ours, labels) = train.pick(&places, objective.compute());
        let reference = objective.reference()?;
        let mut rng = subject.streams.stream("rounding", subject.step);
        let half = 0.5 * objective.compute().precision.epsilon();
        let mut nudged = |value: f64| value * (1.0 + half * rng.random_range(-1.0..1.0));
        let found = objective.evaluate(subject.parameters, &ours);
        let found = [read(&found.outputs)?, read(&found.losses)?];
        let values = subject.parameters.to_host()?;
        let mut moved = Moved::default();
        let mut drawn = None;
        // One draw of last digits may by chance move next to nothing.
        for _ in 0..DRAWS {
            let values: Vec<f64> = values.iter().map(|&value| nudged(value)).collect();
            let layout = subject.parameters.layout();
            let parameters = Parameters::from_host(layout, &values, reference.compute());
            let theirs = match objective.network().has_smooth_inputs() {
                true => ours.moved_to(reference.compute(), &mut nudged)?,
                false => ours.moved_to(reference.compute(), |value| value)?,
            };
            let exact = reference.evaluate(&parameters, &theirs);
            moved = moved.or_more(Moved::between(
                objective.loss(),
                &labels,
                [&found[0], &read(&exact.outputs)?],
                [&found[1], &read(&exact.losses)?],
            ));
            drawn = Some((parameters, theirs));
        }
        let (parameters, theirs) = drawn.ok_or("nothing was drawn")?;
        Ok(Self {
            ours,
            reference,
            parameters,
            theirs,
            moved,
        })
    }
}

impl Moved {
    /// The larger of two in everything.
    fn or_more(self, other: Self) -> Self {
        Self {
            outputs: self.outputs.max(other.outputs),
            normalised: self.normalised.max(other.normalised),
            margins: self.margins.max(other.margins),
            slope: self.slope.max(other.slope),
        }
    }

    /// From outputs and losses in two precisions, the better one last.
    fn between(loss: Loss, labels: &[u8], outputs: [&[f64]; 2], losses: [&[f64]; 2]) -> Self {
        let width = outputs[1].len() / labels.len().max(1);
        let [found, exact] = outputs.map(|outputs| outputs.chunks(width.max(1)));
        let mut moved = Self::default();
        for ((found, exact), &label) in found.zip(exact).zip(labels) {
            let distance = loss.size_of_move(found.iter().zip(exact).map(|(a, b)| a - b));
            let centre = mean(exact);
            let size = norm(&exact.iter().map(|z| z - centre).collect::<Vec<_>>());
            let margins = loss.margin(found, label) - loss.margin(exact, label);
            moved.outputs = moved.outputs.max(distance);
            moved.margins = moved.margins.max(margins.abs());
            if size > 0.0 {
                moved.normalised = moved.normalised.max(distance / size);
            }
        }
        // A device may compute the loss itself less well than its outputs would allow.
        for (found, exact) in losses[0].iter().zip(losses[1]) {
            let change = (found - exact).abs() - f64::from(f32::MIN_POSITIVE);
            let explained = loss.smallest_move(*exact, change.max(0.0));
            moved.outputs = moved.outputs.max(explained);
        }
        moved.slope = slope(loss, losses[1], moved.outputs);
        moved
    }
}

/// The places of the witnesses among the samples, in ascending order.
fn places(evaluated: &Evaluated, samples: usize) -> Vec<usize> {
    if samples <= WITNESSES {
        return (0..samples).collect();
    }
    let outputs = evaluated.outputs();
    let sizes: Vec<f64> = outputs
        .chunks((outputs.len() / samples).max(1))
        .map(|row| row.iter().fold(0.0, |most, z| z.abs().max(most)))
        .collect();
    let mut places: Vec<usize> = (0..samples).collect();
    let mut chosen = Vec::with_capacity(WITNESSES);
    for key in [evaluated.losses(), &sizes] {
        places.sort_by(|&a, &b| key[b].total_cmp(&key[a]).then(a.cmp(&b)));
        chosen.extend(places.drain(..WITNESSES / 2));
    }
    chosen.sort_unstable();
    chosen
}

/// The mean change of losses when outputs move, per unit of the move.
fn slope(loss: Loss, losses: &[f64], moved: f64) -> f64 {
    let moved = moved.max(f64::MIN_POSITIVE.sqrt());
    let changes: Vec<f64> = losses
        .iter()
        .map(|&own| loss.largest_change(own, moved) / moved)
        .collect();
    mean(&changes)
}

/// What bounds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A mean of losses.
    Loss,
    /// A share of samples that are classified right, or a number from such a share.
    Share,
    /// A margin, or one over a constant.
    Margin,
    /// A margin over a slope of its own.
    Distance,
    /// The size of the gradient, times a constant.
    Gradient,
    /// A number from products with a matrix of the loss, with the largest of which it may be compared.
    Product,
    /// A rise of the loss.
    Rise,
}

impl Kind {
    /// None where a row is computed in 64 bits from the parameters, is a count, or reports on others.
    fn of(name: &str) -> Option<Self> {
        let family = name.split_once('.').map_or(name, |(family, _)| family);
        Some(match family {
            "loss" | "gap" => Self::Loss,
            "accuracy" => Self::Share,
            "margin" if name.starts_with("margin.loss.") => return None,
            "margin" => match name.split('.').nth(1) {
                Some("input" | "hidden" | "last_hidden" | "attack") => Self::Distance,
                _ => Self::Margin,
            },
            "gradient" => Self::Gradient,
            "hessian" | "ggn" | "residual" | "moment" | "noise" => Self::Product,
            "stability" if name != "stability.tracked" => Self::Product,
            "pac_bayes" if name == "pac_bayes.bound" => Self::Share,
            "pac_bayes" => Self::Product,
            "sharpness" if name.ends_with(".gradient_term") => Self::Gradient,
            "sharpness" => match name.split('.').nth(1) {
                Some("sam" | "asam" | "average" | "keskar") => Self::Rise,
                _ => Self::Product,
            },
            _ => return None,
        })
    }
}

impl Session<'_> {
    /// By how much, at most, rounding may have moved a row's value; none in 64 bits, where that shows
    /// nowhere, and where it could not be found.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`] and nothing else.
    pub(super) fn rounding_of(&mut self, row: &Measurement) -> Result<Option<f64>, LinearError> {
        let (Some(value), Some(kind)) = (row.value, Kind::of(&row.name)) else {
            return Ok(None);
        };
        if self.rounding.is_none() {
            return Ok(None);
        }
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            self.rounding_bound(&row.name, kind, value)
        }));
        match attempt {
            Ok(Err(Failure::Curvature(LinearError::Interrupted))) => Err(LinearError::Interrupted),
            Ok(Ok(bound)) => Ok(Some(bound).filter(|bound| bound.is_finite())),
            _ => Ok(None),
        }
    }

    fn rounding_bound(&mut self, name: &str, kind: Kind, value: f64) -> Result<f64, Failure> {
        self.subject.interrupt.check()?;
        Ok(match kind {
            Kind::Loss => self.rounding_of_losses(name)?,
            Kind::Share => self.near_ties(name)?,
            Kind::Margin => {
                let moved = FACTOR * self.moved_by_rounding()?.margins;
                rounding_of_margins(name, value, moved, self.train()?)
            }
            Kind::Distance => {
                let moved = FACTOR * self.moved_by_rounding()?.margins;
                let of_margins = rounding_of_margins(name, value, moved, self.train()?);
                of_margins + FACTOR * self.relative_of_gradient()? * value.abs()
            }
            Kind::Gradient if name == "gradient.norm" => self.rounding_of_gradient()?,
            Kind::Gradient => self.relative_of_gradient()? * value.abs(),
            // A difference of two matrices, which may both be larger.
            Kind::Product if name.starts_with("residual.") => {
                FACTOR * FACTOR * self.product_of_witnesses()?[0] * self.share_of_slope()?
            }
            Kind::Product => {
                let mut scale = value.abs().max(self.largest_eigenvalue_for(name));
                if name.starts_with("hessian.trace") {
                    // Eigenvalues of both signs may leave little of their sum.
                    scale = scale.max(self.product_of_witnesses()?[1] * self.share_of_slope()?);
                }
                let stored = 2.0 * self.subject.objective.compute().precision.epsilon();
                let of_products = (FACTOR * self.relative_of_product()? + stored) * scale;
                let of_losses = self.relative_of_losses(name)? * scale;
                of_products + of_losses + f64::from(f32::MIN_POSITIVE)
            }
            Kind::Rise => self.rounding_of_rise(name, value)?,
        })
    }

    /// What rounding may move the mean loss of training or test samples by, or their difference.
    fn rounding_of_losses(&mut self, name: &str) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.outputs;
        let loss = self.subject.objective.loss();
        let of = |evaluated: &Evaluated| {
            let losses = evaluated.losses();
            slope(loss, losses, moved) * moved + own_rounding(evaluated.mean_loss())
        };
        Ok(match name {
            "loss.train" => of(self.train()?),
            "loss.test" => of(self.test()?),
            _ => of(self.train()?) + of(self.test()?),
        })
    }

    /// The share of predictions that rounding may decide.
    fn near_ties(&mut self, name: &str) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.margins;
        let evaluated = match name {
            "accuracy.test" => self.test()?,
            _ => self.train()?,
        };
        let margins = evaluated.margins();
        let ties = margins.iter().filter(|margin| margin.abs() <= moved);
        Ok(ties.count() as f64 / margins.len() as f64)
    }

    /// What rounding may move a rise of the loss by: both of its ends, and the direction of a step along
    /// the gradient.
    fn rounding_of_rise(&mut self, name: &str, value: f64) -> Result<f64, Failure> {
        let moved = self.moved_by_rounding()?;
        let (base, loss) = (self.train()?.mean_loss(), self.subject.objective.loss());
        let factor = match name.starts_with("sharpness.keskar") {
            true => 100.0 / (1.0 + base),
            false => 1.0,
        };
        let (base, moved) = match name.ends_with(".normalised_logits") {
            // A loss of outputs of length 1 is between 0 and 2 and the logarithm of the classes more.
            true => (1.0, moved.normalised),
            false => (base, moved.outputs),
        };
        let end = |height: f64| loss.largest_change(height, FACTOR * moved) + own_rounding(height);
        let ends = end(base) + end(base + value.abs() / factor);
        Ok(factor * ends + self.relative_of_gradient()? * value.abs())
    }

    fn moved_by_rounding(&mut self) -> Result<Moved, Failure> {
        Ok(self.witnesses()?.moved)
    }

    fn witnesses(&mut self) -> Result<&Witnesses, Failure> {
        if self.rounding_state()?.witnesses.is_none() {
            let subject = self.subject;
            let found = Witnesses::of(&subject, self.train()?);
            self.rounding_state()?.witnesses = Some(found);
        }
        match &self.rounding_state()?.witnesses {
            Some(Ok(witnesses)) => Ok(witnesses),
            Some(Err(reason)) => Err(reason.into()),
            None => Err(LinearError::Empty.into()),
        }
    }

    fn rounding_state(&mut self) -> Result<&mut Rounding, Failure> {
        let absent = || Failure::Other("rows do not say what rounding moves".to_owned());
        self.rounding.as_mut().ok_or_else(absent)
    }

    /// What rounding may move the gradient of the mean loss by.
    fn rounding_of_gradient(&mut self) -> Result<f64, Failure> {
        let subject = self.subject;
        if self.rounding_state()?.gradient.is_none() {
            let range = self.range()?;
            let Witnesses {
                ours,
                reference,
                parameters,
                theirs,
                ..
            } = self.witnesses()?;
            let weight = 1.0 / ours.samples() as f64;
            let gradient = |objective: &Objective, parameters: &Parameters, batch: &Batch| {
                let (_, gradient) = objective.loss_and_gradient(parameters, batch, weight);
                gradient.into_host()
            };
            let found = gradient(subject.objective, subject.parameters, ours)?;
            let exact = gradient(reference, parameters, theirs)?;
            let difference = distance(&found[range.clone()], &exact[range]);
            self.rounding_state()?.gradient = Some(difference);
        }
        let difference = self.rounding_state()?.gradient.unwrap_or(f64::NAN);
        let of_witnesses = FACTOR * FACTOR * difference * self.share_of_slope()?;
        Ok(of_witnesses + self.relative_of_probabilities()? * self.size_of_gradient()?)
    }

    /// How much there is to be moved in a mean over all samples, of what there is in one over the witnesses.
    fn share_of_slope(&mut self) -> Result<f64, Failure> {
        let moved = self.moved_by_rounding()?;
        let loss = self.subject.objective.loss();
        Ok(slope(loss, self.train()?.losses(), moved.outputs) / moved.slope)
    }

    /// The same, relative to the gradient.
    fn relative_of_gradient(&mut self) -> Result<f64, Failure> {
        Ok(self.rounding_of_gradient()? / self.size_of_gradient()?)
    }

    fn size_of_gradient(&mut self) -> Result<f64, Failure> {
        let size = match self.rounding_state()?.size_of_gradient {
            Some(size) => size,
            None => norm(&self.gradient()?),
        };
        self.rounding_state()?.size_of_gradient = Some(size);
        Ok(size)
    }

    /// What a product of two probabilities may move by, relatively: when outputs move by `d`, by a factor
    /// between e^−2d and e^2d.
    fn relative_of_probabilities(&mut self) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.outputs;
        Ok(match self.subject.objective.loss() {
            Loss::Square => 0.0,
            _ => (2.0 * moved).exp_m1(),
        })
    }

    /// The distance of the witnesses' products of their Hessian with a random vector, and their size.
    fn product_of_witnesses(&mut self) -> Result<[f64; 2], Failure> {
        let subject = self.subject;
        if self.rounding_state()?.product.is_none() {
            let range = self.range()?;
            let mut rng = subject.streams.stream("rounding.direction", subject.step);
            let layout = subject.parameters.layout();
            let mut direction = vec![0.0; layout.len()];
            direction[range.clone()].copy_from_slice(&random_signs(range.len(), &mut rng));
            let Witnesses {
                ours,
                reference,
                parameters,
                theirs,
                ..
            } = self.witnesses()?;
            let weight = 1.0 / ours.samples() as f64;
            let product = |objective: &Objective, parameters: &Parameters, batch: &Batch| {
                let direction = Parameters::from_host(layout, &direction, objective.compute());
                let point = objective.at(parameters, batch);
                point.hessian_vector_product(&direction, weight).into_host()
            };
            let found = product(subject.objective, subject.parameters, ours)?;
            let exact = product(reference, parameters, theirs)?;
            let (found, exact) = (&found[range.clone()], &exact[range]);
            self.rounding_state()?.product = Some([distance(found, exact), norm(exact)]);
        }
        Ok(self.rounding_state()?.product.unwrap_or([f64::NAN; 2]))
    }

    /// What rounding may move a product with the Hessian by, relatively.
    fn relative_of_product(&mut self) -> Result<f64, Failure> {
        let [difference, size] = self.product_of_witnesses()?;
        Ok(FACTOR * difference / size)
    }

    /// What rounding may move a row from products by, relatively, that a product with the Hessian does not
    /// show: by the loss and the gradient that it is divided by, by squares of single samples' slopes, which
    /// rounding moves by no more than twice as much as their losses, or by the curvature of the loss in the
    /// outputs, which may be a small part of the Hessian.
    fn relative_of_losses(&mut self, name: &str) -> Result<f64, Failure> {
        let family = name.split_once('.').map_or(name, |(family, _)| family);
        let mut relative = 0.0;
        if ["moment", "noise"].contains(&family) || name == "sharpness.fisher_rao" {
            let loss = self.train()?.mean_loss();
            relative += 2.0 * self.rounding_of_losses("loss.train")? / loss;
        }
        if [
            "noise.alignment_mu",
            "noise.alignment_beta",
            "stability.alignment",
        ]
        .contains(&name)
        {
            let loss = self.train()?.mean_loss();
            relative += self.rounding_of_losses("loss.train")? / loss;
        }
        if name.starts_with("noise.scale") {
            relative += 2.0 * self.relative_of_gradient()?;
        }
        Ok(relative + self.relative_of_probabilities()?)
    }

    /// The largest eigenvalue of the Hessian in magnitude, for rows about it and as far as it is known.
    fn largest_eigenvalue_for(&self, name: &str) -> f64 {
        let is_eigenvalue = name.starts_with("hessian.lambda_") && !name.ends_with(".adaptive");
        match &self.spectrum {
            Some(Ok(spectrum)) if is_eigenvalue => {
                let pairs = spectrum.largest.iter().chain(&spectrum.smallest);
                pairs.fold(0.0, |most, pair| pair.value.abs().max(most))
            }
            _ => 0.0,
        }
    }
}

/// The rounding of a number of the run's precision itself, after a few operations.
fn own_rounding(value: f64) -> f64 {
    4.0 * Precision::F32.epsilon() * value.abs() + f64::from(f32::MIN_POSITIVE)
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    let difference: Vec<f64> = left.iter().zip(right).map(|(a, b)| a - b).collect();
    norm(&difference)
}

#[cfg(test)]
mod tests;
