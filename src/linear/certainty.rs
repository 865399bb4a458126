//! How sure a search is that no eigenvalue among those it reports is missing.
//!
//! From one vector a Lanczos process finds each separate eigenvalue once, however often it occurs, and of
//! two near ones perhaps a mixture. What is missing lies in the complement of the directions multiplied:
//! so the search goes on there from a new random vector, until that shows something or the chance that it
//! would not is small.

use super::ritz::{Eigenpair, Ritz, Wanted, eigen_descending};
use super::search::Search;
use super::spectral_model::Projection;
use crate::random::StreamRng;
use nalgebra::{DMatrix, DVector};

/// The largest probability that a random vector does not show an eigenvalue that is missing.
const MISS: f64 = 0.01;

/// A pair of a chain whose residual is below this share of the tolerance is what the chain tends to.
const SETTLED: f64 = 0.1;

/// Marks as not converged all pairs of an end but the first: without certainty another may come before
/// them.
pub(super) fn doubt(pairs: &mut [Eigenpair]) {
    for pair in pairs.iter_mut().skip(1) {
        pair.converged = false;
    }
}

/// What is known of the complement of the directions multiplied.
pub(super) struct Certainty {
    /// The Krylov chain that ends in the direction multiplied last: places of its directions. It began
    /// with a random vector and has been followed in the complement of what was multiplied before.
    chain: Vec<usize>,
    /// Bounds on the eigenvalues of the operator, compressed to the complement: from above, and with
    /// signs changed from below. They stay true as the complement shrinks.
    bounds: [f64; 2],
}

/// A direction to multiply next, and what it is.
pub(super) enum Step {
    /// A random one, with which a chain begins.
    Random(DVector<f64>),
    /// The part of the last product outside of what has been multiplied, which goes on with a chain.
    Onward(DVector<f64>),
    /// Another one, which ends it.
    Aside(DVector<f64>),
}

impl Step {
    /// The direction, whatever it is.
    pub fn direction(self) -> DVector<f64> {
        match self {
            Self::Random(direction) | Self::Onward(direction) | Self::Aside(direction) => direction,
        }
    }
}

impl Certainty {
    pub fn new() -> Self {
        Self {
            chain: Vec::new(),
            bounds: [f64::INFINITY; 2],
        }
    }

    /// Notes what is multiplied as the direction at `place`, and unwraps it.
    pub fn note(&mut self, step: Step, place: usize) -> DVector<f64> {
        match step {
            Step::Random(_) => self.chain = vec![place],
            Step::Onward(_) if self.chain.is_empty() => {}
            Step::Onward(_) => self.chain.push(place),
            Step::Aside(_) => self.chain.clear(),
        }
        step.direction()
    }

    /// What to multiply next so that what is wanted, which has converged, becomes certain: none where it
    /// is. Several eigenvalues from an end, or all above a threshold, need this; a single one is what a
    /// process from a random vector tends to.
    pub fn next(
        &mut self,
        search: &mut Search,
        ritz: &Ritz,
        wanted: &Wanted,
        rng: &mut StreamRng,
    ) -> Option<Step> {
        let projection = search.model.projection();
        for (side, sign) in [1.0, -1.0].into_iter().enumerate() {
            let Some(limit) = limit(ritz, wanted, sign) else {
                continue;
            };
            let slack = wanted.tolerance_at(sign) * ritz.scale();
            let of_chain = self.chain_bound(search, &projection, ritz, slack, sign);
            self.bounds[side] = self.bounds[side].min(of_chain.bound);
            let bound = self.bounds[side];
            let reach = limit - 0.5 * slack;
            if bound >= reach {
                // A chain that shows more than the limit has shown what is known already.
                return match search.onward() {
                    Some(direction) if of_chain.top <= limit => Some(Step::Onward(direction)),
                    _ => search.random(rng).map(Step::Random),
                };
            }
            let known = ritz.values.iter().filter(|&&value| sign * value > limit);
            let known = known.count();
            let may_hide = |bound| possible(&projection, sign, limit, bound) > known;
            if may_hide(bound) {
                // A longer chain brings its bound down to its own largest value.
                if of_chain.top < reach
                    && !may_hide(of_chain.top)
                    && let Some(direction) = search.onward()
                {
                    return Some(Step::Onward(direction));
                }
                let step = hidden(search, ritz, wanted, sign, known);
                if step.is_some() {
                    return step;
                }
            }
        }
        None
    }

    /// A bound on the largest eigenvalue (`sign` 1, else the smallest with its sign changed) of the
    /// operator compressed to the complement in which the chain lives.
    ///
    /// A Lanczos process of `m` steps from a random vector in dimension `n` falls short of the largest
    /// eigenvalue by more than a share ε of the spread of the eigenvalues with probability at most
    /// `1.648 √n exp(−(2m − 1) √ε)` (Kuczyński & Woźniakowski 1992, theorem 4.2).
    fn chain_bound(
        &self,
        search: &Search,
        projection: &Projection,
        ritz: &Ritz,
        slack: f64,
        sign: f64,
    ) -> ChainBound {
        let Some(steps) = std::num::NonZeroUsize::new(self.chain.len()) else {
            return ChainBound {
                top: f64::INFINITY,
                bound: f64::INFINITY,
            };
        };
        let inner = projection
            .inner
            .select_rows(&self.chain)
            .select_columns(&self.chain);
        let (values, vectors) = eigen_descending(sign * inner);
        let (top, vector) = (values[0], vectors.column(0));
        let dimension = search.dimension as f64;
        let logarithm = (1.648 * dimension.sqrt() / MISS).ln();
        let share = (logarithm / (2 * steps.get() - 1) as f64).powi(2);
        let other_end = ritz
            .values
            .iter()
            .zip(&ritz.residuals)
            .map(|(value, residual)| sign * value - residual)
            .fold(f64::INFINITY, f64::min);
        let mut bound = f64::INFINITY;
        if share < 1.0 {
            bound = (top - share * other_end) / (1.0 - share);
        }
        let rest = projection.outward.select_columns(&self.chain) * vector;
        let residual = rest.norm();
        if residual <= SETTLED * slack {
            bound = bound.min(top + residual);
        }
        ChainBound { top, bound }
    }
}

struct ChainBound {
    /// The largest Ritz value of the chain alone.
    top: f64,
    /// What the largest eigenvalue in its complement is at most, with probability `1 −` [`MISS`].
    bound: f64,
}

/// The value above which nothing may be missing; none where a single pair is wanted from this end.
fn limit(ritz: &Ritz, wanted: &Wanted, sign: f64) -> Option<f64> {
    let slack = wanted.tolerance_at(sign) * ritz.scale();
    let (count, above) = match sign > 0.0 {
        true => (wanted.largest, wanted.above),
        false => (wanted.smallest, None),
    };
    let values = &ritz.values;
    let at = |place: usize| match sign > 0.0 {
        true => values[place],
        false => -values[values.len() - 1 - place],
    };
    let of_count = (count > 1).then(|| at(count.min(values.len()) - 1) + slack);
    // Where the largest is below the threshold it is as certain as a single one.
    let of_threshold = above.map(|above| match ritz.count_above(Some(above)) {
        0 => above.max(at(0) + slack),
        _ => above,
    });
    match (of_count, of_threshold) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// How many eigenvalues above a limit an operator can have at most, if none in the complement of the
/// directions multiplied is above `bound < limit`: as many as its Schur complement has, in which what
/// leads from the directions outwards (`C`) counts as `CᵀC / (limit − bound)` (Haynsworth 1968).
fn possible(projection: &Projection, sign: f64, limit: f64, bound: f64) -> usize {
    let outward = projection.outward.tr_mul(&projection.outward) / (limit - bound);
    let matrix: DMatrix<f64> = sign * &projection.inner + outward;
    let values = matrix.symmetric_eigenvalues();
    values.iter().filter(|&&value| value > limit).count()
}

/// The direction in which the first pair after those known may still rise; none where no pair can.
fn hidden(search: &Search, ritz: &Ritz, wanted: &Wanted, sign: f64, known: usize) -> Option<Step> {
    let count = ritz.values.len();
    let mut places = (known..count).map(|place| match sign > 0.0 {
        true => place,
        false => count - 1 - place,
    });
    places
        .find(|&place| !ritz.has_converged(place, wanted.tolerance_at(sign)))
        .and_then(|place| search.outward(&ritz.rest(place)))
        .map(Step::Aside)
}
