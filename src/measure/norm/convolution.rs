//! Norms of convolutions, as the linear maps that they are.

use crate::backend::{Compute, read};
use crate::linear::Precision;
use crate::linear::{Interrupt, LinearError, LinearOperator, dot};
use crate::linear::{SpectralNorm, largest_singular_value};
use crate::random::StreamRng;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};

/// The linear map `x → conv(x)` on images `[inputs, height, width]` with zeros around them.
///
/// Its norms are those of the map itself, not of the reshaped kernels, whose spectral norm is
/// another number (Sedghi, Gupta & Long 2019, "The singular values of convolutional layers").
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// The numbers of `shape`, on the host.
    pub kernels: &'a [f64],
    /// Outputs, inputs, rows and columns of a kernel.
    pub shape: [usize; 4],
    /// The height and width of the image.
    pub input: [usize; 2],
    /// The distance of neighbouring places of a kernel.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
}

impl Convolution<'_> {
    /// The spectral norm.
    ///
    /// # Errors
    ///
    /// [`LinearError`] where the device fails, a number is not finite, or the user interrupts.
    pub fn spectral_norm(
        self,
        compute: &Compute,
        rng: &mut StreamRng,
        interrupt: Interrupt<'_>,
    ) -> Result<SpectralNorm, LinearError> {
        let [height, width] = self.input;
        let mut gram = Gram {
            weight: compute.tensor(self.kernels, self.shape),
            shape: [1, self.shape[1], height, width],
            stride: self.stride,
            padding: self.padding,
            compute,
        };
        largest_singular_value(&mut gram, rng, interrupt)
    }

    /// The Frobenius norm: a weight counts as often as its kernel has a place at which it meets
    /// the image and not the zeros around it.
    pub fn frobenius_norm(self) -> f64 {
        let [_, _, rows, columns] = self.shape;
        let down: Vec<f64> = (0..rows).map(|row| self.meetings(0, row)).collect();
        let along: Vec<f64> = (0..columns).map(|place| self.meetings(1, place)).collect();
        let counts = down.iter().flat_map(|a| along.iter().map(move |b| a * b));
        let counts: Vec<f64> = counts.collect();
        let kernels = self.kernels.chunks(rows * columns);
        let square = kernels.map(|kernel| {
            let squares: Vec<f64> = kernel.iter().map(|weight| weight * weight).collect();
            dot(&squares, &counts)
        });
        square.sum::<f64>().sqrt()
    }

    /// At how many places of the kernel along an axis of the image its `offset`-th weight meets it.
    fn meetings(self, axis: usize, offset: usize) -> f64 {
        let (length, size) = (self.input[axis], self.shape[2 + axis]);
        let places = (length + 2 * self.padding).saturating_sub(size) / self.stride + 1;
        let image = self.padding..self.padding + length;
        let meets = (0..places).filter(|place| image.contains(&(place * self.stride + offset)));
        meets.count() as f64
    }
}

/// `AᵀA` of a convolution `A`.
struct Gram<'a> {
    weight: Tensor<4>,
    shape: [usize; 4],
    stride: usize,
    padding: usize,
    compute: &'a Compute,
}

impl LinearOperator for Gram<'_> {
    fn dimension(&self) -> usize {
        self.shape.iter().product()
    }

    fn precision(&self) -> Precision {
        self.compute.precision
    }

    fn is_positive_semidefinite(&self) -> bool {
        true
    }

    /// The gradient of `½‖Av‖²`, so that the transpose is the library's own reverse rule.
    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let input = self.compute.tensor(vector, self.shape);
        let input = input.autodiff().require_grad();
        let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], 1);
        let weight = self.weight.clone().autodiff();
        let image = module::conv2d(input.clone(), weight, None, options);
        let mut gradients = (image.clone() * image).sum().mul_scalar(0.5).backward();
        let product = input
            .grad_remove(&mut gradients)
            .ok_or_else(|| LinearError::Device("a convolution has no gradient".to_owned()))?;
        let product = read(&product).map_err(LinearError::Device)?;
        if product.iter().any(|value| !value.is_finite()) {
            return Err(LinearError::NotFinite);
        }
        Ok(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use nalgebra::DMatrix;
    use rand::RngExt;

    /// The matrix of a convolution, written out by its definition.
    fn dense_convolution(
        Convolution {
            kernels,
            shape: [outputs, inputs, size, _],
            input: [height, width],
            stride,
            padding,
        }: Convolution<'_>,
    ) -> DMatrix<f64> {
        let places = |length: usize| (length + 2 * padding - size) / stride + 1;
        let (rows, columns) = (places(height), places(width));
        let mut matrix = DMatrix::zeros(outputs * rows * columns, inputs * height * width);
        for (index, value) in kernels.iter().enumerate() {
            let (dx, dy) = (index % size, index / size % size);
            let (input, output) = (
                index / (size * size) % inputs,
                index / (size * size) / inputs,
            );
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let (y, x) = (row * stride + dy, column * stride + dx);
                let inside = (padding..padding + height).contains(&y)
                    && (padding..padding + width).contains(&x);
                if inside {
                    let from = (input * height + y - padding) * width + x - padding;
                    matrix[((output * rows + row) * columns + column, from)] += value;
                }
            }
        }
        matrix
    }

    #[test]
    fn norms_of_a_convolution_are_those_of_its_matrix() {
        let mut rng = Streams::new(5).stream("test", 0);
        let numbers: Vec<f64> = (0..54).map(|_| rng.random_range(-1.0..1.0)).collect();
        let compute = Compute::cpu(Precision::F64);
        for (size, input, stride, padding) in [
            (3, [5, 6], 1, 1),
            (3, [6, 6], 2, 1),
            (3, [5, 4], 1, 0),
            (1, [5, 5], 2, 0),
        ] {
            let convolution = Convolution {
                kernels: &numbers[..6 * size * size],
                shape: [3, 2, size, size],
                input,
                stride,
                padding,
            };
            let values = dense_convolution(convolution).singular_values();
            let mut rng = Streams::new(1).stream("probes", 0);
            let found = convolution.spectral_norm(&compute, &mut rng, Interrupt::never());
            let found = found.unwrap();
            assert!(
                found.converged && (found.value / values.max() - 1.0).abs() < 1e-9,
                "{found:?} {}",
                values.max()
            );
            let frobenius = convolution.frobenius_norm();
            assert!((frobenius / values.norm() - 1.0).abs() < 1e-12);
        }
    }
}
