//! Maps of the parameters that leave the function alone, made from what a network says of its
//! symmetries. A map is a linear map of the whole vector θ, pure and invertible.

mod build;
mod map;

pub use build::{FACTOR, NotApplicable, applicable, build, build_by, permutable, permutation};
pub use map::ParameterMap;

use crate::model::Freedom;

words! {
    /// A kind of map of the parameters that leaves the function alone (`hooks.maps`).
    MapKind {
        /// The weights and biases of a layer times α, the next layer's weights divided by it (Dinh
        /// et al. 2017, "Sharp minima can generalize for deep nets", sec. 3).
        #[default]
        LayerRescaling = "layer-rescaling",
        /// The same with a factor of its own for every hidden unit or channel (Neyshabur et al.
        /// 2015, "Path-SGD", sec. 2).
        UnitRescaling = "unit-rescaling",
        /// Hidden units or channels in another order.
        Permutation = "permutation",
        /// The weights that feed a normalisation layer times a factor, which it divides out.
        NormalisedScale = "normalised-scale",
        /// In attention, queries times a factor and keys divided by it; values and outputs the same.
        AttentionRescaling = "attention-rescaling",
        /// An orthogonal change of basis between two layers of a linear network.
        OrthogonalBasis = "orthogonal-basis",
    }
}

impl MapKind {
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

    /// The word without what all kinds have in common, for narrow columns.
    pub fn short(self) -> &'static str {
        let word = self.as_str();
        word.split_once('-').map_or(word, |(first, _)| first)
    }

    /// What it does to the parameters, in a clause.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::LayerRescaling => {
                "a layer's weights and biases times a factor, the next layer's weights divided by it"
            }
            Self::UnitRescaling => {
                "what goes into each hidden unit times a factor of its own, what comes out divided by it"
            }
            Self::Permutation => "hidden units in another order",
            Self::NormalisedScale => {
                "the weights that feed a normalisation layer times a factor, which that divides out"
            }
            Self::AttentionRescaling => {
                "in attention, queries times a factor and keys divided by it, values and outputs the same"
            }
            Self::OrthogonalBasis => {
                "another orthogonal basis between two layers without an activation"
            }
        }
    }

    /// Whether the kind can act on units with this freedom.
    pub fn acts_on(self, freedom: Freedom) -> bool {
        match self {
            Self::LayerRescaling | Self::UnitRescaling => {
                matches!(
                    freedom,
                    Freedom::Homogeneous | Freedom::Linear | Freedom::Scale
                )
            }
            Self::Permutation => matches!(
                freedom,
                Freedom::Order | Freedom::Homogeneous | Freedom::Linear
            ),
            Self::NormalisedScale => freedom == Freedom::Normalised,
            Self::AttentionRescaling => freedom == Freedom::Product,
            Self::OrthogonalBasis => freedom == Freedom::Linear,
        }
    }

    /// What a network must have for the kind to apply.
    pub const fn needs(self) -> &'static str {
        match self {
            Self::LayerRescaling | Self::UnitRescaling => {
                "a hidden layer whose activation is positively homogeneous (relu)"
            }
            Self::Permutation => "a hidden layer",
            Self::NormalisedScale => "a normalisation layer",
            Self::AttentionRescaling => "an attention layer",
            Self::OrthogonalBasis => "a hidden layer without an activation",
        }
    }
}

#[cfg(test)]
mod tests;
