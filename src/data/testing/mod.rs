//! What tests of downloads share.

pub(super) mod server;
