//! Slices against closed forms and against what maps of the parameters must leave alone.

use super::*;
use crate::backend::{Compute, Precision};
use crate::linear::Interrupt;
use crate::measure::Evaluated;
use crate::model::{Activation, Init, Mlp, MlpShape, Normalisation};
use crate::objective::tests::tiny::{Tiny, numbers};
use crate::objective::{Batch, Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::random::Streams;
use crate::reparam::{MapKind, build};
use crate::statistics::{mean, stated_error};
use std::sync::Arc;

/// A linear model with one output and two inputs, whose square loss is a quadratic function of its weights.
struct Quadric {
    objective: Objective,
    values: Vec<f64>,
    data: Chunks,
}

const INPUTS: [[f64; 2]; 4] = [[1.0, 2.0], [-1.0, 0.5], [2.0, 1.0], [0.0, -1.5]];
const TARGETS: [f64; 4] = [1.0, -1.0, 0.5, 2.0];
const WEIGHTS: [f64; 2] = [0.3, -0.7];

fn quadric() -> Quadric {
    let compute = Compute::cpu(Precision::F64);
    let network = Mlp::new(MlpShape {
        bias: false,
        ..MlpShape::new(2, &[], 1)
    });
    let batch = Batch {
        inputs: compute.tensor(INPUTS.as_flattened(), [4, 2]),
        targets: compute.tensor(&TARGETS, [4, 1]),
    };
    Quadric {
        objective: Objective::new(Arc::new(network), Loss::Square, compute),
        values: WEIGHTS.to_vec(),
        data: Chunks::from_batches(vec![batch], vec![1, 0, 1, 1]),
    }
}

impl Quadric {
    fn parameters(&self) -> Parameters {
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, &self.values, self.objective.compute())
    }

    fn surface<'a>(&'a self, directions: &'a [&'a [f64]]) -> Surface<'a> {
        Surface {
            objective: &self.objective,
            centre: &self.values,
            directions,
            data: &self.data,
            statistics: Statistics::Fixed,
        }
    }
}

/// Half the squared error of each sample, by hand.
fn losses(weights: [f64; 2]) -> Vec<f64> {
    let pairs = INPUTS.iter().zip(TARGETS);
    pairs
        .map(|(x, y)| 0.5 * (weights[0] * x[0] + weights[1] * x[1] - y).powi(2))
        .collect()
}

#[test]
fn a_slice_of_least_squares_is_its_closed_form_and_its_quadratic_model() {
    let quadric = quadric();
    let parameters = quadric.parameters();
    let point = Point {
        objective: &quadric.objective,
        parameters: &parameters,
        data: &quadric.data,
        interrupt: Interrupt::never(),
    };
    let directions = point.eigenvectors(2, Streams::new(1)).unwrap();
    // X'X/4 = [[1.5, 0.875], [0.875, 1.875]]: its eigenvalues are (3.375 ± √(0.375² + 1.75²)) / 2.
    let root = 0.375f64.hypot(1.75);
    for (direction, expected) in directions.iter().zip([3.375 + root, 3.375 - root]) {
        let found = direction.eigenvalue.unwrap();
        assert!((found.value - 0.5 * expected).abs() < 1e-10, "{found:?}");
        assert!(found.residual < 1e-8 && found.converged);
    }
    let vectors: Vec<&[f64]> = directions.iter().map(|d| d.vector.as_slice()).collect();
    let surface = quadric.surface(&vectors);
    let axes: Vec<Axis> = directions
        .iter()
        .map(|direction| Axis::new(direction, places([-2.0, 2.0], 5)))
        .collect();
    let (loss, at) = (mean(&losses(WEIGHTS)), grid(&axes));
    let quadratic = point.quadratic(loss, &directions).unwrap();
    let values = surface.over(&at, &mut |_| {}).unwrap();
    assert_eq!(values.len(), 25);
    for value in &values {
        let [a, b] = [value.coordinates[0], value.coordinates[1]];
        let weights = [0, 1].map(|i| WEIGHTS[i] + a * vectors[0][i] + b * vectors[1][i]);
        let by_hand = losses(weights);
        let changes: Vec<f64> = by_hand
            .iter()
            .zip(losses(WEIGHTS))
            .map(|(a, b)| a - b)
            .collect();
        let near = |found: Option<f64>, expected: f64| {
            assert!(
                (found.unwrap() - expected).abs() < 1e-10,
                "{found:?} {expected}"
            );
        };
        near(value.loss, mean(&by_hand));
        near(value.loss_error, stated_error(&by_hand));
        near(value.change, mean(&changes));
        near(value.change_error.or(Some(0.0)), stated_error(&changes));
        near(Some(quadratic.at(&value.coordinates)), mean(&by_hand));
    }
}

#[test]
fn the_quadratic_model_is_off_where_its_eigenvalue_is() {
    let eigenvalue = Eigenvalue {
        value: 2.0,
        residual: 0.5,
        converged: false,
        matvecs: 3,
    };
    let quadratic = Quadratic {
        loss: 1.0,
        slopes: vec![0.25, 0.0],
        curvatures: vec![vec![2.0, 1.0], vec![1.0, 4.0]],
        eigenvalues: vec![Some(eigenvalue), None],
    };
    assert_eq!(
        quadratic.at(&[2.0, -1.0]),
        1.0 + 0.5 + 0.5 * (8.0 - 4.0 + 4.0)
    );
    assert_eq!(quadratic.error_at(&[2.0, -1.0]), 0.5 * 0.5 * 4.0);
}

fn relu(normalisation: Normalisation) -> Tiny {
    let compute = Compute::cpu(Precision::F64);
    Tiny::mlp(Activation::Relu, normalisation, Init::He, &compute)
}

#[test]
fn filters_are_as_long_as_the_solutions_and_biases_stay() {
    let tiny = Tiny::resnet(
        Activation::Relu,
        Normalisation::Batch,
        &Compute::cpu(Precision::F64),
    );
    let layout = tiny.objective.network().layout();
    let direction = random(layout, &tiny.values, Streams::new(0), 1);
    let mut filters = 0;
    for block in layout.blocks() {
        let [along, values] = [&direction.vector, &tiny.values].map(|v| &v[block.range()]);
        if block.shape.len() == 1 {
            assert!(along.iter().all(|x| *x == 0.0), "{}", block.name);
            continue;
        }
        let size = block.len() / block.shape[0];
        for (along, values) in along.chunks(size).zip(values.chunks(size)) {
            assert!((norm(along) - norm(values)).abs() < 1e-12 * norm(values));
            filters += 1;
        }
    }
    assert!(filters > 10);
    assert_ne!(
        random(layout, &tiny.values, Streams::new(0), 2).vector,
        direction.vector
    );
    assert_ne!(
        random(layout, &tiny.values, Streams::new(1), 1).vector,
        direction.vector
    );
}

#[test]
fn rescaled_layers_leave_filter_normalised_slices_as_they_are() {
    for kind in [MapKind::LayerRescaling, MapKind::NormalisedScale] {
        let tiny = relu(match kind {
            MapKind::LayerRescaling => Normalisation::None,
            _ => Normalisation::Batch,
        });
        let network = tiny.objective.network();
        let map = build(network, kind, &mut Streams::new(2).stream("map", 0)).unwrap();
        let statistics = tiny.objective.conditions().statistics.to_host().unwrap();
        let running = map.apply_to_statistics(&statistics);
        let slice = |values: &[f64], statistics: &[f64]| -> Vec<f64> {
            let direction = random(network.layout(), values, Streams::new(3), 1);
            let mut conditions = tiny.objective.conditions().clone();
            let layout = network.blueprint().statistics();
            conditions.statistics =
                Parameters::from_host(layout, statistics, tiny.objective.compute());
            let objective = tiny.objective.under(conditions);
            let surface = Surface {
                objective: &objective,
                centre: values,
                directions: &[&direction.vector],
                data: &tiny.chunks(4),
                // Fixed statistics are those of the solution, whatever the scale of weights that move.
                statistics: match kind {
                    MapKind::LayerRescaling => Statistics::Fixed,
                    _ => Statistics::Anew(&tiny.chunks(6)),
                },
            };
            let at: Vec<Vec<f64>> = places([-1.0, 1.0], 5)
                .into_iter()
                .map(|a| vec![a])
                .collect();
            let values = surface.over(&at, &mut |_| {}).unwrap();
            values.iter().map(|value| value.loss.unwrap()).collect()
        };
        let before = slice(&tiny.values, &statistics);
        let after = slice(&map.apply(&tiny.values), &running);
        for (before, after) in before.iter().zip(&after) {
            // What is divided out is so but for the ε that is added to variances.
            let allowed = if kind == MapKind::LayerRescaling {
                1e-10
            } else {
                1e-3
            };
            assert!((before - after).abs() < allowed, "{kind}: {before} {after}");
        }
        assert!(before[0] != before[4]);
    }
}

#[test]
fn statistics_that_are_estimated_anew_over_one_batch_are_that_batchs() {
    let tiny = relu(Normalisation::Batch);
    let parameters = tiny.at(&numbers("elsewhere", tiny.values.len()));
    let whole = tiny.chunks(6);
    let anew = tiny.objective.with_statistics_at(&parameters, &whole);
    let by_batch = relu(Normalisation::Batch).by_batch();
    let [by_running, by_batch] = [&anew, &by_batch.objective].map(|objective| {
        Evaluated::run(objective, &parameters, &whole)
            .unwrap()
            .mean_loss()
    });
    // The running variance is the unbiased one, 6/5 of that by which a batch is normalised.
    let stale = Evaluated::run(&tiny.objective, &parameters, &whole)
        .unwrap()
        .mean_loss();
    assert!(
        (by_running - by_batch).abs() < 0.3 * (stale - by_batch).abs(),
        "{by_running} {by_batch} {stale}"
    );
    // Of two batches the means and variances are averaged, whatever was there before.
    let halves = tiny.chunks(3);
    let of = |chunks: &Chunks| {
        let conditions = tiny
            .objective
            .with_statistics_at(&parameters, chunks)
            .conditions()
            .clone();
        conditions.statistics.to_host().unwrap()
    };
    let single = |batch: &Batch| of(&Chunks::from_batches(vec![batch.clone()], Vec::new()));
    let [first, second] = [0, 1].map(|index| single(&halves.batches()[index]));
    let layout = tiny.objective.network().blueprint().statistics();
    for block in layout
        .blocks()
        .iter()
        .filter(|block| !block.name.ends_with("tracked"))
    {
        for place in block.range() {
            let expected = 0.5 * (first[place] + second[place]);
            assert!(
                (of(&halves)[place] - expected).abs() < 1e-12,
                "{}",
                block.name
            );
        }
    }
}

#[test]
fn a_barrier_is_the_highest_rise_above_the_line_between_the_ends() {
    // Of least squares the loss is convex, so nothing rises.
    let quadric = quadric();
    let away = [1.0, 2.0];
    let surface_of = [away.as_slice()];
    let between = places([-1.0, 2.0], 61);
    let none = barrier(&quadric.surface(&surface_of), &between).unwrap();
    assert_eq!((none.height, none.error), (0.0, None));
    // Of a network against itself with units in another order the ends are alike, and the middle is worse or better.
    let tiny = relu(Normalisation::None);
    let network = tiny.objective.network();
    let map = build(
        network,
        MapKind::Permutation,
        &mut Streams::new(4).stream("map", 0),
    )
    .unwrap();
    let image = map.apply(&tiny.values);
    let way: Vec<f64> = image.iter().zip(&tiny.values).map(|(b, a)| b - a).collect();
    let data = tiny.chunks(4);
    let surface = Surface {
        objective: &tiny.objective,
        centre: &tiny.values,
        directions: &[&way],
        data: &data,
        statistics: Statistics::Fixed,
    };
    let found = barrier(&surface, &between).unwrap();
    let loss = |a: f64| surface.at(&[a]).unwrap();
    let chord = loss(0.0).mean_loss();
    assert!((loss(1.0).mean_loss() - chord).abs() < 1e-12);
    let rises: Vec<f64> = between
        .iter()
        .filter(|a| (0.0..=1.0).contains(*a))
        .map(|a| loss(*a).mean_loss() - chord)
        .collect();
    let highest = rises.iter().copied().fold(0.0, f64::max);
    assert!(
        (found.height - highest).abs() < 1e-12,
        "{found:?} {highest}"
    );
}

#[test]
fn running_statistics_between_two_solutions_are_between_theirs() {
    let tiny = relu(Normalisation::Batch);
    let statistics = tiny.objective.conditions().statistics.to_host().unwrap();
    let larger: Vec<f64> = statistics.iter().map(|x| 3.0 * x + 1.0).collect();
    let still = vec![0.0; tiny.values.len()];
    let data = tiny.chunks(6);
    let surface = Surface {
        objective: &tiny.objective,
        centre: &tiny.values,
        directions: &[&still],
        data: &data,
        statistics: Statistics::Mixed([&statistics, &larger]),
    };
    let halfway: Vec<f64> = statistics
        .iter()
        .zip(&larger)
        .map(|(a, b)| 0.5 * (a + b))
        .collect();
    let layout = tiny.objective.network().blueprint().statistics();
    let halfway = Parameters::from_host(layout, &halfway, tiny.objective.compute());
    let expected = relu(Normalisation::Batch).with_statistics(halfway);
    let expected = Evaluated::run(&expected.objective, &tiny.parameters(), &data).unwrap();
    let found = surface.at(&[0.5]).unwrap();
    assert!((found.mean_loss() - expected.mean_loss()).abs() < 1e-12);
    // Beyond the first a variance falls below zero.
    let failure = surface.at(&[-1.0]).unwrap_err();
    assert!(failure.reason.contains("negative"), "{failure}");
    let values = surface.over(&[vec![-1.0], vec![0.0]], &mut |_| {}).unwrap();
    assert!(values[0].loss.is_none() && values[0].failure.is_some());
    assert!(values[1].loss.is_some() && values[1].change == Some(0.0));
}

#[test]
fn places_hold_both_ends_and_whole_numbers_exactly() {
    let between = places([-1.0, 2.0], 61);
    assert_eq!(between.len(), 61);
    assert!(between.contains(&0.0) && between.contains(&1.0));
    assert_eq!((between[0], between[60]), (-1.0, 2.0));
    assert_eq!(places([-0.3, 0.3], 2), [-0.3, 0.3]);
    let axes: Vec<Axis> = [2, 3]
        .map(|count| {
            Axis::new(
                &Direction::new(Kind::Random, 1, vec![1.0]),
                places([0.0, 1.0], count),
            )
        })
        .to_vec();
    let at = grid(&axes);
    assert_eq!(at[..3], [vec![0.0, 0.0], vec![1.0, 0.0], vec![0.0, 0.5]]);
    assert_eq!((at.len(), grid(&axes[..1]).len()), (6, 2));
}
