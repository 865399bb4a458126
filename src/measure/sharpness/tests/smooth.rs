//! Averages, quadratic forms and thresholds.

use super::{Ground, Quadratic, assert_close, assert_estimate, bias_free};
use crate::backend::read;
use crate::linear::{dot, norm};
use crate::model::Activation;
use crate::objective::tests::Case;
use crate::objective::{Loss, Outputs};

fn linear(loss: Loss) -> (Ground, Quadratic, Vec<f64>) {
    let case = Case::linear(loss);
    let (quadratic, values) = (Quadratic::of(&case), case.values.clone());
    (Ground::of(case), quadratic, values)
}

fn outputs(ground: &Ground) -> Vec<f64> {
    let batches = ground.data.batches().iter();
    batches
        .flat_map(|batch| {
            read(&ground.objective.evaluate(&ground.parameters, batch).outputs).unwrap()
        })
        .collect()
}

/// Softmax probabilities, sample by sample.
fn probabilities(outputs: &[f64]) -> Vec<Vec<f64>> {
    outputs
        .chunks(3)
        .map(|z| {
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            z.iter().map(|z| z.exp() / sum).collect()
        })
        .collect()
}

#[test]
fn the_mean_rise_of_a_quadratic_is_half_the_variance_times_the_trace() {
    let (ground, quadratic, values) = linear(Loss::Square);
    let diagonal = quadratic.diagonal();
    let trace: f64 = diagonal.iter().sum();
    let row = ground.measure("sharpness.average");
    assert_estimate(&row, 0.5 * 1e-4 * trace);
    let scaled: f64 = values.iter().zip(&diagonal).map(|(x, h)| x * x * h).sum();
    assert_estimate(
        &ground.measure("sharpness.average.adaptive"),
        0.5 * 1e-2 * scaled,
    );
}

#[test]
fn the_noise_a_quadratic_bears_follows_from_its_trace() {
    let (ground, quadratic, values) = linear(Loss::Square);
    let diagonal = quadratic.diagonal();
    let trace: f64 = diagonal.iter().sum();
    let row = ground.measure("pac_bayes.sigma");
    assert_estimate(&row, (0.2 / trace).sqrt());
    // The bracket of the threshold is part of the error.
    let least = 0.004 * row.value.unwrap();
    assert!(row.stderr().unwrap() >= least && row.converged == Some(true));
    let scaled: f64 = values.iter().zip(&diagonal).map(|(x, h)| x * x * h).sum();
    assert_estimate(
        &ground.measure("pac_bayes.sigma.adaptive"),
        (0.2 / scaled).sqrt(),
    );
}

#[test]
fn critical_sharpness_of_a_quadratic_is_its_curvature_along_the_gradient() {
    let (ground, quadratic, _) = linear(Loss::Square);
    let gradient = &quadratic.gradient;
    let along = dot(gradient, &quadratic.times(gradient)) / norm(gradient).powi(2);
    let row = ground.measure("sharpness.critical");
    assert_close(row.value.unwrap(), along, 1.001 * row.residual().unwrap());
    assert!(row.residual().unwrap() <= 0.011);
}

#[test]
fn relative_curvature_of_a_linear_model_is_the_mean_square_of_its_outputs() {
    let (ground, _, _) = linear(Loss::Square);
    let outputs = outputs(&ground);
    let mean_square = dot(&outputs, &outputs) / 7.0;
    assert_close(
        ground.value("sharpness.relative_curvature"),
        mean_square,
        1e-10,
    );
}

#[test]
fn the_fisher_rao_norm_is_that_of_the_outputs_slopes_times_the_depth() {
    // Liang et al. 2019, theorem 3.1: without biases, outputs are homogeneous of the depth's degree.
    for hidden in [vec![], vec![6], vec![6, 5]] {
        let depth = hidden.len() as f64 + 1.0;
        let case = Case::linear(Loss::CrossEntropy);
        let objective = bias_free(4, hidden, 3, Loss::CrossEntropy);
        let count = objective.network().layout().len();
        let values: Vec<f64> = (0..count).map(|i| (1.7 * i as f64).sin()).collect();
        let ground = Ground::new(objective, &values, case.chunks(7));
        let outputs = outputs(&ground);
        let squares = outputs
            .chunks(3)
            .zip(probabilities(&outputs))
            .zip(&case.labels);
        let squares: Vec<f64> = squares
            .map(|((z, p), &label)| (dot(z, &p) - z[usize::from(label)]).powi(2))
            .collect();
        let expected = depth * (squares.iter().sum::<f64>() / 7.0).sqrt();
        assert_close(ground.value("sharpness.fisher_rao"), expected, 1e-10);
    }
}

#[test]
fn relative_flatness_of_a_linear_classifier_has_a_closed_form() {
    // Mean of ‖x‖² tr(WWᵀ (diag p − ppᵀ)), the Hessian of cross-entropy in the outputs.
    let case = Case::linear(Loss::CrossEntropy);
    let rows: Vec<Vec<f64>> = case.values[..12].chunks(4).map(<[f64]>::to_vec).collect();
    let inputs = case.inputs.clone();
    let ground = Ground::of(case);
    let terms = inputs
        .chunks(4)
        .zip(probabilities(&outputs(&ground)))
        .map(|(x, p)| {
            let mut sum = 0.0;
            for (s, left) in rows.iter().enumerate() {
                for (t, right) in rows.iter().enumerate() {
                    let curvature = if s == t { p[s] } else { 0.0 } - p[s] * p[t];
                    sum += dot(left, right) * curvature;
                }
            }
            sum * dot(x, x)
        });
    let expected = terms.sum::<f64>() / 7.0;
    assert_estimate(&ground.measure("sharpness.relative_flatness"), expected);
}

#[test]
fn relative_flatness_of_a_hidden_layer_is_the_sum_over_its_dense_hessian() {
    let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
    let (_, hessian) = case.dense();
    let (n, start, rows, columns) = (case.values.len(), 30, 5, 6);
    let weight = |s: usize, j: usize| case.values[start + s * columns + j];
    let mut expected = 0.0;
    for s in 0..rows {
        for t in 0..rows {
            let product: f64 = (0..columns).map(|k| weight(s, k) * weight(t, k)).sum();
            let place = |row: usize, j: usize| start + row * columns + j;
            let trace: f64 = (0..columns)
                .map(|j| hessian[place(s, j) * n + place(t, j)])
                .sum();
            expected += product * trace;
        }
    }
    for block in ["layers.1.weight", "layers.1"] {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let ground = Ground {
            block: Some(block),
            ..Ground::of(case)
        };
        assert_estimate(&ground.measure("sharpness.relative_flatness"), expected);
    }
}

#[test]
fn normalised_losses_and_their_gradient_are_those_of_centred_unit_outputs() {
    let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
    let data = case.chunks(7);
    let batch = &data.batches()[0];
    let losses = |values: &[f64]| {
        read(
            &case
                .objective
                .losses(&case.at(values), batch, Outputs::Normalised),
        )
        .unwrap()
    };
    let raw = read(&case.objective.evaluate(&case.parameters(), batch).outputs).unwrap();
    let expected = raw.chunks(3).zip(&case.labels).map(|(z, &label)| {
        let mean = z.iter().sum::<f64>() / 3.0;
        let size = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>().sqrt();
        let sum: f64 = z.iter().map(|z| ((z - mean) / size).exp()).sum();
        sum.ln() - (z[usize::from(label)] - mean) / size
    });
    for (found, expected) in losses(&case.values).into_iter().zip(expected) {
        assert_close(found, expected, 1e-12);
    }
    let (same, gradient) = case.objective.losses_and_gradient(
        &case.parameters(),
        batch,
        1.0 / 7.0,
        Outputs::Normalised,
    );
    assert_eq!(read(&same).unwrap(), losses(&case.values));
    let gradient = gradient.to_host().unwrap();
    for place in [0, 17, 40, 80] {
        let at = |step: f64| {
            let mut values = case.values.clone();
            values[place] += step;
            losses(&values).iter().sum::<f64>() / 7.0
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((gradient[place] - difference).abs() < 1e-8, "{place}");
    }
}

#[test]
fn equal_outputs_are_normalised_to_zero_without_nan() {
    let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
    let data = case.chunks(7);
    let still = case.at(&vec![0.0; case.values.len()]);
    let (losses, gradient) =
        case.objective
            .losses_and_gradient(&still, &data.batches()[0], 1.0, Outputs::Normalised);
    for loss in read(&losses).unwrap() {
        assert_close(loss, 3.0f64.ln(), 1e-15);
    }
    assert!(gradient.to_host().unwrap().iter().all(|g| g.is_finite()));
}
