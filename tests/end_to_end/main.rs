//! Whole runs through the binary.

mod backends;
mod commands;
mod config_errors;
mod interrupt;
mod lab;
mod networks;
mod progress;
mod real_data;
mod reparam;
mod resume;
mod text;
mod train;
