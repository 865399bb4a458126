//! The softmax over the last dimension of 32-bit numbers.

use super::elementwise::exp;
use super::simd::Instructions;
use pulp::{Simd, WithSimd};
/// Partial maxima and sums, so that they can be kept in one register.
const LANES: usize = 16;

/// `exp(xᵢ − max x) / Σⱼ exp(xⱼ − max x)` in every row of `length` numbers, in place.
pub fn softmax(instructions: Instructions, values: &mut [f32], length: usize) {
    instructions.dispatch(Rows { values, length });
}

struct Rows<'a> {
    values: &'a mut [f32],
    length: usize,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.values.chunks_exact_mut(self.length) {
            let largest = fold(row, f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
            for value in &mut *row {
                *value = exp(*value - largest);
            }
            let scale = 1.0 / fold(row, 0.0, |a, b| a + b);
            for value in row {
                *value *= scale;
            }
        }
    }
}

/// Combines a row's numbers in an order that depends on its length alone.
#[inline(always)]
fn fold(row: &[f32], neutral: f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut partial = [neutral; LANES];
    // By indices: an iterator over a few numbers is a call for each in a build without optimisation between its parts.
    for block in blocks {
        for lane in 0..LANES {
            partial[lane] = combine(partial[lane], block[lane]);
        }
    }
    let all = partial.iter().chain(rest);
    all.fold(neutral, |sum, &value| combine(sum, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn softmax_of(instructions: Instructions, row: &[f32]) -> Vec<f32> {
        let mut values = row.to_vec();
        softmax(instructions, &mut values, row.len());
        values
    }

    /// The exponents' rounding errors grow with their distance from the largest one.
    fn assert_softmax(outputs: &[f32], inputs: &[f32]) {
        let inputs = inputs.iter().map(|&x| f64::from(x));
        let largest = inputs.clone().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = inputs.clone().map(|x| (x - largest).exp()).sum();
        for (&y, x) in outputs.iter().zip(inputs) {
            let exact = (x - largest).exp() / total;
            let bound = (largest - x + 4.0) * f64::from(f32::EPSILON) * exact;
            assert!((f64::from(y) - exact).abs() <= bound, "{y} for {exact}");
        }
    }

    #[test]
    fn every_row_is_the_definition() {
        for length in [1, 2, 10, 16, 17, 64, 100] {
            let rows = 20;
            let inputs: Vec<f32> = (0..rows * length)
                .map(|i| ((i * 7919 % 1013) as f32 - 500.0) / 37.0)
                .collect();
            for instructions in Instructions::available() {
                let mut values = inputs.clone();
                softmax(instructions, &mut values, length);
                for (row, input) in values.chunks(length).zip(inputs.chunks(length)) {
                    assert_softmax(row, input);
                }
            }
        }
    }

    #[test]
    fn extreme_rows_are_what_their_limits_are() {
        let best = Instructions::best();
        assert_eq!(softmax_of(best, &[3e38, -3e38]), [1.0, 0.0]);
        assert_eq!(softmax_of(best, &[-200.0, -200.0]), [0.5, 0.5]);
        assert_eq!(softmax_of(best, &[0.0, f32::NEG_INFINITY]), [1.0, 0.0]);
        let not_numbers = softmax_of(best, &[0.0, f32::NAN, 1.0]);
        assert!(not_numbers.iter().all(|y| y.is_nan()));
    }
}
