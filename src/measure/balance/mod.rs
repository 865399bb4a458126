//! What gradient flow conserves between neighbouring layers, and how parameters that a normalisation makes
//! scale-invariant grow.

mod direction;
mod layers;
mod scale_invariant;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, Reads, RoundingLaw, Take};
use crate::reparam::MapKind;
use layers::Part;

pub(super) const FAMILY: Family = &[
    Measure::new(
        "direction.alignment",
        "cosine between the parameters and the negative gradient of the training loss: 1 where the direction \
         of the parameters has converged",
        |session, name| session.direction_alignment(name),
    )
    .from("Ji & Telgarsky 2020, \"Directional convergence and alignment in deep learning\"")
    .passes()
    .of_block()
    .rounded(RoundingLaw::Direction),
    balance(
        "balance.layers",
        "largest |D|_F / (|W+'W+|_F + |WW' + bb'|_F), D = W+'W+ - WW' - bb', over neighbouring layers of a linear \
         or ReLU MLP",
        |session, name| session.layer_balance(name, Part::All),
    ),
    balance(
        "balance.units",
        "the same of the diagonals: squared outgoing minus squared incoming weights of each hidden unit",
        |session, name| session.layer_balance(name, Part::Diagonal),
    )
    .invariant(&[MapKind::Permutation]),
    balance(
        "balance.layers.drift",
        "largest |D - D0|_F over the same, D0 being D at the start: 0 under gradient flow in linear networks",
        |session, name| session.balance_drift(name, Part::All),
    )
    .invariant(&[]),
    balance(
        "balance.units.drift",
        "the same of the diagonals: 0 under gradient flow in linear and ReLU networks",
        |session, name| session.balance_drift(name, Part::Diagonal),
    )
    .invariant(&[]),
    scale_invariant(
        "scale_invariant.effective_rate",
        "largest learning rate over |w|^2 among the weights w in front of a normalisation",
        |session, name| session.effective_rate(name),
    )
    .from("van Laarhoven 2017, \"L2 regularization versus batch and weight normalization\""),
    scale_invariant(
        "scale_invariant.orthogonality",
        "largest |cos| between such weights and their gradient: 0 but for the normalisation's epsilon",
        |session, name| session.orthogonality(name),
    )
    .rounded(RoundingLaw::Told),
    scale_invariant(
        "scale_invariant.growth",
        "relative change of |w|^2 expected of the next step of SGD, rate^2 E|g|^2 / |w|^2 - (1 - (1 - rate * \
         decay)^2), where it is largest: 0 in equilibrium",
        |session, name| session.growth(name),
    )
    .rounded(RoundingLaw::Told)
    .from("Li, Lyu & Arora 2020, \"Reconciling modern deep learning with traditional optimization analyses\""),
];

const fn balance(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .from(
            "Du, Hu & Lee 2018, \"Algorithmic regularization in learning deep homogeneous models\"",
        )
        .passes()
        .reading(Reads::Parameters)
}

const fn scale_invariant(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take).passes().of_block()
}
