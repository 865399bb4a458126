//! An orthonormal basis, stored in the precision of the products it comes from.

use super::block::{add_all, inner_products, square};
use crate::linear::Precision;
use crate::workers::filled;
use rayon::prelude::*;
use std::sync::Arc;

/// Orthonormal vectors of one dimension. Inner products are summed in f64 either way; in f32 the
/// basis of `k` vectors of an `n`-parameter model takes `4·k·n` bytes.
#[derive(Clone, Debug)]
pub(super) enum Basis {
    F32(Store<f32>),
    F64(Store<f64>),
}

/// Vectors, each in an allocation of its own: one growing buffer would hold up to twice as much, and
/// three times as much while it moves. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Store<T> {
    vectors: Vec<Arc<[T]>>,
}

impl Basis {
    pub fn new(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(Store::new()),
            Precision::F64 => Self::F64(Store::new()),
        }
    }

    /// The precision the vectors are stored in.
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::F32,
            Self::F64(_) => Precision::F64,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::F32(store) => store.vectors.len(),
            Self::F64(store) => store.vectors.len(),
        }
    }

    /// The dimension of the vectors; none while there are none.
    pub fn dimension(&self) -> Option<usize> {
        match self {
            Self::F32(store) => store.vectors.first().map(|vector| vector.len()),
            Self::F64(store) => store.vectors.first().map(|vector| vector.len()),
        }
    }

    pub fn push(&mut self, vector: &[f64]) {
        self.push_scaled(1.0, vector);
    }

    /// Adds `factor · vector`.
    pub fn push_scaled(&mut self, factor: f64, vector: &[f64]) {
        let numbers = vector.iter().map(|x| factor * x);
        match self {
            Self::F32(store) => store.vectors.push(numbers.map(|x| x as f32).collect()),
            Self::F64(store) => store.vectors.push(numbers.collect()),
        }
    }

    /// The bytes that the stored vectors take: `4·k·n` for `k` vectors of dimension `n` in f32.
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(store) => store.bytes(),
            Self::F64(store) => store.bytes(),
        }
    }

    /// The vector at `index`, as it is stored.
    pub fn vector(&self, index: usize) -> Vec<f64> {
        match self {
            Self::F32(store) => store.vector(index),
            Self::F64(store) => store.vector(index),
        }
    }

    /// The vector added last, as it is stored.
    pub fn newest(&self) -> Vec<f64> {
        self.vector(self.len() - 1)
    }

    /// Whether the vectors are orthonormal up to some roundings of their precision, wherever they come
    /// from.
    pub fn is_orthonormal(&self) -> bool {
        self.loss_of_orthogonality() <= 100.0 * self.precision().epsilon()
    }

    /// `‖QQᵀ − I‖` in the Frobenius norm for the stored vectors as the rows of `Q`.
    pub fn loss_of_orthogonality(&self) -> f64 {
        let squares = (0..self.len()).map(|index| {
            let (mut components, _) = self.components(&self.vector(index));
            components[index] -= 1.0;
            components.iter().map(|entry| entry * entry).sum::<f64>()
        });
        squares.sum::<f64>().sqrt()
    }

    /// Removes the components along the basis and returns them with the norm of what is left; a second
    /// time where the first has shortened the vector to less than [`SHORTENED`], because what is left
    /// then has components of its rounding errors. Twice is enough (Kahan and Parlett, in Parlett, "The
    /// Symmetric Eigenvalue Problem", §6.9; Giraud, Langou & Rozložník 2005).
    pub fn orthogonalise(&self, vector: &mut [f64]) -> (Vec<f64>, f64) {
        let first = self.split(vector);
        if first.after >= SHORTENED * first.before {
            return (first.components, first.after);
        }
        let (mut components, second) = (first.components, self.split(vector));
        super::vector::axpy(1.0, &second.components, &mut components);
        (components, second.after)
    }

    fn components(&self, vector: &[f64]) -> (Vec<f64>, f64) {
        match self {
            Self::F32(store) => store.components(vector),
            Self::F64(store) => store.components(vector),
        }
    }

    fn split(&self, vector: &mut [f64]) -> Split {
        match self {
            Self::F32(store) => store.split(vector),
            Self::F64(store) => store.split(vector),
        }
    }

    /// The vector with these coordinates.
    pub fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        match self {
            Self::F32(store) => store.combine(coordinates),
            Self::F64(store) => store.combine(coordinates),
        }
    }

    /// The vectors with these coordinates, each rounded as stored vectors are.
    pub fn combine_all(&self, coordinates: &[Vec<f64>]) -> Self {
        match self {
            Self::F32(store) => Self::F32(store.combine_all(coordinates, |x| x as f32)),
            Self::F64(store) => Self::F64(store.combine_all(coordinates, |x| x)),
        }
    }
}

impl<T: Copy + Into<f64> + Send + Sync> Store<T> {
    fn new() -> Self {
        Self {
            vectors: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.vectors
            .iter()
            .map(|vector| std::mem::size_of_val(&vector[..]))
            .sum()
    }

    fn vector(&self, index: usize) -> Vec<f64> {
        self.vectors[index].iter().map(|&x| x.into()).collect()
    }

    /// All components at once (classical Gram-Schmidt): every stored vector is read twice, where one
    /// component after the other would also read and write the whole `vector` each time.
    fn split(&self, vector: &mut [f64]) -> Split {
        let (components, before) = self.components(vector);
        let after = self.add(&components, -1.0, vector);
        Split {
            components,
            before,
            after,
        }
    }

    /// The components of a vector along all stored ones, and its norm.
    fn components(&self, vector: &[f64]) -> (Vec<f64>, f64) {
        let blocks = vector.par_chunks(BLOCK).enumerate();
        let sums: Vec<Vec<f64>> = blocks
            .map(|(index, part)| inner_products(&self.vectors, index * BLOCK, part))
            .collect();
        let mut components = vec![0.0; self.vectors.len() + 1];
        for sums in sums {
            super::vector::axpy(1.0, &sums, &mut components);
        }
        let square = components.pop().unwrap_or_default();
        (components, square.sqrt())
    }

    fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        let dimension = self.vectors.first().map_or(0, |vector| vector.len());
        let (terms, no_state) = (self.terms(coordinates, 1.0), || ());
        filled(dimension, BLOCK, no_state, |(), index, part| {
            add_all(&terms, index * BLOCK, part);
        })
    }

    /// The vectors with their coordinates times a factor. Coordinates that would be lost in the rounding of
    /// the others are left out: in a Lanczos process they are all but one.
    fn terms(&self, coordinates: &[f64], factor: f64) -> Vec<(&[T], f64)> {
        let sizes = coordinates.iter().map(|coordinate| coordinate.abs());
        let largest = sizes.fold(0.0, f64::max);
        self.vectors
            .iter()
            .zip(coordinates)
            .filter(|(_, coordinate)| coordinate.abs() > LOST * largest)
            .map(|(vector, coordinate)| (&vector[..], factor * coordinate))
            .collect()
    }

    /// `target += factor · Σ coordinate · vector`, and the norm it has then.
    fn add(&self, coordinates: &[f64], factor: f64, target: &mut [f64]) -> f64 {
        let terms = self.terms(coordinates, factor);
        let blocks = target.par_chunks_mut(BLOCK).enumerate();
        let squares: Vec<f64> = blocks
            .map(|(index, part)| {
                add_all(&terms, index * BLOCK, part);
                square(part)
            })
            .collect();
        squares.iter().sum::<f64>().sqrt()
    }

    fn combine_all(&self, coordinates: &[Vec<f64>], round: impl Fn(f64) -> T + Sync) -> Self {
        let dimension = self.vectors.first().map_or(0, |vector| vector.len());
        let mut vectors: Vec<Vec<T>> = coordinates
            .iter()
            .map(|_| vec![round(0.0); dimension])
            .collect();
        let mut blocks: Vec<Vec<&mut [T]>> = Vec::new();
        for vector in &mut vectors {
            for (index, part) in vector.chunks_mut(BLOCK).enumerate() {
                match blocks.get_mut(index) {
                    Some(block) => block.push(part),
                    None => blocks.push(vec![part]),
                }
            }
        }
        let terms: Vec<_> = coordinates
            .iter()
            .map(|coordinates| self.terms(coordinates, 1.0))
            .collect();
        blocks
            .into_par_iter()
            .enumerate()
            .for_each(|(index, block)| {
                let mut sum = vec![0.0; BLOCK];
                for (part, terms) in block.into_iter().zip(&terms) {
                    let sum = &mut sum[..part.len()];
                    sum.fill(0.0);
                    add_all(terms, index * BLOCK, sum);
                    for (value, sum) in part.iter_mut().zip(&*sum) {
                        *value = round(*sum);
                    }
                }
            });
        Self {
            vectors: vectors.into_iter().map(Arc::from).collect(),
        }
    }
}

/// A vector taken apart.
struct Split {
    /// Its components along a basis.
    components: Vec<f64>,
    /// The norm it had.
    before: f64,
    /// The norm of what is left without them.
    after: f64,
}

/// Coordinates below this share of the largest make no difference to a sum in f64.
const LOST: f64 = 0.1 * f64::EPSILON;

/// The share of a vector's norm below which what a projection has left is projected again. With a tenth
/// in its place the loss of orthogonality grows from step to step.
const SHORTENED: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// So many numbers of every vector stay in the cache while all that need them read them. Fixed, so that
/// sums do not depend on the number of threads.
const BLOCK: usize = 1 << 11;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::norm;

    #[test]
    fn both_precisions_orthogonalise_and_combine() {
        for precision in [Precision::F32, Precision::F64] {
            let mut basis = Basis::new(precision);
            basis.push(&[1.0, 0.0, 0.0]);
            basis.push(&[0.0, 0.6, 0.8]);
            assert_eq!(basis.len(), 2);
            let mut vector = vec![5.0, 1.0, 7.0];
            let (components, _) = basis.orthogonalise(&mut vector);
            assert!((components[0] - 5.0).abs() < 1e-6 && (components[1] - 6.2).abs() < 1e-6);
            assert!(vector[0].abs() < 1e-6);
            assert!((0.6 * vector[1] + 0.8 * vector[2]).abs() < 1e-6);
            let combined = basis.combine(&[2.0, 10.0]);
            assert!((combined[1] - 6.0).abs() < 1e-6 && combined[0] == 2.0);
        }
    }

    #[test]
    fn vectors_of_many_blocks_are_orthogonalised_and_combined() {
        let dimension = 2 * BLOCK + 5;
        let mut basis = Basis::new(Precision::F64);
        for sign in [1.0, -1.0] {
            // (1, ±1, 1, ±1, ..), scaled to norm 1.
            let entry = |i: usize| if i.is_multiple_of(2) { 1.0 } else { sign };
            let scale = (dimension as f64).sqrt().recip();
            let vector: Vec<f64> = (0..dimension).map(|i| scale * entry(i)).collect();
            let mut rest = vector.clone();
            let (_, length) = basis.orthogonalise(&mut rest);
            super::super::vector::scale(1.0 / length, &mut rest);
            basis.push(&rest);
        }
        // What is in their span is the same at all even places, and at all odd ones.
        let combined = basis.combine(&[3.0, -2.0]);
        assert!((norm(&combined) - 13f64.sqrt()).abs() < 1e-9);
        let all = basis.combine_all(&[vec![1.0], vec![3.0, -2.0]]);
        assert_eq!((all.len(), all.vector(1)), (2, combined.clone()));
        assert_eq!(all.vector(0), basis.vector(0));
        let mut rest = combined.clone();
        let (components, length) = basis.orthogonalise(&mut rest);
        assert!((components[0] - 3.0).abs() < 1e-9 && (components[1] + 2.0).abs() < 1e-9);
        assert!(norm(&rest) < 1e-9 && (norm(&rest) - length).abs() < 1e-15);
        assert!(
            combined[4..]
                .iter()
                .zip(&combined)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }

    #[test]
    fn a_basis_takes_the_bytes_of_its_vectors_and_no_more() {
        for (precision, size) in [(Precision::F32, 4), (Precision::F64, 8)] {
            let mut basis = Basis::new(precision);
            (0..5).for_each(|_| basis.push(&vec![0.5; 1000]));
            assert_eq!(basis.bytes(), size * 5 * 1000);
        }
    }
}
