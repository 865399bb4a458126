//! Maps of the parameters that leave the function alone.

use std::fmt;

/// A kind of function-preserving map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapKind {
    /// The weights and biases of a layer times α, the next layer's weights divided by it (Dinh et
    /// al. 2017, "Sharp minima can generalize for deep nets", sec. 3).
    LayerRescaling,
    /// The same with a factor of its own for every hidden unit or channel (Neyshabur et al. 2015,
    /// "Path-SGD", sec. 2).
    UnitRescaling,
    /// Hidden units or channels in another order.
    Permutation,
    /// The weights that feed a normalisation layer times a factor, which it divides out.
    NormalisedScale,
    /// In attention, queries times a factor and keys divided by it; values and outputs the same.
    AttentionRescaling,
    /// An orthogonal change of basis between two layers of a linear network.
    OrthogonalBasis,
}

impl MapKind {
    /// Every kind, in the order of tables.
    pub const ALL: &'static [Self] = &[
        Self::LayerRescaling,
        Self::UnitRescaling,
        Self::Permutation,
        Self::NormalisedScale,
        Self::AttentionRescaling,
        Self::OrthogonalBasis,
    ];

    /// The kinds that move the parameter vector by an orthogonal matrix.
    pub const ISOMETRIES: &'static [Self] = &[Self::Permutation, Self::OrthogonalBasis];

    /// The kinds that act on each parameter alone, by a factor or a change of place.
    pub const ELEMENTWISE: &'static [Self] = &[
        Self::LayerRescaling,
        Self::UnitRescaling,
        Self::Permutation,
        Self::NormalisedScale,
        Self::AttentionRescaling,
    ];

    /// The word in tables, configs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LayerRescaling => "layer-rescaling",
            Self::UnitRescaling => "unit-rescaling",
            Self::Permutation => "permutation",
            Self::NormalisedScale => "normalised-scale",
            Self::AttentionRescaling => "attention-rescaling",
            Self::OrthogonalBasis => "orthogonal-basis",
        }
    }
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
