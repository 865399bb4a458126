//! Sums, means and pooling: linear maps that shorten dimensions.

use super::Dual;
use burn::tensor::Tensor;

impl<const D: usize> Dual<D> {
    /// The sum over all elements, as a tensor of one element.
    pub fn sum(self) -> Dual<1> {
        self.linear_map(Tensor::sum)
    }

    /// The mean over all elements, as a tensor of one element.
    pub fn mean(self) -> Dual<1> {
        self.linear_map(Tensor::mean)
    }

    /// The sum over one dimension, which is kept with length 1.
    pub fn sum_dim(self, dim: usize) -> Self {
        self.linear_map(|tensor| tensor.sum_dim(dim))
    }

    /// The mean over one dimension, which is kept with length 1.
    pub fn mean_dim(self, dim: usize) -> Self {
        self.linear_map(|tensor| mean_dim(tensor, dim))
    }
}

impl Dual<4> {
    /// The mean over each feature map: `[batch, channels, height, width]` to `[batch, channels]`.
    pub fn global_average_pool(self) -> Dual<2> {
        let [batch, channels, height, width] = self.dims();
        self.reshape([batch, channels, height * width])
            .mean_dim(2)
            .reshape([batch, channels])
    }
}

/// The mean over one dimension, which is kept with length 1.
///
/// The library's own mean costs its reverse pass one more pass over the long tensor. A factor and
/// not a division: the reverse pass of a division by a number rounds that number's reciprocal to
/// single precision.
pub(super) fn mean_dim<const D: usize>(tensor: Tensor<D>, dim: usize) -> Tensor<D> {
    let count = tensor.dims()[dim];
    tensor.sum_dim(dim).mul_scalar(1.0 / count as f64)
}
