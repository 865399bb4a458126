//! All passes against plain loops in f64, on every instruction set this processor has.

use super::{Geometry, forward, input_gradient, weight_gradient};
use crate::kernel::simd::Instructions;
use crate::random::Streams;
use rand::RngExt;
use rayon::ThreadPoolBuilder;

/// Input, weight, stride and padding: odd and even extents, kernels of one to five numbers, one
/// channel, more channels than a register holds, one sample, and more samples than partial sums.
const SHAPES: [([usize; 4], [usize; 4], usize, usize); 16] = [
    ([2, 3, 9, 8], [5, 3, 3, 3], 1, 1),
    ([1, 1, 5, 5], [1, 1, 3, 3], 1, 0),
    ([3, 4, 11, 7], [33, 4, 3, 3], 2, 1),
    ([17, 2, 12, 13], [17, 2, 5, 5], 1, 2),
    ([2, 16, 8, 8], [16, 16, 1, 1], 2, 0),
    ([2, 16, 8, 8], [40, 16, 1, 1], 1, 0),
    ([2, 2, 7, 9], [3, 2, 3, 3], 2, 0),
    ([2, 2, 8, 18], [3, 2, 3, 3], 2, 0),
    ([2, 2, 7, 9], [3, 2, 5, 5], 3, 2),
    ([1, 2, 6, 6], [3, 2, 1, 1], 1, 2),
    ([1, 2, 5, 6], [3, 2, 2, 3], 4, 0),
    ([2, 20, 16, 20], [40, 20, 3, 3], 2, 1),
    ([37, 1, 3, 3], [2, 1, 3, 3], 1, 1),
    ([1, 3, 32, 32], [16, 3, 3, 3], 1, 1),
    ([2, 33, 4, 4], [7, 33, 3, 3], 1, 1),
    ([1, 1, 1, 1], [1, 1, 1, 1], 1, 0),
];

/// A sum of products, and the sum of their sizes, to which rounding errors are proportional.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    size: f64,
    terms: usize,
}

impl Sum {
    fn add(&mut self, a: f64, b: f64) {
        self.value += a * b;
        self.size += (a * b).abs();
        self.terms += 1;
    }
}

struct Convolution {
    geometry: Geometry,
    input: Vec<f64>,
    weight: Vec<f64>,
    gradient: Vec<f64>,
}

impl Convolution {
    fn new(
        (input, weight, stride, padding): ([usize; 4], [usize; 4], usize, usize),
        index: u64,
    ) -> Self {
        let geometry = Geometry::new(input, weight, stride, padding).expect("shapes fit");
        let mut rng = Streams::new(0).stream("convolution", index);
        let mut numbers = |shape: [usize; 4]| -> Vec<f64> {
            (0..shape.iter().product())
                .map(|_| f64::from(rng.random::<f32>() - 0.5))
                .collect()
        };
        Self {
            geometry,
            input: numbers(input),
            weight: numbers(weight),
            gradient: numbers(geometry.output()),
        }
    }

    /// Forward, input gradient, weight gradient, by the definition.
    fn reference(&self) -> [Vec<Sum>; 3] {
        let Geometry {
            input: [samples, channels, height, width],
            weight: [outputs, _, kernel_rows, kernel_columns],
            stride,
            padding,
        } = self.geometry;
        let [_, _, rows, columns] = self.geometry.output();
        let mut sums = [&self.gradient, &self.input, &self.weight]
            .map(|values| vec![Sum::default(); values.len()]);
        let mut meet = |output: usize, input: usize, weight: usize| {
            let (x, w, g) = (
                self.input[input],
                self.weight[weight],
                self.gradient[output],
            );
            sums[0][output].add(x, w);
            sums[1][input].add(g, w);
            sums[2][weight].add(g, x);
        };
        for n in 0..samples {
            for (o, c) in product(outputs, channels) {
                for (i, j) in product(rows, columns) {
                    for (a, b) in product(kernel_rows, kernel_columns) {
                        let (y, x) = (i * stride + a, j * stride + b);
                        if (padding..padding + height).contains(&y)
                            && (padding..padding + width).contains(&x)
                        {
                            let (y, x) = (y - padding, x - padding);
                            meet(
                                ((n * outputs + o) * rows + i) * columns + j,
                                ((n * channels + c) * height + y) * width + x,
                                ((o * channels + c) * kernel_rows + a) * kernel_columns + b,
                            );
                        }
                    }
                }
            }
        }
        sums
    }

    fn in_f64(&self, instructions: Instructions) -> [Vec<f64>; 3] {
        [
            forward(instructions, &self.geometry, &self.input, &self.weight),
            input_gradient(instructions, &self.geometry, &self.gradient, &self.weight),
            weight_gradient(instructions, &self.geometry, &self.input, &self.gradient),
        ]
    }

    fn in_f32(&self, instructions: Instructions) -> [Vec<f32>; 3] {
        let [input, weight, gradient] = [&self.input, &self.weight, &self.gradient]
            .map(|values| values.iter().map(|&value| value as f32).collect::<Vec<_>>());
        [
            forward(instructions, &self.geometry, &input, &weight),
            input_gradient(instructions, &self.geometry, &gradient, &weight),
            weight_gradient(instructions, &self.geometry, &input, &gradient),
        ]
    }
}

fn product(first: usize, second: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..first).flat_map(move |a| (0..second).map(move |b| (a, b)))
}

fn convolutions() -> impl Iterator<Item = Convolution> {
    SHAPES
        .into_iter()
        .zip(0..)
        .map(|(shape, index)| Convolution::new(shape, index))
}

/// Asserts the bound `terms · ε · Σ |ab|` of a sum in any order (Higham, "Accuracy and Stability of
/// Numerical Algorithms", 2002, eq. 4.4), with one unit more for the product.
fn assert_within(values: impl Iterator<Item = f64>, reference: &[Sum], epsilon: f64, what: &str) {
    let mut count = 0;
    for (value, sum) in values.zip(reference) {
        let bound = (sum.terms + 1) as f64 * epsilon * sum.size;
        let error = (value - sum.value).abs();
        assert!(error <= bound, "{what}: {value} for {}", sum.value);
        count += 1;
    }
    assert_eq!(count, reference.len(), "{what}");
}

#[test]
fn every_pass_is_the_sum_it_stands_for() {
    for convolution in convolutions() {
        let reference = convolution.reference();
        for instructions in Instructions::available() {
            let what = format!("{:?} with {instructions:?}", convolution.geometry);
            for (values, sums) in convolution.in_f64(instructions).iter().zip(&reference) {
                assert_within(values.iter().copied(), sums, f64::EPSILON, &what);
            }
            for (values, sums) in convolution.in_f32(instructions).iter().zip(&reference) {
                let values = values.iter().map(|&value| f64::from(value));
                assert_within(values, sums, f64::from(f32::EPSILON), &what);
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_move_a_bit() {
    let on = |threads: usize, convolution: &Convolution| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool")
            .install(|| convolution.in_f32(Instructions::best()))
    };
    for convolution in convolutions() {
        let one = on(1, &convolution);
        for threads in [2, 3, 7] {
            assert!(
                on(threads, &convolution) == one,
                "{:?}",
                convolution.geometry
            );
        }
    }
}

#[test]
fn shapes_that_do_not_fit_have_no_geometry() {
    for (input, weight, stride, padding) in [
        ([1, 2, 4, 4], [1, 3, 3, 3], 1, 1),
        ([1, 2, 4, 4], [1, 2, 3, 3], 0, 1),
        ([1, 2, 2, 4], [1, 2, 3, 3], 1, 0),
        ([1, 2, 4, 2], [1, 2, 3, 3], 1, 0),
        ([0, 2, 4, 4], [1, 2, 3, 3], 1, 0),
    ] {
        assert_eq!(Geometry::new(input, weight, stride, padding), None);
    }
}
