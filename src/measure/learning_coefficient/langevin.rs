//! Chains of stochastic gradient Langevin dynamics (Welling & Teh 2011) about a point.
//!
//! The chains sample `exp(−nβ L(w) − ½γ‖w − w*‖²)`: `L` is the loss, `nβ` the number of samples over a temperature, and
//! `γ` ties the chains to the point `w*` they begin at (Lau et al. 2023, "The local learning coefficient: a
//! singularity-aware complexity measure", eq. 19). Each step is
//!
//! `w ← w − ½ε (nβ ∇L_B(w) + γ(w − w*)) + √ε ξ`, `ξ ~ N(0, I)`,
//!
//! with the gradient of a mini-batch. In a direction of curvature `h` the step's length widens the distribution
//! by the share `¼ε(nβ h + γ)` of its variance, which is why `ε` has to be small beside the largest of these.

use crate::linear::{LinearError, Spending, axpy, random_normal};
use crate::random::StreamRng;

/// How chains run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Langevin {
    /// How many chains, each from the same point.
    pub chains: usize,
    /// Steps that are thrown away.
    pub burn_in: usize,
    /// Steps after those, each a draw.
    pub draws: usize,
    /// `nβ`.
    pub inverse_temperature: f64,
    /// `γ`.
    pub localisation: f64,
    /// `ε`.
    pub step: f64,
    /// Every so many draws a step is tried as a proposal, which takes a second gradient.
    pub tried_every: usize,
}

/// Which step of which chain, to name a mini-batch by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// The chain.
    pub chain: usize,
    /// The step.
    pub step: usize,
}

/// What a chain has found after its burn-in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chain {
    /// `nβ (L_B(w) − L(w*))` at each draw.
    pub rises: Vec<f64>,
    /// `‖w − w*‖²` at each draw.
    pub squares: Vec<f64>,
    /// `nβ (w − w*)·∇L_B(w)` at each draw.
    pub slopes: Vec<f64>,
    /// The probability with which the Metropolis rule would accept a step, of those that were tried.
    pub accepted: Vec<f64>,
}

/// A chain on its way.
struct Walker {
    place: Vec<f64>,
    rng: StreamRng,
    found: Chain,
}

/// A loss with its gradient on the mini-batch of a visit.
type Slope = (f64, Vec<f64>);

impl Langevin {
    /// Runs the chains side by side, so that a budget which ends early leaves all of them equally long.
    ///
    /// # Errors
    ///
    /// As `landscape`, and where the user interrupts.
    pub fn run(
        &self,
        start: &[f64],
        loss_at_start: f64,
        rng_of: impl Fn(usize) -> StreamRng,
        spending: &mut Spending<'_>,
        mut landscape: impl FnMut(&[f64], Visit) -> Result<Slope, LinearError>,
    ) -> Result<Vec<Chain>, LinearError> {
        let mut walkers: Vec<Walker> = (0..self.chains)
            .map(|chain| Walker {
                place: start.to_vec(),
                rng: rng_of(chain),
                found: Chain::default(),
            })
            .collect();
        for step in 0..self.burn_in + self.draws {
            if !spending.allows(2 * self.chains) {
                break;
            }
            for (chain, walker) in walkers.iter_mut().enumerate() {
                let visit = Visit { chain, step };
                spending.spend()?;
                let here = landscape(&walker.place, visit)?;
                if !here.0.is_finite() || !crate::linear::is_finite(&here.1) {
                    return Err(LinearError::NotFinite);
                }
                let is_draw = step >= self.burn_in;
                if is_draw {
                    self.note(walker, start, loss_at_start, &here);
                }
                let next = self.moved(&walker.place, start, &here.1, &mut walker.rng);
                if is_draw && (step - self.burn_in).is_multiple_of(self.tried_every) {
                    spending.spend()?;
                    let there = landscape(&next, visit)?;
                    let points = [walker.place.as_slice(), next.as_slice()];
                    let accepted = self.acceptance(start, points, [&here, &there]);
                    walker.found.accepted.push(accepted);
                }
                walker.place = next;
            }
        }
        Ok(walkers.into_iter().map(|walker| walker.found).collect())
    }

    fn note(&self, walker: &mut Walker, start: &[f64], loss_at_start: f64, here: &Slope) {
        let (mut square, mut slope) = (0.0, 0.0);
        for ((place, start), gradient) in walker.place.iter().zip(start).zip(&here.1) {
            let apart = place - start;
            square += apart * apart;
            slope += apart * gradient;
        }
        let found = &mut walker.found;
        found
            .rises
            .push(self.inverse_temperature * (here.0 - loss_at_start));
        found.squares.push(square);
        found.slopes.push(self.inverse_temperature * slope);
    }

    /// The place after a step without its noise.
    fn drifted(&self, place: &[f64], start: &[f64], gradient: &[f64]) -> Vec<f64> {
        let half = 0.5 * self.step;
        let terms = place.iter().zip(start).zip(gradient);
        terms
            .map(|((place, start), gradient)| {
                let force =
                    self.inverse_temperature * gradient + self.localisation * (place - start);
                place - half * force
            })
            .collect()
    }

    fn moved(
        &self,
        place: &[f64],
        start: &[f64],
        gradient: &[f64],
        rng: &mut StreamRng,
    ) -> Vec<f64> {
        let mut next = self.drifted(place, start, gradient);
        axpy(
            self.step.sqrt(),
            &random_normal(place.len(), rng),
            &mut next,
        );
        next
    }

    /// The probability with which the Metropolis-adjusted Langevin algorithm would accept a step from the first point to
    /// the second, both seen on the same mini-batch: near 1 where the step is short enough for the chains to sample
    /// what they should.
    fn acceptance(&self, start: &[f64], points: [&[f64]; 2], slopes: [&Slope; 2]) -> f64 {
        let square = |one: &[f64], other: &[f64]| -> f64 {
            one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let energy = |index: usize| {
            self.inverse_temperature * slopes[index].0
                + 0.5 * self.localisation * square(points[index], start)
        };
        let effort = |from: usize, to: usize| {
            let drifted = self.drifted(points[from], start, &slopes[from].1);
            square(points[to], &drifted) / (2.0 * self.step)
        };
        let log_ratio = energy(0) - energy(1) + effort(0, 1) - effort(1, 0);
        log_ratio.min(0.0).exp()
    }
}
