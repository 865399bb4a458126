//! Weight matching: the order of the hidden units of one network in which it lies nearest to another.

use crate::linear::dot;
use crate::model::{Network, Symmetry};
use crate::params::Layout;
use crate::random::StreamRng;
use crate::reparam::{ParameterMap, permutable, permutation};
use lab_common::assignment::largest_assignment;
use nalgebra::DMatrix;
use rand::seq::SliceRandom;

/// Rounds through all rows, at most. Each raises the inner product, so that they end by themselves; ResNets need about ten.
const MOST_ROUNDS: usize = 100;

/// A rise of the inner product by less than this share of the norms is rounding.
const ROUNDING: f64 = 1e-12;

/// A network whose units have been put in the order of another's.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// The map of the parameters, which leaves the function alone.
    pub map: ParameterMap,
    /// Rows of units that could change places.
    pub rows: usize,
    /// Units that have changed places.
    pub moved: usize,
    /// Rounds through all rows.
    pub rounds: usize,
    /// Whether the last round changed nothing.
    pub converged: bool,
}

/// Searches for the order of the units of `other` that makes its inner product with `reference`, over all parameters, the
/// largest: by rows of units one after another in random order, each exactly, until nothing changes (Ainsworth, Hayase &
/// Srinivasa 2023, "Git Re-Basin: merging models modulo permutation symmetries", algorithm 1). That is a local optimum, not
/// always the best order of all; which one depends on the random orders. None where no unit of the network can change
/// places.
///
/// The rows are those that the network says can change places: hidden units of perceptrons, channels of residual networks
/// (those of a stage, which all its blocks add to, together), hidden units, heads and features of transformers. The bases
/// within a head, which may be changed by any invertible matrix, are left as they are.
pub fn match_weights(
    network: &dyn Network,
    reference: &[f64],
    other: &[f64],
    rng: &mut StreamRng,
) -> Option<Matching> {
    let rows = permutable(network);
    if rows.is_empty() {
        return None;
    }
    let mut orders: Vec<Vec<usize>> = rows.iter().map(|row| (0..row.units).collect()).collect();
    let mut current = other.to_vec();
    let scale = (dot(reference, reference) * dot(other, other)).sqrt();
    let (mut rounds, mut converged) = (0, false);
    while rounds < MOST_ROUNDS && !converged {
        (rounds, converged) = (rounds + 1, true);
        let mut turns: Vec<usize> = (0..rows.len()).collect();
        turns.shuffle(rng);
        for turn in turns {
            let benefits = inner_products(network.layout(), &rows[turn], reference, &current);
            let order = largest_assignment(&benefits);
            if rise(&benefits, &order) <= ROUNDING * scale {
                continue;
            }
            converged = false;
            orders[turn] = order.iter().map(|&place| orders[turn][place]).collect();
            current = permutation(network, &orders).apply(other);
        }
    }
    let is_moved = |(place, unit): &(usize, &usize)| place != *unit;
    let moved = orders
        .iter()
        .map(|order| order.iter().enumerate().filter(is_moved).count());
    Some(Matching {
        map: permutation(network, &orders),
        rows: rows.len(),
        moved: moved.sum(),
        rounds,
        converged,
    })
}

/// The inner products of the parameters of each unit of a row in one vector with those of each in another.
fn inner_products(
    layout: &Layout,
    row: &Symmetry,
    reference: &[f64],
    other: &[f64],
) -> Vec<Vec<f64>> {
    let places: Vec<Vec<usize>> = (0..row.units)
        .map(|unit| {
            row.slabs()
                .flat_map(|slab| slab.places(layout, unit))
                .collect()
        })
        .collect();
    let width = places[0].len();
    let of = |values: &[f64]| DMatrix::from_fn(width, row.units, |k, unit| values[places[unit][k]]);
    let products = of(reference).tr_mul(&of(other));
    products
        .row_iter()
        .map(|row| row.iter().copied().collect())
        .collect()
}

/// By how much an order is better than none.
fn rise(benefits: &[Vec<f64>], order: &[usize]) -> f64 {
    let pairs = order.iter().enumerate();
    pairs
        .map(|(unit, &place)| benefits[unit][place] - benefits[unit][unit])
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};
    use crate::linear::{norm, random_normal};
    use crate::model::{Activation, Init, Mlp, MlpShape, Normalisation, Pool};
    use crate::objective::tests::tiny::{Tiny, numbers};
    use crate::random::Streams;
    use crate::reparam::{MapKind, build};

    fn networks() -> Vec<Tiny> {
        let compute = Compute::cpu(Precision::F64);
        let mlp = |norm| Tiny::mlp(Activation::Tanh, norm, Init::He, &compute);
        vec![
            mlp(Normalisation::None),
            mlp(Normalisation::Batch),
            Tiny::resnet(Activation::Relu, Normalisation::Batch, &compute),
            Tiny::transformer(2, Pool::Mean, Activation::Gelu, 0.0, &compute),
        ]
    }

    fn rng() -> StreamRng {
        Streams::new(5).stream("matching", 0)
    }

    #[test]
    fn a_copy_with_units_in_another_order_is_put_back() {
        // So many inputs that the first layer alone tells its units apart. With few weights a unit, as in the tiny networks,
        // other orders can be as good as no row by itself can better.
        let network = Mlp::new(MlpShape::new(40, &[12, 12], 3));
        for seed in 0..5 {
            let values = random_normal(
                network.layout().len(),
                &mut Streams::new(seed).stream("weights", 0),
            );
            let mut draw = Streams::new(seed).stream("order", 0);
            let map = build(&network, MapKind::Permutation, &mut draw).unwrap();
            let copy = map.apply(&values);
            let found = match_weights(&network, &values, &copy, &mut rng()).unwrap();
            assert!(
                found.converged && found.rows == 2 && found.moved > 15,
                "{seed}"
            );
            assert_eq!(found.map.apply(&copy), values, "{seed}");
        }
    }

    #[test]
    fn a_copy_with_units_in_another_order_comes_no_farther() {
        for (index, tiny) in networks().into_iter().enumerate() {
            let network = tiny.objective.network();
            let mut draw = Streams::new(7).stream("order", 0);
            let map = build(network, MapKind::Permutation, &mut draw).unwrap();
            let copy = map.apply(&tiny.values);
            let found = match_weights(network, &tiny.values, &copy, &mut rng()).unwrap();
            let distance = |other: &[f64]| {
                let apart = other.iter().zip(&tiny.values).map(|(a, b)| a - b);
                norm(&apart.collect::<Vec<f64>>())
            };
            assert!(found.converged, "{index}");
            assert!(
                distance(&found.map.apply(&copy)) <= distance(&copy),
                "{index}"
            );
        }
    }

    #[test]
    fn the_function_stays_and_the_distance_does_not_grow() {
        for (index, tiny) in networks().into_iter().enumerate() {
            let network = tiny.objective.network();
            let other = numbers("another", tiny.values.len());
            let found = match_weights(network, &tiny.values, &other, &mut rng()).unwrap();
            let image = found.map.apply(&other);
            assert!(found.converged && found.moved > 0, "{index}");
            assert!(
                dot(&tiny.values, &image) > dot(&tiny.values, &other),
                "{index}"
            );
            let statistics = tiny.objective.conditions().statistics.clone();
            let running = found
                .map
                .apply_to_statistics(&statistics.to_host().unwrap());
            let layout = network.blueprint().statistics();
            let running =
                crate::params::Parameters::from_host(layout, &running, tiny.objective.compute());
            let before = tiny.loss(&tiny.at(&other));
            let mapped = tiny.with_statistics(running);
            let after = mapped.loss(&mapped.at(&image));
            assert!((before - after).abs() < 1e-12, "{index}: {before} {after}");
        }
    }

    #[test]
    fn of_one_hidden_layer_no_order_is_nearer() {
        // Two hidden units: both orders are tried by hand.
        let shape = MlpShape::new(3, &[2], 2);
        let network = Mlp::new(shape);
        let length = network.layout().len();
        for seed in 0..10 {
            let [a, b] = ["a", "b"].map(|name| numbers(&format!("{name}{seed}"), length));
            let swapped = permutation(&network, &[vec![1, 0]]).apply(&b);
            let found = match_weights(&network, &a, &b, &mut rng()).unwrap();
            let best = dot(&a, &b).max(dot(&a, &swapped));
            assert!(
                (dot(&a, &found.map.apply(&b)) - best).abs() < 1e-12,
                "{seed}"
            );
        }
        let linear = Mlp::new(MlpShape::new(3, &[], 2));
        let values = numbers("a", linear.layout().len());
        assert!(match_weights(&linear, &values, &values, &mut rng()).is_none());
    }
}
