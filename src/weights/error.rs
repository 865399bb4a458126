//! Why weights from elsewhere cannot be used.

use crate::params::store::WeightsError;
use lab_formats::tensor::Dtype;
use lab_formats::torch::TorchError;
use lab_formats::weights::architecture::ArchitectureError;
use lab_formats::weights::listing::ListingError;
use lab_formats::weights::matching::MatchError;
use std::path::PathBuf;
use thiserror::Error;

/// Why weights from elsewhere cannot be used. Each message names the file, what is wrong and what mends it.
#[derive(Debug, Error)]
pub enum ForeignError {
    /// It cannot be read, or its numbers are none that a model has.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// It is a file of PyTorch that cannot be read.
    #[error("{}: {error}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<TorchError>,
    },
    /// It is a safetensors file without its end.
    #[error(
        "{}: this safetensors file ends too early: {what}. Copy or download it again, or save it anew",
        path.display()
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// How many bytes it has and how many it tells of.
        what: String,
    },
    /// It is in no format that is read.
    #[error(
        "{}: neither a safetensors file ({reason}) nor one of PyTorch's torch.save (.pt, .pth)",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Why it is no safetensors file.
        reason: String,
    },
    /// It cannot be told which of its tensors are the model.
    #[error("{}: {error}", path.display())]
    Listing {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<ListingError>,
    },
    /// It cannot be told what model they are of.
    #[error(
        "{}: {error}. Where shapes do not tell, a config can: --model FILE --config FILE",
        path.display()
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<ArchitectureError>,
    },
    /// Its tensors are not those of the model.
    #[error("{}: {error}. The model has {needed}", path.display())]
    Match {
        /// The file.
        path: PathBuf,
        /// Why.
        error: Box<MatchError>,
        /// The names of the model.
        needed: String,
    },
    /// A tensor is made of numbers that parameters are not.
    #[error("{}: tensor `{name}` has type {found}; parameters are F16, BF16, F32 or F64", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: Dtype,
    },
    /// Shapes leave something open that must be said.
    #[error("{}: {what}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What, and how to say it.
        what: String,
    },
    /// The model is not for such data.
    #[error("{}: {what}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What it takes and makes, and what the data have.
        what: String,
    },
}
