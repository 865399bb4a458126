//! Operators for tests, here and in the rooms above.

pub(crate) mod operators;
