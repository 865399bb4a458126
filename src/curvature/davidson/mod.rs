//! The largest eigenpairs by a Davidson method that remembers.
//!
//! A Davidson method (Davidson 1975; Morgan & Scott 1986) multiplies one direction at a time, takes
//! Ritz pairs from all of them (Rayleigh-Ritz), and picks the next direction with the help of a cheap
//! approximation of the operator. Here the approximation is a low-rank model: the eigenpairs that the
//! last search left, corrected by every product made since. The next direction is the part of the
//! model's leading eigenvectors that has not been multiplied yet. Without a recollection this is the
//! Lanczos process, or block Lanczos for several pairs.
//!
//! During training with stochastic gradients the leading eigenvectors rotate among themselves within an
//! epoch, while the space they span stays. So a warm search does not begin with the leading eigenvector,
//! whose residual may be small at once although another has overtaken it, but with a mixture of all
//! remembered ones with random signs: one product then shows every eigenvalue among them that has
//! changed.

mod likeness;
mod model;
mod recollection;

#[cfg(test)]
mod tests;

pub use likeness::{Likeness, davidson_by_likeness};
pub use recollection::Recollection;

use super::basis::Basis;
use super::operator::product_rounding;
use super::ritz::{Eigenpair, Ritz, Wanted};
use super::vector::{axpy, dot_and_norm, is_finite, random_normal, random_signs, scale};
use super::{Budget, CurvatureError, Interrupt, LinearOperator, Spending, norm};
use crate::random::StreamRng;
use model::Model;
use nalgebra::DVector;

/// What a search with a recollection begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// A mixture of all remembered eigenvectors with random signs: for pairs of an earlier point, of
    /// which another may lead by now.
    #[default]
    Mixture,
    /// The leading remembered eigenvectors themselves: a product less, for pairs of this very point, as
    /// of the same matrix over fewer samples. After a step of training it misses what has overtaken.
    Leading,
}

/// What to look for and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct DavidsonOptions {
    /// What a search with a recollection begins with.
    pub start: Start,
    /// How many of the largest eigenpairs must converge. A search begins with as many directions, so
    /// eigenvalues are found up to this multiplicity.
    pub largest: usize,
    /// Also look for every eigenvalue above this, and for the first one below it.
    pub above: Option<f64>,
    /// The relative residual `‖Av − λv‖ / |λ|` below which a pair has converged.
    pub tolerance: f64,
    /// Matrix-vector products never exceeded.
    pub max_matvecs: usize,
    /// How many eigenpairs the recollection for the next search holds at most. It should reach the end
    /// of the outliers: a network with `C` classes has about as many (Papyan 2019). 0 where no other
    /// search follows.
    pub remembered: usize,
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
            budget: Budget::default(),
        }
    }
}

/// The largest eigenpairs of an operator.
#[derive(Clone, Debug)]
pub struct LeadingPairs {
    /// Largest first: as many as were asked for and, with a threshold, all above it and the first one
    /// below. Fewer where the operator's dimension or the budget allows no more.
    pub pairs: Vec<Eigenpair>,
    /// Whether everything asked for has converged.
    pub complete: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
    /// What the next search may begin with.
    pub recollection: Recollection,
}

/// Searches for the largest eigenpairs, from what an earlier search has left or from random vectors.
///
/// Residuals are those of the products made, not of the model; a wrong recollection costs products and
/// cannot make a wrong pair look right. What a warm search cannot see is a new eigenvalue whose
/// eigenvector is orthogonal to all remembered ones: it shows only through a random part of 1 % in the
/// first direction. A search without a recollection has no such blind spot.
///
/// Memory: the basis holds at most `remembered + largest + matvecs + 1` vectors of the dimension, in the
/// precision of the products, and the recollection `remembered` more.
///
/// # Errors
///
/// [`CurvatureError`] from the operator, where it has dimension 0, where a product is not finite, or
/// where the recollection has another dimension.
pub fn davidson(
    operator: &mut dyn LinearOperator,
    recollection: Option<&Recollection>,
    rng: &mut StreamRng,
    options: DavidsonOptions,
    interrupt: Interrupt<'_>,
) -> Result<LeadingPairs, CurvatureError> {
    let mut search = Search::open(operator, recollection)?;
    search.run(operator, rng, &options, interrupt)?;
    Ok(search.leading_pairs(&options))
}

impl DavidsonOptions {
    fn wanted(&self) -> Wanted {
        Wanted {
            largest: self.largest.max(1),
            above: self.above,
            smallest: 0,
            tolerance: self.tolerance,
        }
    }
}

/// The share of a random vector in the first direction of a warm search.
const RANDOM_SHARE: f64 = 0.01;

/// Remembered values below this share of the largest belong to the bulk of the spectrum, where a
/// direction is as good as any other.
const BULK: f64 = 0.05;

/// A remembered vector (of norm 1) with a smaller rest than this outside of the others adds no
/// direction.
const DEPENDENT: f64 = 1e-3;

/// A basis with more vectors than so many for each pair remembered is exchanged for the pairs when another
/// search goes on with it: each product goes through all of them, and they all stay in memory.
const CROWDED: usize = 2;

/// A search under way: an orthonormal basis of all vectors it knows, and the model in its coordinates.
struct Search {
    dimension: usize,
    /// Relative rounding error of one product.
    rounding: f64,
    basis: Basis,
    model: Model,
}

impl Search {
    fn open(
        operator: &dyn LinearOperator,
        recollection: Option<&Recollection>,
    ) -> Result<Self, CurvatureError> {
        let dimension = operator.dimension();
        if dimension == 0 {
            return Err(CurvatureError::Empty);
        }
        let precision = operator.precision();
        let mut search = Self {
            dimension,
            rounding: product_rounding(precision),
            basis: Basis::new(precision),
            model: Model::default(),
        };
        match recollection.map(|past| (past, past.orthonormal())) {
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

    fn remember(&mut self, recollection: &Recollection) -> Result<(), CurvatureError> {
        for (index, &value) in recollection.values().iter().enumerate() {
            let vector = recollection.vector(index);
            if vector.len() != self.dimension {
                return Err(CurvatureError::WrongLength {
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

    /// Splits a vector into coordinates in the basis and a rest; where the rest is longer than
    /// `negligible` its direction joins the basis. Also returns whether it did.
    fn enter(&mut self, mut vector: Vec<f64>, negligible: f64) -> (Vec<f64>, bool) {
        let (mut coordinates, rest) = self.basis.orthogonalise(&mut vector);
        let joins = rest > negligible && self.basis.len() < self.dimension;
        if joins {
            self.basis.push_scaled(1.0 / rest, &vector);
            self.model.grow(self.basis.len());
            coordinates.push(rest);
        }
        (coordinates, joins)
    }

    /// Goes on with another operator in the same basis: of what is known of this one at most so many
    /// leading pairs are remembered.
    fn onward(
        self,
        operator: &dyn LinearOperator,
        remembered: usize,
    ) -> Result<Self, CurvatureError> {
        if operator.dimension() != self.dimension {
            return Err(CurvatureError::WrongLength {
                expected: operator.dimension(),
                found: self.dimension,
            });
        }
        let (values, vectors) = self.outliers(remembered);
        let mut search = Self {
            rounding: product_rounding(operator.precision()),
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

    /// Multiplies until everything wanted has converged or a limit is reached.
    fn run(
        &mut self,
        operator: &mut dyn LinearOperator,
        rng: &mut StreamRng,
        options: &DavidsonOptions,
        interrupt: Interrupt<'_>,
    ) -> Result<(), CurvatureError> {
        let mut spending = Spending::new(options.budget, interrupt);
        let block = options.largest.clamp(1, self.dimension);
        let limit = options.max_matvecs.max(1);
        let mut next = self.start(options.start, rng);
        while let Some(direction) = next {
            spending.spend()?;
            self.multiply(operator, direction)?;
            let made = self.model.products();
            if made >= limit || !spending.allows(1) {
                break;
            }
            next = if made < block {
                self.start(options.start, rng)
            } else {
                let ritz = self.ritz();
                if ritz.satisfies(&options.wanted()) {
                    break;
                }
                self.advance(&ritz, options, rng)
            };
        }
        Ok(())
    }

    /// A first direction: what is remembered with a little of a random vector, or a random vector alone.
    fn start(&mut self, start: Start, rng: &mut StreamRng) -> Option<DVector<f64>> {
        let random = self.random(rng)?;
        let (made, count) = (self.model.products(), self.model.remembered());
        let factors: Vec<f64> = match start {
            Start::Mixture if count > 0 => {
                let mut signs = random_signs(count, rng);
                scale(1.0 / (count as f64).sqrt(), &mut signs);
                signs
            }
            Start::Leading if made < count => (0..count)
                .map(|index| f64::from(u8::from(index == made)))
                .collect(),
            _ => return Some(random),
        };
        let mixture = self.model.mixture(&factors) + RANDOM_SHARE * random;
        let (direction, length) = self.model.outside(&mixture);
        (length > 0.0).then_some(direction)
    }

    /// A random direction orthogonal to all multiplied so far: outside the basis while it does not span
    /// the whole space. None once everything has been multiplied.
    fn random(&mut self, rng: &mut StreamRng) -> Option<DVector<f64>> {
        if self.model.products() >= self.dimension {
            return None;
        }
        let (_, is_new) = self.enter(random_normal(self.dimension, rng), 0.0);
        let size = self.basis.len();
        let vector = if is_new {
            let mut unit = DVector::zeros(size);
            unit[size - 1] = 1.0;
            unit
        } else {
            DVector::from_vec(random_normal(size, rng))
        };
        let (direction, length) = self.model.outside(&vector);
        (length > 0.0).then_some(direction)
    }

    /// Multiplies a direction and corrects the model.
    fn multiply(
        &mut self,
        operator: &mut dyn LinearOperator,
        direction: DVector<f64>,
    ) -> Result<(), CurvatureError> {
        let vector = self.basis.combine(direction.as_slice());
        let mut product = operator.apply(&vector)?;
        let (along, length) = dot_and_norm(&vector, &product);
        // Squares of finite numbers may overflow in sum.
        if !length.is_finite() && !is_finite(&product) {
            return Err(CurvatureError::NotFinite);
        }
        // What is left of a product within the basis is rounding error of its size.
        let size = self.model.scale().max(length);
        // Most of a product lies along the direction itself. Without that part little is left in the
        // basis, and one pass through all its vectors is enough.
        axpy(-along, &vector, &mut product);
        drop(vector);
        let (mut coordinates, _) = self.enter(product, 10.0 * self.rounding * size);
        for (coordinate, entry) in coordinates.iter_mut().zip(direction.iter()) {
            *coordinate += along * entry;
        }
        self.model.learn(direction, coordinates);
        Ok(())
    }

    fn ritz(&self) -> Ritz {
        self.model.ritz(self.rounding * self.model.scale())
    }

    /// The next direction: of the model's leading eigenvectors, up to the first pair that has not
    /// converged, the one that lies most outside of what has been multiplied, and of it the part outside.
    /// In an invariant subspace there is no such part, and the search goes on in its complement.
    fn advance(
        &mut self,
        ritz: &Ritz,
        options: &DavidsonOptions,
        rng: &mut StreamRng,
    ) -> Option<DVector<f64>> {
        let wanted = ritz.largest_wanted(&options.wanted());
        let target = (0..wanted.min(ritz.values.len()))
            .find(|&index| !ritz.has_converged(index, options.tolerance))
            .unwrap_or(ritz.values.len());
        let (_, vectors) = self.model.eigenpairs();
        let best = vectors
            .column_iter()
            .take(target + 1)
            .map(|vector| self.model.outside(&vector.into_owned()))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        match best {
            Some((direction, length)) if length > 10.0 * self.rounding => Some(direction),
            _ => self.random(rng),
        }
    }

    fn leading_pairs(&self, options: &DavidsonOptions) -> LeadingPairs {
        let ritz = self.ritz();
        let wanted = ritz.largest_wanted(&options.wanted());
        let found = wanted.min(ritz.values.len());
        let pairs: Vec<Eigenpair> = (0..found)
            .map(|index| ritz.pair(index, options.tolerance, |x| self.basis.combine(x)))
            .collect();
        let is_whole = found == wanted.min(self.dimension);
        LeadingPairs {
            complete: is_whole && pairs.iter().all(|pair| pair.converged),
            pairs,
            matvecs: self.model.products(),
            recollection: self.recollection(options.remembered),
        }
    }

    fn recollection(&self, most: usize) -> Recollection {
        let (values, vectors) = self.outliers(most);
        Recollection::from_basis(values, self.basis.combine_all(&vectors))
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
