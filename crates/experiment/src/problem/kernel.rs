//! Kernels of infinitely wide ReLU networks in closed form, and gradient descent with a fixed kernel mode by mode.

use crate::experiment::ExperimentError;
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use faer::{Col, ColRef, Mat, MatRef};
use std::f64::consts::PI;

/// Twice the chance that a Gaussian weight has a positive product with both of two vectors with this cosine,
/// `(π − arccos c)/π`: the arc-cosine kernel of order 0 (Cho & Saul 2009, "Kernel methods for deep learning", eq. 6).
pub fn arc_cosine_zero(cosine: f64) -> f64 {
    (PI - cosine.clamp(-1.0, 1.0).acos()) / PI
}

/// `2·E[σ(w·x)σ(w·x')]` of ReLU and unit vectors with this cosine, `(c(π − arccos c) + √(1 − c²))/π`: the arc-cosine
/// kernel of order 1 (Cho & Saul 2009, eq. 6).
pub fn arc_cosine_one(cosine: f64) -> f64 {
    let cosine = cosine.clamp(-1.0, 1.0);
    (cosine * (PI - cosine.acos()) + (1.0 - cosine * cosine).sqrt()) / PI
}

/// The tangent kernel of `(1/√m) Σ aσ(w·x)` with ReLU where only the inner weights are trained, for unit vectors:
/// `c(π − arccos c)/(2π)` (Du et al. 2019, "Gradient descent provably optimizes over-parameterized neural networks").
pub fn tangent_of_inner(cosine: f64) -> f64 {
    0.5 * cosine * arc_cosine_zero(cosine)
}

/// The same where the outer weights, of variance 1, are trained as well.
pub fn tangent_of_both(cosine: f64) -> f64 {
    0.5 * arc_cosine_one(cosine) + tangent_of_inner(cosine)
}

/// The first terms of `c/4 + (1/2π) Σ_{l≥1} (2l − 3)!!/(2l − 2)!! · c^{2l}/(2l − 1)`, the series of
/// [`tangent_of_inner`].
pub fn series_of_inner(cosine: f64, terms: usize) -> f64 {
    let (mut sum, mut ratio, mut power) = (0.0, 1.0, 1.0);
    for l in 1..=terms {
        let l = l as f64;
        // (−1)!! and 0!! are 1; each further term has one factor more above and below.
        if l > 1.0 {
            ratio *= (2.0 * l - 3.0) / (2.0 * l - 2.0);
        }
        power *= cosine * cosine;
        sum += ratio * power / (2.0 * l - 1.0);
    }
    cosine / 4.0 + sum / (2.0 * PI)
}

/// The kernels of the layers of a deep ReLU network for two unit vectors, where each layer keeps the mean square of
/// its values (Arora et al. 2019, "On exact computation with an infinitely wide neural net", sec. 3).
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// `Σ⁽⁰⁾` to `Σ⁽ᴸ⁾`, the covariances of the values.
    pub covariances: Vec<f64>,
    /// `Σ̇⁽¹⁾` to `Σ̇⁽ᴸ⁺¹⁾`, the covariances of the slopes, each from the covariance of the layer before it.
    pub slopes: Vec<f64>,
}

impl Layers {
    /// Of a network with so many hidden layers.
    pub fn of(hidden: usize, cosine: f64) -> Self {
        let mut covariances = vec![cosine];
        let mut slopes = Vec::new();
        let mut last = cosine;
        for _ in 0..hidden {
            slopes.push(arc_cosine_zero(last));
            last = arc_cosine_one(last);
            covariances.push(last);
        }
        slopes.push(arc_cosine_zero(last));
        Self {
            covariances,
            slopes,
        }
    }

    /// The tangent kernel, `Σ_h Σ⁽ʰ⁻¹⁾ Π_{h' = h}^{L} Σ̇⁽ʰ'⁾` over `h = 1 … L + 1`: the output has no slope.
    pub fn tangent(&self) -> f64 {
        let hidden = self.covariances.len() - 1;
        (0..=hidden)
            .map(|h| self.covariances[h] * self.slopes[h..hidden].iter().product::<f64>())
            .sum()
    }

    /// The same with a slope of the output, by the rule of the other layers.
    pub fn tangent_with_slope_of_output(&self) -> f64 {
        self.tangent() * self.slopes[self.slopes.len() - 1]
    }
}

/// Points on the unit sphere, a row for each.
pub fn sphere(rng: &mut StreamRng, points: usize, inputs: usize) -> Mat<f64> {
    let drawn: Vec<Col<f64>> = (0..points).map(|_| draw::on_sphere(rng, inputs)).collect();
    Mat::from_fn(points, inputs, |point, input| drawn[point][input])
}

/// Points of two classes on the unit sphere and their labels ±1 by turns: the classes lie around opposite directions,
/// and their spread falls with the number of the input, as that of images does.
pub fn two_classes(
    rng: &mut StreamRng,
    points: usize,
    inputs: usize,
    distance: f64,
) -> (Mat<f64>, Col<f64>) {
    let labels = Col::from_fn(points, |point| if point % 2 == 0 { 1.0 } else { -1.0 });
    let noise = draw::gaussian(rng, points, inputs);
    let raw = Mat::from_fn(points, inputs, |point, input| {
        let centre = if input == 0 {
            distance * labels[point]
        } else {
            0.0
        };
        centre + noise[(point, input)] / (1.0 + input as f64).sqrt()
    });
    (
        Mat::from_fn(points, inputs, |point, input| {
            raw[(point, input)] / raw.row(point).norm_l2()
        }),
        labels,
    )
}

/// The Gram matrix of a kernel `‖x‖‖x'‖ k(cos(x, x'))` between two sets of points, a row for each point.
pub fn gram_between(
    points: MatRef<f64>,
    others: MatRef<f64>,
    kernel: impl Fn(f64) -> f64,
) -> Mat<f64> {
    let products = points * others.transpose();
    let norms: Vec<f64> = (0..points.nrows())
        .map(|row| points.row(row).norm_l2())
        .collect();
    let other_norms: Vec<f64> = (0..others.nrows())
        .map(|row| others.row(row).norm_l2())
        .collect();
    Mat::from_fn(points.nrows(), others.nrows(), |row, column| {
        let scale = norms[row] * other_norms[column];
        if scale > 0.0 {
            scale * kernel(products[(row, column)] / scale)
        } else {
            0.0
        }
    })
}

/// The same of one set of points.
pub fn gram(points: MatRef<f64>, kernel: impl Fn(f64) -> f64) -> Mat<f64> {
    gram_between(points, points, kernel)
}

/// The spectral norm of a symmetric matrix.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn spectral_norm(matrix: MatRef<f64>) -> Result<f64, ExperimentError> {
    let values = dense::eigenvalues(matrix)?;
    Ok(values
        .iter()
        .fold(0.0, |norm: f64, value| norm.max(value.abs())))
}

/// The eigenvalues of a Gram matrix in ascending order with their eigenvectors.
#[derive(Clone, Debug)]
pub struct Modes {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// The eigenvectors, a column for each.
    pub vectors: Mat<f64>,
}

impl Modes {
    /// Of a Gram matrix.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the matrix is not finite.
    pub fn of(gram: MatRef<f64>) -> Result<Self, ExperimentError> {
        let (values, vectors) = dense::eigen(gram)?;
        Ok(Self { values, vectors })
    }

    /// The largest eigenvalue.
    pub fn largest(&self) -> f64 {
        self.values.last().copied().unwrap_or(0.0)
    }

    /// How much of each eigenvector there is in a vector.
    pub fn coefficients(&self, vector: ColRef<f64>) -> Vec<f64> {
        dense::numbers((self.vectors.transpose() * vector).as_ref())
    }

    /// A vector, of which each eigenvector's part is multiplied by a function of the eigenvalue.
    pub fn filtered(&self, vector: ColRef<f64>, filter: impl Fn(f64) -> f64) -> Col<f64> {
        let along = self.vectors.transpose() * vector;
        let scaled = Col::from_fn(along.nrows(), |index| {
            along[index] * filter(self.values[index])
        });
        &self.vectors * scaled
    }

    /// `yᵀK⁻¹y`: the squared norm, in the kernel's space, of the smallest function with these values.
    pub fn norm_of_interpolant(&self, values: ColRef<f64>) -> f64 {
        dense::dot(values, self.filtered(values, f64::recip).as_ref())
    }

    /// The weights of the kernel at the points after gradient descent from the zero function on half the sum of the
    /// squared errors: `K⁻¹(I − (I − ηK)ᵗ)y`.
    pub fn descended(&self, labels: ColRef<f64>, rate: f64, steps: usize) -> Col<f64> {
        self.filtered(labels, |value| learned(value, rate, steps) / value)
    }
}

/// The share of a mode that gradient descent has learned after some steps, `1 − (1 − ηλ)ᵗ`.
pub fn learned(value: f64, rate: f64, steps: usize) -> f64 {
    let left = 1.0 - rate * value;
    1.0 - left.signum().powi((steps % 2) as i32) * left.abs().powf(steps as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn the_closed_forms_have_their_values_at_known_angles() {
        // At 120° the chance is 1/6; orthogonal units overlap by 1/(2π) on average; equal ones by 1/2.
        assert!((tangent_of_inner(-0.5) + 1.0 / 12.0).abs() < 1e-15);
        assert!((arc_cosine_zero(0.5) - 2.0 / 3.0).abs() < 1e-15);
        assert!((arc_cosine_one(0.0) - 1.0 / PI).abs() < 1e-15);
        assert!((tangent_of_both(1.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_kernel_of_values_is_an_integral_over_the_angle_of_a_weight() {
        // σ(w·x)σ(w·x') for w = r(cos φ, sin φ): E r² = 2, and φ is uniform.
        let angle: f64 = 1.1;
        let count = 200_000;
        let sum: f64 = (0..count)
            .map(|index| 2.0 * PI * (index as f64 + 0.5) / f64::from(count))
            .map(|phi| phi.cos().max(0.0) * (phi - angle).cos().max(0.0))
            .sum();
        let expected = 2.0 * 2.0 * sum / f64::from(count);
        assert!((arc_cosine_one(angle.cos()) - expected).abs() < 1e-9);
    }

    #[test]
    fn the_series_is_the_closed_form() {
        for cosine in [-0.8, -0.3, 0.0, 0.4, 0.9] {
            assert!((series_of_inner(cosine, 400) - tangent_of_inner(cosine)).abs() < 1e-12);
        }
        // Its second term is c²/(2π).
        assert!((series_of_inner(0.5, 1) - 0.125 - 0.25 / (2.0 * PI)).abs() < 1e-15);
    }

    #[test]
    fn one_hidden_layer_has_twice_the_kernel_of_two_layers() {
        let layers = Layers::of(1, 0.3);
        assert!((layers.tangent() - 2.0 * tangent_of_both(0.3)).abs() < 1e-15);
        // Equal inputs: L + 1 parts of 1 each.
        assert!((Layers::of(4, 1.0).tangent() - 5.0).abs() < 1e-12);
        let printed = Layers::of(2, 0.0).tangent_with_slope_of_output();
        assert!(printed < Layers::of(2, 0.0).tangent());
    }

    #[test]
    fn descent_by_modes_is_descent() {
        let mut rng = Streams::new(0).stream("test", 0);
        let points = sphere(&mut rng, 6, 3);
        let kernel = gram(points.as_ref(), tangent_of_both);
        let labels = draw::normals(&mut rng, 6);
        let modes = Modes::of(kernel.as_ref()).unwrap();
        let (rate, steps) = (1.5 / modes.largest(), 7);
        let mut weights = Col::<f64>::zeros(6);
        for _ in 0..steps {
            let error = &labels - &kernel * &weights;
            weights += faer::Scale(rate) * error;
        }
        let difference = modes.descended(labels.as_ref(), rate, steps) - weights;
        assert!(difference.norm_l2() < 1e-12);
        assert!((learned(3.0, 0.5, 3) - (1.0 + 0.125)).abs() < 1e-15);
    }
}
