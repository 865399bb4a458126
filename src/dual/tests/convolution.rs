//! Convolution against a loop over scalars.

use super::hyper::Hyper;
use super::{check, held, numbered, part, same};
use crate::dual::Dual;

/// Sizes of a convolution of one batch of 2 samples.
#[derive(Clone, Copy)]
struct Sizes {
    /// Input and output channels.
    channels: [usize; 2],
    /// Height and width of the input.
    image: [usize; 2],
    /// Height and width of the kernel.
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
}

impl Sizes {
    fn input(self) -> [usize; 4] {
        [2, self.channels[0], self.image[0], self.image[1]]
    }

    fn weight(self) -> [usize; 4] {
        let [inputs, outputs] = self.channels;
        [outputs, inputs, self.kernel[0], self.kernel[1]]
    }

    /// Numbers in the input, and in input and weight together.
    fn counts(self) -> [usize; 2] {
        let input = self.input().iter().product();
        [input, input + self.weight().iter().product::<usize>()]
    }

    /// Every output, as the definition has it.
    fn reference(self, x: &[Hyper], w: &[Hyper]) -> Vec<Hyper> {
        let [height, width] =
            [0, 1].map(|i| (self.image[i] + 2 * self.padding - self.kernel[i]) / self.stride + 1);
        let mut outputs = Vec::new();
        for sample in 0..2 {
            for output in 0..self.channels[1] {
                for at in 0..height * width {
                    let corner = [at / width * self.stride, at % width * self.stride];
                    outputs.push(self.product(x, w, [sample, output], corner));
                }
            }
        }
        outputs
    }

    /// The product of one kernel with the patch of one sample whose corner, in the padded image,
    /// is given.
    fn product(
        self,
        x: &[Hyper],
        w: &[Hyper],
        [sample, output]: [usize; 2],
        corner: [usize; 2],
    ) -> Hyper {
        let ([inputs, _], [height, width]) = (self.channels, self.image);
        let [rows, columns] = self.kernel;
        let mut sum = Hyper::real(0.0);
        for k in 0..inputs * rows * columns {
            let (input, i, j) = (k / (rows * columns), k / columns % rows, k % columns);
            let row = (corner[0] + i).wrapping_sub(self.padding);
            let column = (corner[1] + j).wrapping_sub(self.padding);
            if row < height && column < width {
                let at = ((sample * inputs + input) * height + row) * width + column;
                sum = sum + x[at] * w[output * inputs * rows * columns + k];
            }
        }
        sum
    }
}

fn all_sizes() -> impl Iterator<Item = Sizes> {
    let strides = [(1, 0), (1, 1), (2, 0), (2, 1)];
    let rectangular = strides.map(|(stride, padding)| Sizes {
        channels: [2, 3],
        image: [4, 3],
        kernel: [3, 2],
        stride,
        padding,
    });
    // The convolutions of a residual network: 3×3, and 1×1 where a shortcut changes the shape.
    let network = [(1, 1, 3), (2, 1, 3), (2, 0, 1)].map(|(stride, padding, size)| Sizes {
        channels: [2, 2],
        image: [4, 4],
        kernel: [size, size],
        stride,
        padding,
    });
    rectangular.into_iter().chain(network)
}

#[test]
fn input_and_weight() {
    for sizes in all_sizes() {
        let [split, count] = sizes.counts();
        check(
            [count],
            |x| {
                let weight = part(&x, split, sizes.weight());
                part(&x, 0, sizes.input()).conv2d(weight, sizes.stride, sizes.padding)
            },
            |x| sizes.reference(&x[..split], &x[split..]),
        );
    }
}

#[test]
fn one_tangent_missing() {
    for sizes in all_sizes() {
        let [split, count] = sizes.counts();
        check(
            [count],
            |x| {
                let weight = part(&x, split, sizes.weight());
                held(part(&x, 0, sizes.input())).conv2d(weight, sizes.stride, sizes.padding)
            },
            |x| {
                let input: Vec<Hyper> = x[..split].iter().map(|x| x.held()).collect();
                sizes.reference(&input, &x[split..])
            },
        );
        check(
            [count],
            |x| {
                let weight = held(part(&x, split, sizes.weight()));
                part(&x, 0, sizes.input()).conv2d(weight, sizes.stride, sizes.padding)
            },
            |x| {
                let weight: Vec<Hyper> = x[split..].iter().map(|x| x.held()).collect();
                sizes.reference(&x[..split], &weight)
            },
        );
    }
}

/// `conv2d(numbers(16, 1).reshape(1, 1, 4, 4), numbers(18, 2).reshape(2, 1, 3, 3), stride=2,
/// padding=1)` in PyTorch 2.15.
#[test]
fn values_are_those_of_pytorch() {
    let input = Dual::constant(numbered([1, 1, 4, 4], 1));
    let output = input.conv2d(Dual::constant(numbered([2, 1, 3, 3], 2)), 2, 1);
    assert_eq!(output.dims(), [1, 2, 2, 2]);
    same(
        &output.value,
        &[
            -0.5504658930215,
            0.3719913668107,
            -1.32767947617,
            -0.1506247750088,
            -1.586574433372,
            2.525547128502,
            4.22158121772,
            -3.56420154388,
        ],
    );
}
