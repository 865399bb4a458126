//! The one inner loop of all three passes of a convolution.

use crate::kernel::simd::Element;
use pulp::Simd;

/// Distances into a source that are added to a start, and the largest of them.
pub struct Offsets {
    values: Vec<usize>,
    largest: usize,
}

impl Offsets {
    pub fn new(values: Vec<usize>) -> Self {
        let largest = values.iter().copied().max().unwrap_or(0);
        Self { values, largest }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}

/// The sums over `k` of `source[starts[r] + c · STEP + offsets[k]] · panel[k]`, for `ROWS` starts
/// `r`, `RUN` neighbours `c` of each, and `WIDTH` vectors of the panel.
///
/// The sums stay in registers while `k` runs, and every number of the source is used for a whole row
/// of the panel: a matrix product whose left factor is never written down, because its entries are
/// found by adding two distances (Georganas et al., "Anatomy of high-performance deep learning
/// convolutions on SIMD architectures", SC 2018).
///
/// # Panics
///
/// If the panel is not `offsets` × `WIDTH` vectors, or a position lies beyond the source.
#[expect(
    clippy::needless_range_loop,
    reason = "no iterators in the innermost loops, see below"
)]
#[inline(always)]
pub fn tile<
    S: Simd,
    E: Element,
    const ROWS: usize,
    const RUN: usize,
    const STEP: usize,
    const WIDTH: usize,
>(
    simd: S,
    source: &[E],
    starts: [usize; ROWS],
    offsets: &Offsets,
    panel: &[E::Vector<S>],
) -> [[[E::Vector<S>; WIDTH]; RUN]; ROWS] {
    let reach = (RUN - 1) * STEP + offsets.largest;
    assert!(starts.iter().all(|start| start + reach < source.len()));
    let (panel, rest) = panel.as_chunks::<WIDTH>();
    assert!(rest.is_empty() && panel.len() == offsets.values.len());
    let mut sums = [[[E::splat(simd, E::zeroed()); WIDTH]; RUN]; ROWS];
    // Indices: what makes a `zip` of two short rows is no `#[inline]` function, and is called for each number where a build does
    // without optimisation between its parts, which took three times the time.
    for k in 0..panel.len() {
        let (offset, vectors) = (offsets.values[k], &panel[k]);
        for row in 0..ROWS {
            for column in 0..RUN {
                // SAFETY: `offset <= offsets.largest` and `column * STEP <= (RUN - 1) * STEP`, so the
                // position is at most `starts[row] + reach`, which is below the source's length.
                let number = unsafe { *source.get_unchecked(starts[row] + offset + column * STEP) };
                let number = E::splat(simd, number);
                for place in 0..WIDTH {
                    let sum = &mut sums[row][column][place];
                    *sum = E::multiply_add(simd, number, vectors[place], *sum);
                }
            }
        }
    }
    sums
}
