//! Sums over one block of many vectors, in the widest registers of this processor.
//!
//! Inner loops go by indices, and what they call is inlined by force: an iterator over a few numbers at a time, or a closure, is a
//! function of its own where a build does without optimisation between the parts of a crate, and then takes three times the
//! time. Sums keep their order, and a product is rounded before it is added, so that no number depends on the processor.

use crate::kernel::Instructions;
use pulp::{Simd, WithSimd};
use std::sync::Arc;

/// How many partial sums an inner product is made of, so that they fill a register.
const LANES: usize = 8;

/// The inner products of `part` with the same place of every vector, and last with itself.
pub(super) fn inner_products<T: Copy + Into<f64>>(
    vectors: &[Arc<[T]>],
    start: usize,
    part: &[f64],
) -> Vec<f64> {
    Instructions::best().dispatch(InnerProducts {
        vectors,
        start,
        part,
    })
}

/// Adds to `part` the same place of every vector, times its factor.
pub(super) fn add_all<T: Copy + Into<f64>>(terms: &[(&[T], f64)], start: usize, part: &mut [f64]) {
    Instructions::best().dispatch(Sum { terms, start, part });
}

/// The square of the norm of a block.
pub(super) fn square(part: &[f64]) -> f64 {
    Instructions::best().dispatch(InnerProducts::<f64> {
        vectors: &[],
        start: 0,
        part,
    })[0]
}

struct InnerProducts<'a, T> {
    vectors: &'a [Arc<[T]>],
    start: usize,
    part: &'a [f64],
}

impl<T: Copy + Into<f64>> WithSimd for InnerProducts<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f64> {
        let mut products = Vec::with_capacity(self.vectors.len() + 1);
        for vector in self.vectors {
            let stored = &vector[self.start..][..self.part.len()];
            products.push(inner_product(stored, self.part));
        }
        products.push(inner_product(self.part, self.part));
        products
    }
}

struct Sum<'a, T> {
    terms: &'a [(&'a [T], f64)],
    start: usize,
    part: &'a mut [f64],
}

impl<T: Copy + Into<f64>> WithSimd for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let length = self.part.len();
        for &(vector, factor) in self.terms {
            let stored = &vector[self.start..][..length];
            for (sum, &stored) in self.part.iter_mut().zip(stored) {
                *sum += factor * stored.into();
            }
        }
    }
}

/// The inner product of two vectors of one length.
#[inline(always)]
fn inner_product<T: Copy + Into<f64>>(stored: &[T], vector: &[f64]) -> f64 {
    let (stored, stored_rest) = stored.as_chunks::<LANES>();
    let (vector, vector_rest) = vector.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in 0..vector.len() {
        for lane in 0..LANES {
            sums[lane] += stored[chunk][lane].into() * vector[chunk][lane];
        }
    }
    let mut sum = 0.0;
    for partial in sums {
        sum += partial;
    }
    let mut rest = 0.0;
    for place in 0..vector_rest.len() {
        rest += stored_rest[place].into() * vector_rest[place];
    }
    sum + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops_at_any_place_and_length() {
        for (length, start) in [(0, 3), (5, 0), (8, 2), (29, 11)] {
            let vectors: Vec<Arc<[f32]>> = (0..3)
                .map(|which| (0..40).map(|i| (i * 7 % 11 + which) as f32).collect())
                .collect();
            let mut part: Vec<f64> = (0..length).map(|i| (i * 5 % 13) as f64 - 4.0).collect();
            let plain = |stored: &[f32]| -> f64 {
                (0..length)
                    .map(|i| f64::from(stored[start + i]) * part[i])
                    .sum()
            };
            let mut expected: Vec<f64> = vectors.iter().map(|vector| plain(vector)).collect();
            expected.push(part.iter().map(|x| x * x).sum());
            // Whole numbers, so that no order of a sum rounds.
            assert_eq!(inner_products(&vectors, start, &part), expected);
            assert_eq!(square(&part), expected[3]);
            let sums: Vec<f64> = (0..length)
                .map(|i| {
                    part[i] + 2.0 * f64::from(vectors[0][start + i])
                        - f64::from(vectors[2][start + i])
                })
                .collect();
            add_all(&[(&vectors[0], 2.0), (&vectors[2], -1.0)], start, &mut part);
            assert_eq!(part, sums);
        }
    }
}
