//! Potentials of mirror descent: their derivatives, conjugates and divergences.

use crate::experiment::ExperimentError;
use crate::problem::dense;
use faer::{Col, ColRef, Mat};

/// A potential `R` of mirror descent: `∇R(w⁺) = ∇R(w) − η∇L(w)` (Nemirovski & Yudin 1983; Beck & Teboulle 2003).
#[derive(Clone, Debug)]
pub enum Potential {
    /// `½‖w‖²`: gradient descent.
    Euclidean,
    /// `½wᵀDw`.
    Quadratic {
        /// `D`, positive definite.
        matrix: Mat<f64>,
        /// Its inverse.
        inverse: Mat<f64>,
    },
    /// `Σ w log w − w`, for positive weights: exponentiated gradient.
    Entropy,
    /// The same of the eigenvalues of a positive definite matrix, whose numbers are the weights, column by column.
    SpectralEntropy {
        /// How many rows the matrix has.
        size: usize,
    },
    /// `½‖w‖_p²` with `1 < p ≤ 2`.
    Power {
        /// `p`.
        exponent: f64,
    },
    /// `(α²/4) Σ q(w/α²)` with `q(z) = 2 − √(4 + z²) + z arcsinh(z/2)` (Woodworth et al. 2020, Theorem 1): the geometry
    /// of gradient flow on `θ₊² − θ₋²` from `θ₊ = −θ₋ = α`.
    Hyperbolic {
        /// `α`.
        scale: f64,
    },
}

impl Potential {
    /// `½wᵀDw`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where `D` is not positive definite.
    pub fn quadratic(matrix: Mat<f64>) -> Result<Self, ExperimentError> {
        let size = matrix.nrows();
        let identity = dense::scaled_identity(size, 1.0);
        let mut inverse = Mat::zeros(size, size);
        for index in 0..size {
            let column = dense::solve(matrix.as_ref(), identity.col(index))?;
            inverse.col_mut(index).copy_from(&column);
        }
        Ok(Self::Quadratic { matrix, inverse })
    }

    /// `R(w)`.
    pub fn value(&self, w: ColRef<f64>) -> Result<f64, ExperimentError> {
        let entropy = |w: f64| if w > 0.0 { w * w.ln() - w } else { 0.0 };
        Ok(match self {
            Self::Euclidean => w.squared_norm_l2() / 2.0,
            Self::Quadratic { matrix, .. } => dense::dot(w, (matrix * w).as_ref()) / 2.0,
            Self::Entropy => dense::numbers(w).into_iter().map(entropy).sum(),
            Self::SpectralEntropy { size } => {
                let (values, _) = dense::eigen(matrix_of(w, *size).as_ref())?;
                values.into_iter().map(entropy).sum()
            }
            Self::Power { exponent } => norm(w, *exponent).powi(2) / 2.0,
            Self::Hyperbolic { scale } => {
                let square = scale * scale;
                let each = |w: f64| {
                    let z = w / square;
                    2.0 - (4.0 + z * z).sqrt() + z * (z / 2.0).asinh()
                };
                dense::numbers(w).into_iter().map(each).sum::<f64>() * square / 4.0
            }
        })
    }

    /// `∇R(w)`.
    pub fn dual(&self, w: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
        Ok(match self {
            Self::Euclidean => w.to_owned(),
            Self::Quadratic { matrix, .. } => matrix * w,
            Self::Entropy => map(w, f64::ln),
            Self::SpectralEntropy { size } => spectral(w, *size, f64::ln)?,
            Self::Power { exponent } => power_map(w, *exponent),
            Self::Hyperbolic { scale } => map(w, |w| (w / (2.0 * scale * scale)).asinh() / 4.0),
        })
    }

    /// `∇R*(z)`, which undoes [`Potential::dual`].
    pub fn primal(&self, z: ColRef<f64>) -> Result<Col<f64>, ExperimentError> {
        Ok(match self {
            Self::Euclidean => z.to_owned(),
            Self::Quadratic { inverse, .. } => inverse * z,
            Self::Entropy => map(z, f64::exp),
            Self::SpectralEntropy { size } => spectral(z, *size, f64::exp)?,
            Self::Power { exponent } => power_map(z, exponent / (exponent - 1.0)),
            Self::Hyperbolic { scale } => map(z, |z| 2.0 * scale * scale * (4.0 * z).sinh()),
        })
    }

    /// The conjugate `R*(z)`, up to a constant.
    pub(super) fn conjugate(&self, z: ColRef<f64>) -> Result<f64, ExperimentError> {
        Ok(match self {
            Self::Euclidean => z.squared_norm_l2() / 2.0,
            Self::Quadratic { inverse, .. } => dense::dot(z, (inverse * z).as_ref()) / 2.0,
            Self::Entropy => dense::numbers(z).into_iter().map(f64::exp).sum(),
            Self::SpectralEntropy { size } => {
                let (values, _) = dense::eigen(matrix_of(z, *size).as_ref())?;
                values.into_iter().map(f64::exp).sum()
            }
            Self::Power { exponent } => norm(z, exponent / (exponent - 1.0)).powi(2) / 2.0,
            Self::Hyperbolic { scale } => {
                let sum: f64 = dense::numbers(z)
                    .into_iter()
                    .map(|z| (4.0 * z).cosh())
                    .sum();
                sum * scale * scale / 2.0
            }
        })
    }

    /// `∇²R*(z) = (∇²R(w))⁻¹` at `w = ∇R*(z)`.
    pub fn metric(&self, z: ColRef<f64>) -> Result<Mat<f64>, ExperimentError> {
        let diagonal = |of: &dyn Fn(f64) -> f64| {
            Mat::from_fn(
                z.nrows(),
                z.nrows(),
                |i, j| if i == j { of(z[i]) } else { 0.0 },
            )
        };
        Ok(match self {
            Self::Euclidean => diagonal(&|_| 1.0),
            Self::Quadratic { inverse, .. } => inverse.clone(),
            Self::Entropy => diagonal(&f64::exp),
            Self::SpectralEntropy { size } => spectral_metric(z, *size)?,
            Self::Power { exponent } => power_metric(z, exponent / (exponent - 1.0)),
            Self::Hyperbolic { scale } => diagonal(&|z| 8.0 * scale * scale * (4.0 * z).cosh()),
        })
    }

    /// The Bregman divergence `R(w) − R(v) − ⟨∇R(v), w − v⟩`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the eigenvalues of a matrix cannot be found.
    pub fn divergence(&self, w: ColRef<f64>, v: ColRef<f64>) -> Result<f64, ExperimentError> {
        let slope = dense::dot(self.dual(v)?.as_ref(), (w - v).as_ref());
        Ok(self.value(w)? - self.value(v)? - slope)
    }
}

/// Each number by itself.
pub fn map(vector: ColRef<f64>, of: impl Fn(f64) -> f64) -> Col<f64> {
    Col::from_fn(vector.nrows(), |index| of(vector[index]))
}

/// `‖w‖_p`.
pub fn norm(w: ColRef<f64>, exponent: f64) -> f64 {
    let largest = w.norm_max();
    if largest == 0.0 {
        return 0.0;
    }
    let each = dense::numbers(w)
        .into_iter()
        .map(|w| (w.abs() / largest).powf(exponent));
    largest * each.sum::<f64>().powf(1.0 / exponent)
}

/// The gradient of `½‖w‖_p²`.
pub fn power_map(w: ColRef<f64>, exponent: f64) -> Col<f64> {
    let size = norm(w, exponent);
    if size == 0.0 {
        return Col::zeros(w.nrows());
    }
    map(w, |w| {
        size * w.signum() * (w.abs() / size).powf(exponent - 1.0)
    })
}

/// The second derivative of `½‖z‖_q²` with `q ≥ 2`; the identity at zero, where it has none for `q > 2`.
fn power_metric(z: ColRef<f64>, exponent: f64) -> Mat<f64> {
    let size = norm(z, exponent);
    if size == 0.0 {
        return dense::scaled_identity(z.nrows(), 1.0);
    }
    let unit = map(z, |z| z.signum() * (z.abs() / size).powf(exponent - 1.0));
    Mat::from_fn(z.nrows(), z.nrows(), |i, j| {
        let curved = if i == j {
            (exponent - 1.0) * (z[i].abs() / size).powf(exponent - 2.0)
        } else {
            0.0
        };
        curved + (2.0 - exponent) * unit[i] * unit[j]
    })
}

fn matrix_of(vector: ColRef<f64>, size: usize) -> Mat<f64> {
    // Symmetric, whatever rounding has done to its two halves.
    Mat::from_fn(size, size, |row, column| {
        (vector[column * size + row] + vector[row * size + column]) / 2.0
    })
}

fn spectral(
    vector: ColRef<f64>,
    size: usize,
    of: impl Fn(f64) -> f64,
) -> Result<Col<f64>, ExperimentError> {
    let (values, basis) = dense::eigen(matrix_of(vector, size).as_ref())?;
    let scaled = Mat::from_fn(size, size, |row, column| {
        basis[(row, column)] * of(values[column])
    });
    let matrix = scaled * basis.transpose();
    Ok(Col::from_fn(size * size, |index| {
        matrix[(index % size, index / size)]
    }))
}

/// The derivative of the matrix exponential, by divided differences in the eigenbasis (Daleckii & Krein 1965).
fn spectral_metric(z: ColRef<f64>, size: usize) -> Result<Mat<f64>, ExperimentError> {
    let (values, basis) = dense::eigen(matrix_of(z, size).as_ref())?;
    let quotient = |a: f64, b: f64| {
        let half = (a - b) / 2.0;
        let ratio = if half.abs() < 1e-6 {
            1.0 + half * half / 6.0
        } else {
            half.sinh() / half
        };
        ((a + b) / 2.0).exp() * ratio
    };
    let all = size * size;
    let kronecker = Mat::from_fn(all, all, |row, column| {
        basis[(row % size, column % size)] * basis[(row / size, column / size)]
    });
    let scaled = Mat::from_fn(all, all, |row, column| {
        kronecker[(row, column)] * quotient(values[column % size], values[column / size])
    });
    Ok(scaled * kronecker.transpose())
}
