//! How an image is computed from another one: what is prepared once and holds for every sample.

use super::geometry::{Axis, Geometry, Tap, forward_axis, input_gradient_axes};
use super::padded::Padded;
use super::tile::Offsets;
use crate::kernel::simd::Element;

/// The length of a run of neighbouring positions that share one start.
pub const RUN: usize = 8;

/// The largest distance between windows for which there are loops over runs.
const LARGEST_STEP: usize = 2;

/// A run of target positions: where the first one's window starts, and where its result goes.
#[derive(Clone, Copy)]
pub struct Start {
    pub source: usize,
    pub target: usize,
}

/// One dense sum for every position of a grid.
pub struct Pass<E> {
    /// Where the terms of the sum lie, from the start of a window.
    pub offsets: Offsets,
    /// The weights, `[block of target channels, term, channel of the block]`.
    pub panels: Vec<E>,
    pub starts: Vec<Start>,
    /// Positions per start: [`RUN`] or one.
    pub run: usize,
    /// The distances between neighbours of a run.
    pub source_step: usize,
    pub target_step: usize,
}

/// All passes from one image to another.
pub struct Plan<E> {
    pub source: Padded,
    /// `[channels, height, width]` of the target.
    pub target: [usize; 3],
    /// Target channels computed together.
    pub block: usize,
    pub passes: Vec<Pass<E>>,
}

impl<E: Element> Plan<E> {
    /// From a convolution's input to its output.
    pub fn forward(geometry: &Geometry, weight: &[E], block: usize) -> Self {
        let [_, channels, height, width] = geometry.input;
        let [_, outputs, rows, columns] = geometry.output();
        let [vertical, horizontal] = [2, 3].map(|axis| forward_axis(geometry, axis));
        let source = Padded {
            channels,
            extent: [height, width],
            margins: [vertical.0, horizontal.0],
        };
        let axes = [vec![vertical.1], vec![horizontal.1]];
        Self::new(
            source,
            [outputs, rows, columns],
            axes,
            block,
            |to, from, tap| weight[geometry.weight_position(to, from, tap)],
        )
    }

    /// From the gradient in a convolution's output to the one in its input.
    pub fn input_gradient(geometry: &Geometry, weight: &[E], block: usize) -> Self {
        let [_, channels, height, width] = geometry.input;
        let [_, outputs, rows, columns] = geometry.output();
        let [vertical, horizontal] = [2, 3].map(|axis| input_gradient_axes(geometry, axis));
        let source = Padded {
            channels: outputs,
            extent: [rows, columns],
            margins: [vertical.0, horizontal.0],
        };
        let axes = [vertical.1, horizontal.1];
        Self::new(
            source,
            [channels, height, width],
            axes,
            block,
            |to, from, tap| weight[geometry.weight_position(from, to, tap)],
        )
    }

    /// One pass for every pair of a vertical and a horizontal axis. `weight` gives the weight from a
    /// source channel to a target channel at a row and column of the kernel.
    fn new(
        source: Padded,
        target: [usize; 3],
        [vertical, horizontal]: [Vec<Axis>; 2],
        block: usize,
        weight: impl Fn(usize, usize, [usize; 2]) -> E,
    ) -> Self {
        let mut plan = Self {
            source,
            target,
            block,
            passes: Vec::new(),
        };
        for vertical in &vertical {
            for horizontal in &horizontal {
                plan.passes.push(Pass {
                    offsets: plan.offsets(vertical, horizontal),
                    panels: plan.panels(vertical, horizontal, &weight),
                    starts: plan.starts(vertical, horizontal),
                    run: run(horizontal),
                    source_step: horizontal.source[1],
                    target_step: horizontal.target[1],
                });
            }
        }
        plan
    }

    /// The terms of a sum: source channel, vertical tap, horizontal tap.
    fn terms<'a>(
        &self,
        vertical: &'a Axis,
        horizontal: &'a Axis,
    ) -> impl Iterator<Item = (usize, &'a Tap, &'a Tap)> {
        (0..self.source.channels).flat_map(move |channel| {
            vertical.taps.iter().flat_map(move |row| {
                let columns = horizontal.taps.iter();
                columns.map(move |column| (channel, row, column))
            })
        })
    }

    fn offsets(&self, vertical: &Axis, horizontal: &Axis) -> Offsets {
        let (plane, pitch) = (self.source.plane(), self.source.pitch());
        let terms = self.terms(vertical, horizontal);
        let offsets = terms
            .map(|(channel, row, column)| channel * plane + row.source * pitch + column.source);
        Offsets::new(offsets.collect())
    }

    /// Missing channels of the last block have weight zero.
    fn panels(
        &self,
        vertical: &Axis,
        horizontal: &Axis,
        weight: &impl Fn(usize, usize, [usize; 2]) -> E,
    ) -> Vec<E> {
        let mut panels = Vec::new();
        for first in (0..self.target[0]).step_by(self.block) {
            for (source, row, column) in self.terms(vertical, horizontal) {
                panels.extend((first..first + self.block).map(|target| {
                    match target < self.target[0] {
                        true => weight(target, source, [row.kernel, column.kernel]),
                        false => E::zeroed(),
                    }
                }));
            }
        }
        panels
    }

    /// Runs that cover a grid. The last one of a row ends where the row ends, so it may compute
    /// positions of the one before again.
    fn starts(&self, vertical: &Axis, horizontal: &Axis) -> Vec<Start> {
        let (pitch, width) = (self.source.pitch(), self.target[2]);
        let run = run(horizontal);
        let mut starts = Vec::new();
        for row in 0..vertical.positions {
            for column in (0..horizontal.positions).step_by(run) {
                let column = column.min(horizontal.positions - run);
                starts.push(Start {
                    source: vertical.source(row) * pitch + horizontal.source(column),
                    target: vertical.target(row) * width + horizontal.target(column),
                });
            }
        }
        starts
    }
}

fn run(horizontal: &Axis) -> usize {
    match horizontal.positions >= RUN && horizontal.source[1] <= LARGEST_STEP {
        true => RUN,
        false => 1,
    }
}
