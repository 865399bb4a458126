//! The largest eigenpairs by a Davidson method that remembers.
//!
//! A Davidson method (Davidson 1975; Morgan & Scott 1986) multiplies one direction at a time, takes
//! Ritz pairs from all of them (Rayleigh-Ritz), and picks the next direction with the help of a cheap
//! approximation of the operator. Here the approximation is a low-rank model: the eigenpairs that the
//! last search left, corrected by every product made since. The next direction is the part of the
//! model's leading eigenvectors that has not been multiplied yet. Without a warm start this is the
//! Lanczos process, or block Lanczos for several pairs.
//!
//! During training with stochastic gradients the leading eigenvectors rotate among themselves within an
//! epoch, while the space they span stays. So a warm search does not begin with the leading eigenvector,
//! whose residual may be small at once although another has overtaken it, but with a mixture of all
//! remembered ones with random signs: one product then shows every eigenvalue among them that has
//! changed. A search for several pairs multiplies each of as many remembered vectors, which nearly are what it looks for,
//! and the mixture of the others; it ends where none of the others seems, by the product of the mixture, to belong to the
//! pairs by now.

mod surrogate;
mod warm_start;

#[cfg(test)]
mod tests;

pub use surrogate::{Surrogate, davidson_by_surrogate};
pub use warm_start::WarmStart;

use super::basis::Basis;
use super::certainty::{Certainty, Step, doubt};
use super::ritz::{Eigenpair, Ritz, Wanted};
use super::search::{Check, Search};
use super::spectral_model::Model;
use super::vector::{random_signs, scale};
use super::{Budget, Interrupt, LinearError, LinearOperator, Spending};
use crate::random::StreamRng;

/// What a search with a warm start begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// A mixture of all remembered eigenvectors with random signs: for pairs of an earlier point, of
    /// which another may lead by now.
    #[default]
    Mixture,
    /// The leading remembered eigenvectors themselves: a product less, for pairs of this very point, as
    /// of the same matrix over fewer samples. After a step of training it misses what has overtaken.
    Leading,
    /// The leading remembered eigenvectors, as many as pairs are looked for, and the mixture of the others: for several
    /// pairs of an earlier point. In mixtures alone no pair converges before all that is remembered has been multiplied.
    LeadingAndMixture,
}

/// What to look for and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct DavidsonOptions {
    /// What a search with a warm start begins with.
    pub start: Start,
    /// How many of the largest eigenpairs must converge.
    pub largest: usize,
    /// Also look for every eigenvalue above this.
    pub above: Option<f64>,
    /// The residual `‖Av − λv‖ / ‖A‖` below which a pair has converged.
    pub tolerance: f64,
    /// Matrix-vector products never exceeded.
    pub max_matvecs: usize,
    /// How many eigenpairs the warm start for the next search holds at most. It should reach the end
    /// of the outliers: a network with `C` classes has about as many (Papyan 2019). 0 where no other
    /// search follows.
    pub remembered: usize,
    /// Whether a search for several pairs goes on until none is to be expected any more. Without it a search
    /// from a warm start ends once its pairs have converged, and is blind to what is orthogonal to all that is
    /// remembered.
    pub is_certain: bool,
    /// Bounds set by the user.
    pub budget: Budget,
}

impl Default for DavidsonOptions {
    fn default() -> Self {
        Self {
            start: Start::default(),
            largest: 1,
            above: None,
            tolerance: 1e-3,
            max_matvecs: 100,
            remembered: 10,
            is_certain: true,
            budget: Budget::default(),
        }
    }
}

/// The largest eigenpairs of an operator.
#[derive(Clone, Debug)]
pub struct LeadingPairs {
    /// Largest first: as many as were asked for and, with a threshold, all above it. Fewer where the
    /// operator's dimension or the budget allows no more.
    pub pairs: Vec<Eigenpair>,
    /// An estimate, from below, of the eigenvalue after the last of them; none where the search has seen nothing
    /// of it.
    pub next: Option<f64>,
    /// Whether everything asked for has converged, and none is missing as far as [`lanczos`](fn@super::lanczos)
    /// is sure of it.
    pub complete: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
    /// What the next search may begin with.
    pub warm_start: WarmStart,
}

/// Searches for the largest eigenpairs, from what an earlier search has left or from random vectors.
///
/// Residuals are those of the products made, not of the model; a wrong warm start costs products and
/// cannot make a wrong pair look right. Where they are within a hundred roundings of products, the vectors
/// are multiplied once more. What a warm search for one pair cannot see is a new eigenvalue whose
/// eigenvector is orthogonal to all remembered ones: it shows only through a random part of 1 % in the
/// first direction. A search for several, or without a warm start, has no such blind spot unless it is told to do
/// without certainty: it goes on from random vectors as [`lanczos`](fn@super::lanczos) does until no further pair is
/// to be expected.
///
/// Memory: the basis holds at most `remembered + largest + matvecs + 1` vectors of the dimension, in the
/// precision of the products, and the warm start `remembered` more.
///
/// # Errors
///
/// [`LinearError`] from the operator, where it has dimension 0, where a product is not finite, or
/// where the warm start has another dimension.
pub fn davidson(
    operator: &mut dyn LinearOperator,
    warm_start: Option<&WarmStart>,
    rng: &mut StreamRng,
    options: DavidsonOptions,
    interrupt: Interrupt<'_>,
) -> Result<LeadingPairs, LinearError> {
    let mut search = Search::open(operator, warm_start)?;
    search.finish(operator, rng, &options, interrupt)
}

impl DavidsonOptions {
    fn wanted(&self) -> Wanted {
        Wanted {
            largest: self.largest.max(1),
            above: self.above,
            tolerance: self.tolerance,
            smallest: 0,
            smallest_tolerance: self.tolerance,
        }
    }
}

/// The share of a random vector in the first direction of a warm search.
const RANDOM_SHARE: f64 = 0.01;

/// The length of what is outside, of a vector of norm 1, above which it is mostly outside.
const FORESEEN: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Remembered values below this share of the largest belong to the bulk of the spectrum, where a
/// direction is as good as any other.
const BULK: f64 = 0.05;

/// A remembered vector (of norm 1) with a smaller rest than this outside of the others adds no
/// direction.
const DEPENDENT: f64 = 1e-3;

/// A basis with more vectors than so many for each pair remembered is exchanged for the pairs when another
/// search goes on with it: each product goes through all of them, and they all stay in memory.
const CROWDED: usize = 2;

/// A residual below so many roundings of a product may be made of them: the vector is multiplied anew.
const NEAR_ROUNDING: f64 = 100.0;

impl Search {
    fn open(
        operator: &dyn LinearOperator,
        warm_start: Option<&WarmStart>,
    ) -> Result<Self, LinearError> {
        let mut search = Self::new(operator)?;
        let (dimension, precision) = (search.dimension, operator.precision());
        match warm_start.map(|past| (past, past.orthonormal())) {
            Some((past, Some(vectors)))
                if vectors.dimension() == Some(dimension) && vectors.precision() == precision =>
            {
                search.take_over(past.values(), vectors);
            }
            Some((past, _)) => search.remember(past)?,
            None => {}
        }
        Ok(search)
    }

    fn remember(&mut self, warm_start: &WarmStart) -> Result<(), LinearError> {
        for (index, &value) in warm_start.values().iter().enumerate() {
            let vector = warm_start.vector(index);
            if vector.len() != self.dimension {
                return Err(LinearError::WrongLength {
                    expected: self.dimension,
                    found: vector.len(),
                });
            }
            let (coordinates, _) = self.enter(vector, DEPENDENT);
            self.model.remember(value, coordinates);
        }
        Ok(())
    }

    /// The same without making orthonormal what is orthonormal, which costs as much as some products.
    fn take_over(&mut self, values: &[f64], vectors: &Basis) {
        self.basis = vectors.clone();
        self.model.grow(values.len());
        for (index, &value) in values.iter().enumerate() {
            let mut unit = vec![0.0; index + 1];
            unit[index] = 1.0;
            self.model.remember(value, unit);
        }
    }

    /// Goes on with another operator in the same basis: of what is known of this one at most so many
    /// leading pairs are remembered.
    fn onto(self, operator: &dyn LinearOperator, remembered: usize) -> Result<Self, LinearError> {
        if operator.dimension() != self.dimension {
            return Err(LinearError::WrongLength {
                expected: operator.dimension(),
                found: self.dimension,
            });
        }
        let (values, vectors) = self.outliers(remembered);
        let mut search = Self {
            rounding: operator.precision().of_products(),
            model: Model::default(),
            ..self
        };
        if search.basis.len() > CROWDED * values.len() {
            let basis = search.basis.combine_all(&vectors);
            search.take_over(&values, &basis);
            return Ok(search);
        }
        search.model.grow(search.basis.len());
        for (value, vector) in values.into_iter().zip(vectors) {
            search.model.remember(value, vector);
        }
        Ok(search)
    }

    /// Multiplies until everything wanted has converged or a limit is reached; with a certainty, until
    /// that agrees that nothing is missing. Returns whether this was reached.
    fn run(
        &mut self,
        operator: &mut dyn LinearOperator,
        rng: &mut StreamRng,
        options: &DavidsonOptions,
        spending: &mut Spending<'_>,
        mut certainty: Option<Certainty>,
    ) -> Result<bool, LinearError> {
        let beginnings = self.beginnings(options);
        let (limit, wanted) = (options.max_matvecs.max(1), options.wanted());
        let mut next = self.start(options, rng);
        while let Some(step) = next {
            let direction = match &mut certainty {
                Some(certainty) => certainty.note(step, self.model.products()),
                None => step.direction(),
            };
            spending.spend()?;
            self.multiply(operator, direction)?;
            let made = self.model.products();
            if made < beginnings {
                next = self.start(options, rng);
            } else {
                let ritz = self.ritz();
                next = match (ritz.satisfies(&wanted), &mut certainty) {
                    (false, _) => self.advance(&ritz, options, rng),
                    (true, None) => match self.foreseen(&ritz, options) {
                        None => return Ok(true),
                        step => step,
                    },
                    (true, Some(certainty)) => match certainty.next(self, &ritz, &wanted, rng) {
                        None => return Ok(true),
                        step => step,
                    },
                };
            }
            if made >= limit || !spending.allows(1) {
                return Ok(false);
            }
        }
        // Everything has been multiplied.
        Ok(true)
    }

    /// Runs to the end, and reads off what was asked for.
    fn finish(
        &mut self,
        operator: &mut dyn LinearOperator,
        rng: &mut StreamRng,
        options: &DavidsonOptions,
        interrupt: Interrupt<'_>,
    ) -> Result<LeadingPairs, LinearError> {
        let mut spending = Spending::new(options.budget, interrupt);
        let certainty = options.is_certain.then(Certainty::new);
        let is_sure = self.run(operator, rng, options, &mut spending, certainty)?;
        let ritz = self.ritz();
        let wanted = ritz.largest_wanted(&options.wanted());
        let (places, _) = ritz.places(&options.wanted());
        let mut check = Check {
            below: NEAR_ROUNDING * self.rounding,
            max_matvecs: options.max_matvecs,
            spending: &mut spending,
            tolerance: options.tolerance,
        };
        let mut pairs = self.pairs(operator, &ritz, &places, &mut check)?;
        pairs.sort_by(|a, b| b.value.total_cmp(&a.value));
        if !is_sure {
            doubt(&mut pairs);
        }
        let is_whole = pairs.len() == wanted.min(self.dimension);
        Ok(LeadingPairs {
            complete: is_sure && is_whole && pairs.iter().all(|pair| pair.converged),
            next: self.next_after(&ritz, pairs.len()),
            pairs,
            matvecs: spending.matvecs,
            warm_start: self.warm_start(options.remembered),
        })
    }

    /// How many products are made before their Ritz pairs are looked at.
    fn beginnings(&self, options: &DavidsonOptions) -> usize {
        let others = match options.start {
            Start::LeadingAndMixture if self.model.remembered() > 0 => 1,
            _ => 0,
        };
        (options.largest.max(1) + others).min(self.dimension)
    }

    /// A first direction: what is remembered, or a random vector where nothing is. One of them has a little of a random
    /// vector: each costs as much as a product.
    fn start(&mut self, options: &DavidsonOptions, rng: &mut StreamRng) -> Option<Step> {
        let (made, count) = (self.model.products(), self.model.remembered());
        let (mixed, has_random) = match options.start {
            Start::Mixture => (0..count, made == 0),
            Start::Leading => (made.min(count)..(made + 1).min(count), made == 0),
            Start::LeadingAndMixture => match options.largest.min(count) {
                leading if made < leading => (made..made + 1, false),
                leading => (leading..count, true),
            },
        };
        if mixed.is_empty() {
            return self.random(rng).map(Step::Random);
        }
        let random = match has_random {
            true => Some(self.random(rng)?),
            false => None,
        };
        let signs = match mixed.len() {
            1 => vec![1.0],
            several => random_signs(several, rng),
        };
        let mut factors = vec![0.0; count];
        factors[mixed.clone()].copy_from_slice(&signs);
        scale(1.0 / (mixed.len() as f64).sqrt(), &mut factors);
        let mixture = match random {
            Some(random) => self.model.mixture(&factors) + RANDOM_SHARE * random,
            None => self.model.mixture(&factors),
        };
        match self.model.outside(&mixture) {
            (direction, length) if length > DEPENDENT => Some(Step::Aside(direction)),
            _ => self.random(rng).map(Step::Random),
        }
    }

    /// What has not been multiplied of a remembered vector that seems to belong to the wanted pairs by now. What the product
    /// of a mixture has along one of its vectors, over what the mixture has of it, is that one's Rayleigh quotient, but for
    /// what couples it to the others (Bekas, Kokiopoulou & Saad 2007, on diagonals).
    fn foreseen(&self, ritz: &Ritz, options: &DavidsonOptions) -> Option<Step> {
        if options.start != Start::LeadingAndMixture {
            return None;
        }
        let last = ritz
            .largest_wanted(&options.wanted())
            .min(ritz.values.len())
            - 1;
        let least = ritz.values[last];
        let mixture = self.beginnings(options) - 1;
        (0..self.model.remembered())
            .filter_map(|which| self.model.seen_in(mixture, which))
            .filter(|(value, _)| *value > least)
            .map(|(_, vector)| self.model.outside(&vector))
            .find(|(_, length)| *length > FORESEEN)
            .map(|(direction, _)| Step::Aside(direction))
    }

    /// The next direction: of the model's leading eigenvectors, up to the first pair that has not
    /// converged, the one that lies most outside of what has been multiplied, and of it the part outside.
    /// In an invariant subspace there is no such part, and the search goes on in its complement.
    fn advance(
        &mut self,
        ritz: &Ritz,
        options: &DavidsonOptions,
        rng: &mut StreamRng,
    ) -> Option<Step> {
        let target = ritz.first_unconverged(&options.wanted());
        let target = target.unwrap_or(ritz.values.len());
        let (_, vectors) = self.model.eigenpairs();
        let best = vectors
            .column_iter()
            .take(target + 1)
            .map(|vector| self.model.outside(&vector.into_owned()))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        match best {
            Some((direction, length)) if length > 10.0 * self.rounding => {
                Some(Step::Aside(direction))
            }
            _ => self.random(rng).map(Step::Random),
        }
    }

    /// The largest value after so many, of what has been multiplied or of the model.
    fn next_after(&self, ritz: &Ritz, count: usize) -> Option<f64> {
        let (modelled, _) = self.model.eigenpairs();
        let found = [&ritz.values, &modelled].map(|values| values.get(count).copied());
        found.into_iter().flatten().reduce(f64::max)
    }

    fn warm_start(&self, most: usize) -> WarmStart {
        let (values, vectors) = self.outliers(most);
        WarmStart::from_basis(values, self.basis.combine_all(&vectors))
    }

    /// The model's leading eigenpairs, without its bulk; the vectors in the coordinates of the basis.
    fn outliers(&self, most: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let (mut values, vectors) = self.model.eigenpairs();
        let least = BULK * values.first().copied().unwrap_or(0.0).abs();
        let count = values.partition_point(|&value| value > least).min(most);
        values.truncate(count);
        let kept = vectors.column_iter().take(count);
        let kept = kept.map(|vector| vector.iter().copied().collect());
        (values, kept.collect())
    }
}
