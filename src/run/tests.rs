//! What a run leaves, damaged.

mod fuzz;
