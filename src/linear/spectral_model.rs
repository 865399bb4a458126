//! What is known of an operator: remembered eigenpairs, corrected by the products made since.

use super::ritz::{Ritz, eigen_descending};
use nalgebra::{DMatrix, DVector};

/// A low-rank model of a symmetric operator `A`, in the coordinates of an orthonormal basis that grows.
///
/// With the remembered pairs `(λ, v)`, the directions `Q` that have been multiplied (orthonormal), their
/// products `W = AQ` and `P = I − QQᵀ`, the model is
/// `P (Σ λ v vᵀ) P + Q Wᵀ + W Qᵀ − Q (QᵀW) Qᵀ`: it is right on `Q` and, of all symmetric matrices that
/// are, the nearest to the remembered one in the Frobenius norm (the symmetric secant update for several
/// directions at once; Powell 1970; Schnabel 1983, theorem 3.1).
#[derive(Debug, Default)]
pub(super) struct Model {
    size: usize,
    values: Vec<f64>,
    remembered: Vec<Vec<f64>>,
    directions: Vec<Vec<f64>>,
    products: Vec<Vec<f64>>,
}

/// A smaller share of a vector in a direction is what orthogonalising has left of it.
const SEEN: f64 = 0.1;

impl Model {
    /// Tells how many vectors the basis has; coordinates along new ones are 0 so far.
    pub fn grow(&mut self, size: usize) {
        self.size = size;
    }

    /// Adds a pair known from before.
    pub fn remember(&mut self, value: f64, vector: Vec<f64>) {
        self.values.push(value);
        self.remembered.push(vector);
    }

    /// Adds a direction of norm 1, orthogonal to the earlier ones, and its product.
    pub fn learn(&mut self, direction: DVector<f64>, product: Vec<f64>) {
        self.directions.push(direction.as_slice().to_vec());
        self.products.push(product);
    }

    /// How many directions have been multiplied.
    pub fn products(&self) -> usize {
        self.products.len()
    }

    /// How many pairs are remembered.
    pub fn remembered(&self) -> usize {
        self.remembered.len()
    }

    /// The sum of the remembered vectors with these factors.
    pub fn mixture(&self, factors: &[f64]) -> DVector<f64> {
        self.columns(&self.remembered) * DVector::from_column_slice(factors)
    }

    /// The Rayleigh quotient of a remembered vector as the product of one direction shows it, and the vector; none where the
    /// direction has nothing of it.
    pub fn seen_in(&self, direction: usize, remembered: usize) -> Option<(f64, DVector<f64>)> {
        let vector = &self.remembered[remembered];
        let along = |other: &[f64]| -> f64 { vector.iter().zip(other).map(|(a, b)| a * b).sum() };
        let share = along(&self.directions[direction]);
        let column = self.columns(std::slice::from_ref(vector));
        (share.abs() > SEEN).then(|| {
            (
                along(&self.products[direction]) / share,
                column.column(0).into_owned(),
            )
        })
    }

    /// The part of a vector orthogonal to all directions multiplied, of norm 1, and the norm it had.
    pub fn outside(&self, vector: &DVector<f64>) -> (DVector<f64>, f64) {
        let directions = self.columns(&self.directions);
        let mut rest = vector.clone();
        for _ in 0..2 {
            rest -= &directions * directions.tr_mul(&rest);
        }
        let length = rest.norm();
        (rest / length.max(f64::MIN_POSITIVE), length)
    }

    /// The size of the products: the scale of their rounding errors.
    pub fn scale(&self) -> f64 {
        let norms = self.products.iter().map(|product| super::norm(product));
        norms.fold(0.0, f64::max)
    }

    /// The product of the direction multiplied last; none before the first.
    pub fn newest_product(&self) -> Option<DVector<f64>> {
        let newest = self.products.last()?;
        Some(
            self.columns(std::slice::from_ref(newest))
                .column(0)
                .into_owned(),
        )
    }

    /// The operator as far as its products show it: on the directions multiplied, and from there outwards.
    pub fn projection(&self) -> Projection {
        let directions = self.columns(&self.directions);
        let products = self.columns(&self.products);
        let along = directions.tr_mul(&products);
        Projection {
            outward: &products - &directions * &along,
            inner: 0.5 * (&along + along.transpose()),
            directions,
            products,
        }
    }

    /// The Rayleigh-Ritz pairs of the operator on the directions multiplied, with the residuals of the
    /// products themselves; `floor` is the part of a residual that rounding makes uncertain.
    pub fn ritz(&self, floor: f64) -> Ritz {
        let projection = self.projection();
        let (values, small) = eigen_descending(projection.inner);
        let vectors = &projection.directions * &small;
        let mut rests = &projection.products * &small;
        for (index, mut rest) in rests.column_iter_mut().enumerate() {
            rest.axpy(-values[index], &vectors.column(index), 1.0);
        }
        Ritz {
            residuals: rests
                .column_iter()
                .map(|rest| rest.norm().hypot(floor))
                .collect(),
            values,
            vectors,
            rests,
        }
    }

    /// The eigenpairs of the model, largest first.
    pub fn eigenpairs(&self) -> (Vec<f64>, DMatrix<f64>) {
        let directions = self.columns(&self.directions);
        let products = self.columns(&self.products);
        let mut rest = self.columns(&self.remembered);
        rest -= &directions * directions.tr_mul(&rest);
        let weights = DMatrix::from_diagonal(&DVector::from_column_slice(&self.values));
        let inner = directions.tr_mul(&products);
        // Half of a matrix whose sum with its transpose is the model.
        let half = 0.5 * &rest * weights * rest.transpose() + &products * directions.transpose()
            - 0.5 * &directions * inner * directions.transpose();
        eigen_descending(&half + half.transpose())
    }

    /// Vectors as columns, filled up with zeros.
    fn columns(&self, vectors: &[Vec<f64>]) -> DMatrix<f64> {
        DMatrix::from_fn(self.size, vectors.len(), |row, column| {
            vectors[column].get(row).copied().unwrap_or(0.0)
        })
    }
}

/// The products of an operator `A` with orthonormal directions `Q`, in the coordinates of a basis.
pub(super) struct Projection {
    /// `Q`, as columns.
    pub directions: DMatrix<f64>,
    /// `AQ`.
    pub products: DMatrix<f64>,
    /// `QᵀAQ`, made symmetric: products are so up to rounding only.
    pub inner: DMatrix<f64>,
    /// `(I − QQᵀ) A Q`.
    pub outward: DMatrix<f64>,
}
