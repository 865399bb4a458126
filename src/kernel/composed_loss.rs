//! The cross-entropy and its derivatives made of Burn's operations, for backends without a kernel of their
//! own: the formulas of `cross_entropy`, in the precision of the tensors.
//!
//! Outputs, targets and directions are `[rows, classes]`.

use super::operation::Kernels;
use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;

/// A softmax in parts that do not cancel.
struct Softmax<B: Kernels> {
    /// `z_k − m`, which is 0 at the largest output and negative elsewhere.
    below: FloatTensor<B>,
    /// 0 at the largest output, 1 elsewhere.
    is_other: FloatTensor<B>,
    /// `exp(z_k − m)`, but 0 at the largest output.
    exponentials: FloatTensor<B>,
    /// How many outputs are the largest, `[rows, 1]`.
    ties: FloatTensor<B>,
    /// `R`, `[rows, 1]`.
    rest: FloatTensor<B>,
    /// `1 + R`.
    total: FloatTensor<B>,
}

impl<B: Kernels> Softmax<B> {
    fn of(outputs: FloatTensor<B>) -> Self {
        /// More than the reciprocal of the distance between any two outputs that differ.
        const STEEP: f32 = 1e30;
        let classes = outputs.shape()[1] as f32;
        let largest = B::float_max_dim(outputs.clone(), 1);
        let below = B::float_sub(outputs, largest);
        let steep = B::float_mul_scalar(below.clone(), (-STEEP).into());
        let is_other = B::float_clamp(steep, 0f32.into(), 1f32.into());
        let exponentials = B::float_mul(B::exp(below.clone()), is_other.clone());
        let others = B::float_sum_dim(is_other.clone(), 1);
        let ties = B::float_add_scalar(B::float_neg(others), classes.into());
        let second = B::float_add_scalar(ties.clone(), (-1f32).into());
        let rest = B::float_add(B::float_sum_dim(exponentials.clone(), 1), second);
        Self {
            below,
            is_other,
            exponentials,
            ties,
            total: B::float_add_scalar(rest.clone(), 1f32.into()),
            rest,
        }
    }

    fn is_largest(&self) -> FloatTensor<B> {
        B::float_add_scalar(B::float_neg(self.is_other.clone()), 1f32.into())
    }

    /// `p`.
    fn shares(&self) -> FloatTensor<B> {
        let all = B::float_add(self.exponentials.clone(), self.is_largest());
        B::float_div(all, self.total.clone())
    }

    /// `1 − p`.
    fn others(&self) -> FloatTensor<B> {
        let rest = B::float_sub(self.rest.clone(), self.exponentials.clone());
        let rest = B::float_add(rest, self.is_other.clone());
        B::float_div(rest, self.total.clone())
    }

    /// `p (w − t) − t (1 − p)`.
    fn slopes(&self, targets: FloatTensor<B>) -> FloatTensor<B> {
        let weights = B::float_sum_dim(targets.clone(), 1);
        let away = B::float_mul(self.shares(), B::float_sub(weights, targets.clone()));
        B::float_sub(away, B::float_mul(targets, self.others()))
    }

    /// Directions, counted from the mean of those at the largest outputs.
    fn relative_to_origin(&self, directions: FloatTensor<B>) -> FloatTensor<B> {
        let sum = B::float_mul(directions.clone(), self.is_largest());
        let origin = B::float_div(B::float_sum_dim(sum, 1), self.ties.clone());
        B::float_sub(directions, origin)
    }
}

/// `Σ t_k (−log p_k)` of every row, `[rows, 1]`.
pub fn losses<B: Kernels>(outputs: FloatTensor<B>, targets: FloatTensor<B>) -> FloatTensor<B> {
    let softmax = Softmax::<B>::of(outputs);
    let weights = B::float_sum_dim(targets.clone(), 1);
    let lead = B::float_sum_dim(B::float_mul(targets, softmax.below), 1);
    B::float_sub(B::float_mul(B::log1p(softmax.rest), weights), lead)
}

/// The gradient of every row's loss in its outputs.
pub fn slopes<B: Kernels>(outputs: FloatTensor<B>, targets: FloatTensor<B>) -> FloatTensor<B> {
    Softmax::<B>::of(outputs).slopes(targets)
}

/// The derivative of every row's loss along its directions, `[rows, 1]`.
pub fn along<B: Kernels>(
    outputs: FloatTensor<B>,
    directions: FloatTensor<B>,
    targets: FloatTensor<B>,
) -> FloatTensor<B> {
    let softmax = Softmax::<B>::of(outputs);
    let directions = softmax.relative_to_origin(directions);
    B::float_sum_dim(B::float_mul(softmax.slopes(targets), directions), 1)
}

/// `w p_k (v_k − Σ p v)`, the Hessian of every row's loss in its outputs times its directions.
pub fn curvature<B: Kernels>(
    outputs: FloatTensor<B>,
    directions: FloatTensor<B>,
    targets: FloatTensor<B>,
) -> FloatTensor<B> {
    let softmax = Softmax::<B>::of(outputs);
    let shares = softmax.shares();
    let directions = softmax.relative_to_origin(directions);
    let mean = B::float_mul(shares.clone(), directions.clone());
    let deviations = B::float_sub(directions, B::float_sum_dim(mean, 1));
    let weights = B::float_sum_dim(targets, 1);
    B::float_mul(B::float_mul(shares, deviations), weights)
}

/// `log(1 + x)` for `x ≥ 0`, for backends whose own is the logarithm of a rounded sum: by the series of
/// `2 artanh(x / (2 + x))` below a half, where its sixth term is a rounding error.
pub fn log1p<B: Kernels>(input: FloatTensor<B>) -> FloatTensor<B> {
    const HALF: f32 = 0.5;
    let small = B::float_clamp(input.clone(), 0f32.into(), HALF.into());
    let above = B::float_sub(input.clone(), small.clone());
    let ratio = B::float_div(
        small.clone(),
        B::float_add_scalar(small.clone(), 2f32.into()),
    );
    let square = B::float_mul(ratio.clone(), ratio.clone());
    let series = [1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0f32]
        .into_iter()
        .map(|coefficient| 2.0 * coefficient);
    let zero = B::float_mul_scalar(square.clone(), 0f32.into());
    let sum = series.fold(zero, |sum, coefficient| {
        B::float_add_scalar(B::float_mul(sum, square.clone()), coefficient.into())
    });
    // log(1 + s + a) = log(1 + s) + log(1 + a / (1 + s)), in which the second is 0 or well above rounding.
    let quotient = B::float_div(above, B::float_add_scalar(small, 1f32.into()));
    let rest = B::float_log(B::float_add_scalar(quotient, 1f32.into()));
    B::float_add(B::float_mul(ratio, sum), rest)
}
