//! Batch normalisation made of Burn's operations, for backends without a kernel of their own.
//!
//! Inputs are `[samples, channels, positions]`, weights and biases `[1, channels, 1]`, pairs of what
//! belongs to channels `[2, channels, 1]`.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

/// Means, then variances.
pub fn channel_statistics<B: Backend>(input: FloatTensor<B>) -> FloatTensor<B> {
    let mean = mean_of_channels::<B>(input.clone());
    let deviation = B::float_sub(input, mean.clone());
    let square = B::float_mul(deviation.clone(), deviation);
    B::float_cat(vec![mean, mean_of_channels::<B>(square)], 0)
}

/// `(x − mean) (variance + ε)^−½ · weight + bias`.
pub fn batch_normalised<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    statistics: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let [mean, variance] = halves::<B>(statistics);
    let factor = B::float_mul(weight, inverse_deviation::<B>(variance, epsilon));
    let scaled = B::float_mul(B::float_sub(input, mean), factor);
    B::float_add(scaled, bias)
}

/// `Σ ȳ`, then `Σ ȳ (x − mean)`.
pub fn batch_norm_gradient_sums<B: Backend>(
    input: FloatTensor<B>,
    gradient: FloatTensor<B>,
    statistics: FloatTensor<B>,
) -> FloatTensor<B> {
    let [mean, _] = halves::<B>(statistics);
    let weighted = B::float_mul(gradient.clone(), B::float_sub(input, mean));
    B::float_cat([gradient, weighted].map(sum_of_channels::<B>).into(), 0)
}

/// `γ r (ȳ − mean(ȳ) − (x − m) r² mean(ȳ (x − m)))`.
pub fn batch_norm_input_gradient<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    statistics: FloatTensor<B>,
    gradient: FloatTensor<B>,
    sums: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let means = B::float_mul_scalar(sums, per_value(&input.shape()).into());
    let [mean, variance] = halves::<B>(statistics);
    let [plain, weighted] = halves::<B>(means);
    let inverse = inverse_deviation::<B>(variance, epsilon);
    let slope = B::float_mul(B::float_mul(inverse.clone(), inverse.clone()), weighted);
    let along = B::float_mul(B::float_sub(input, mean), slope);
    let centred = B::float_sub(B::float_sub(gradient, plain), along);
    B::float_mul(centred, B::float_mul(weight, inverse))
}

/// The two rows of `[2, channels, 1]`.
pub fn halves<B: Backend>(pair: FloatTensor<B>) -> [FloatTensor<B>; 2] {
    [0, 1].map(|row| B::float_slice(pair.clone(), &[Slice::new(row, Some(row + 1), 1)]))
}

/// `(variance + ε)^−½`.
pub fn inverse_deviation<B: Backend>(variance: FloatTensor<B>, epsilon: f64) -> FloatTensor<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(variance, epsilon.into())))
}

/// The share of one value in the mean of a channel.
fn per_value(shape: &Shape) -> f64 {
    1.0 / (shape[0] * shape[2]) as f64
}

fn sum_of_channels<B: Backend>(tensor: FloatTensor<B>) -> FloatTensor<B> {
    // The sum over the contiguous dimension first: it is the fast one, and leaves little to add.
    B::float_sum_dim(B::float_sum_dim(tensor, 2), 0)
}

fn mean_of_channels<B: Backend>(tensor: FloatTensor<B>) -> FloatTensor<B> {
    let share = per_value(&tensor.shape());
    B::float_mul_scalar(sum_of_channels::<B>(tensor), share.into())
}
