//! What all of `lab` builds on and what knows nothing of networks: figures and tables as data with their renderers, columns
//! and event files for other programs, statistics of numbers that a few seeds gave, random streams, linear assignment,
//! extremes that keep NaN, and the nearest of some names.

#![warn(missing_docs)]

pub mod assignment;
pub mod columns;
pub mod events;
pub mod extremes;
pub mod figure;
pub mod nearest;
pub mod random;
pub mod statistics;
pub mod table;
