//! The training loss as a function of a displacement of the parameters.

use crate::backend::read;
use crate::curvature::sum_over_batches;
use crate::linear::{Interrupt, LinearError, Precision, Spending, norm, random_normal};
use crate::measure::failure::{Failure, FailureKind};
use crate::measure::subject::Subject;
use crate::objective::{Batch, Loss, Objective, Outputs};
use crate::params::Parameters;
use crate::random::StreamRng;
use crate::statistics::mean;
use std::ops::Range;

/// The mean loss over some batches around a point. Displacements move the subject's block only, if
/// it has one; they are vectors of the block's length. Losses are averaged in f64, whatever the
/// precision they are computed in.
///
/// Each method spends one pass over the batches; evaluations and gradients are counted alike.
pub(in crate::measure) struct Landscape<'a> {
    objective: &'a Objective,
    batches: &'a [Batch],
    interrupt: Interrupt<'a>,
    outputs: Outputs,
    whole: Vec<f64>,
    range: Range<usize>,
    base: f64,
    resolution: f64,
}

impl<'a> Landscape<'a> {
    /// The landscape of a subject over its training samples.
    pub fn of(subject: &Subject<'a>, outputs: Outputs) -> Result<Self, Failure> {
        Self::over(subject, subject.train.batches(), outputs)
    }

    /// The landscape of a subject over some batches.
    pub fn over(
        subject: &Subject<'a>,
        batches: &'a [Batch],
        outputs: Outputs,
    ) -> Result<Self, Failure> {
        let whole = subject.parameters.to_host().map_err(Failure::device)?;
        let range = subject.range()?;
        let mut landscape = Self {
            objective: subject.objective,
            batches,
            interrupt: subject.interrupt,
            outputs,
            whole,
            range,
            base: 0.0,
            resolution: 0.0,
        };
        landscape.measure_base(subject.parameters)?;
        Ok(landscape)
    }

    /// The loss at the centre, and how small a change of it still shows.
    ///
    /// A sample's outputs are off by about their size times the distance between two numbers at 1, and
    /// its loss by what that moves it ([`Loss::largest_change`]), which is less the more certain the
    /// network is; besides, the loss itself is rounded. Samples round independently of one another, so
    /// these errors add in squares.
    fn measure_base(&mut self, parameters: &Parameters) -> Result<(), Failure> {
        if self.outputs == Outputs::Normalised && self.objective.loss() != Loss::CrossEntropy {
            return Err(Failure::not_defined(
                "outputs are normalised for cross-entropy only: other losses have targets of a \
                 size of their own",
            ));
        }
        let (mut losses, mut sizes) = (Vec::new(), Vec::<f64>::new());
        for batch in self.batches {
            let size = match self.outputs {
                Outputs::Raw => self.objective.evaluate(parameters, batch).outputs.abs(),
                Outputs::Normalised => batch.targets.ones_like(),
            };
            let sizes_of_rows = read(&size.max_dim(1)).map_err(Failure::device)?;
            let by_sample = sizes_of_rows.chunks(batch.positions());
            sizes.extend(by_sample.map(|rows| rows.iter().copied().fold(0.0, f64::max)));
            let terms = self.objective.losses(parameters, batch, self.outputs);
            losses.extend(read(&terms).map_err(Failure::device)?);
        }
        if losses.is_empty() {
            return Err(crate::curvature::no_samples().into());
        }
        self.base = mean(&losses);
        let epsilon = self.precision().epsilon();
        let of_sample = |(&own, &size): (&f64, &f64)| {
            epsilon * own.abs()
                + self
                    .objective
                    .loss()
                    .largest_change(own, 2.0 * epsilon * size)
        };
        let errors: Vec<f64> = losses.iter().zip(&sizes).map(of_sample).collect();
        self.resolution = norm(&errors) / losses.len() as f64;
        if self.base.is_finite() {
            Ok(())
        } else {
            Err(Failure::not_finite("the loss is not finite"))
        }
    }

    fn precision(&self) -> Precision {
        self.objective.compute().precision
    }

    /// How small a change of the loss still shows.
    pub fn resolution(&self) -> f64 {
        self.resolution
    }

    /// The number of parameters that may move.
    pub fn dimension(&self) -> usize {
        self.range.len()
    }

    /// The parameters that may move, where they are.
    pub fn centre(&self) -> &[f64] {
        &self.whole[self.range.clone()]
    }

    /// Where they lie in the whole vector.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The loss at the centre.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.batches.iter().map(Batch::samples).sum()
    }

    /// The parameters after a displacement.
    pub fn moved(&self, displacement: &[f64]) -> Parameters {
        let mut values = self.whole.clone();
        for (value, step) in values[self.range.clone()].iter_mut().zip(displacement) {
            *value += step;
        }
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, &values, self.objective.compute())
    }

    /// `L(θ + δ) − L(θ)`.
    pub fn change(&self, displacement: &[f64], spending: &mut Spending) -> Result<f64, Failure> {
        spending.spend()?;
        let parameters = self.moved(displacement);
        let mut losses = Vec::new();
        for batch in self.batches {
            self.interrupt.check()?;
            let terms = self.objective.losses(&parameters, batch, self.outputs);
            losses.extend(read(&terms).map_err(Failure::device)?);
        }
        Ok(mean(&losses) - self.base)
    }

    /// `L(θ + δ) − L(θ)` and `∇L(θ + δ)`.
    pub fn change_and_gradient(
        &self,
        displacement: &[f64],
        spending: &mut Spending,
    ) -> Result<(f64, Vec<f64>), Failure> {
        spending.spend()?;
        let parameters = self.moved(displacement);
        let mut losses = Vec::new();
        let gradient = sum_over_batches(self.batches, self.interrupt, |batch, weight| {
            let (objective, outputs) = (self.objective, self.outputs);
            let (terms, gradient) =
                objective.losses_and_gradient(&parameters, batch, weight, outputs);
            losses.extend(read(&terms).map_err(LinearError::Device)?);
            Ok(gradient)
        })?;
        let gradient = gradient[self.range.clone()].to_vec();
        Ok((mean(&losses) - self.base, gradient))
    }

    /// `∇L(θ)`, or why no direction can be read off it.
    pub fn gradient(&self, spending: &mut Spending) -> Result<Vec<f64>, Failure> {
        let still = vec![0.0; self.dimension()];
        let (_, gradient) = self.change_and_gradient(&still, spending)?;
        if gradient.iter().all(|&slope| slope == 0.0) {
            return Err(Failure::not_defined(
                "the gradient is exactly zero, so it has no direction",
            ));
        }
        Ok(gradient)
    }

    /// `Jᵀc` with `J` the Jacobian of the outputs in the parameters and coefficients `c` drawn from
    /// the standard normal distribution, one for every output of every sample: a random direction
    /// among those in which the Gauss-Newton matrix acts.
    ///
    /// It moves with the parameters under every map that leaves the function alone, which no draw
    /// of numbers for the parameters themselves does: a search that sets out along it takes the same
    /// way before and after hidden units are exchanged.
    pub fn random_slopes(
        &self,
        rng: &mut StreamRng,
        spending: &mut Spending,
    ) -> Result<Vec<f64>, Failure> {
        spending.spend()?;
        let parameters = self.moved(&[]);
        let objective = self.objective;
        let slopes = sum_over_batches(self.batches, self.interrupt, |batch, _| {
            let shape = batch.targets.dims();
            let coefficients = random_normal(shape[0] * shape[1], rng);
            let coefficients = objective.compute().tensor(&coefficients, shape);
            Ok(objective.gradient_of_outputs(&parameters, batch, coefficients))
        })?;
        Ok(slopes[self.range.clone()].to_vec())
    }

    /// A change of the loss, or why it is none: the rounding of the losses hides it.
    pub fn resolved(&self, change: f64) -> Result<f64, Failure> {
        if change.abs() > self.resolution {
            return Ok(change);
        }
        if change.is_nan() {
            return Err(Failure::not_finite("the loss is not finite"));
        }
        let reason = format!(
            "the loss changes by {change:.1e}, which the rounding of {} losses hides: only changes \
             above {:.1e} show",
            self.precision(),
            self.resolution
        );
        Err(Failure::new(FailureKind::Rounding, reason))
    }
}
