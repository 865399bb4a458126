//! What model the shapes of tensors are of. Shapes tell widths and depths, kernels and what normalises; they do not tell
//! activations, strides or heads of attention, so whoever builds the model has to assume those and say so.

mod perceptron;
mod residual;
#[cfg(test)]
mod tests;
mod transformer;

use super::listing::{Entry, Listing};
use super::matching::{Module, modules};
use thiserror::Error;

/// A model, as far as shapes tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Linear layers in a row.
    Perceptron(Perceptron),
    /// A residual network of basic blocks.
    Residual(Residual),
    /// A transformer of `nn.TransformerEncoderLayer`s.
    Transformer(Transformer),
}

/// Linear layers in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Perceptron {
    /// Numbers that enter.
    pub inputs: usize,
    /// Widths between layers.
    pub hidden: Vec<usize>,
    /// Numbers that come out.
    pub outputs: usize,
    /// Whether layers add a bias.
    pub has_bias: bool,
    /// What normalises hidden units.
    pub norm: Norm,
}

/// What normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Nothing.
    None,
    /// Batch normalisation: there are running statistics.
    Batch,
    /// A scale and a shift without running statistics: by layer or by group.
    Sample,
}

/// A residual network of basic blocks (He et al. 2016).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residual {
    /// Channels of an image.
    pub channels: usize,
    /// The side of the first convolution's kernels.
    pub stem: usize,
    /// Channels of the first stage; each further one has twice as many.
    pub width: usize,
    /// Blocks of each stage.
    pub blocks: Vec<usize>,
    /// Numbers that come out.
    pub outputs: usize,
    /// Whether shortcuts between stages have parameters (option B of the paper); without, they are padded (option A).
    pub has_projections: bool,
    /// What normalises.
    pub norm: Norm,
}

/// A transformer on patches or on tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformer {
    /// What enters.
    pub embedding: Embedding,
    /// Positions that have a place of their own.
    pub positions: usize,
    /// Numbers per token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Hidden units of each block's MLP.
    pub mlp_width: usize,
    /// Numbers that come out.
    pub outputs: usize,
    /// Whether there is a token to classify by.
    pub has_class_token: bool,
    /// Whether the last normalisation is that of `nn.TransformerEncoder`, of every token.
    pub norms_tokens: bool,
}

/// What enters a transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedding {
    /// Patches, by a convolution that does not overlap: its channels and side.
    Convolution {
        /// Channels of an image.
        channels: usize,
        /// The side of a patch.
        side: usize,
    },
    /// Patches, by a linear map of so many numbers.
    Linear(usize),
    /// So many kinds of tokens.
    Table(usize),
}

/// A listing with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The model.
    pub architecture: Architecture,
    /// The tensors by step of unwrapping, those of a known architecture under its usual names.
    pub levels: Vec<Listing>,
    /// Modules that were given their usual names: the file's, and that.
    pub renamed: Vec<(String, String)>,
}

/// Why no model can be told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArchitectureError {
    /// A module that no model here has.
    #[error("`{module}` ({parts}) is no part of a model that is known here: {known}")]
    Unknown {
        /// The module.
        module: String,
        /// Its parts with their shapes.
        parts: String,
        /// What it could have been.
        known: &'static str,
    },
    /// The layers do not follow one another.
    #[error(
        "its linear layers ({layers}) do not make one row, in which each takes what the one before makes"
    )]
    NoChain {
        /// The layers.
        layers: String,
    },
    /// The layers follow one another in several ways.
    #[error(
        "its linear layers ({layers}) make a row in more than one order; say the order by --rename 'NAME=layers.0' and so on"
    )]
    SeveralChains {
        /// The layers.
        layers: String,
    },
    /// Something is otherwise than in the models here.
    #[error("{0}")]
    Other(String),
}

fn other<T>(text: impl Into<String>) -> Result<T, ArchitectureError> {
    Err(ArchitectureError::Other(text.into()))
}

/// What a listing, unwrapped step by step, is.
///
/// # Errors
///
/// [`ArchitectureError`] where it is none of the models here.
pub fn inferred(levels: Vec<Listing>) -> Result<Inferred, ArchitectureError> {
    let Some(last) = levels.last() else {
        return other("it holds no tensors");
    };
    let entries = || last.entries.iter();
    if entries().any(|entry| entry.name().ends_with("self_attn.in_proj_weight")) {
        return transformer::inferred(last);
    }
    if entries().any(|entry| entry.shape.len() == 4) {
        return residual::inferred(last);
    }
    let architecture = perceptron::inferred(last).map(Architecture::Perceptron)?;
    Ok(Inferred {
        architecture,
        levels,
        renamed: Vec::new(),
    })
}

/// The modules of a listing.
fn modules_of(listing: &Listing) -> Vec<Module> {
    let entries = listing.entries.iter();
    modules(entries.map(|it| (it.name(), it.shape.as_slice(), it.place)))
}

impl Module {
    /// The shape of a part.
    fn shape(&self, part: &str) -> Option<&[usize]> {
        self.parts.get(part).map(|(shape, _)| shape.as_slice())
    }

    /// Whether its parts are exactly these.
    fn has_only(&self, parts: &[&str]) -> bool {
        self.parts.len() == parts.len() && parts.iter().all(|it| self.parts.contains_key(*it))
    }

    /// What it normalises by, and of how many channels, if it is a normalisation.
    fn norm(&self) -> Option<(Norm, usize)> {
        let &[channels] = self.shape("weight")? else {
            return None;
        };
        if self.has_only(&["weight", "bias"]) {
            return Some((Norm::Sample, channels));
        }
        let batch = ["weight", "bias", "running_mean", "running_var"];
        self.has_only(&batch).then_some((Norm::Batch, channels))
    }

    fn unknown(&self, known: &'static str) -> ArchitectureError {
        ArchitectureError::Unknown {
            module: self.name.clone(),
            parts: self.said(),
            known,
        }
    }
}

/// A listing with every name put through a map; the modules that it changed, once each.
fn with_names(
    listing: &Listing,
    map: impl Fn(&Entry) -> String,
) -> (Listing, Vec<(String, String)>) {
    let mut renamed = listing.clone();
    let mut changes = Vec::new();
    let module = |name: &str| name.rsplit_once('.').map_or(name, |it| it.0).to_owned();
    for entry in &mut renamed.entries {
        let (old, new) = (entry.name().to_owned(), map(entry));
        if old != new {
            let change = match (old.rsplit_once('.'), new.rsplit_once('.')) {
                (Some(_), Some(_)) => (module(&old), module(&new)),
                _ => (old, new.clone()),
            };
            if !changes.contains(&change) {
                changes.push(change);
            }
            entry.path = vec![new.into()];
        }
    }
    (renamed, changes)
}
