//! What parameters are read from, damaged.

pub(crate) mod fuzz;
