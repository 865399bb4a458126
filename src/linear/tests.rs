//! What holds of all searches and of all estimates.

mod coverage;
mod properties;
