//! The passes that compute images from images: forward, and from the output's gradient to the input's.

use super::geometry::Geometry;
use super::plan::{Pass, Plan, RUN, Start};
use super::tile::tile;
use crate::kernel::simd::{Element, Instructions, Vectors};
use crate::workers::filled;
use pulp::{Simd, WithSimd};

/// `y[n, o, i, j] = Σ w[o, c, a, b] x[n, c, i·stride + a − padding, j·stride + b − padding]`.
pub fn forward<E: Element>(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[E],
    weight: &[E],
) -> Vec<E> {
    let block = Vectors::of::<E>(instructions).block(geometry.weight[0]);
    run(instructions, &Plan::forward(geometry, weight, block), input)
}

/// The gradient of `Σ y ȳ` in the input, for the output's gradient ȳ.
pub fn input_gradient<E: Element>(
    instructions: Instructions,
    geometry: &Geometry,
    gradient: &[E],
    weight: &[E],
) -> Vec<E> {
    let block = Vectors::of::<E>(instructions).block(geometry.weight[1]);
    let plan = Plan::input_gradient(geometry, weight, block);
    run(instructions, &plan, gradient)
}

fn run<E: Element>(instructions: Instructions, plan: &Plan<E>, sources: &[E]) -> Vec<E> {
    let [height, width] = plan.source.extent;
    let source = plan.source.channels * height * width;
    let target: usize = plan.target.iter().product();
    filled(
        sources.len() / source * target,
        target,
        || plan.source.zeros(),
        |padded, index, target| {
            plan.source
                .fill(padded, &sources[index * source..][..source]);
            instructions.dispatch(Sample {
                plan,
                source: padded,
                target,
            });
        },
    )
}

/// One sample: its padded source, and its target `[channels, height, width]`.
struct Sample<'a, E> {
    plan: &'a Plan<E>,
    source: &'a [E],
    target: &'a mut [E],
}

impl<E: Element> WithSimd for Sample<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = self.plan.block > E::lanes::<S>();
        let roomy = S::REGISTER_COUNT >= 32;
        for pass in &self.plan.passes {
            // Tiles of eight or sixteen sums: enough to hide the latency of the processor's
            // multipliers, and few enough to stay in its registers.
            match (pass.run, pass.source_step, wide, roomy) {
                (RUN, 1, true, _) => self.pass::<S, 1, RUN, 1, 2>(simd, pass),
                (RUN, 1, false, true) => self.pass::<S, 2, RUN, 1, 1>(simd, pass),
                (RUN, 1, false, false) => self.pass::<S, 1, RUN, 1, 1>(simd, pass),
                (RUN, 2, true, _) => self.pass::<S, 1, RUN, 2, 2>(simd, pass),
                (RUN, 2, false, true) => self.pass::<S, 2, RUN, 2, 1>(simd, pass),
                (RUN, 2, false, false) => self.pass::<S, 1, RUN, 2, 1>(simd, pass),
                (_, _, true, _) => self.pass::<S, 8, 1, 1, 2>(simd, pass),
                (_, _, false, _) => self.pass::<S, 8, 1, 1, 1>(simd, pass),
            }
        }
    }
}

impl<E: Element> Sample<'_, E> {
    /// All positions and channels of a pass, `ROWS` runs and `WIDTH` vectors of channels at a time.
    #[inline(always)]
    fn pass<S: Simd, const ROWS: usize, const RUN: usize, const STEP: usize, const WIDTH: usize>(
        &mut self,
        simd: S,
        pass: &Pass<E>,
    ) {
        let plane = self.plan.target[1] * self.plan.target[2];
        let panels = pass
            .panels
            .chunks_exact(pass.offsets.len() * self.plan.block);
        let targets = self.target.chunks_mut(self.plan.block * plane);
        for (panel, target) in panels.zip(targets) {
            let panel = bytemuck::cast_slice(panel);
            for group in pass.starts.chunks(ROWS) {
                // A short last group repeats its last run.
                let starts = std::array::from_fn(|row| group[row.min(group.len() - 1)].source);
                let sums = tile::<S, E, ROWS, RUN, STEP, WIDTH>(
                    simd,
                    self.source,
                    starts,
                    &pass.offsets,
                    panel,
                );
                for (sums, &start) in sums.iter().zip(group) {
                    let sums = bytemuck::cast_slice(sums.as_flattened());
                    store::<E, RUN>(sums, start, pass.target_step, target, plane);
                }
            }
        }
    }
}

/// Writes a run's sums, `[position, channel]`, to the channels of a block, `[channel, plane]`.
#[inline(always)]
fn store<E: Element, const RUN: usize>(
    sums: &[E],
    start: Start,
    step: usize,
    target: &mut [E],
    plane: usize,
) {
    let block = sums.len() / RUN;
    for (channel, image) in target.chunks_exact_mut(plane).enumerate() {
        let image = &mut image[start.target..];
        for position in 0..RUN {
            image[position * step] = sums[position * block + channel];
        }
    }
}
