//! Files of other programs, read without trust: what a file claims about itself (sizes, places, names) is checked
//! before it is used, and nothing in it is ever run.

pub mod archive;
pub mod csv;
pub mod npy;
pub mod pickle;
pub mod picture;
pub mod tensor;
pub mod text;
pub mod torch;
pub mod weights;
