//! From symmetries to maps.

use super::map::{Action, Mixing};
use super::{MapKind, ParameterMap};
use crate::model::{Network, Slab, Symmetry};
use crate::params::Layout;
use crate::random::StreamRng;
use nalgebra::DMatrix;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, LogNormal, StandardNormal};
use thiserror::Error;

/// The factor of a layer rescaling.
pub const FACTOR: f64 = 10.0;

/// The standard deviation of the logarithm of a unit's factor: two units of three lie within a
/// factor e of 1, so that no weight leaves the range in which f32 resolves it.
const SPREAD: f64 = 1.0;

/// Why a network has no map of a kind.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the network has no {kind} that leaves its function alone: that needs {needed}")]
pub struct NotApplicable {
    kind: MapKind,
    needed: &'static str,
}

/// The kinds of maps a network has, in the order of tables.
pub fn applicable(network: &dyn Network) -> Vec<MapKind> {
    let symmetries = network.symmetries();
    let has = |kind: &MapKind| symmetries.iter().any(|s| kind.acts_on(s.freedom));
    MapKind::ALL.iter().copied().filter(has).collect()
}

/// Draws a map of a kind for a network: the layer rescaling multiplies the first layer that can be
/// by [`FACTOR`]; every other kind acts on all rows of units that it can act on, with log-normal
/// factors, a random order, or an orthogonal matrix from the uniform (Haar) distribution.
///
/// # Errors
///
/// [`NotApplicable`] where no map of this kind leaves the network's function alone.
pub fn build(
    network: &dyn Network,
    kind: MapKind,
    rng: &mut StreamRng,
) -> Result<ParameterMap, NotApplicable> {
    let mut symmetries = network.symmetries();
    symmetries.retain(|symmetry| kind.acts_on(symmetry.freedom) && symmetry.units > 0);
    if symmetries.is_empty() {
        let needed = kind.needs();
        return Err(NotApplicable { kind, needed });
    }
    let layout = network.layout();
    let action = match kind {
        MapKind::LayerRescaling => scale(layout, &symmetries[..1], || FACTOR),
        MapKind::UnitRescaling | MapKind::NormalisedScale | MapKind::AttentionRescaling => {
            let factors = LogNormal::new(0.0, SPREAD).expect("the spread is finite");
            scale(layout, &symmetries, || factors.sample(rng))
        }
        MapKind::Permutation => permute(layout, &symmetries, rng),
        MapKind::OrthogonalBasis => mix(layout, &symmetries, rng),
    };
    Ok(ParameterMap::new(kind, action))
}

/// What raises each unit times its factor, what lowers it divided by that.
fn scale(layout: &Layout, symmetries: &[Symmetry], mut factor: impl FnMut() -> f64) -> Action {
    let mut multipliers = vec![1.0; layout.len()];
    for symmetry in symmetries {
        for unit in 0..symmetry.units {
            let factor = factor();
            for place in places(layout, &symmetry.raised, unit) {
                multipliers[place] *= factor;
            }
            for place in places(layout, &symmetry.lowered, unit) {
                multipliers[place] /= factor;
            }
        }
    }
    Action::Scale(multipliers)
}

/// Units in another order, with everything that belongs to them.
fn permute(layout: &Layout, symmetries: &[Symmetry], rng: &mut StreamRng) -> Action {
    let mut sources: Vec<usize> = (0..layout.len()).collect();
    for symmetry in symmetries {
        let mut order: Vec<usize> = (0..symmetry.units).collect();
        order.shuffle(rng);
        for slab in symmetry.slabs() {
            let before = sources.clone();
            for (target, &source) in order.iter().enumerate() {
                let targets = slab.places(layout, target);
                for (target, source) in targets.into_iter().zip(slab.places(layout, source)) {
                    sources[target] = before[source];
                }
            }
        }
    }
    Action::Permute(sources)
}

/// Incoming weights times an orthogonal matrix, outgoing ones times its transpose.
fn mix(layout: &Layout, symmetries: &[Symmetry], rng: &mut StreamRng) -> Action {
    let mixings = symmetries.iter().flat_map(|symmetry| {
        let matrix = random_orthogonal(symmetry.units, rng);
        let of_slab = move |slab: &Slab| Mixing {
            matrix: matrix.clone(),
            places: (0..symmetry.units)
                .map(|unit| slab.places(layout, unit))
                .collect(),
        };
        symmetry.slabs().map(of_slab)
    });
    Action::Mix(mixings.collect())
}

fn places<'a>(
    layout: &'a Layout,
    slabs: &'a [Slab],
    unit: usize,
) -> impl Iterator<Item = usize> + 'a {
    slabs.iter().flat_map(move |slab| slab.places(layout, unit))
}

/// A uniformly distributed orthogonal matrix: the Q of a Gaussian matrix, with the signs that make
/// the diagonal of R positive (Mezzadri 2007, "How to generate random matrices from the classical
/// compact groups", sec. 5).
fn random_orthogonal(dimension: usize, rng: &mut StreamRng) -> DMatrix<f64> {
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    let gaussian = DMatrix::from_fn(dimension, dimension, |_, _| normal());
    let (mut q, r) = gaussian.qr().unpack();
    for (mut column, diagonal) in q.column_iter_mut().zip(r.diagonal().iter()) {
        column.scale_mut(diagonal.signum());
    }
    q
}
