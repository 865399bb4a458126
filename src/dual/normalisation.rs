//! Batch, layer and group normalisation, differentiated through their statistics.
//!
//! All share one form: `y = c r γ + β` with `c = x − mean(x)` and `r = (mean(c²) + ε)^−½`. Its
//! tangent needs the long tensors `c` and `ċ = ẋ − mean(ẋ)` only; whatever belongs to the
//! statistics (`ṙ = −r³ mean(c ċ)`) is short.

use super::Dual;
use super::reduction::mean_dim;
use crate::kernel;
use burn::tensor::Tensor;

/// Mean and variance of each channel, `[channels]` each, as constants.
#[derive(Clone, Debug)]
pub struct ChannelStatistics {
    /// The mean.
    pub mean: Tensor<1>,
    /// The variance; observed in a batch, the unbiased one.
    pub variance: Tensor<1>,
}

/// An input with its mean subtracted, and what normalises it.
struct Centred<const D: usize> {
    /// `c = x − mean(x)`.
    deviation: Dual<D>,
    /// `r = (mean(c²) + ε)^−½`.
    inverse_deviation: Dual<D>,
    /// The mean of the input.
    mean: Tensor<D>,
    /// The biased variance, `mean(c²)`.
    variance: Tensor<D>,
}

impl<const D: usize> Centred<D> {
    /// Centres `input` by `mean`, a linear map that keeps the averaged dimensions with length 1.
    fn new(input: Dual<D>, mean: impl Fn(Tensor<D>) -> Tensor<D>, epsilon: f64) -> Self {
        let average = input.clone().linear_map(&mean);
        let deviation = input - average.clone();
        let value = deviation.value.clone();
        let variance = Dual {
            value: mean(value.clone() * value.clone()),
            tangent: deviation
                .tangent
                .clone()
                .map(|tangent| mean(tangent * value).mul_scalar(2.0)),
        };
        Self {
            deviation,
            mean: average.value,
            variance: variance.value.clone(),
            inverse_deviation: variance.shift(epsilon).inverse_sqrt(),
        }
    }

    /// `c r`, of mean 0 and variance 1.
    fn normalised(self) -> Dual<D> {
        self.deviation * self.inverse_deviation
    }
}

impl<const D: usize> Dual<D> {
    /// Batch normalisation with the statistics of this batch (Ioffe & Szegedy 2015, algorithm 1),
    /// and these statistics.
    ///
    /// `self` is `[batch, channels, ..]`, `weight` and `bias` are `[channels]`. The derivative
    /// goes through the mean and the variance. A batch is normalised by its biased variance; the
    /// unbiased one is returned, for running averages as PyTorch keeps them (0 where a channel
    /// has a single value).
    pub fn batch_norm(
        self,
        weight: Dual<1>,
        bias: Dual<1>,
        epsilon: f64,
    ) -> (Self, ChannelStatistics) {
        let dims = self.dims();
        let [batch, channels, positions] = by_channel(dims);
        let input = self.reshape([batch, channels, positions]);
        let (weight, bias) = (
            weight.reshape([1, channels, 1]),
            bias.reshape([1, channels, 1]),
        );
        let (output, [mean, variance]) = match (&input.tangent, &weight.tangent, &bias.tangent) {
            (None, None, None) => plain_batch_norm(input.value, weight.value, bias.value, epsilon),
            _ => {
                let centred = Centred::new(input, channel_mean, epsilon);
                let statistics = [centred.mean, centred.variance];
                let factor = centred.inverse_deviation * weight;
                (centred.deviation * factor + bias, statistics)
            }
        };
        let count = (batch * positions) as f64;
        let statistics = ChannelStatistics {
            mean: observed(mean, channels),
            variance: observed(variance, channels).mul_scalar(count / (count - 1.0).max(1.0)),
        };
        (output.reshape(dims), statistics)
    }

    /// Batch normalisation with given statistics, such as running averages.
    ///
    /// `self` is `[batch, channels, ..]`, `weight` and `bias` are `[channels]`.
    pub fn batch_norm_with(
        self,
        statistics: &ChannelStatistics,
        weight: Dual<1>,
        bias: Dual<1>,
        epsilon: f64,
    ) -> Self {
        let dims = self.dims();
        let [batch, channels, positions] = by_channel(dims);
        let inverse = statistics
            .variance
            .clone()
            .add_scalar(epsilon)
            .sqrt()
            .recip();
        let factor = weight.mask(inverse);
        let offset = bias - factor.clone().mask(statistics.mean.clone());
        let output = self.reshape([batch, channels, positions]) * factor.reshape([1, channels, 1])
            + offset.reshape([1, channels, 1]);
        output.reshape(dims)
    }

    /// Layer normalisation over the last dimension (Ba et al. 2016), as PyTorch's `nn.LayerNorm`.
    ///
    /// `weight` and `bias` have the length of the last dimension.
    pub fn layer_norm(self, weight: Dual<1>, bias: Dual<1>, epsilon: f64) -> Self {
        let last = D - 1;
        let mut shape = [1; D];
        shape[last] = self.dims()[last];
        let centred = Centred::new(self, |tensor| mean_dim(tensor, last), epsilon);
        centred.normalised() * weight.reshape(shape) + bias.reshape(shape)
    }

    /// Group normalisation (Wu & He 2018, eq. 7), as PyTorch's `nn.GroupNorm`.
    ///
    /// `self` is `[batch, channels, ..]`, `weight` and `bias` are `[channels]`; `groups` divides
    /// the channels. One group normalises over all of a sample.
    pub fn group_norm(self, groups: usize, weight: Dual<1>, bias: Dual<1>, epsilon: f64) -> Self {
        let dims = self.dims();
        let [batch, channels, positions] = by_channel(dims);
        let centred = Centred::new(
            self.reshape([batch, groups, channels / groups * positions]),
            |tensor| mean_dim(tensor, 2),
            epsilon,
        );
        let output = centred.normalised().reshape([batch, channels, positions])
            * weight.reshape([1, channels, 1])
            + bias.reshape([1, channels, 1]);
        output.reshape(dims)
    }
}

/// Batch normalisation without a tangent, and the mean and the biased variance: one operation, which
/// reads its long input a fifth as often as the formula with a tangent does.
fn plain_batch_norm(
    input: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<3>,
    epsilon: f64,
) -> (Dual<3>, [Tensor<3>; 2]) {
    let statistics = kernel::channel_statistics(input.clone());
    let moments = [0, 1].map(|row| statistics.clone().narrow(0, row, 1));
    let statistics = match input.is_autodiff() {
        true => statistics.autodiff(),
        false => statistics,
    };
    let output = kernel::batch_norm(input, weight, bias, statistics, epsilon);
    (Dual::constant(output), moments)
}

/// `[batch, channels, ..]` as `[batch, channels, positions]`.
fn by_channel<const D: usize>(dims: [usize; D]) -> [usize; 3] {
    [dims[0], dims[1], dims[2..].iter().product()]
}

/// The mean of each channel of `[batch, channels, positions]`, as `[1, channels, 1]`.
fn channel_mean(tensor: Tensor<3>) -> Tensor<3> {
    let [batch, _, positions] = tensor.dims();
    // The sum over the contiguous dimension first: it is the fast one, and leaves little to add.
    tensor
        .sum_dim(2)
        .sum_dim(0)
        .mul_scalar(1.0 / (batch * positions) as f64)
}

/// A statistic as a plain tensor, cut from the graph.
fn observed(statistic: Tensor<3>, channels: usize) -> Tensor<1> {
    statistic.without_autodiff().reshape([channels])
}
