//! What can be changed in a network's parameters without changing its function.
//!
//! A network describes its symmetries by where its units live in the parameter vector; `reparam`
//! turns a description into maps. So a network knows no map, and a map knows no network.

use super::layer::Normalisation;
use crate::model::Activation;
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

    /// One place on an axis of a block per unit.
    pub fn along(block: usize, axis: usize) -> Self {
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
    /// They can be scaled as homogeneous units can, but their places are bound by something else:
    /// features of a layer normalisation, say.
    Scale,
    /// Nothing can be done.
    Bound,
    /// The scale of each unit is divided out by a normalisation layer.
    Normalised,
    /// Each unit (an attention head) is one factor of a product: what multiplies one factor can
    /// divide the other.
    Product,
}

/// A row of units and the parameters that belong to them.
#[derive(Clone, Debug, PartialEq)]
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
    /// The running statistics of the units in front of a normalisation layer. They move with the
    /// units; where the scale is what the layer divides out, they are scaled as well.
    pub running: Vec<Running>,
    /// What can be done.
    pub freedom: Freedom,
}

/// Running statistics of a row of units, as positions in the layout of statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Running {
    /// The block of means.
    pub mean: usize,
    /// The block of variances.
    pub variance: usize,
    /// What the layer adds to a variance.
    pub epsilon: f64,
}

/// Units as a layer makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// How many.
    pub count: usize,
    /// Their incoming weights and biases.
    pub incoming: Vec<Slab>,
}

impl Symmetry {
    /// Everything that belongs to the units.
    pub fn slabs(&self) -> impl Iterator<Item = &Slab> {
        self.raised.iter().chain(&self.lowered).chain(&self.carried)
    }

    /// Units with what they are proportional to, and nothing else yet.
    pub(super) fn of(units: usize, raised: Vec<Slab>, freedom: Freedom) -> Self {
        Self {
            units,
            raised,
            lowered: Vec::new(),
            carried: Vec::new(),
            running: Vec::new(),
            freedom,
        }
    }

    /// Units of one layer, perhaps normalised, behind an activation, and the weights that read them.
    pub(super) fn hidden(
        units: &Units,
        norm: Option<&Normalisation>,
        readers: Vec<Slab>,
        activation: Activation,
    ) -> Vec<Self> {
        Self::shared(&[(units.clone(), norm)], readers, activation)
    }

    /// Units that several layers write into, as a residual stream's channels, each layer perhaps
    /// normalised; all have as many units. None where there is no writer.
    pub(super) fn shared(
        writers: &[(Units, Option<&Normalisation>)],
        readers: Vec<Slab>,
        activation: Activation,
    ) -> Vec<Self> {
        let Some(count) = writers.first().map(|(units, _)| units.count) else {
            return Vec::new();
        };
        let mut stream = Self {
            lowered: readers,
            ..Self::of(count, Vec::new(), activation.freedom())
        };
        let mut symmetries = Vec::new();
        for (units, norm) in writers {
            match norm {
                None => stream.raised.extend(units.incoming.clone()),
                Some(norm) => {
                    stream.raised.extend(norm.affine());
                    stream.carried.extend(units.incoming.clone());
                    stream.running.extend(norm.running());
                    stream.freedom = stream.freedom.behind(norm, count);
                    symmetries.push(Self::normalised(units, norm));
                }
            }
        }
        symmetries.insert(0, stream);
        symmetries
    }

    /// The scale of the units in front of a normalisation layer.
    fn normalised(units: &Units, norm: &Normalisation) -> Self {
        let scales = norm.scales(units.count);
        let width = units.count / scales;
        let incoming = units.incoming.iter().cloned();
        let raised = incoming.map(|slab| slab.of_width(width)).collect();
        Self {
            running: norm.running().into_iter().collect(),
            ..Self::of(scales, raised, Freedom::Normalised)
        }
    }
}

impl Freedom {
    /// What is left where a normalisation with an affine map of each unit stands before.
    fn behind(self, norm: &Normalisation, units: usize) -> Self {
        match self {
            // An affine map of each unit is no map of mixed units.
            Self::Linear | Self::Homogeneous if norm.keeps_order_free(units) => Self::Homogeneous,
            Self::Linear | Self::Homogeneous => Self::Scale,
            other if norm.keeps_order_free(units) => other,
            _ => Self::Bound,
        }
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
