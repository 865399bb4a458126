//! Why a problem cannot be set up.

use crate::backend::BackendError;
use crate::config::{ConfigError, ModelKind};
use crate::data::DataError;
use crate::nearest::nearest;
use crate::reparam::MapKind;
use thiserror::Error;

/// The largest model: its vectors in f64 take 4 GB each.
pub(super) const MOST_PARAMETERS: f64 = 5e8;

/// Why a problem cannot be set up. All of it is for the user to mend.
#[derive(Debug, Error)]
pub enum ProblemError {
    /// The config does not fit the data.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model is larger than this program can hold.
    #[error(
        "[model]: this {kind} has {parameters:.1e} parameters; the most this program takes is \
         {MOST_PARAMETERS:e}. Make it narrower or less deep"
    )]
    TooLarge {
        /// The architecture.
        kind: ModelKind,
        /// The number of parameters.
        parameters: f64,
    },
    /// The patches do not cover the image.
    #[error(
        "`model.patch` = {patch} must divide the height and width of the images, {height} x {width}"
    )]
    Patch {
        /// The side of a patch.
        patch: usize,
        /// The image's height.
        height: usize,
        /// The image's width.
        width: usize,
    },
    /// The stages halve the image away.
    #[error(
        "`model.blocks` has {stages} stages, each of which halves the image: the {height} x {width} \
         images here allow at most {allowed}"
    )]
    TooManyStages {
        /// The stages asked for.
        stages: usize,
        /// The most the image allows.
        allowed: u32,
        /// The image's height.
        height: usize,
        /// The image's width.
        width: usize,
    },
    /// A mean and a variance of one number.
    #[error(
        "`model.norm` = \"batch\" normalises each channel by the mean and variance of a batch, and \
         of the {samples} training samples in batches of {batch} the smallest has one value per \
         channel: choose another `train.batch_size` or `model.norm`"
    )]
    LonelyValue {
        /// The training samples.
        samples: usize,
        /// The batch size.
        batch: usize,
    },
    /// A hook measures under a map that the network has none of.
    #[error(
        "`hooks.{hook}.maps`: no {map} map leaves the function of this {kind} alone. Those that do: \
         {allowed}"
    )]
    Map {
        /// The place of the hook.
        hook: usize,
        /// The map.
        map: MapKind,
        /// The architecture.
        kind: ModelKind,
        /// The maps that it has.
        allowed: String,
    },
    /// A hook measures a block that the network does not have.
    #[error(
        "`hooks.{hook}.blocks`: this {kind} has no layer or parameter {found:?}{}; \"layers\" takes each \
         layer in turn: {}",
        suggestion(found, parameters),
        layers.join(", ")
    )]
    Block {
        /// The place of the hook.
        hook: usize,
        /// The block.
        found: String,
        /// The architecture.
        kind: ModelKind,
        /// The network's parameters.
        parameters: Vec<String>,
        /// Its layers.
        layers: Vec<String>,
    },
    /// The config freezes what the network does not have, or all of it.
    #[error(
        "`train.frozen.{place}`: {}; its layers are {}",
        match is_all {
            true => format!("with {found:?} no parameter is left to train"),
            false => format!("this network has no layer or parameter {found:?}{}", suggestion(found, parameters)),
        },
        layers.join(", ")
    )]
    Frozen {
        /// The place in the list.
        place: usize,
        /// What stands there.
        found: String,
        /// Whether it leaves nothing to train.
        is_all: bool,
        /// The network's parameters.
        parameters: Vec<String>,
        /// Its layers.
        layers: Vec<String>,
    },
    /// A hook has blocks and nothing to measure of them.
    #[error(
        "`hooks.{hook}.blocks`: nothing that this hook measures is about a block of the parameters ({measures}); \
         leave `blocks` out, or add a measure that is, such as \"hessian.lambda_max\" or \"hessian.trace\""
    )]
    NothingOfBlocks {
        /// The place of the hook.
        hook: usize,
        /// What it measures.
        measures: String,
    },
    /// The backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// The nearest name, if any is near.
fn suggestion(found: &str, known: &[String]) -> String {
    nearest(found, known).map_or_else(String::new, |nearest| {
        format!("; did you mean {nearest:?}?")
    })
}
