//! Largest rises: one step, many steps, boxes.

use super::{Ground, Quadratic, assert_close, bias_free};
use crate::backend::Compute;
use crate::linear::Precision;
use crate::linear::{Budget, norm};
use crate::measure::Bound;
use crate::model::Activation;
use crate::objective::tests::Case;
use crate::objective::{Batch, Chunks, Loss};
use crate::random::Streams;
use crate::statistics::stated_error;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

fn linear() -> (Ground, Quadratic, Vec<f64>) {
    let case = Case::linear(Loss::Square);
    let (quadratic, values) = (Quadratic::of(&case), case.values.clone());
    (Ground::of(case), quadratic, values)
}

/// The parameters at which the gradient of the linear model vanishes.
fn minimum(quadratic: &Quadratic, values: &[f64]) -> Vec<f64> {
    let n = quadratic.dimension();
    let hessian = DMatrix::from_row_slice(n, n, &quadratic.hessian);
    let gradient = DVector::from_column_slice(&quadratic.gradient);
    let step = hessian.cholesky().unwrap().solve(&gradient);
    values.iter().zip(step.iter()).map(|(x, s)| x - s).collect()
}

/// The largest value of a convex quadratic on a sphere, from its eigenvalues and the secular
/// equation `‖(μ − H)⁻¹ g‖ = ρ`.
fn largest_on_sphere(quadratic: &Quadratic, radius: f64) -> f64 {
    let n = quadratic.dimension();
    let eigen = DMatrix::from_row_slice(n, n, &quadratic.hessian).symmetric_eigen();
    let slopes = eigen.eigenvectors.transpose() * DVector::from_column_slice(&quadratic.gradient);
    let step = |shift: f64| -> Vec<f64> {
        let terms = slopes.iter().zip(eigen.eigenvalues.iter());
        terms
            .map(|(slope, value)| slope / (shift - value))
            .collect()
    };
    let top = eigen.eigenvalues.max();
    let (mut low, mut high) = (top, top + 1e6);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if norm(&step(middle)) > radius {
            low = middle;
        } else {
            high = middle;
        }
    }
    let terms = step(high)
        .into_iter()
        .zip(slopes.iter())
        .zip(eigen.eigenvalues.iter());
    terms
        .map(|((x, slope), value)| slope * x + 0.5 * value * x * x)
        .sum()
}

#[test]
fn one_step_of_each_kind_is_the_step_of_its_formula() {
    let (ground, quadratic, values) = linear();
    let gradient = &quadratic.gradient;
    let along = |radius: f64, scale: &dyn Fn(f64) -> f64| -> (f64, f64) {
        let scaled: Vec<f64> = values
            .iter()
            .zip(gradient)
            .map(|(x, g)| scale(*x) * g)
            .collect();
        let size = norm(&scaled);
        let step = values
            .iter()
            .zip(&scaled)
            .map(|(x, s)| radius * scale(*x) * s / size);
        (quadratic.at(&step.collect::<Vec<_>>()), radius * size)
    };
    let (rise, term) = along(0.05, &|_| 1.0);
    assert_close(ground.value("sharpness.sam"), rise, 1e-10);
    assert_close(ground.value("sharpness.sam.gradient_term"), term, 1e-10);
    let (rise, term) = along(0.5, &f64::abs);
    assert_close(ground.value("sharpness.asam"), rise, 1e-10);
    assert_close(ground.value("sharpness.asam.gradient_term"), term, 1e-10);

    let signs = |width: &dyn Fn(f64) -> f64| -> f64 {
        let steps = values
            .iter()
            .zip(gradient)
            .map(|(x, g)| width(*x) * g.signum());
        quadratic.at(&steps.collect::<Vec<_>>())
    };
    assert_close(ground.value("sharpness.sam.linf"), signs(&|_| 1e-3), 1e-10);
    assert_close(
        ground.value("sharpness.asam.linf"),
        signs(&|x| 2e-3 * x.abs()),
        1e-10,
    );
    let sum: f64 = gradient.iter().map(|g| g.abs()).sum();
    assert_close(
        ground.value("sharpness.sam.linf.gradient_term"),
        1e-3 * sum,
        1e-10,
    );
}

#[test]
fn with_a_shift_weights_move_by_their_size_and_more_and_biases_alike() {
    let (ground, quadratic, values) = linear();
    // Weights [3, 4] come first, then three biases.
    let scale = |i: usize| if i < 12 { values[i].abs() + 0.01 } else { 1.0 };
    let scaled: Vec<f64> = (0..15).map(|i| scale(i) * quadratic.gradient[i]).collect();
    let size = norm(&scaled);
    let step: Vec<f64> = (0..15).map(|i| 0.5 * scale(i) * scaled[i] / size).collect();
    assert_close(
        ground.value("sharpness.asam.eta"),
        quadratic.at(&step),
        1e-10,
    );
}

#[test]
fn many_steps_find_the_largest_value_of_a_quadratic_in_the_ball() {
    let (ground, quadratic, values) = linear();
    let expected = largest_on_sphere(&quadratic, 0.05);
    let row = ground.measure("sharpness.sam.multi");
    assert!(row.value.unwrap() <= expected * (1.0 + 1e-9) && row.converged == Some(true));
    assert_close(row.value.unwrap(), expected, 1e-3);
    assert!(row.value.unwrap() >= ground.value("sharpness.sam"));

    let uniform = quadratic.largest_at_corner(&[1e-3; 15]);
    assert_close(ground.value("sharpness.sam.linf.multi"), uniform, 1e-9);
    let sizes: Vec<f64> = values.iter().map(|x| 2e-3 * x.abs()).collect();
    let relative = quadratic.largest_at_corner(&sizes);
    assert_close(ground.value("sharpness.asam.linf.multi"), relative, 1e-9);
}

#[test]
fn in_a_block_only_its_parameters_move() {
    let (ground, quadratic, _) = linear();
    let ground = Ground {
        block: Some("layers.0.bias"),
        ..ground
    };
    let size = norm(&quadratic.gradient[12..]);
    let step: Vec<f64> = (0..15)
        .map(|i| {
            if i < 12 {
                0.0
            } else {
                0.05 * quadratic.gradient[i] / size
            }
        })
        .collect();
    assert_close(ground.value("sharpness.sam"), quadratic.at(&step), 1e-10);
}

#[test]
fn a_batch_sharpness_is_the_mean_over_batches_of_their_own() {
    // All seven samples are one batch: the same as over all.
    let (ground, _, _) = linear();
    assert_close(
        ground.value("sharpness.sam.m128"),
        ground.value("sharpness.sam"),
        1e-12,
    );
    // Two whole batches of 128 and 44 samples that are left over, in chunks of 100.
    let mut rng = Streams::new(3).stream("inputs", 0);
    let inputs: Vec<f64> = (0..300).map(|_| rng.random_range(0.5..1.5)).collect();
    let chunks = |range: std::ops::Range<usize>, size: usize| {
        let compute = Compute::cpu(Precision::F64);
        let batches = inputs[range.clone()].chunks(size).map(|inputs| Batch {
            inputs: compute.tensor(inputs, [inputs.len(), 1]),
            targets: compute.tensor(&vec![0.5; inputs.len()], [inputs.len(), 1]),
        });
        Chunks::from_batches(batches.collect(), vec![0; range.len()])
    };
    let on = |data| Ground::new(bias_free(1, vec![1], 1, Loss::Square), &[1.5, 0.5], data);
    let row = on(chunks(0..300, 100)).measure("sharpness.sam.m128");
    let halves = [0..128, 128..256].map(|part| on(chunks(part, 128)).value("sharpness.sam"));
    assert_close(row.value.unwrap(), 0.5 * (halves[0] + halves[1]), 1e-12);
    assert_close(row.stderr().unwrap(), stated_error(&halves), 1e-9);
    assert_eq!(row.samples, Some(256));
}

#[test]
fn keskar_sharpness_of_a_convex_loss_is_that_of_the_best_corner() {
    let (ground, quadratic, values) = linear();
    let loss = ground.value("loss.train");
    for (name, epsilon) in [
        ("sharpness.keskar.full", 1e-3),
        ("sharpness.keskar.full.5e-4", 5e-4),
    ] {
        let widths: Vec<f64> = values.iter().map(|x| epsilon * (x.abs() + 1.0)).collect();
        let expected = 100.0 * quadratic.largest_at_corner(&widths) / (1.0 + loss);
        let row = ground.measure(name);
        assert_close(row.value.unwrap(), expected, 1e-9);
        assert!(row.converged == Some(true) && row.residual().unwrap() < 1e-9);
        assert!(ground.value(&format!("{name}.spread")) < 1e-9 * expected);
    }
}

#[test]
fn at_a_minimum_keskar_sharpness_is_not_zero() {
    let (ground, quadratic, values) = linear();
    let values = minimum(&quadratic, &values);
    let ground = ground.at(&values);
    let loss = ground.value("loss.train");
    let widths: Vec<f64> = values.iter().map(|x| 1e-3 * (x.abs() + 1.0)).collect();
    let flat = Quadratic {
        gradient: vec![0.0; 15],
        hessian: quadratic.hessian,
    };
    let largest = 100.0 * flat.largest_at_corner(&widths) / (1.0 + loss);
    let row = ground.measure("sharpness.keskar.full");
    // Each output's weights are a problem of their own with several best corners.
    let share = row.value.unwrap() / largest;
    assert!((0.98..1.0 + 1e-6).contains(&share), "{share}");
    assert_eq!(row.bound(), Some(Bound::Lower));
    let spread = ground.value("sharpness.keskar.full.spread");
    assert!(spread > 0.0 && spread <= row.value.unwrap());
}

#[test]
fn in_a_subspace_less_is_found_than_in_the_whole_space() {
    let case = Case::with_hidden(
        vec![30],
        Activation::Tanh,
        Loss::CrossEntropy,
        Compute::cpu(Precision::F64),
    );
    let ground = Ground::of(case);
    let row = ground.measure("sharpness.keskar.subspace");
    assert_eq!(row.converged, Some(true));
    assert!(row.value.unwrap() > 0.0);
    assert!(row.value.unwrap() < ground.value("sharpness.keskar.full"));
    // Half the box, and a loss close to linear in it.
    let half = ground.value("sharpness.keskar.subspace.5e-4") / row.value.unwrap();
    assert!((0.4..0.6).contains(&half), "{half}");
}

#[test]
fn a_budget_ends_an_ascent_honestly() {
    let (ground, _, _) = linear();
    let within = |most: usize, ground: Ground| Ground {
        budget: Budget {
            max_matvecs: Some(most),
            max_seconds: None,
        },
        ..ground
    };
    let ground = within(1, ground);
    for name in ["sharpness.sam.multi", "sharpness.keskar.full"] {
        let row = ground.measure(name);
        assert!(
            row.value.is_none(),
            "{name}: nothing but the centre was seen"
        );
    }
    let full = "sharpness.keskar.full";
    let (few, many) = (3, 1000);
    let ground = within(few, ground);
    let row = ground.measure(full);
    assert!(
        row.matvecs.unwrap() <= few && row.converged == Some(false),
        "{row:?}"
    );
    let enough = within(many, ground).measure(full);
    assert!(row.value <= enough.value && enough.converged == Some(true));
}
