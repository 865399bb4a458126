//! Batch normalisation of maps, `[samples, channels, positions]`, and its reverse.
//!
//! Each pass goes through the samples in parallel, one map (a channel of a sample) at a time; what
//! maps contribute to a channel's sums is added in the order of the samples, in 64 bits.

use super::simd::{Element, Instructions};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Partial sums, so that they can be kept in one register.
pub const LANES: usize = 16;

/// Samples, channels and positions.
pub type Maps = [usize; 3];

/// The mean of every channel, then the biased variance of every channel.
///
/// Variances of maps are joined to those of channels as Chan, Golub & LeVeque (1983, eq. 1.5) do:
/// no small number is the difference of large ones.
pub fn statistics<E: Element>(
    instructions: Instructions,
    input: &[E],
    [samples, channels, positions]: Maps,
) -> Vec<E> {
    let moments: Vec<Vec<[f64; 2]>> = input
        .par_chunks(channels * positions)
        .map(|sample| {
            let maps = sample.chunks_exact(positions);
            let moments = maps.map(|map| instructions.dispatch(Moments(map)));
            moments.collect()
        })
        .collect();
    let count = (samples * positions) as f64;
    let channel = |channel| {
        moments
            .iter()
            .map(move |sample: &Vec<[f64; 2]>| sample[channel])
    };
    let means: Vec<f64> = (0..channels)
        .map(|c| channel(c).map(|[mean, _]| mean).sum::<f64>() / samples as f64)
        .collect();
    let variances = means.iter().enumerate().map(|(c, mean)| {
        let about = |[of_map, squares]: [f64; 2]| {
            squares + positions as f64 * (of_map - mean) * (of_map - mean)
        };
        channel(c).map(about).sum::<f64>() / count
    });
    let statistics = means.iter().copied().chain(variances);
    statistics.map(E::from_f64).collect()
}

/// `(x − mean) · factor + offset` for one sample, each channel by its own.
pub fn normalise<E: Element>(
    instructions: Instructions,
    input: &[E],
    output: &mut [E],
    channels: &[Affine<E>],
) {
    let positions = input.len() / channels.len();
    let maps = input.chunks_exact(positions);
    let outputs = output.chunks_exact_mut(positions);
    for ((input, output), &channel) in maps.zip(outputs).zip(channels) {
        instructions.dispatch(Normalise {
            input,
            output,
            channel,
        });
    }
}

/// `Σ ȳ` of every channel, then `Σ ȳ (x − mean)`.
pub fn gradient_sums<E: Element>(
    instructions: Instructions,
    input: &[E],
    gradient: &[E],
    means: &[E],
    [_, channels, positions]: Maps,
) -> Vec<E> {
    let size = channels * positions;
    let sums: Vec<Vec<[f64; 2]>> = input
        .par_chunks(size)
        .zip(gradient.par_chunks(size))
        .map(|(input, gradient)| {
            let maps = input.chunks_exact(positions);
            let maps = maps.zip(gradient.chunks_exact(positions)).zip(means);
            let sums = maps.map(|((input, gradient), &mean)| {
                instructions.dispatch(Sums {
                    input,
                    gradient,
                    mean,
                })
            });
            sums.collect()
        })
        .collect();
    let of = |which: usize| {
        let sums = &sums;
        let sum = move |channel: usize| sums.iter().map(|sample| sample[channel][which]).sum();
        (0..channels).map(move |channel| E::from_f64(sum(channel)))
    };
    of(0).chain(of(1)).collect()
}

/// `(ȳ − constant − (x − mean) · slope) · factor` for one sample, in place of `ȳ`.
pub fn input_gradient<E: Element>(
    instructions: Instructions,
    gradient: &mut [E],
    input: &[E],
    channels: &[Reverse<E>],
) {
    let positions = input.len() / channels.len();
    let maps = input.chunks_exact(positions);
    let gradients = gradient.chunks_exact_mut(positions);
    for ((input, gradient), &channel) in maps.zip(gradients).zip(channels) {
        instructions.dispatch(InputGradient {
            input,
            gradient,
            channel,
        });
    }
}

/// What [`normalise`] does to a channel.
#[derive(Clone, Copy, Debug)]
pub struct Affine<E> {
    pub mean: E,
    pub factor: E,
    pub offset: E,
}

/// What [`input_gradient`] does to a channel.
#[derive(Clone, Copy, Debug)]
pub struct Reverse<E> {
    pub mean: E,
    pub constant: E,
    pub slope: E,
    pub factor: E,
}

/// The mean of a map, and the sum of the squares of the differences from it.
struct Moments<'a, E>(&'a [E]);

impl<E: Element> WithSimd for Moments<'_, E> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let mean = sum(self.0, self.0, |x, _| x) / self.0.len() as f64;
        let centre = E::from_f64(mean);
        let squares = sum(self.0, self.0, |x, _| (x - centre) * (x - centre));
        [mean, squares]
    }
}

struct Normalise<'a, E> {
    input: &'a [E],
    output: &'a mut [E],
    channel: Affine<E>,
}

impl<E: Element> WithSimd for Normalise<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Affine {
            mean,
            factor,
            offset,
        } = self.channel;
        for (y, &x) in self.output.iter_mut().zip(self.input) {
            *y = (x - mean) * factor + offset;
        }
    }
}

struct Sums<'a, E> {
    input: &'a [E],
    gradient: &'a [E],
    mean: E,
}

impl<E: Element> WithSimd for Sums<'_, E> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let plain = sum(self.gradient, self.gradient, |g, _| g);
        let weighted = sum(self.gradient, self.input, |g, x| g * (x - self.mean));
        [plain, weighted]
    }
}

struct InputGradient<'a, E> {
    input: &'a [E],
    gradient: &'a mut [E],
    channel: Reverse<E>,
}

impl<E: Element> WithSimd for InputGradient<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Reverse {
            mean,
            constant,
            slope,
            factor,
        } = self.channel;
        for (g, &x) in self.gradient.iter_mut().zip(self.input) {
            *g = (*g - constant - (x - mean) * slope) * factor;
        }
    }
}

/// `Σ term(aᵢ, bᵢ)`, in an order that depends on the length alone.
#[inline(always)]
fn sum<E: Element>(a: &[E], b: &[E], term: impl Fn(E, E) -> E) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut partial = [E::from_f64(0.0); LANES];
    // By indices: an iterator over a few numbers is a call for each in a build without optimisation between its parts.
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            partial[lane] = partial[lane] + term(a[lane], b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b));
    partial.into_iter().chain(rest).map(E::to_f64).sum()
}
