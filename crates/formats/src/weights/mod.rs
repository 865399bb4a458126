//! What weights from elsewhere are: which of a file's tensors make up the model ([`listing`]), what model their shapes
//! are of ([`architecture`]), and which tensor is which parameter ([`matching`]).
//!
//! Names and shapes are all that is looked at here; numbers stay where they are until they are asked for.

pub mod architecture;
pub mod listing;
pub mod matching;
pub mod rename;
