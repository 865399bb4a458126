//! What can be changed in a network's parameters without changing its function.
//!
//! A network describes its symmetries by where its units live in the parameter vector; `reparam`
//! turns a description into maps. So a network knows no map, and a map knows no network.

use crate::params::Layout;

/// The part of a block that belongs to a row of units (hidden units, channels, heads): along one
/// axis, unit `u` owns `width` neighbours that begin at `offset + u · width`.
///
/// The width is 1 where an axis counts units (the rows of a dense layer, the output channels of a
/// convolution). It is larger where a unit has several neighbours on an axis: a channel's pixels in
/// the columns of a layer that reads a flattened image, a head's features in an attention weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slab {
    /// The position of the block in the layout.
    pub block: usize,
    /// The axis of the block's shape.
    pub axis: usize,
    /// Where on the axis the first unit begins.
    pub offset: usize,
    /// Neighbours on the axis per unit.
    pub width: usize,
}

impl Slab {
    /// One row (axis 0) of a block per unit: incoming weights, or biases.
    pub fn rows(block: usize) -> Self {
        Self::along(block, 0)
    }

    /// One column (axis 1) of a block per unit: outgoing weights.
    pub fn columns(block: usize) -> Self {
        Self::along(block, 1)
    }

    fn along(block: usize, axis: usize) -> Self {
        Self {
            block,
            axis,
            offset: 0,
            width: 1,
        }
    }

    /// The same with this many neighbours per unit.
    pub fn of_width(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// The same with the first unit at another place on the axis.
    pub fn from_offset(self, offset: usize) -> Self {
        Self { offset, ..self }
    }

    /// Where the numbers of unit `unit` lie in the whole parameter vector. Units of one slab have
    /// equally many, in corresponding order.
    pub fn places(&self, layout: &Layout, unit: usize) -> Vec<usize> {
        let block = &layout.blocks()[self.block];
        let (length, inner) = (
            block.shape[self.axis],
            block.shape[self.axis + 1..].iter().product::<usize>(),
        );
        let outer: usize = block.shape[..self.axis].iter().product();
        let first = self.offset + unit * self.width;
        let start = block.range().start;
        (0..outer)
            .flat_map(|outer| {
                let begin = start + (outer * length + first) * inner;
                begin..begin + self.width * inner
            })
            .collect()
    }
}

/// What the function allows to be done with a row of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freedom {
    /// The units can change places: hidden units behind any elementwise activation.
    Order,
    /// They can change places, and each be multiplied by a positive factor that what reads it
    /// divides out: hidden units behind a positively homogeneous activation, `f(αx) = αf(x)`.
    Homogeneous,
    /// They can be mixed by any invertible matrix: hidden units without an activation.
    Linear,
    /// The scale of each unit is divided out by a normalisation layer.
    Normalised,
    /// Each unit (an attention head) is one factor of a product: what multiplies one factor can
    /// divide the other.
    Product,
}

/// A row of units and the parameters that belong to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symmetry {
    /// How many units.
    pub units: usize,
    /// What the units are proportional to: their incoming weights and biases.
    pub raised: Vec<Slab>,
    /// What reads the units, linearly: their outgoing weights.
    pub lowered: Vec<Slab>,
    /// What else belongs to each unit, and moves with it, but is not scaled: weights in front of a
    /// normalisation layer, say.
    pub carried: Vec<Slab>,
    /// What can be done.
    pub freedom: Freedom,
}

impl Symmetry {
    /// Everything that belongs to the units.
    pub fn slabs(&self) -> impl Iterator<Item = &Slab> {
        self.raised.iter().chain(&self.lowered).chain(&self.carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::new([
            ("bias".to_owned(), vec![2]),
            ("weight".to_owned(), vec![2, 6]),
            ("kernel".to_owned(), vec![2, 3, 2, 1]),
        ])
    }

    #[test]
    fn rows_and_columns_of_a_matrix() {
        let layout = layout();
        assert_eq!(Slab::rows(0).places(&layout, 1), [1]);
        assert_eq!(
            Slab::rows(1).places(&layout, 1),
            (8..14).collect::<Vec<_>>()
        );
        assert_eq!(Slab::columns(1).places(&layout, 5), [7, 13]);
    }

    #[test]
    fn a_unit_can_own_several_neighbours_from_an_offset_on() {
        let layout = layout();
        let flattened = Slab::columns(1).of_width(3);
        assert_eq!(flattened.places(&layout, 1), [5, 6, 7, 11, 12, 13]);
        let heads = Slab::columns(1).of_width(2).from_offset(2);
        assert_eq!(heads.places(&layout, 1), [6, 7, 12, 13]);
    }

    #[test]
    fn a_channel_owns_whole_kernels() {
        let layout = layout();
        let output_channel = Slab::rows(2);
        assert_eq!(
            output_channel.places(&layout, 1),
            (20..26).collect::<Vec<_>>()
        );
        let input_channel = Slab::columns(2);
        assert_eq!(input_channel.places(&layout, 2), [18, 19, 24, 25]);
    }
}
