//! Operations with kernels of their own on the processor.
//!
//! Burn's Flex backend unfolds every patch of a convolution into a matrix and calls the C library's
//! `tanh` once per number. The kernels here do neither. On other backends each operation is Burn's own,
//! but for reverse rules that are made of fewer of them.
//!
//! All of them are differentiable once in reverse, like Burn's operations, and give the same bytes for
//! any number of threads: a sum is cut into parts by the shape of its operands alone.

mod autodiff;
mod composed;
mod composed_loss;
mod convolution;
mod cross_entropy;
mod elementwise;
mod flex;
mod normalisation;
mod operation;
mod product;
mod simd;
mod softmax;

#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use operation::Kernels;
pub(crate) use simd::Instructions;

/// Two-dimensional convolution, `y[n, o, i, j] = Σ w[o, c, a, b] x[n, c, i·s + a − p, j·s + b − p]`
/// with stride `s`, padding `p` and zeros outside the input: PyTorch's `conv2d` without a bias.
///
/// `input` is `[batch, channels, height, width]` and `weight` `[outputs, channels, kernel height,
/// kernel width]`; the result is `[batch, outputs, (height + 2p − kernel height) / s + 1, …]`.
///
/// # Panics
///
/// As Burn's own convolution, where the shapes do not fit.
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::convolution(
        input.into_dispatch(),
        weight.into_dispatch(),
        stride,
        padding,
    ))
}

/// The product `x Wᵀ` of PyTorch's `nn.Linear` without a bias: `input` is `[rows, inputs]`, `weight`
/// `[outputs, inputs]`, the result `[rows, outputs]`.
///
/// # Panics
///
/// As Burn's own product of matrices, where the shapes do not fit.
pub fn linear(input: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::linear_map(
        input.into_dispatch(),
        weight.into_dispatch(),
    ))
}

/// [`linear`] where the product is known already: `output` must be what [`linear`] makes of `input` and
/// `weight`. Only the reverse pass is left to do.
pub fn linear_known(input: Tensor<2>, weight: Tensor<2>, output: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::linear_map_known(
        input.into_dispatch(),
        weight.into_dispatch(),
        output.into_dispatch(),
    ))
}

/// The hyperbolic tangent of every element, in f32 on the processor to 0.51 units in the last place.
pub fn tanh<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::tanh(input.into_dispatch()))
}

/// The exponential of every element, in f32 on the processor to 0.51 units in the last place.
pub fn exp<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::exp(input.into_dispatch()))
}

/// The error function of every element, in f32 on the processor to 0.54 units in the last place.
pub fn erf<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::erf(input.into_dispatch()))
}

/// The softmax over the last dimension.
pub fn softmax<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::softmax_last(input.into_dispatch()))
}

/// `log(1 + x)` of every element, which is not negative, to a few units in the last place however small.
pub fn log1p<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::log1p(input.into_dispatch()))
}

/// `−Σ_k t_k log softmax(z)_k` of every row of outputs `z` and targets `t`, both `[rows, classes]`; the
/// result is `[rows, 1]`. Value and gradient are exact to a few units in the last place, however certain a
/// row is. Targets are constants.
pub fn cross_entropy(outputs: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::cross_entropy(
        outputs.into_dispatch(),
        targets.into_dispatch(),
    ))
}

/// The derivatives of the rows' [`cross_entropy()`] along directions in the outputs, `[rows, 1]`. The reverse
/// pass goes through outputs and directions.
pub fn cross_entropy_along(
    outputs: Tensor<2>,
    directions: Tensor<2>,
    targets: Tensor<2>,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::cross_entropy_along(
        outputs.into_dispatch(),
        directions.into_dispatch(),
        targets.into_dispatch(),
    ))
}

/// `max(x, 0)` of every element, with derivative 0 at 0.
pub fn relu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::rectified(input.into_dispatch()))
}

/// The mean and the biased variance of every channel of `[samples, channels, positions]`, as the
/// rows of `[2, channels, 1]`: constants, cut from any graph.
pub fn channel_statistics(input: Tensor<3>) -> Tensor<3> {
    let input = input.without_autodiff();
    Tensor::from_dispatch(<Dispatch as Kernels>::channel_statistics(
        input.into_dispatch(),
    ))
}

/// Batch normalisation of `[samples, channels, positions]` by its own [`channel_statistics`]:
/// `(x − mean) (variance + ε)^−½ · weight + bias` with `weight` and `bias` of `[1, channels, 1]`.
///
/// The reverse pass goes through the statistics: they are a function of the input, handed over so
/// that they are computed once.
pub fn batch_norm(
    input: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<3>,
    statistics: Tensor<3>,
    epsilon: f64,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Kernels>::batch_normalised(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        statistics.into_dispatch(),
        epsilon,
    ))
}
