//! Products of matrices.
//!
//! The products themselves are the `gemm` crate's, as in Burn's Flex backend. Flex, however, fills each
//! result with zeros and copies them to where they are aligned before the product overwrites them, a
//! tenth of a Hessian-vector product of a wide network.

use super::simd::Element;
use gemm::Parallelism;

/// A matrix within a slice of numbers.
#[derive(Clone, Copy, Debug)]
pub struct StridedMatrix<'a, E> {
    numbers: &'a [E],
    rows: usize,
    columns: usize,
    strides: [isize; 2],
}

impl<'a, E> StridedMatrix<'a, E> {
    /// The matrix whose entry `(i, j)` is `numbers[i · strides[0] + j · strides[1]]`; none where an
    /// entry would lie outside of the slice.
    pub fn new(numbers: &'a [E], [rows, columns]: [usize; 2], strides: [isize; 2]) -> Option<Self> {
        let mut last = 0usize;
        for (length, stride) in [(rows, strides[0]), (columns, strides[1])] {
            let stride = usize::try_from(stride).ok()?;
            last = last.checked_add(length.saturating_sub(1).checked_mul(stride)?)?;
        }
        let is_empty = rows == 0 || columns == 0;
        (is_empty || last < numbers.len()).then_some(Self {
            numbers,
            rows,
            columns,
            strides,
        })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// The product of two matrices, row by row; none where their sizes do not fit.
pub fn product<E: Element>(
    left: StridedMatrix<'_, E>,
    right: StridedMatrix<'_, E>,
) -> Option<Vec<E>> {
    if left.columns != right.rows {
        return None;
    }
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    let length = rows.checked_mul(columns)?;
    let mut values: Vec<E> = Vec::with_capacity(length);
    let [zero, one] = [0.0, 1.0].map(E::from_f64);
    // SAFETY: both factors lie within their slices (`StridedMatrix::new`), `rows · columns` numbers within the
    // new vector's capacity, and no two of the three overlap. The result is not read.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            values.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.numbers.as_ptr(),
            left.strides[1],
            left.strides[0],
            right.numbers.as_ptr(),
            right.strides[1],
            right.strides[0],
            zero,
            one,
            false,
            false,
            false,
            parallelism(rows, columns, inner),
        );
    }
    // SAFETY: the product has written all of them.
    unsafe { values.set_len(length) };
    Some(values)
}

/// Products of fewer numbers than this are left to one thread.
const PARALLEL: usize = 192 * 192 * 192;

fn parallelism(rows: usize, columns: usize, inner: usize) -> Parallelism {
    match rows.saturating_mul(columns).saturating_mul(inner) >= PARALLEL {
        true => Parallelism::Rayon(0),
        false => Parallelism::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry by entry, in the same layout.
    fn expected(left: &StridedMatrix<'_, f64>, right: &StridedMatrix<'_, f64>) -> Vec<f64> {
        let entry = |matrix: &StridedMatrix<'_, f64>, row: usize, column: usize| {
            let [down, along] = matrix.strides.map(|stride| stride as usize);
            matrix.numbers[row * down + column * along]
        };
        let pairs =
            (0..left.rows).flat_map(|row| (0..right.columns).map(move |column| (row, column)));
        pairs
            .map(|(row, column)| {
                let terms = 0..left.columns;
                let terms = terms.map(|at| entry(left, row, at) * entry(right, at, column));
                terms.sum()
            })
            .collect()
    }

    #[test]
    fn products_of_matrices_at_any_stride_are_those_entry_by_entry() {
        let numbers: Vec<f64> = (0..60_000).map(|i| f64::from(i % 17) - 8.0).collect();
        for (rows, inner, columns) in [(2, 3, 4), (1, 1, 1), (5, 0, 2), (0, 3, 2), (200, 210, 220)]
        {
            for ([a, b], [c, d]) in [
                ([inner, 1], [columns, 1]),
                ([1, rows], [columns, 1]),
                ([inner, 1], [1, inner]),
                ([1, rows], [1, inner]),
                ([inner + 2, 1], [0, 1]),
            ] {
                let [a, b, c, d] = [a, b, c, d].map(|stride| stride as isize);
                let left = StridedMatrix::new(&numbers, [rows, inner], [a, b]).unwrap();
                let right = StridedMatrix::new(&numbers[7..], [inner, columns], [c, d]).unwrap();
                assert_eq!(product(left, right), Some(expected(&left, &right)));
            }
        }
    }

    #[test]
    fn matrices_outside_of_their_numbers_are_refused() {
        let numbers = [0.0f32; 12];
        assert!(StridedMatrix::new(&numbers, [3, 4], [4, 1]).is_some());
        assert!(StridedMatrix::new(&numbers, [3, 4], [5, 1]).is_none());
        assert!(StridedMatrix::new(&numbers, [3, 4], [-4, 1]).is_none());
        assert!(StridedMatrix::new(&numbers, [2, 2], [isize::MAX, isize::MAX]).is_none());
        assert!(StridedMatrix::new(&numbers[..0], [0, 4], [4, 1]).is_some());
        let wide = StridedMatrix::new(&numbers, [3, 4], [4, 1]).unwrap();
        assert!(product(wide, wide).is_none());
    }
}
