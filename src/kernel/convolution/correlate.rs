//! Passes that compute images from images: forward, and from the output's gradient to the input's.

use super::geometry::{Axis, Geometry, forward_axis, input_gradient_axes};
use super::padded::Padded;
use super::tile::{Offsets, tile};
use crate::kernel::simd::{Element, Instructions, Vectors};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The length of a run of neighbouring positions that share one start.
const RUN: usize = 8;

/// A run of target positions: where the first one's window starts, and where its result goes.
#[derive(Clone, Copy)]
struct Start {
    source: usize,
    target: usize,
}

/// One dense sum for every position of a grid, its weights packed in the order of the sum.
struct Pass<E> {
    offsets: Offsets,
    /// Vectors of weights: for every block of target channels, for every offset, `block` numbers.
    panels: Vec<E>,
    starts: Vec<Start>,
    run: usize,
    source_step: usize,
    target_step: usize,
}

/// All passes from one image to another.
struct Plan<E> {
    source: Padded,
    passes: Vec<Pass<E>>,
    /// Target channels, and the size of one.
    channels: usize,
    plane: usize,
    /// Channels computed together.
    block: usize,
}

/// `y[n, o, i, j] = Σ w[o, c, a, b] x[n, c, i·stride + a − padding, j·stride + b − padding]`.
pub fn forward<E: Element>(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[E],
    weight: &[E],
) -> Vec<E> {
    let [_, channels, height, width] = geometry.input;
    let [_, outputs, rows, columns] = geometry.output();
    let [_, _, kernel_rows, kernel_columns] = geometry.weight;
    let [vertical, horizontal] = [2, 3].map(|axis| forward_axis(geometry, axis));
    let source = Padded {
        channels,
        extent: [height, width],
        margins: [vertical.0, horizontal.0],
    };
    let block = block::<E>(instructions, outputs);
    let weight_at = |output: usize, channel: usize, row: usize, column: usize| {
        weight[((output * channels + channel) * kernel_rows + row) * kernel_columns + column]
    };
    let pass = Pass::new(
        [&vertical.1, &horizontal.1],
        &source,
        columns,
        block,
        outputs,
        weight_at,
    );
    Plan {
        source,
        passes: vec![pass],
        channels: outputs,
        plane: rows * columns,
        block,
    }
    .run(instructions, input)
}

/// The gradient of `Σ y ȳ` in the input, for the output's gradient ȳ.
pub fn input_gradient<E: Element>(
    instructions: Instructions,
    geometry: &Geometry,
    gradient: &[E],
    weight: &[E],
) -> Vec<E> {
    let [_, channels, height, width] = geometry.input;
    let [_, outputs, rows, columns] = geometry.output();
    let [_, _, kernel_rows, kernel_columns] = geometry.weight;
    let [vertical, horizontal] = [2, 3].map(|axis| input_gradient_axes(geometry, axis));
    let source = Padded {
        channels: outputs,
        extent: [rows, columns],
        margins: [vertical.0, horizontal.0],
    };
    let block = block::<E>(instructions, channels);
    let weight_at = |channel: usize, output: usize, row: usize, column: usize| {
        weight[((output * channels + channel) * kernel_rows + row) * kernel_columns + column]
    };
    let passes = vertical
        .1
        .iter()
        .flat_map(|row| horizontal.1.iter().map(move |column| [row, column]))
        .map(|axes| Pass::new(axes, &source, width, block, channels, weight_at))
        .collect();
    Plan {
        source,
        passes,
        channels,
        plane: height * width,
        block,
    }
    .run(instructions, gradient)
}

/// How many target channels are computed together.
fn block<E: Element>(instructions: Instructions, channels: usize) -> usize {
    let vectors = Vectors::of::<E>(instructions);
    if vectors.registers >= 32 && channels > vectors.lanes {
        2 * vectors.lanes
    } else {
        vectors.lanes
    }
}

impl<E: Element> Pass<E> {
    /// `weight_at(target channel, source channel, kernel row, kernel column)` is a weight.
    fn new(
        [vertical, horizontal]: [&Axis; 2],
        source: &Padded,
        target_pitch: usize,
        block: usize,
        channels: usize,
        weight_at: impl Fn(usize, usize, usize, usize) -> E,
    ) -> Self {
        let taps = || {
            (0..source.channels).flat_map(|channel| {
                vertical.taps.iter().flat_map(move |row| {
                    horizontal
                        .taps
                        .iter()
                        .map(move |column| (channel, row, column))
                })
            })
        };
        let offsets = taps().map(|(channel, row, column)| {
            channel * source.plane() + row.source * source.pitch() + column.source
        });
        let panels = (0..channels).step_by(block).flat_map(|first| {
            let weight_at = &weight_at;
            taps().flat_map(move |(channel, row, column)| {
                (first..first + block).map(move |target| match target < channels {
                    true => weight_at(target, channel, row.kernel, column.kernel),
                    false => E::zeroed(),
                })
            })
        });
        let run = match horizontal.positions >= RUN && horizontal.source[1] <= 2 {
            true => RUN,
            false => 1,
        };
        Self {
            offsets: Offsets::new(offsets.collect()),
            panels: panels.collect(),
            starts: starts(vertical, horizontal, source.pitch(), target_pitch, run),
            run,
            source_step: horizontal.source[1],
            target_step: horizontal.target[1],
        }
    }
}

/// Runs that cover a grid. The last one of a row ends where the row ends, so it may compute positions
/// of the one before again.
fn starts(
    vertical: &Axis,
    horizontal: &Axis,
    source_pitch: usize,
    target_pitch: usize,
    run: usize,
) -> Vec<Start> {
    let columns = (0..horizontal.positions)
        .step_by(run)
        .map(|column| column.min(horizontal.positions - run));
    let columns: Vec<usize> = columns.collect();
    (0..vertical.positions)
        .flat_map(|row| columns.iter().map(move |&column| (row, column)))
        .map(|(row, column)| Start {
            source: (vertical.source[0] + row * vertical.source[1]) * source_pitch
                + horizontal.source[0]
                + column * horizontal.source[1],
            target: (vertical.target[0] + row * vertical.target[1]) * target_pitch
                + horizontal.target[0]
                + column * horizontal.target[1],
        })
        .collect()
}

impl<E: Element> Plan<E> {
    fn run(&self, instructions: Instructions, sources: &[E]) -> Vec<E> {
        let [height, width] = self.source.extent;
        let sample = self.source.channels * height * width;
        let samples = sources.len() / sample;
        let mut targets = vec![E::zeroed(); samples * self.channels * self.plane];
        targets
            .par_chunks_exact_mut(self.channels * self.plane)
            .zip(sources.par_chunks_exact(sample))
            .for_each_init(
                || self.source.zeros(),
                |padded, (target, source)| {
                    self.source.fill(padded, source);
                    instructions.dispatch(Sample {
                        plan: self,
                        source: padded,
                        target,
                    });
                },
            );
        targets
    }
}

/// One sample of a plan.
struct Sample<'a, E> {
    plan: &'a Plan<E>,
    source: &'a [E],
    target: &'a mut [E],
}

impl<E: Element> WithSimd for Sample<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.plan;
        let wide = plan.block > E::lanes::<S>();
        for pass in &plan.passes {
            match (wide, pass.run, pass.source_step) {
                (false, RUN, 1) => self.pass::<S, 2, RUN, 1, 1>(simd, pass),
                (true, RUN, 1) => self.pass::<S, 1, RUN, 1, 2>(simd, pass),
                (false, RUN, 2) => self.pass::<S, 2, RUN, 2, 1>(simd, pass),
                (true, RUN, 2) => self.pass::<S, 1, RUN, 2, 2>(simd, pass),
                (false, ..) => self.pass::<S, 8, 1, 1, 1>(simd, pass),
                (true, ..) => self.pass::<S, 8, 1, 1, 2>(simd, pass),
            }
        }
    }
}

impl<E: Element> Sample<'_, E> {
    #[inline(always)]
    fn pass<S: Simd, const ROWS: usize, const RUN: usize, const STEP: usize, const WIDTH: usize>(
        &mut self,
        simd: S,
        pass: &Pass<E>,
    ) {
        let plan = self.plan;
        let panels = pass.panels.chunks_exact(pass.offsets.len() * plan.block);
        let targets = self.target.chunks_mut(plan.block * plan.plane);
        for (panel, target) in panels.zip(targets) {
            let panel = bytemuck::cast_slice(panel);
            for group in pass.starts.chunks(ROWS) {
                // A short last group repeats its last run.
                let row = |row: usize| group[row.min(group.len() - 1)];
                let starts = std::array::from_fn(|r| row(r).source);
                let sums = tile::<S, E, ROWS, RUN, STEP, WIDTH>(
                    simd,
                    self.source,
                    starts,
                    &pass.offsets,
                    panel,
                );
                for (sums, start) in sums.iter().zip(group) {
                    let sums: &[E] = bytemuck::cast_slice(sums.as_flattened());
                    for (channel, image) in target.chunks_exact_mut(plan.plane).enumerate() {
                        let image = &mut image[start.target..];
                        for column in 0..RUN {
                            image[column * pass.target_step] = sums[column * plan.block + channel];
                        }
                    }
                }
            }
        }
    }
}
