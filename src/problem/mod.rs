//! Classical problems without networks, and their closed forms.

pub mod dense;
pub mod draw;
