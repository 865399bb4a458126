//! Configs for the tests of all rooms.

pub(crate) mod samples;
