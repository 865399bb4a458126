//! Weights from elsewhere: files of PyTorch and of others, read without trust, their tensors matched with the parameters
//! of a network, and, where nobody says which network that is, a config made of what their shapes tell.
//!
//! What needs no tensors is in the package `lab_formats`: the containers, the pickles, names and shapes.

mod error;
mod file;
mod names;
mod safe;
mod settings;
#[cfg(test)]
mod tests;

pub use error::ForeignError;
pub use file::WeightsFile;
pub use settings::{ConfigOrForeign, check_data, config, said};
