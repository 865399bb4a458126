//! Distances in the space of inputs, as far as an attack finds them.

use super::distance::lengths;
use super::input::against_strongest;
use crate::backend::read;
use crate::measure::failure::Failure;
use crate::measure::session::Session;
use crate::objective::Objective;
use crate::params::Parameters;
use burn::tensor::Tensor;
use rand::seq::index;

/// Samples attacked at most.
const MOST_SAMPLES: usize = 1000;

/// Radii tried, each with a fresh descent.
const RADII: usize = 8;

/// Gradient steps of one descent.
const STEPS: usize = 10;

/// Halvings of the segment from a sample to the point found.
const HALVINGS: usize = 20;

impl Session<'_> {
    /// For up to [`MOST_SAMPLES`] samples, drawn at random, the length of the smallest perturbation
    /// found that makes another class win: an upper bound on the distance. 0 where another class
    /// wins already, infinite where none was found.
    pub(super) fn attack_margins(&mut self) -> Result<Vec<f64>, Failure> {
        self.require_smooth_inputs()?;
        self.require_independent_samples()?;
        let subject = self.subject;
        let labels = subject.labels()?;
        let mut rng = subject.stream("probes.attack");
        let count = labels.len().min(MOST_SAMPLES);
        let mut drawn = index::sample(&mut rng, labels.len(), count).into_vec();
        drawn.sort_unstable();
        let mut margins = Vec::with_capacity(count);
        let mut start = 0;
        for batch in subject.train.batches() {
            let end = start + batch.samples();
            let here = drawn.iter().filter(|&&index| (start..end).contains(&index));
            let rows: Vec<Tensor<2>> = here
                .clone()
                .map(|&index| batch.inputs.clone().narrow(0, index - start, 1))
                .collect();
            if !rows.is_empty() {
                let attack = Attack {
                    objective: subject.objective,
                    parameters: subject.parameters,
                    inputs: Tensor::cat(rows, 0),
                    labels: here.map(|&index| labels[index]).collect(),
                };
                margins.extend(attack.run(|| Ok(subject.interrupt.check()?))?);
            }
            start = end;
        }
        Ok(margins)
    }
}

/// An attack on samples, all at once.
///
/// Projected gradient descent on `z_y − max_{j≠y} z_j` within a ball, with normalised steps (Madry
/// et al. 2018, "Towards deep learning models resistant to adversarial attacks", sec. 2.1, in the
/// Euclidean norm). The radius is found for each sample by bisection; the smallest perturbation
/// that succeeded is then shortened along its own direction until it just does. It starts at the
/// sample itself, where the margin, unlike the loss at a minimum, has a slope.
struct Attack<'a> {
    objective: &'a Objective,
    parameters: &'a Parameters,
    inputs: Tensor<2>,
    labels: Vec<u8>,
}

/// The bracket of one sample's distance: a radius at which the descent failed, and the smallest
/// perturbation that succeeded.
#[derive(Clone, Copy)]
struct Bracket {
    failed: f64,
    found: f64,
}

impl Bracket {
    /// The next radius to try.
    fn next(self, radius: f64) -> f64 {
        if self.found.is_finite() {
            0.5 * (self.failed + self.found)
        } else {
            2.0 * radius
        }
    }
}

impl Attack<'_> {
    fn run(&self, check: impl Fn() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
        let still = self.inputs.zeros_like();
        let (margins, gradient) = self.slope(&still)?;
        let slopes = lengths(&gradient)?;
        if margins.iter().chain(&slopes).any(|number| number.is_nan()) {
            return Err(Failure::not_finite(
                "the network's outputs or their slopes are not finite",
            ));
        }
        let first = margins.iter().zip(slopes);
        // Half as far again as the distance to first order.
        let mut radii: Vec<f64> = first
            .map(|(margin, slope)| 1.5 * quotient(margin.max(0.0), slope))
            .collect();
        let mut brackets = vec![
            Bracket {
                failed: 0.0,
                found: f64::INFINITY
            };
            radii.len()
        ];
        let mut best = still;
        for _ in 0..RADII {
            check()?;
            let (perturbation, succeeded) = self.descend(&radii)?;
            let sizes = lengths(&perturbation)?;
            let mut improved = vec![false; radii.len()];
            for (index, bracket) in brackets.iter_mut().enumerate() {
                improved[index] = succeeded[index] && sizes[index] < bracket.found;
                if improved[index] {
                    bracket.found = sizes[index];
                } else if !succeeded[index] {
                    bracket.failed = radii[index];
                }
                radii[index] = bracket.next(radii[index]);
            }
            best = self.choose(&improved, perturbation, best);
        }
        self.shorten(&best, &brackets, &margins)
    }

    /// The first point of a descent within each sample's radius at which another class wins, or the
    /// last one; and whether one does.
    fn descend(&self, radii: &[f64]) -> Result<(Tensor<2>, Vec<bool>), Failure> {
        let mut perturbation = self.inputs.zeros_like();
        let mut succeeded = vec![false; radii.len()];
        for _ in 0..STEPS {
            let (_, gradient) = self.slope(&perturbation)?;
            let slopes = lengths(&gradient)?;
            let steps = radii.iter().zip(&slopes).zip(&succeeded);
            let steps: Vec<f64> = steps
                .map(|((radius, slope), succeeded)| match succeeded {
                    // A point that has succeeded stays where it is.
                    true => 0.0,
                    false => -2.5 / STEPS as f64 * quotient(*radius, *slope),
                })
                .collect();
            perturbation = perturbation + gradient * self.column(&steps);
            let sizes = lengths(&perturbation)?;
            let shares: Vec<f64> = radii
                .iter()
                .zip(sizes)
                .map(|(radius, size)| if size > *radius { radius / size } else { 1.0 })
                .collect();
            perturbation = perturbation * self.column(&shares);
            for (succeeded, margin) in succeeded.iter_mut().zip(self.margins(&perturbation)?) {
                *succeeded |= margin <= 0.0;
            }
            if succeeded.iter().all(|&succeeded| succeeded) {
                break;
            }
        }
        Ok((perturbation, succeeded))
    }

    /// Halves the segment from each sample to the point found, as long as another class wins there.
    fn shorten(
        &self,
        best: &Tensor<2>,
        brackets: &[Bracket],
        margins: &[f64],
    ) -> Result<Vec<f64>, Failure> {
        let (mut low, mut high) = (vec![0.0; margins.len()], vec![1.0; margins.len()]);
        for _ in 0..HALVINGS {
            let middle: Vec<f64> = low.iter().zip(&high).map(|(a, b)| 0.5 * (a + b)).collect();
            let there = self.margins(&(best.clone() * self.column(&middle)))?;
            for (index, margin) in there.into_iter().enumerate() {
                let end = if margin <= 0.0 { &mut high } else { &mut low };
                end[index] = middle[index];
            }
        }
        let lengths = brackets.iter().zip(&high).zip(margins);
        Ok(lengths
            .map(|((bracket, share), &margin)| match margin > 0.0 {
                true => bracket.found * share,
                false => 0.0,
            })
            .collect())
    }

    /// The margins of perturbed samples.
    fn margins(&self, perturbation: &Tensor<2>) -> Result<Vec<f64>, Failure> {
        let (outputs, width) = self.outputs(perturbation)?;
        let loss = self.objective.loss();
        let rows = outputs.chunks(width).zip(&self.labels);
        Ok(rows.map(|(z, &label)| loss.margin(z, label)).collect())
    }

    /// The margins of perturbed samples and their gradients in the input.
    fn slope(&self, perturbation: &Tensor<2>) -> Result<(Vec<f64>, Tensor<2>), Failure> {
        let (outputs, width) = self.outputs(perturbation)?;
        let loss = self.objective.loss();
        let (mut margins, mut coefficients) = (Vec::new(), Vec::new());
        for (z, &label) in outputs.chunks(width).zip(&self.labels) {
            margins.push(loss.margin(z, label));
            coefficients.extend(against_strongest(z, usize::from(label), loss));
        }
        let shape = [self.labels.len(), width];
        let gradient = self.objective.input_gradient(
            self.parameters,
            self.inputs.clone() + perturbation.clone(),
            self.objective.compute().tensor(&coefficients, shape),
        );
        Ok((margins, gradient))
    }

    fn outputs(&self, perturbation: &Tensor<2>) -> Result<(Vec<f64>, usize), Failure> {
        let inputs = self.inputs.clone() + perturbation.clone();
        let outputs = self.objective.outputs(self.parameters, inputs);
        let read = read(&outputs).map_err(Failure::device)?;
        Ok((read, outputs.dims()[1]))
    }

    /// One number per sample, `[samples, 1]`.
    fn column(&self, values: &[f64]) -> Tensor<2> {
        self.objective.compute().tensor(values, [values.len(), 1])
    }

    /// The rows of one tensor where `mask` holds, of another elsewhere.
    fn choose(&self, mask: &[bool], then: Tensor<2>, otherwise: Tensor<2>) -> Tensor<2> {
        let share: Vec<f64> = mask.iter().map(|&m| f64::from(u8::from(m))).collect();
        let share = self.column(&share);
        then * share.clone() + otherwise * share.neg().add_scalar(1.0)
    }
}

/// A quotient, 0 where the slope it is divided by is: there is no direction to go in.
fn quotient(length: f64, slope: f64) -> f64 {
    if slope > 0.0 { length / slope } else { 0.0 }
}
