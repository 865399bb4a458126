//! Whole runs through the binary.

mod backends;
mod browser;
mod commands;
mod compare;
mod config_errors;
mod edge;
mod endings;
mod events;
mod experiment;
mod export;
mod files;
mod first_hour;
#[cfg(unix)]
mod full_disk;
mod gradients;
mod integrity;
mod interrupt;
#[cfg(unix)]
mod kills;
mod lab;
mod later;
mod networks;
mod own_data;
mod plot;
mod progress;
mod python_reader;
mod real_data;
mod reparam;
mod report;
mod resume;
mod rules;
mod slice;
#[cfg(target_os = "linux")]
mod slurm;
mod sweep;
mod text;
mod train;
mod watch;
mod weights;
