//! Linear maps of the parameter vector.

use super::MapKind;
use crate::model::NormMode;
use crate::table::two_digits;
use nalgebra::DMatrix;

/// An invertible linear map of the parameter vector θ that leaves the function alone. Where the
/// network keeps running statistics, they are mapped beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterMap {
    pub(super) kind: MapKind,
    pub(super) action: Action,
    pub(super) running: RunningMap,
    pub(super) exactness: Exactness,
}

impl ParameterMap {
    /// What it does to the parameters, in words.
    pub fn description(&self) -> String {
        let range = match &self.action {
            Action::Scale(multipliers) => {
                let moved = multipliers.iter().filter(|factor| **factor != 1.0);
                let ends = moved.fold([f64::INFINITY, 0.0_f64], |[low, high], factor| {
                    [low.min(*factor), high.max(*factor)]
                });
                ends.map(two_digits)
            }
            _ => Default::default(),
        };
        let [low, high] = range;
        match self.kind {
            MapKind::LayerRescaling => format!(
                "weights and biases of one layer times a factor, the next layer's weights divided by it; parameters by factors of \
                 {low} and {high}"
            ),
            MapKind::UnitRescaling => format!(
                "what goes into each hidden unit times a factor of its own, what comes out divided by it; parameters by factors \
                 from {low} to {high}"
            ),
            MapKind::Permutation => "hidden units in another order".to_owned(),
            MapKind::NormalisedScale => format!(
                "what feeds each normalised unit times a factor of its own, which normalisation divides out; parameters by factors \
                 up to {high}"
            ),
            MapKind::AttentionRescaling => format!(
                "queries times a factor and keys divided by it, values and outputs the same; parameters by factors from {low} to \
                 {high}"
            ),
            MapKind::OrthogonalBasis => {
                "another orthogonal basis between layers without an activation".to_owned()
            }
        }
    }
}

/// When a map leaves the function alone exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exactness {
    /// Always.
    Exact,
    /// Where normalisation uses running statistics, which the map can correct for the ε that is
    /// added to variances.
    WithRunningStatistics,
    /// Up to that ε.
    UpToEpsilon,
}

/// What happens to running statistics: statistic `i` becomes
/// `multipliers[i] · old[sources[i]] + shifts[i]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunningMap {
    pub sources: Vec<usize>,
    pub multipliers: Vec<f64>,
    pub shifts: Vec<f64>,
}

impl RunningMap {
    /// The map that changes nothing.
    pub fn identity(length: usize) -> Self {
        Self {
            sources: (0..length).collect(),
            multipliers: vec![1.0; length],
            shifts: vec![0.0; length],
        }
    }

    fn apply(&self, values: &[f64]) -> Vec<f64> {
        let places = self.sources.iter().zip(&self.multipliers).zip(&self.shifts);
        places
            .map(|((&source, multiplier), shift)| multiplier * values[source] + shift)
            .collect()
    }

    fn inverse(&self) -> Self {
        let mut inverse = Self::identity(self.sources.len());
        for (target, &source) in self.sources.iter().enumerate() {
            inverse.sources[source] = target;
            inverse.multipliers[source] = self.multipliers[target].recip();
            inverse.shifts[source] = -self.shifts[target] / self.multipliers[target];
        }
        inverse
    }
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
    /// The kind of the map.
    pub fn kind(&self) -> MapKind {
        self.kind
    }

    /// Whether the function is exactly the same, but for rounding. Where it is not, it moves with
    /// the ε that normalisation adds to variances, relative to them.
    pub fn is_exact(&self, norm_mode: NormMode) -> bool {
        match self.exactness {
            Exactness::Exact => true,
            Exactness::WithRunningStatistics => norm_mode == NormMode::Eval,
            Exactness::UpToEpsilon => false,
        }
    }

    /// The running statistics that belong to the image of the parameters.
    pub fn apply_to_statistics(&self, values: &[f64]) -> Vec<f64> {
        self.running.apply(values)
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
            running: self.running.inverse(),
            exactness: self.exactness,
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
