//! Pooling.

use super::Dual;
use burn::tensor::module::max_pool2d_with_indices;
use burn::tensor::ops::MaxPoolOptions;

impl Dual<4> {
    /// The largest number of each square of `size` x `size`, each channel by itself, as PyTorch's `nn.MaxPool2d`:
    /// `max(x)˙ = ẋ` at the place of the largest number, the first where several are; what is padded never is.
    ///
    /// `self` is `[batch, channels, height, width]`; the result is `[batch, channels, height', width']` with
    /// `height' = (height + 2 padding − size) / stride + 1`, rounded down.
    pub fn max_pool2d(self, size: usize, stride: usize, padding: usize) -> Self {
        let [batch, channels, height, width] = self.dims();
        let options = MaxPoolOptions {
            stride: [stride; 2],
            padding: [(padding, padding); 2],
            ..MaxPoolOptions::new([size; 2])
        };
        // Only the places are taken: gathering by them is linear, so it is right for values and tangents, and its own
        // reverse pass for both.
        let (_, places) = max_pool2d_with_indices(self.value.clone(), options);
        let [_, _, rows, columns] = places.dims();
        let places = places.reshape([batch, channels, rows * columns]);
        self.linear_map(|tensor| {
            tensor
                .reshape([batch, channels, height * width])
                .gather(2, places.clone())
                .reshape([batch, channels, rows, columns])
        })
    }
}
