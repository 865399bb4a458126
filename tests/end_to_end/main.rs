//! Whole runs through the binary.

mod backends;
mod commands;
mod config_errors;
mod files;
mod lab;
mod networks;
mod real_data;
mod reparam;
mod resume;
mod text;
mod train;
