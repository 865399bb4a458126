//! The gradient of a convolution in its weight.

use super::geometry::{Geometry, forward_axis};
use super::padded::Padded;
use super::tile::{Offsets, tile};
use crate::kernel::simd::{Element, Instructions, Vectors};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Partial sums over samples. Their number does not depend on the number of threads, so neither does
/// the result.
const PARTS: usize = 16;

/// The gradient of `Σ y ȳ` in the weight, `[outputs, channels, rows, columns]`.
pub fn weight_gradient<E: Element>(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[E],
    gradient: &[E],
) -> Vec<E> {
    let plan = Plan::new::<E>(instructions, geometry);
    let [samples, channels, height, width] = geometry.input;
    let [_, outputs, rows, columns] = geometry.output();
    let part = samples.div_ceil(PARTS);
    let (input_size, gradient_size) = (channels * height * width, outputs * rows * columns);
    let parts: Vec<Vec<E>> = input
        .par_chunks(part * input_size)
        .zip(gradient.par_chunks(part * gradient_size))
        .map(|(inputs, gradients)| {
            let inputs = inputs.chunks_exact(input_size);
            let gradients = gradients.chunks_exact(gradient_size);
            plan.sum(instructions, inputs.zip(gradients))
        })
        .collect();
    plan.join(&parts)
}

/// What all samples share.
struct Plan {
    source: Padded,
    /// The start of every window in the padded input.
    positions: Offsets,
    /// The kernel's numbers, as runs of `run` neighbours.
    starts: Vec<usize>,
    run: usize,
    outputs: usize,
    /// Output channels computed together.
    block: usize,
}

impl Plan {
    fn new<E: Element>(instructions: Instructions, geometry: &Geometry) -> Self {
        let [_, channels, height, width] = geometry.input;
        let [outputs, _, kernel_rows, kernel_columns] = geometry.weight;
        let [vertical, horizontal] = [2, 3].map(|axis| forward_axis(geometry, axis));
        let source = Padded {
            channels,
            extent: [height, width],
            margins: [vertical.0, horizontal.0],
        };
        let stride = geometry.stride;
        let positions = (0..vertical.1.positions).flat_map(|row| {
            (0..horizontal.1.positions).map(move |column| (row * source.pitch() + column) * stride)
        });
        let run = if kernel_columns == 3 { 3 } else { 1 };
        let starts = (0..channels).flat_map(|channel| {
            (0..kernel_rows).flat_map(move |row| {
                (0..kernel_columns)
                    .step_by(run)
                    .map(move |column| channel * source.plane() + row * source.pitch() + column)
            })
        });
        Self {
            source,
            positions: Offsets::new(positions.collect()),
            starts: starts.collect(),
            run,
            outputs,
            block: Vectors::of::<E>(instructions).block(outputs),
        }
    }

    fn taps(&self) -> usize {
        self.starts.len() * self.run
    }

    fn blocks(&self) -> usize {
        self.outputs.div_ceil(self.block)
    }

    /// The sum over pairs of an input and an output's gradient, `[block, tap, channel of block]`.
    fn sum<'a, E: Element>(
        &self,
        instructions: Instructions,
        samples: impl Iterator<Item = (&'a [E], &'a [E])>,
    ) -> Vec<E> {
        let mut sums = vec![E::zeroed(); self.blocks() * self.taps() * self.block];
        let mut padded = self.source.zeros();
        let mut panel = vec![E::zeroed(); self.positions.len() * self.block];
        for (input, gradient) in samples {
            self.source.fill(&mut padded, input);
            instructions.dispatch(Sample {
                plan: self,
                source: &padded,
                gradient,
                panel: &mut panel,
                sums: &mut sums,
            });
        }
        sums
    }

    /// Adds the parts in their order and brings them from `[block, tap, channel of block]` to
    /// `[channel, tap]`.
    fn join<E: Element>(&self, parts: &[Vec<E>]) -> Vec<E> {
        let mut weight = vec![E::zeroed(); self.outputs * self.taps()];
        for (output, taps) in weight.chunks_exact_mut(self.taps()).enumerate() {
            let first = output / self.block * self.taps() * self.block + output % self.block;
            for (tap, sum) in taps.iter_mut().enumerate() {
                for part in parts {
                    *sum = *sum + part[first + tap * self.block];
                }
            }
        }
        weight
    }
}

/// One sample's share, added to `sums`.
struct Sample<'a, E> {
    plan: &'a Plan,
    /// The padded input.
    source: &'a [E],
    gradient: &'a [E],
    /// Room for one block's gradient, `[position, channel of block]`.
    panel: &'a mut [E],
    sums: &'a mut [E],
}

impl<E: Element> WithSimd for Sample<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = self.plan.block > E::lanes::<S>();
        let roomy = S::REGISTER_COUNT >= 32;
        match (self.plan.run, wide, roomy) {
            (3, true, _) => self.all::<S, 4, 3, 2>(simd),
            (3, false, true) => self.all::<S, 6, 3, 1>(simd),
            (3, false, false) => self.all::<S, 3, 3, 1>(simd),
            (_, true, _) => self.all::<S, 8, 1, 2>(simd),
            (_, false, _) => self.all::<S, 8, 1, 1>(simd),
        }
    }
}

impl<E: Element> Sample<'_, E> {
    #[inline(always)]
    fn all<S: Simd, const ROWS: usize, const RUN: usize, const WIDTH: usize>(&mut self, simd: S) {
        let plan = self.plan;
        let plane = plan.positions.len();
        let gradients = self.gradient.chunks(plan.block * plane);
        let sums = self.sums.chunks_exact_mut(plan.taps() * plan.block);
        for (gradient, sums) in gradients.zip(sums) {
            transpose(gradient, plane, self.panel, plan.block);
            let panel = bytemuck::cast_slice(self.panel);
            let sums = sums.chunks_mut(ROWS * RUN * plan.block);
            for (group, sums) in plan.starts.chunks(ROWS).zip(sums) {
                // A short last group repeats its last run; the copies are not added.
                let starts = std::array::from_fn(|row| group[row.min(group.len() - 1)]);
                let shares = tile::<S, E, ROWS, RUN, 1, WIDTH>(
                    simd,
                    self.source,
                    starts,
                    &plan.positions,
                    panel,
                );
                let sums: &mut [E::Vector<S>] = bytemuck::cast_slice_mut(sums);
                let shares = shares.as_flattened().as_flattened();
                for (sum, &share) in sums.iter_mut().zip(shares) {
                    *sum = E::sum(simd, *sum, share);
                }
            }
        }
    }
}

/// `[channels, plane]` → `[plane, block]`. Missing channels of the last block keep what the panel has:
/// their sums are not read.
fn transpose<E: Element>(images: &[E], plane: usize, panel: &mut [E], block: usize) {
    for (position, numbers) in panel.chunks_exact_mut(block).enumerate() {
        for (number, image) in numbers.iter_mut().zip(images.chunks_exact(plane)) {
            *number = image[position];
        }
    }
}
