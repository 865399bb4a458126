//! The part of operators that is known exactly, and random probes of the rest.
//!
//! With an orthonormal basis `Q`, `P = I − QQᵀ` and symmetric `A`, `B`,
//!
//! `tr A = tr QᵀAQ + tr PAP` and `tr AB = 2 tr QᵀABQ − tr (QᵀAQ)(QᵀBQ) + tr (PAP)(PBP)`,
//!
//! so that products with `Q` leave only a remainder to chance. Where a few directions hold most of a
//! curvature, that remainder is small, and the sum of many of its eigenvalues: probes of the whole would be
//! dominated by a few squares of normal numbers, whose mean is far from normal and whose spread, from some
//! probes, says little (Meyer, Musco, Musco & Woodruff 2021; Gambhir, Stathopoulos & Orginos 2017).

use super::basis::Basis;
use super::vector::{axpy, random_normal, random_signs, scale};
use super::{LinearError, LinearOperator, Spending, dot, norm};
use crate::random::StreamRng;

/// A basis with the products of operators with it.
pub(super) struct Deflation {
    basis: Basis,
    dimension: usize,
    /// For each operator and each vector `q` of the basis the components of `Aq` along the vectors up to `q`.
    components: Vec<Vec<Vec<f64>>>,
    /// For each two operators, `tr QᵀABQ`.
    products: Vec<Vec<f64>>,
}

impl Deflation {
    /// What a budget is spent on the basis at most: the rest is for probes.
    const SHARE: usize = 4;

    fn empty(operators: &[&mut dyn LinearOperator]) -> Result<Self, LinearError> {
        let count = operators.len();
        let first = operators.first().ok_or(LinearError::Empty)?;
        if first.dimension() == 0 {
            return Err(LinearError::Empty);
        }
        Ok(Self {
            basis: Basis::new(first.precision()),
            dimension: first.dimension(),
            components: vec![Vec::new(); count],
            products: vec![vec![0.0; count]; count],
        })
    }

    /// Krylov vectors from a random start: what the sum of the operators, each divided by its size, makes
    /// of one vector is the next. Outlying eigenvectors of all of them are among what such vectors span
    /// after a few (Saad, "Numerical Methods for Large Eigenvalue Problems", §6.6), at one product of each
    /// operator for every vector; of a repeated eigenvalue, one direction is.
    ///
    /// # Errors
    ///
    /// [`LinearError`] from the operators, or where they have dimension 0.
    pub fn krylov(
        operators: &mut [&mut dyn LinearOperator],
        most: usize,
        rng: &mut StreamRng,
        spending: &mut Spending<'_>,
    ) -> Result<Self, LinearError> {
        let mut deflation = Self::empty(operators)?;
        let mut sizes = vec![0.0f64; operators.len()];
        let mut next = random_normal(deflation.dimension, rng);
        let mut whole = norm(&next);
        while deflation.may_grow(most, operators.len(), spending)
            && deflation.push(&mut next, whole)
        {
            let images = deflation.multiply(operators, spending)?;
            next.fill(0.0);
            for (image, size) in images.iter().zip(&mut sizes) {
                *size = size.max(norm(image));
                if *size > 0.0 {
                    axpy(1.0 / *size, image, &mut next);
                }
            }
            whole = norm(&next);
        }
        Ok(deflation)
    }

    /// The range of products with random vectors (Meyer et al. 2021, algorithm 1); two products for each.
    ///
    /// # Errors
    ///
    /// As [`Deflation::krylov`].
    pub fn sketch(
        operator: &mut dyn LinearOperator,
        rank: usize,
        rng: &mut StreamRng,
        spending: &mut Spending<'_>,
    ) -> Result<Self, LinearError> {
        let operators: &mut [&mut dyn LinearOperator] = &mut [operator];
        let mut deflation = Self::empty(operators)?;
        for _ in 0..rank {
            if !deflation.may_grow(rank, 2, spending) {
                break;
            }
            spending.spend()?;
            let mut image = operators[0].apply(&random_signs(deflation.dimension, rng))?;
            let whole = norm(&image);
            if deflation.push(&mut image, whole) {
                deflation.multiply(operators, spending)?;
            }
        }
        Ok(deflation)
    }

    fn may_grow(&self, most: usize, matvecs: usize, spending: &Spending<'_>) -> bool {
        let reserved = (self.basis.len() + 1) * matvecs * Self::SHARE;
        self.basis.len() < most.min(self.dimension)
            && spending.allows(matvecs)
            && reserved <= spending.expected()
    }

    /// Adds the direction of what is left of a vector of some norm; false where that is rounding error.
    fn push(&mut self, vector: &mut [f64], whole: f64) -> bool {
        let (_, length) = self.basis.orthogonalise(vector);
        if length <= 100.0 * self.basis.precision().of_products() * whole {
            return false;
        }
        scale(1.0 / length, vector);
        self.basis.push(vector);
        true
    }

    /// The products of the operators with the newest vector, and notes what they say.
    fn multiply(
        &mut self,
        operators: &mut [&mut dyn LinearOperator],
        spending: &mut Spending<'_>,
    ) -> Result<Vec<Vec<f64>>, LinearError> {
        let newest = self.basis.newest();
        let mut images = Vec::with_capacity(operators.len());
        for operator in operators.iter_mut() {
            spending.spend()?;
            images.push(operator.apply(&newest)?);
        }
        for (first, image) in images.iter().enumerate() {
            for (second, other) in images.iter().enumerate() {
                self.products[first][second] += dot(image, other);
            }
            let mut rest = image.clone();
            self.components[first].push(self.basis.orthogonalise(&mut rest).0);
        }
        Ok(images)
    }

    /// The dimension of the complement, in which chance is left.
    pub fn rest(&self) -> usize {
        self.dimension - self.basis.len()
    }

    /// `tr QᵀAQ` of one of the operators.
    pub fn trace(&self, operator: usize) -> f64 {
        let columns = self.components[operator].iter();
        columns.filter_map(|column| column.last()).sum()
    }

    /// `2 tr QᵀABQ − tr (QᵀAQ)(QᵀBQ)` of two of the operators.
    pub fn product(&self, first: usize, second: usize) -> f64 {
        let columns = self.components[first].iter().zip(&self.components[second]);
        let shared: f64 = columns
            .map(|(first, second)| {
                // Above the diagonal once, and below it the same numbers again.
                let last = first.len().saturating_sub(1);
                let above = dot(&first[..last], &second[..last]);
                2.0 * above + first[last] * second[last]
            })
            .sum();
        2.0 * self.products[first][second] - shared
    }

    /// A random direction of the complement, uniform on the sphere whose radius is the root of its dimension
    /// `d`. The mean of `zᵀMz` over these is `tr M`, and its variance
    /// `2d/(d+2) · (tr M² − (tr M)²/d)` for any symmetric `M` on the complement.
    pub fn probe(&self, rng: &mut StreamRng) -> Vec<f64> {
        let mut vector = random_normal(self.dimension, rng);
        self.project(&mut vector);
        let radius = (self.rest() as f64).sqrt();
        scale(radius / norm(&vector), &mut vector);
        vector
    }

    /// Takes off what lies in the basis.
    pub fn project(&self, vector: &mut [f64]) {
        if self.basis.len() > 0 {
            self.basis.orthogonalise(vector);
        }
    }

    /// `PAPz` for a vector of the complement.
    pub fn remainder(
        &self,
        operator: &mut dyn LinearOperator,
        vector: &[f64],
        spending: &mut Spending<'_>,
    ) -> Result<Vec<f64>, LinearError> {
        spending.spend()?;
        let mut product = operator.apply(vector)?;
        self.project(&mut product);
        Ok(product)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::operators::{Dense, rotated};
    use super::super::{Budget, Interrupt};
    use super::*;
    use crate::random::Streams;

    fn spending<'a>(max_matvecs: Option<usize>) -> Spending<'a> {
        let budget = Budget {
            max_matvecs,
            max_seconds: None,
        };
        Spending::new(budget, Interrupt::never())
    }

    fn rng() -> StreamRng {
        Streams::new(4).stream("probes", 0)
    }

    fn krylov(
        operators: &mut [&mut dyn LinearOperator],
        most: usize,
        spending: &mut Spending<'_>,
    ) -> Deflation {
        Deflation::krylov(operators, most, &mut rng(), spending).unwrap()
    }

    fn power_law(dimension: u32, exponent: i32) -> Dense {
        let values = (1..=dimension).map(|i| f64::from(i).powi(-exponent));
        rotated(&values.collect::<Vec<_>>())
    }

    /// The trace of the product of what two matrices are on the complement, column by column.
    fn of_rest(deflation: &Deflation, first: &mut Dense, second: &mut Dense) -> f64 {
        let mut spending = spending(None);
        (0..first.dimension)
            .map(|place| {
                let mut unit = vec![0.0; first.dimension];
                unit[place] = 1.0;
                deflation.project(&mut unit);
                let left = deflation.remainder(first, &unit, &mut spending).unwrap();
                let right = deflation.remainder(second, &unit, &mut spending).unwrap();
                dot(&left, &right)
            })
            .sum()
    }

    #[test]
    fn what_is_known_and_what_is_left_make_up_the_whole() {
        let (mut first, mut second) = (power_law(30, 1), power_law(30, 2));
        second.entries.reverse();
        let whole = |a: &Dense, b: &Dense| dot(&a.entries, &b.entries);
        let expected = [
            whole(&first, &first),
            whole(&first, &second),
            whole(&second, &second),
        ];
        let deflation = krylov(&mut [&mut first, &mut second], 7, &mut spending(None));
        assert_eq!(deflation.rest(), 23);
        let found = [
            deflation.product(0, 0) + of_rest(&deflation, &mut first, &mut power_law(30, 1)),
            deflation.product(0, 1) + of_rest(&deflation, &mut first, &mut second),
            deflation.product(1, 1)
                + of_rest(&deflation, &mut second, &mut {
                    let mut again = power_law(30, 2);
                    again.entries.reverse();
                    again
                }),
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0));
        }
    }

    #[test]
    fn a_few_krylov_vectors_hold_the_outliers_of_both_operators() {
        let mut spectrum = vec![0.01; 60];
        spectrum[3] = 5.0;
        let mut first = rotated(&spectrum);
        spectrum[3] = 0.01;
        spectrum[40] = -300.0;
        let mut second = rotated(&spectrum);
        let mut spent = spending(None);
        let deflation = krylov(&mut [&mut first, &mut second], 6, &mut spent);
        // The Krylov space of three distinct eigenvalues is whole after three vectors.
        assert_eq!((deflation.rest(), spent.matvecs), (57, 6));
        assert!(deflation.product(0, 0) > 25.0 && deflation.product(1, 1) > 90_000.0);
        assert!((deflation.trace(1) + 300.0 - 0.02).abs() < 1e-9);
    }

    #[test]
    fn the_basis_takes_no_more_than_its_share_of_a_budget() {
        for (allowed, of_krylov, of_sketch) in [(4, 1, 0), (20, 5, 4), (1000, 10, 20)] {
            let mut spent = spending(Some(allowed));
            let mut matrix = power_law(40, 1);
            krylov(&mut [&mut matrix], 10, &mut spent);
            assert_eq!(spent.matvecs, of_krylov, "of {allowed}");
            let mut spent = spending(Some(allowed));
            Deflation::sketch(&mut matrix, 10, &mut rng(), &mut spent).unwrap();
            assert_eq!(spent.matvecs, of_sketch, "of {allowed}");
        }
    }

    #[test]
    fn probes_lie_on_the_sphere_of_the_complement() {
        let mut matrix = power_law(20, 1);
        let deflation = krylov(&mut [&mut matrix], 5, &mut spending(None));
        let probe = deflation.probe(&mut rng());
        assert!((dot(&probe, &probe) - 15.0).abs() < 1e-12);
        let mut again = probe.clone();
        deflation.project(&mut again);
        let moved = probe.iter().zip(&again).map(|(a, b)| (a - b).abs());
        assert!(moved.fold(0.0, f64::max) < 1e-13);
    }
}
