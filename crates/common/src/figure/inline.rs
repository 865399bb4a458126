//! What a page must know of a figure to tell the numbers under a pointer.

use super::axis::Span;
use super::layout::Placed;

/// A figure that is drawn, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The SVG element.
    pub svg: String,
    /// Its width and height in its own units.
    pub size: [f64; 2],
    /// Where its panels have their data, in their order; panels whose axes are no two numbers have none.
    pub areas: Vec<Option<Area>>,
}

/// Where a panel has its data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left, top, width and height, in units of the figure.
    pub place: [f64; 4],
    /// The axis to the right.
    pub x: Span,
    /// The axis upwards.
    pub y: Span,
}

impl Area {
    pub(super) fn of(placed: &Placed<'_>) -> Option<Self> {
        let panel = &placed.prepared;
        let is_of_numbers = panel.panel.x.categories.is_none() && !placed.is_turned;
        let (x, y) = (panel.x?, panel.y?);
        is_of_numbers.then_some(Self {
            place: placed.area,
            x,
            y,
        })
    }
}
