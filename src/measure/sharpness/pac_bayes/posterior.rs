//! Normal distributions around a solution, and the choice of their deviation.

use super::bound::{divergence, excess};
use crate::linear::{Spending, random_normal};
use crate::measure::evaluated::Evaluated;
use crate::measure::failure::Failure;
use crate::measure::sharpness::chart::Chart;
use crate::measure::sharpness::landscape::Landscape;
use crate::measure::subject::Subject;
use crate::random::StreamRng;
use crate::statistics::{mean, stated_error};

/// Deviations that are tried: `2^k` for these `k`. The posterior may depend on the data.
pub(super) const DEVIATIONS: std::ops::RangeInclusive<i32> = -10..=1;

/// A deviation of the noise that may be chosen.
pub(super) struct Candidate {
    pub deviation: f64,
    /// How far its bound is above the error under noise.
    pub penalty: f64,
    rng: StreamRng,
    pub errors: Vec<f64>,
}

impl Candidate {
    pub fn bound(&self) -> f64 {
        self.penalty + mean(&self.errors)
    }

    /// By how much its bound is above another's, and the error of that: both saw the same draws.
    fn above(&self, other: &Self) -> (f64, f64) {
        let pairs = self.errors.iter().zip(&other.errors);
        let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let difference = self.penalty - other.penalty + mean(&differences);
        (difference, stated_error(&differences))
    }
}

/// Normal distributions around a solution.
pub(super) struct Posteriors<'a> {
    pub subject: &'a Subject<'a>,
    pub landscape: &'a Landscape<'a>,
    pub distance: f64,
}

impl Posteriors<'_> {
    /// The 0-1 error on the training samples under one draw of the noise.
    pub fn error(
        &self,
        deviation: f64,
        rng: &mut StreamRng,
        spending: &mut Spending,
    ) -> Result<f64, Failure> {
        spending.spend()?;
        let noise = random_normal(self.landscape.dimension(), rng);
        let displacement = Chart::Uniform(deviation).displacement(&noise);
        let moved = self.landscape.moved(&displacement);
        let subject = self.subject;
        let evaluated = Evaluated::run(subject.objective, &moved, subject.train)?;
        let margins = evaluated.margins()?;
        let wrong = margins.iter().filter(|&&margin| margin <= 0.0);
        Ok(wrong.count() as f64 / margins.len() as f64)
    }

    pub fn candidate(&self, deviation: f64, rng: StreamRng) -> Candidate {
        let (divergence, failure) =
            divergence(self.landscape.dimension(), deviation, self.distance);
        Candidate {
            deviation,
            penalty: excess(divergence, failure, self.landscape.samples()),
            rng,
            errors: Vec::new(),
        }
    }

    /// The deviation whose bound is the least. All see the same draws, so that they are compared and not the
    /// draws; those that are certainly worse are given up, and of the others the draws are doubled until it
    /// makes no difference which is chosen. Half of a budget is for this.
    pub fn choose(
        &self,
        rng: &dyn Fn() -> StreamRng,
        spending: &mut Spending,
    ) -> Result<Candidate, Failure> {
        /// Draws that each begins with, and has at most.
        const FIRST: usize = 8;
        const MOST: usize = 256;
        let mut rivals = self.rivals(rng, FIRST, spending)?;
        let mut draws = rivals.first().map_or(FIRST, |first| first.errors.len());
        loop {
            rivals.sort_by(|a, b| a.bound().total_cmp(&b.bound()));
            let best = rivals.remove(0);
            rivals.retain(|rival| is_rival(rival, &best));
            draws *= 2;
            let cost = (rivals.len() + 1) * draws / 2;
            if rivals.is_empty()
                || draws > MOST
                || !spending.allows(1)
                || 2 * (spending.matvecs + cost) > spending.expected()
            {
                return Ok(best);
            }
            rivals.push(best);
            for rival in &mut rivals {
                self.draw(rival, draws, spending)?;
            }
        }
    }

    /// All deviations with some draws, from the largest on. A bound is at least its penalty, so those that
    /// follow one whose penalty is above a bound already found are left out.
    fn rivals(
        &self,
        rng: &dyn Fn() -> StreamRng,
        draws: usize,
        spending: &mut Spending,
    ) -> Result<Vec<Candidate>, Failure> {
        let (mut rivals, mut least) = (Vec::<Candidate>::new(), f64::INFINITY);
        let mut draws = draws;
        for exponent in DEVIATIONS.rev() {
            let mut candidate = self.candidate(f64::from(exponent).exp2(), rng());
            if candidate.penalty >= least || (!rivals.is_empty() && !spending.allows(1)) {
                break;
            }
            if rivals.is_empty() {
                self.draw(&mut candidate, 1, spending)?;
                let share = spending.expected() / 2 / DEVIATIONS.count();
                draws = draws.min(share).max(1);
            }
            self.draw(&mut candidate, draws, spending)?;
            least = least.min(candidate.bound());
            rivals.push(candidate);
        }
        Ok(rivals)
    }

    pub fn draw(
        &self,
        candidate: &mut Candidate,
        draws: usize,
        spending: &mut Spending,
    ) -> Result<(), Failure> {
        while candidate.errors.len() < draws {
            let error = self.error(candidate.deviation, &mut candidate.rng, spending)?;
            candidate.errors.push(error);
        }
        Ok(())
    }
}

/// Whether a candidate may be better than the one that looks best by more than what does not matter.
fn is_rival(candidate: &Candidate, best: &Candidate) -> bool {
    /// Differences of bounds that do not matter.
    const CLOSE: f64 = 0.004;
    let (above, error) = candidate.above(best);
    // From a single draw there is no error.
    error.is_nan() || 2.0 * error - above > CLOSE
}
