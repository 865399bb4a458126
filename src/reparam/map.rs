//! Linear maps of the parameter vector.

use super::MapKind;
use nalgebra::DMatrix;

/// An invertible linear map of the parameter vector θ that leaves the function alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterMap {
    kind: MapKind,
    action: Action,
}

/// How a map acts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Every parameter times a number.
    Scale(Vec<f64>),
    /// Parameter `i` taken from place `sources[i]`.
    Permute(Vec<usize>),
    /// Rows of units mixed, one after another.
    Mix(Vec<Mixing>),
}

/// Units mixed by a matrix `Q`: unit `u` becomes `Σ_v Q[u, v] · unit v`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mixing {
    /// An orthogonal matrix, `[units, units]`.
    pub matrix: DMatrix<f64>,
    /// Where each unit's numbers lie, in corresponding order.
    pub places: Vec<Vec<usize>>,
}

impl ParameterMap {
    pub(super) fn new(kind: MapKind, action: Action) -> Self {
        Self { kind, action }
    }

    /// The kind of the map.
    pub fn kind(&self) -> MapKind {
        self.kind
    }

    /// The image of a parameter vector.
    ///
    /// # Panics
    ///
    /// Where the vector has another length than the network's that the map was built for.
    pub fn apply(&self, values: &[f64]) -> Vec<f64> {
        match &self.action {
            Action::Scale(multipliers) => {
                assert_eq!(values.len(), multipliers.len());
                values.iter().zip(multipliers).map(|(x, m)| x * m).collect()
            }
            Action::Permute(sources) => {
                assert_eq!(values.len(), sources.len());
                sources.iter().map(|&source| values[source]).collect()
            }
            Action::Mix(mixings) => {
                let mut image = values.to_vec();
                for mixing in mixings {
                    mixing.apply(&mut image);
                }
                image
            }
        }
    }

    /// The map that undoes this one.
    pub fn inverse(&self) -> Self {
        let action = match &self.action {
            Action::Scale(multipliers) => {
                Action::Scale(multipliers.iter().map(|m| m.recip()).collect())
            }
            Action::Permute(sources) => {
                let mut inverse = vec![0; sources.len()];
                for (target, &source) in sources.iter().enumerate() {
                    inverse[source] = target;
                }
                Action::Permute(inverse)
            }
            Action::Mix(mixings) => {
                Action::Mix(mixings.iter().rev().map(Mixing::inverse).collect())
            }
        };
        Self {
            kind: self.kind,
            action,
        }
    }
}

impl Mixing {
    fn apply(&self, values: &mut [f64]) {
        let (units, numbers) = (self.places.len(), self.places[0].len());
        let before = DMatrix::from_fn(units, numbers, |unit, number| {
            values[self.places[unit][number]]
        });
        let after = &self.matrix * before;
        for (unit, places) in self.places.iter().enumerate() {
            for (number, &place) in places.iter().enumerate() {
                values[place] = after[(unit, number)];
            }
        }
    }

    /// The transpose is the inverse of an orthogonal matrix.
    fn inverse(&self) -> Self {
        Self {
            matrix: self.matrix.transpose(),
            places: self.places.clone(),
        }
    }
}
