//! What a number was taken under.

use super::chain_settings::ChainSettings;
use crate::model::{DropoutMode, NormMode};
use serde::{Deserialize, Serialize};

words! {
    /// How the search for an eigenvalue goes about it.
    Algorithm {
        /// A Lanczos process from a random vector.
        #[default]
        Lanczos = "lanczos",
        /// A Davidson method from random vectors, over a few of the samples first where there are many.
        Davidson = "davidson",
        /// A Davidson method from what the last search has left.
        WarmDavidson = "davidson from the last search",
    }
}

words! {
    /// Which weights of a run are measured (`hooks.weights`).
    Weights {
        /// Those after the last step.
        #[default]
        Last = "last",
        /// Their average over training (`average.kind`).
        Average = "average",
    }
}

/// What a number was taken under besides the network, its parameters and its data. Numbers taken under
/// different circumstances are different numbers, whatever their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// How normalisation layers behaved; none for a network without any.
    pub norm_mode: Option<NormMode>,
    /// What dropout did; none where it did nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<DropoutMode>,
    /// Which weights of the run it is of; none for the last ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// How many of the training samples, the first ones, it was taken over; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<usize>,
    /// The block of the parameters that it is about; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// The most products that were allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_matvecs: Option<usize>,
    /// The most seconds that were allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
    /// How it was searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// How its chains ran, where not as the measure says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chains: Option<ChainSettings>,
    /// Whether the row is of an earlier version, which did not record how what takes products was taken.
    #[serde(skip)]
    pub is_unrecorded: bool,
}

impl Circumstances {
    /// Whether a number that was taken under these is the one that is found under `wanted` by a search that begins with
    /// nothing: how it goes about it follows from the network, the loss and the samples.
    pub fn are_found_under(&self, wanted: &Self) -> bool {
        let own = Self {
            algorithm: None,
            ..self.clone()
        };
        self.algorithm != Some(Algorithm::WarmDavidson) && own == *wanted
    }

    /// Each of them in words, with its name, whether it is usual or not.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        fn word<T: ToString>(value: Option<T>, none: &str) -> String {
            value.map_or_else(|| none.to_owned(), |value| value.to_string())
        }
        let search = match self.is_unrecorded {
            true => "not recorded, by an earlier version",
            false => "none",
        };
        vec![
            ("norm_mode", word(self.norm_mode, "none")),
            ("dropout", word(self.dropout, "off")),
            ("weights", word(self.weights, "last")),
            ("samples", word(self.subset, "all")),
            ("block", word(self.block.as_ref(), "all parameters")),
            ("max_matvecs", word(self.max_matvecs, "any")),
            ("max_seconds", word(self.max_seconds, "any")),
            ("search", word(self.algorithm, search)),
            ("chains", word(self.chains, "usual")),
        ]
    }
}
