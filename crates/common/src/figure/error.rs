//! Why a figure cannot be drawn.

use thiserror::Error;

/// Why a figure cannot be drawn. What is missing (NaN) is no reason: it is a gap.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FigureError {
    /// There is nothing to draw on.
    #[error("the figure \"{0}\" has no panel")]
    NoPanels(String),
    /// A title, or an axis's name or unit, is empty.
    #[error("{0} is empty: a figure has a title, and every axis a name and a unit")]
    Unnamed(&'static str),
    /// Two lists that belong together are of different lengths.
    #[error("\"{of}\": {found} {what} where {expected} are needed")]
    Lengths {
        /// The data.
        of: String,
        /// What there is too much or too little of.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number is infinite.
    #[error(
        "\"{of}\": {what} {index} is {value}; only finite numbers and NaN, a gap, can be drawn"
    )]
    Infinite {
        /// The data.
        of: String,
        /// Which of its lists.
        what: &'static str,
        /// The place in the list, from 0.
        index: usize,
        /// The number.
        value: f64,
    },
    /// A number has no logarithm.
    #[error("\"{of}\": {what} = {value}, which a logarithmic axis has no place for")]
    NotPositive {
        /// The data.
        of: String,
        /// Which of its lists.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// Edges or a grid do not ascend.
    #[error("\"{of}\": {what} must ascend and have no gaps")]
    NotAscending {
        /// The data.
        of: String,
        /// Which of its lists.
        what: &'static str,
    },
    /// A range of an axis is empty or not finite.
    #[error("the range of the axis \"{axis}\" is from {low} to {high}")]
    Range {
        /// The axis's name.
        axis: String,
        /// Its beginning.
        low: f64,
        /// Its end.
        high: f64,
    },
    /// Marks of one kind cannot stand on an axis of another.
    #[error("\"{of}\": {reason}")]
    Unfit {
        /// The data.
        of: String,
        /// Why.
        reason: &'static str,
    },
    /// The renderer of images refuses.
    #[error("the image cannot be made: {0}")]
    Image(String),
}
