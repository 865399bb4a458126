//! What tests of measures share.

pub(super) mod fixture;
