//! From symmetries to maps.

use super::map::{Action, Exactness, Mixing, RunningMap};
use super::{MapKind, ParameterMap};
use crate::model::{Freedom, Network, Running, Slab, Symmetry};
use crate::params::Layout;
use crate::random::StreamRng;
use nalgebra::DMatrix;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
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
    build_by(network, kind, FACTOR, rng)
}

/// As [`build`], with another factor of the layer rescaling, which must be positive.
///
/// # Errors
///
/// As [`build`].
pub fn build_by(
    network: &dyn Network,
    kind: MapKind,
    factor: f64,
    rng: &mut StreamRng,
) -> Result<ParameterMap, NotApplicable> {
    let mut symmetries = network.symmetries();
    symmetries.retain(|symmetry| kind.acts_on(symmetry.freedom) && symmetry.units > 0);
    if symmetries.is_empty() {
        let needed = kind.needs();
        return Err(NotApplicable { kind, needed });
    }
    let layout = network.layout();
    let statistics = network.blueprint().statistics();
    let (action, running) = match kind {
        MapKind::Permutation => {
            let orders = orders(&symmetries, rng);
            (
                permute(layout, &symmetries, &orders),
                permute_running(statistics, &symmetries, &orders),
            )
        }
        MapKind::OrthogonalBasis => (
            mix(layout, &symmetries, rng),
            RunningMap::identity(statistics.len()),
        ),
        _ => {
            let factors = factors(kind, &symmetries, factor, rng);
            (
                scale(layout, &symmetries, &factors),
                scale_running(statistics, &symmetries, &factors),
            )
        }
    };
    Ok(ParameterMap {
        kind,
        action,
        running,
        exactness: exactness(kind, &symmetries),
    })
}

/// The rows of units of a network that can change places.
pub fn permutable(network: &dyn Network) -> Vec<Symmetry> {
    let mut symmetries = network.symmetries();
    symmetries.retain(|row| MapKind::Permutation.acts_on(row.freedom) && row.units > 0);
    symmetries
}

/// The permutation that puts, in each row of [`permutable`] units, unit `orders[row][place]` in each place, with its
/// running statistics.
///
/// # Panics
///
/// Where there is not an order for each row.
pub fn permutation(network: &dyn Network, orders: &[Vec<usize>]) -> ParameterMap {
    let symmetries = permutable(network);
    assert_eq!(symmetries.len(), orders.len(), "an order for each row");
    let statistics = network.blueprint().statistics();
    ParameterMap {
        kind: MapKind::Permutation,
        action: permute(network.layout(), &symmetries, orders),
        running: permute_running(statistics, &symmetries, orders),
        exactness: Exactness::Exact,
    }
}

fn exactness(kind: MapKind, symmetries: &[Symmetry]) -> Exactness {
    let keeps_statistics = |symmetry: &Symmetry| !symmetry.running.is_empty();
    match kind {
        MapKind::NormalisedScale if symmetries.iter().all(keeps_statistics) => {
            Exactness::WithRunningStatistics
        }
        MapKind::NormalisedScale => Exactness::UpToEpsilon,
        _ => Exactness::Exact,
    }
}

/// The factor of every unit of every row that a kind of scaling acts on.
fn factors(
    kind: MapKind,
    symmetries: &[Symmetry],
    factor: f64,
    rng: &mut StreamRng,
) -> Vec<Vec<f64>> {
    let mut draw = || -> f64 {
        let normal: f64 = StandardNormal.sample(rng);
        match kind {
            MapKind::LayerRescaling => factor,
            // Larger weights only: smaller ones would come near the ε of the normalisation.
            MapKind::NormalisedScale => (SPREAD * normal.abs()).exp(),
            _ => (SPREAD * normal).exp(),
        }
    };
    let rows = match kind {
        MapKind::LayerRescaling => &symmetries[..1],
        _ => symmetries,
    };
    rows.iter()
        .map(|symmetry| (0..symmetry.units).map(|_| draw()).collect())
        .collect()
}

/// What raises each unit times its factor, what lowers it divided by that.
fn scale(layout: &Layout, symmetries: &[Symmetry], factors: &[Vec<f64>]) -> Action {
    let mut multipliers = vec![1.0; layout.len()];
    for (symmetry, factors) in symmetries.iter().zip(factors) {
        for (unit, factor) in factors.iter().enumerate() {
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

/// Running statistics in front of a normalisation whose inputs are scaled by `α`: the mean by `α`,
/// the variance so that `variance + ε` is scaled by `α²`, which leaves the function alone exactly.
fn scale_running(statistics: &Layout, symmetries: &[Symmetry], factors: &[Vec<f64>]) -> RunningMap {
    let mut map = RunningMap::identity(statistics.len());
    let rows = symmetries.iter().zip(factors);
    for (symmetry, factors) in rows.filter(|(row, _)| row.freedom == Freedom::Normalised) {
        for (running, (unit, factor)) in product(&symmetry.running, factors) {
            let square = factor * factor;
            map.multipliers[place(statistics, running.mean, unit)] = *factor;
            map.multipliers[place(statistics, running.variance, unit)] = square;
            map.shifts[place(statistics, running.variance, unit)] =
                (square - 1.0) * running.epsilon;
        }
    }
    map
}

/// Every pair of a row's running statistics and one of its units.
fn product<'a, T>(
    running: &'a [Running],
    units: &'a [T],
) -> impl Iterator<Item = (&'a Running, (usize, &'a T))> {
    running
        .iter()
        .flat_map(move |running| units.iter().enumerate().map(move |unit| (running, unit)))
}

fn place(layout: &Layout, block: usize, unit: usize) -> usize {
    layout.blocks()[block].range().start + unit
}

/// A random order of the units of every row.
fn orders(symmetries: &[Symmetry], rng: &mut StreamRng) -> Vec<Vec<usize>> {
    let order = |symmetry: &Symmetry| {
        let mut order: Vec<usize> = (0..symmetry.units).collect();
        order.shuffle(rng);
        order
    };
    symmetries.iter().map(order).collect()
}

/// Units in another order, with everything that belongs to them.
fn permute(layout: &Layout, symmetries: &[Symmetry], orders: &[Vec<usize>]) -> Action {
    let mut sources: Vec<usize> = (0..layout.len()).collect();
    for (symmetry, order) in symmetries.iter().zip(orders) {
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

/// Running statistics in the order of their units.
fn permute_running(
    statistics: &Layout,
    symmetries: &[Symmetry],
    orders: &[Vec<usize>],
) -> RunningMap {
    let mut map = RunningMap::identity(statistics.len());
    for (symmetry, order) in symmetries.iter().zip(orders) {
        for (running, (target, &source)) in product(&symmetry.running, order) {
            for block in [running.mean, running.variance] {
                map.sources[place(statistics, block, target)] = place(statistics, block, source);
            }
        }
    }
    map
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
