//! A search under way: the subspace it has multiplied, and what its products show.

use super::basis::Basis;
use super::ritz::{Eigenpair, Ritz};
use super::spectral_model::Model;
use super::vector::{axpy, dot_and_norm, is_finite, random_normal, scale};
use super::{LinearError, LinearOperator, Spending, dot, norm};
use crate::random::StreamRng;
use nalgebra::DVector;

/// An orthonormal basis of all vectors a search knows, and the directions that have been multiplied
/// with their products, in its coordinates. The basis is rounded where it is stored; coordinates are of
/// the vectors as stored, so a product is the sum of its coordinates times them, up to rounding.
pub(super) struct Search {
    pub dimension: usize,
    /// Relative rounding error of one product.
    pub rounding: f64,
    pub basis: Basis,
    pub model: Model,
}

/// A remainder smaller than so many roundings of the products is made of them.
const NEGLIGIBLE: f64 = 10.0;

/// The Rayleigh quotients of a positive semi-definite matrix lie above zero but for at most so many
/// roundings of its products.
const ROUNDINGS_BELOW_ZERO: f64 = 100.0;

/// Vectors that are orthonormal but for more roundings than this may be copies of each other.
const ROUNDINGS_OF_ANGLES: f64 = 1e4;

impl Search {
    /// A search that knows nothing yet.
    ///
    /// # Errors
    ///
    /// [`LinearError::Empty`] where the operator has dimension 0.
    pub fn new(operator: &dyn LinearOperator) -> Result<Self, LinearError> {
        let dimension = operator.dimension();
        if dimension == 0 {
            return Err(LinearError::Empty);
        }
        let precision = operator.precision();
        Ok(Self {
            dimension,
            rounding: precision.of_products(),
            basis: Basis::new(precision),
            model: Model::default(),
        })
    }

    /// Splits a vector into coordinates in the basis and a rest; where the rest is longer than
    /// `negligible` its direction joins the basis. Also returns whether it did.
    pub fn enter(&mut self, mut vector: Vec<f64>, negligible: f64) -> (Vec<f64>, bool) {
        let (mut coordinates, rest) = self.basis.orthogonalise(&mut vector);
        let joins = rest > negligible && self.basis.len() < self.dimension;
        if joins {
            self.basis.push_scaled(1.0 / rest, &vector);
            self.model.grow(self.basis.len());
            coordinates.push(rest);
        }
        (coordinates, joins)
    }

    /// The direction of a vector, such as one to begin with; none of the zero vector.
    pub fn towards(&mut self, vector: Vec<f64>) -> Option<DVector<f64>> {
        let length = norm(&vector);
        if vector.len() != self.dimension || !length.is_finite() || length == 0.0 {
            return None;
        }
        let (coordinates, _) = self.enter(vector, self.rounding * length);
        let (direction, rest) = self.model.outside(&DVector::from_vec(coordinates));
        (rest > 0.0).then_some(direction)
    }

    /// A random direction orthogonal to all multiplied so far, uniform on their complement. None once
    /// everything has been multiplied.
    pub fn random(&mut self, rng: &mut StreamRng) -> Option<DVector<f64>> {
        if self.model.products() >= self.dimension {
            return None;
        }
        self.towards(random_normal(self.dimension, rng))
    }

    /// The direction of the part of a vector, in coordinates, outside of what has been multiplied; none
    /// where that part is rounding error.
    pub fn outward(&self, vector: &DVector<f64>) -> Option<DVector<f64>> {
        let (direction, length) = self.model.outside(vector);
        (length > NEGLIGIBLE * self.rounding * self.model.scale()).then_some(direction)
    }

    /// The direction of the part of the last product outside of what has been multiplied.
    pub fn onward(&self) -> Option<DVector<f64>> {
        self.outward(&self.model.newest_product()?)
    }

    /// Whether the directions multiplied and one more span the basis: there is one way outwards then.
    pub fn has_one_way(&self) -> bool {
        self.basis.len() == self.model.products() + 1
    }

    /// Multiplies a direction of norm 1.
    ///
    /// # Errors
    ///
    /// [`LinearError`] from the operator, or where the product is not finite.
    pub fn multiply(
        &mut self,
        operator: &mut dyn LinearOperator,
        direction: DVector<f64>,
    ) -> Result<(), LinearError> {
        let vector = self.basis.combine(direction.as_slice());
        let mut product = operator.apply(&vector)?;
        let (along, length) = dot_and_norm(&vector, &product);
        // Squares of finite numbers may overflow in sum.
        if !length.is_finite() && !is_finite(&product) {
            return Err(LinearError::NotFinite);
        }
        // What is left of a product within the basis is rounding error of its size.
        let size = self.model.scale().max(length);
        // Most of a product lies along the direction itself. Without that part less is left in the
        // basis, and one pass through all its vectors is enough more often.
        axpy(-along, &vector, &mut product);
        drop(vector);
        let (mut coordinates, _) = self.enter(product, NEGLIGIBLE * self.rounding * size);
        for (coordinate, entry) in coordinates.iter_mut().zip(direction.iter()) {
            *coordinate += along * entry;
        }
        self.model.learn(direction, coordinates);
        Ok(())
    }

    /// The Ritz pairs of all products so far.
    pub fn ritz(&self) -> Ritz {
        self.model.ritz(self.rounding * self.model.scale())
    }

    /// The pairs at some places with residuals of real products. The products made so far give that of
    /// a Ritz vector by linearity, `A(Qy) = (AQ)y`, up to rounding, whether or not the basis is
    /// orthonormal; where that is below `check_below` of the scale, and the budget allows, the vector is
    /// multiplied once more.
    ///
    /// # Errors
    ///
    /// [`LinearError`] from the operator, where it is positive semi-definite and has a negative Ritz
    /// value, or where the vectors are not orthogonal.
    pub fn pairs(
        &self,
        operator: &mut dyn LinearOperator,
        ritz: &Ritz,
        places: &[usize],
        check: &mut Check<'_, '_>,
    ) -> Result<Vec<Eigenpair>, LinearError> {
        let size = ritz.scale();
        self.refuse_negative(operator, ritz)?;
        let mut pairs = Vec::with_capacity(places.len());
        for &place in places {
            let mut found = self.by_linearity(ritz, place);
            let is_checked = found.residual < check.below * size && check.allows();
            if is_checked {
                check.spending.spend()?;
                let product = operator.apply(&found.vector)?;
                found = Pair::of(found.vector, product);
            }
            // Rounding of the operator itself shows in no product.
            let residual = found.residual.hypot(self.rounding * size);
            pairs.push(Eigenpair {
                value: found.value,
                vector: found.vector,
                residual: if size > 0.0 {
                    residual / size
                } else {
                    residual
                },
                scale: size,
                converged: residual <= check.tolerance * size,
            });
        }
        self.refuse_copies(&pairs)?;
        Ok(pairs)
    }

    fn by_linearity(&self, ritz: &Ritz, place: usize) -> Pair {
        let mut vector = self.basis.combine(ritz.vectors.column(place).as_slice());
        let mut product = self.basis.combine(ritz.rests.column(place).as_slice());
        axpy(ritz.values[place], &vector, &mut product);
        let length = norm(&vector);
        scale(1.0 / length, &mut vector);
        scale(1.0 / length, &mut product);
        Pair::of(vector, product)
    }

    /// No Rayleigh quotient of a positive semi-definite matrix is negative, converged or not.
    fn refuse_negative(
        &self,
        operator: &dyn LinearOperator,
        ritz: &Ritz,
    ) -> Result<(), LinearError> {
        let allowed = ROUNDINGS_BELOW_ZERO * self.rounding * ritz.scale();
        match ritz.values.last() {
            Some(&lowest) if operator.is_positive_semidefinite() && lowest < -allowed => {
                Err(LinearError::NotPositive {
                    lowest: format!("{lowest:.3e}"),
                    largest: format!("{:.3e}", ritz.scale()),
                })
            }
            _ => Ok(()),
        }
    }

    fn refuse_copies(&self, pairs: &[Eigenpair]) -> Result<(), LinearError> {
        let mut loss = 0.0f64;
        for (index, pair) in pairs.iter().enumerate() {
            for other in &pairs[..index] {
                loss = loss.max(dot(&pair.vector, &other.vector).abs());
            }
        }
        if loss <= ROUNDINGS_OF_ANGLES * self.basis.precision().epsilon() {
            return Ok(());
        }
        Err(LinearError::NotOrthogonal {
            loss: format!("{loss:.1e}"),
        })
    }
}

/// Which pairs of a finished search are multiplied once more.
pub(super) struct Check<'a, 'b> {
    /// Those whose residual is below this share of the scale.
    pub below: f64,
    /// Products never exceeded, those of the search included.
    pub max_matvecs: usize,
    pub spending: &'a mut Spending<'b>,
    /// The residual, relative to the scale, at which a pair has converged.
    pub tolerance: f64,
}

impl Check<'_, '_> {
    fn allows(&self) -> bool {
        self.spending.matvecs < self.max_matvecs && self.spending.allows(1)
    }
}

/// A vector of norm 1 with its Rayleigh quotient λ and `‖Av − λv‖`.
struct Pair {
    value: f64,
    vector: Vec<f64>,
    residual: f64,
}

impl Pair {
    fn of(vector: Vec<f64>, mut product: Vec<f64>) -> Self {
        let value = dot(&vector, &product) / dot(&vector, &vector);
        axpy(-value, &vector, &mut product);
        Self {
            value,
            residual: norm(&product) / norm(&vector),
            vector,
        }
    }
}
