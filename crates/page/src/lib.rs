//! Pages of words, tables and figures, each written as one HTML file that needs nothing else: no network, no other
//! file, no build step. What is on it is data ([`Page`]); what the words and numbers mean is known to whoever makes one.
//!
//! A page is whole without scripts: every word, every row and, folded below each figure, every number that is drawn.
//! A script of a few kB adds what a pointer or the keyboard asks for: the numbers under it, columns that are sorted,
//! rows that are filtered, figures across the page. It is light or dark as its reader likes, fits a phone, and prints.
//! A policy in its head forbids it to load anything.

#![warn(missing_docs)]

mod document;
mod figure;
mod numbers;
mod page;
mod picture;
mod table;

pub use document::GENERATOR;
pub use page::{Grid, Page, Part, Picture, Section};
