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

use super::declaration::{Part, ProductLaw, RoundingLaw};
use super::evaluated::Evaluated;
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use super::statistic::Statistic;
use super::subject::Subject;
use crate::backend::{Precision, read};
use crate::extremes::smallest;
use crate::linear::{norm, random_signs};
use crate::objective::{Batch, Loss, Objective};
use crate::params::Parameters;
use crate::statistics::mean;
use burn::tensor::Tensor;
use rand::RngExt;
use std::rc::Rc;

/// Samples that are looked at in 64 bits: half of them for their losses, half for their outputs.
const WITNESSES: usize = 128;

/// How often the last digits are drawn.
const DRAWS: usize = 4;

/// What some samples show, times this, bounds what all of them do.
const FACTOR: f64 = 4.0;

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
    fn of(subject: &Subject<'_>, evaluated: &Evaluated) -> Result<Self, Failure> {
        let (objective, train) = (subject.objective, subject.train);
        let places = places(evaluated, train.samples());
        if places.is_empty() {
            return Err(crate::curvature::no_samples().into());
        }
        let (ours, labels) = train.pick(&places, objective.compute());
        let reference = objective.reference().map_err(Failure::device)?;
        let mut rng = subject.stream("rounding");
        let half = 0.5 * objective.compute().precision.epsilon();
        let mut nudged = |value: f64| value * (1.0 + half * rng.random_range(-1.0..1.0));
        let found = objective.evaluate(subject.parameters, &ours);
        let found = [host(&found.outputs)?, host(&found.losses)?];
        let values = subject.parameters.to_host().map_err(Failure::device)?;
        let mut moved = Moved::default();
        let mut drawn = None;
        // One draw of last digits may by chance move next to nothing.
        for _ in 0..DRAWS {
            let values: Vec<f64> = values.iter().map(|&value| nudged(value)).collect();
            let layout = subject.parameters.layout();
            let parameters = Parameters::from_host(layout, &values, reference.compute());
            let theirs = match objective.network().has_smooth_inputs() {
                true => ours.moved_to(reference.compute(), &mut nudged),
                false => ours.moved_to(reference.compute(), |value| value),
            };
            let theirs = theirs.map_err(Failure::device)?;
            let exact = reference.evaluate(&parameters, &theirs);
            moved = moved.or_more(Moved::between(
                objective.loss(),
                ours.targets.dims()[1],
                &labels,
                [&found[0], &host(&exact.outputs)?],
                [&found[1], &host(&exact.losses)?],
            ));
            drawn = Some((parameters, theirs));
        }
        let nothing = || Failure::not_found("nothing was drawn");
        let (parameters, theirs) = drawn.ok_or_else(nothing)?;
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

    /// From outputs, so many in a row, and losses in two precisions, the better one last. Without labels there are no
    /// margins.
    fn between(
        loss: Loss,
        width: usize,
        labels: &[u8],
        outputs: [&[f64]; 2],
        losses: [&[f64]; 2],
    ) -> Self {
        let [found, exact] = outputs.map(|outputs| outputs.chunks(width.max(1)));
        let mut moved = Self::default();
        let labels = labels.iter().copied().map(Some);
        let labels = labels.chain(std::iter::repeat(None));
        for ((found, exact), label) in found.zip(exact).zip(labels) {
            let distance = loss.size_of_move(found.iter().zip(exact).map(|(a, b)| a - b));
            let centre = mean(exact);
            let size = norm(&exact.iter().map(|z| z - centre).collect::<Vec<_>>());
            let margin = |outputs| label.map_or(0.0, |label| loss.margin(outputs, label));
            let margins = margin(found) - margin(exact);
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

/// By how much, at most, rounding may have moved a row's value, by the law that it obeys.
pub(super) fn bound(
    session: &mut Session<'_>,
    law: RoundingLaw,
    row: &Measurement,
) -> Result<f64, Failure> {
    session.subject.interrupt.check()?;
    let value = row.value.unwrap_or(f64::NAN);
    Ok(match law {
        RoundingLaw::Untouched => 0.0,
        RoundingLaw::Told => f64::NAN,
        RoundingLaw::Loss(part) => session.rounding_of_losses(part)?,
        RoundingLaw::RootLoss(part) => session.rounding_of_root(part, value)?,
        RoundingLaw::Determination(part) => session.rounding_of_determination(part, value)?,
        RoundingLaw::Share(part) => session.near_ties(part)?,
        RoundingLaw::Margin => FACTOR * session.moved_by_rounding()?.margins,
        RoundingLaw::ScaledMargin(statistic) => {
            session.rounding_of_scaled_margin(statistic, value)?
        }
        RoundingLaw::Distance(statistic) => {
            let of_margins = session.rounding_of_scaled_margin(statistic, value)?;
            of_margins + FACTOR * session.relative_of_gradient()? * value.abs()
        }
        RoundingLaw::Gradient => session.rounding_of_gradient()?,
        RoundingLaw::Direction => session.relative_of_gradient()?,
        RoundingLaw::Cosine => 2.0 * session.relative_of_gradient()?,
        RoundingLaw::GradientTerm => session.relative_of_gradient()? * value.abs(),
        RoundingLaw::Product(law) => session.rounding_of_product(law, row, value)?,
        RoundingLaw::Rise {
            is_percent,
            is_normalised,
        } => session.rounding_of_rise(is_percent, is_normalised, value)?,
    })
}

impl Session<'_> {
    /// By how much a statistic of margins over something that rounds less moves at most.
    fn rounding_of_scaled_margin(
        &mut self,
        statistic: Statistic,
        value: f64,
    ) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.margins;
        let of_outputs = statistic.value(self.train()?.margins()?);
        Ok(moved * (value / of_outputs).abs())
    }

    /// By how much a number from products moves at most.
    fn rounding_of_product(
        &mut self,
        law: ProductLaw,
        row: &Measurement,
        value: f64,
    ) -> Result<f64, Failure> {
        if law.is_difference {
            return Ok(FACTOR
                * FACTOR
                * self.product_of_witnesses()?[0]
                * self.share_of_slope()?);
        }
        // Of an eigenvalue it is what its residual is relative to that rounds.
        let mut scale = value.abs().max(row.scale().unwrap_or(0.0));
        if law.is_trace {
            scale = scale.max(self.product_of_witnesses()?[1] * self.share_of_slope()?);
        }
        let stored = 2.0 * self.subject.objective.compute().precision.epsilon();
        let of_products = (FACTOR * self.relative_of_product()? + stored) * scale;
        let of_losses = self.relative_of_losses(law)? * scale;
        Ok(of_products + of_losses + f64::from(f32::MIN_POSITIVE))
    }

    /// What rounding may move the mean loss of training or test samples by, or their difference.
    fn rounding_of_losses(&mut self, part: Part) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.outputs;
        let loss = self.subject.objective.loss();
        let of = |evaluated: &Evaluated| {
            let losses = evaluated.losses();
            slope(loss, losses, moved) * moved + own_rounding(evaluated.mean_loss())
        };
        Ok(match part {
            Part::Train => of(&*self.train()?),
            Part::Test => of(&*self.test()?),
            Part::Both => of(&*self.train()?) + of(&*self.test()?),
        })
    }

    /// What rounding may move the root of a mean squared error by: `r² = 2L / width`, of which `L` moves.
    fn rounding_of_root(&mut self, part: Part, value: f64) -> Result<f64, Failure> {
        let scale = 2.0 / self.train()?.width() as f64;
        let moved = scale * self.rounding_of_losses(part)?;
        // √(r² + m) − r without the digits that a difference loses.
        Ok(moved / (value + (value * value + moved).sqrt()).max(f64::MIN_POSITIVE))
    }

    /// What rounding may move a coefficient of determination by: of each output its squared errors move, by no more
    /// than twice the loss does, over a variance that does not.
    fn rounding_of_determination(&mut self, part: Part, value: f64) -> Result<f64, Failure> {
        let evaluated = match part {
            Part::Test => self.test()?,
            Part::Train | Part::Both => self.train()?,
        };
        let targets = evaluated.targets().ok_or_else(Failure::no_numbers)?;
        let width = evaluated.width().max(1);
        let variances = (0..width).map(|output| {
            let column = targets[output..].iter().step_by(width);
            let centre = mean(&column.clone().copied().collect::<Vec<_>>());
            mean(&column.map(|t| (t - centre).powi(2)).collect::<Vec<_>>())
        });
        let least = smallest(variances);
        let moved = 2.0 * self.rounding_of_losses(part)? / width as f64;
        Ok(moved / least + own_rounding(value.abs()))
    }

    /// The share of predictions that rounding may decide.
    fn near_ties(&mut self, part: Part) -> Result<f64, Failure> {
        let moved = FACTOR * self.moved_by_rounding()?.margins;
        let evaluated = match part {
            Part::Test => self.test()?,
            Part::Train | Part::Both => self.train()?,
        };
        let margins = evaluated.margins()?;
        let ties = margins.iter().filter(|margin| margin.abs() <= moved);
        Ok(ties.count() as f64 / margins.len() as f64)
    }

    /// What rounding may move a rise of the loss by: both of its ends, and the direction of a step along
    /// the gradient.
    pub(super) fn rounding_of_rise(
        &mut self,
        is_percent: bool,
        is_normalised: bool,
        value: f64,
    ) -> Result<f64, Failure> {
        let moved = self.moved_by_rounding()?;
        let (base, loss) = (self.train()?.mean_loss(), self.subject.objective.loss());
        let factor = match is_percent {
            true => 100.0 / (1.0 + base),
            false => 1.0,
        };
        let (base, moved) = match is_normalised {
            // A loss of outputs of length 1 is between 0 and 2 and the logarithm of the classes more.
            true => (1.0, moved.normalised),
            false => (base, moved.outputs),
        };
        let end = |height: f64| loss.largest_change(height, FACTOR * moved) + own_rounding(height);
        let ends = end(base) + end(base + value.abs() / factor);
        Ok(factor * ends + self.relative_of_gradient()? * value.abs())
    }

    /// By how much, at most, rounding may have moved a sample's outputs, in the norm of the loss.
    pub(super) fn outputs_moved_by_rounding(&mut self) -> Result<f64, Failure> {
        Ok(FACTOR * self.moved_by_rounding()?.outputs)
    }

    fn moved_by_rounding(&mut self) -> Result<Moved, Failure> {
        Ok(self.witnesses()?.moved)
    }

    fn witnesses(&mut self) -> Result<Rc<Witnesses>, Failure> {
        self.once("rounding", |session| {
            let evaluated = session.train()?;
            Witnesses::of(&session.subject, &evaluated)
        })
    }

    /// What rounding may move the gradient of the mean loss by.
    pub(super) fn rounding_of_gradient(&mut self) -> Result<f64, Failure> {
        let difference = *self.once("rounding of the gradient", |session| {
            session.gradients_apart()
        })?;
        let of_witnesses = FACTOR * FACTOR * difference * self.share_of_slope()?;
        Ok(of_witnesses + self.relative_of_probabilities()? * self.size_of_gradient()?)
    }

    /// The distance of the witnesses' gradients.
    fn gradients_apart(&mut self) -> Result<f64, Failure> {
        let range = self.subject.range()?;
        let witnesses = self.witnesses()?;
        let weight = 1.0 / witnesses.ours.samples() as f64;
        let gradient = |objective: &Objective, parameters: &Parameters, batch: &Batch| {
            let (_, gradient) = objective.loss_and_gradient(parameters, batch, weight);
            gradient.into_host().map_err(Failure::device)
        };
        let subject = self.subject;
        let found = gradient(subject.objective, subject.parameters, &witnesses.ours)?;
        let exact = gradient(
            &witnesses.reference,
            &witnesses.parameters,
            &witnesses.theirs,
        )?;
        Ok(distance(&found[range.clone()], &exact[range]))
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
        let size = self.once("size of the gradient", |session| {
            Ok(norm(&session.subject.gradient()?))
        });
        Ok(*size?)
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
        let product = self.once("rounding of a product", |session| session.products_apart());
        Ok(*product?)
    }

    fn products_apart(&mut self) -> Result<[f64; 2], Failure> {
        let subject = self.subject;
        let range = subject.range()?;
        let mut rng = subject.stream("rounding.direction");
        let layout = subject.parameters.layout();
        let mut direction = vec![0.0; layout.len()];
        direction[range.clone()].copy_from_slice(&random_signs(range.len(), &mut rng));
        let witnesses = self.witnesses()?;
        let weight = 1.0 / witnesses.ours.samples() as f64;
        let product = |objective: &Objective, parameters: &Parameters, batch: &Batch| {
            let direction = Parameters::from_host(layout, &direction, objective.compute());
            let point = objective.at(parameters, batch);
            let product = point.hessian_vector_product(&direction, weight);
            product.into_host().map_err(Failure::device)
        };
        let found = product(subject.objective, subject.parameters, &witnesses.ours)?;
        let exact = product(
            &witnesses.reference,
            &witnesses.parameters,
            &witnesses.theirs,
        )?;
        let (found, exact) = (&found[range.clone()], &exact[range]);
        Ok([distance(found, exact), norm(exact)])
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
    fn relative_of_losses(&mut self, law: ProductLaw) -> Result<f64, Failure> {
        let mut relative = 0.0;
        let of_loss = f64::from(2 * law.slopes + law.losses);
        if of_loss > 0.0 {
            let loss = self.train()?.mean_loss();
            relative += of_loss * self.rounding_of_losses(Part::Train)? / loss;
        }
        if law.gradients > 0 {
            relative += f64::from(law.gradients) * self.relative_of_gradient()?;
        }
        Ok(relative + self.relative_of_probabilities()?)
    }
}

/// The rounding of a number of the run's precision itself, after a few operations.
fn own_rounding(value: f64) -> f64 {
    4.0 * Precision::F32.epsilon() * value.abs() + f64::from(f32::MIN_POSITIVE)
}

fn host<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f64>, Failure> {
    read(tensor).map_err(Failure::device)
}

fn distance(left: &[f64], right: &[f64]) -> f64 {
    let difference: Vec<f64> = left.iter().zip(right).map(|(a, b)| a - b).collect();
    norm(&difference)
}

#[cfg(test)]
mod tests;
