//! Injected noise against the covariances it stands for.

mod valley;

use super::*;
use crate::backend::read;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Interrupt, LinearOperator};
use crate::statistics::{mean, stated_error};
use crate::train::Problem;
use crate::train::gradient::oracle;
use crate::train::gradient::tests::{all, dot, gradient_at};
use crate::train::testing::{problem, start};

const DRAWS: u64 = 400;

/// A matrix of the training loss at the start, as rows.
fn dense(problem: &Problem, matrix: Matrix) -> Vec<Vec<f64>> {
    dense_at(problem, &start(problem), matrix)
}

/// A matrix of the training loss at a position, as rows.
fn dense_at(problem: &Problem, at: &Position, matrix: Matrix) -> Vec<Vec<f64>> {
    let data = all(problem);
    let never = Interrupt::never();
    let mut operator =
        CurvatureOperator::new(matrix, &problem.objective, &at.parameters, &data, never);
    let dimension = operator.dimension();
    let axis = |place: usize| {
        let mut vector = vec![0.0; dimension];
        vector[place] = 1.0;
        vector
    };
    (0..dimension)
        .map(|place| operator.apply(&axis(place)).unwrap())
        .collect()
}

fn trace(matrix: &[Vec<f64>]) -> f64 {
    (0..matrix.len()).map(|place| matrix[place][place]).sum()
}

/// Noise vectors of as many steps, all taken at the start.
fn draws(problem: &Problem) -> Vec<Vec<f64>> {
    let at = start(problem);
    let plain = {
        let terms = StepLoss::new(problem, &all(problem)).gradient(&at);
        terms.gradient.into_host().unwrap()
    };
    let mut oracle = oracle(problem, &all(problem));
    let of_step = |step| {
        let found = oracle.gradient(&Position { step, ..at.clone() }).gradient;
        let found = found.into_host().unwrap();
        found.iter().zip(&plain).map(|(a, b)| a - b).collect()
    };
    (0..DRAWS).map(of_step).collect()
}

/// The mean of `(v·ξ)²` is `vᵀSv` within four of its standard errors.
fn assert_form(noise: &[Vec<f64>], v: &[f64], expected: f64, what: &str) {
    let squares: Vec<f64> = noise.iter().map(|x| dot(x, v).powi(2)).collect();
    let (found, error) = (mean(&squares), stated_error(&squares));
    let allowed = 4.0 * error + 1e-20;
    assert!(
        (found - expected).abs() < allowed,
        "{what}: {found} ± {error} for {expected}"
    );
}

/// The covariance of the noise of each shape, on a network of 27 parameters: its trace, and its quadratic forms
/// along six directions.
#[test]
fn noise_has_the_covariance_of_its_shape_and_the_trace_of_a_batch() {
    for loss in ["cross_entropy", "square"] {
        let keys = format!("train.full_batch = true\ntrain.loss = \"{loss}\"");
        let plain = problem(&keys);
        let covariance = dense(&plain, Matrix::NoiseCovariance);
        let gauss_newton = dense(&plain, Matrix::GaussNewton);
        // Two of five samples, drawn without replacement.
        let strength = (5.0 - 2.0) / (2.0 * 4.0) * trace(&covariance);
        let dimension = covariance.len();
        let unit: Vec<Vec<f64>> = (0..dimension)
            .map(|i| {
                (0..dimension)
                    .map(|j| f64::from(u8::from(i == j)))
                    .collect()
            })
            .collect();
        for (shape, matrix) in [
            ("minibatch", &covariance),
            ("gauss_newton", &gauss_newton),
            ("isotropic", &unit),
        ] {
            let noise = format!("noise = {{ kind = \"{shape}\", batch_size = 2 }}");
            let noise = draws(&problem(&format!("{keys}\n{noise}")));
            let factor = strength / trace(matrix);
            let squares: Vec<f64> = noise.iter().map(|x| dot(x, x)).collect();
            let (found, error) = (mean(&squares), stated_error(&squares));
            assert!(error < 0.12 * strength, "{shape}: {error} of {strength}");
            assert!(
                (found - strength).abs() < 4.0 * error,
                "{loss}, {shape}: {found} ± {error} for {strength}"
            );
            for seed in 0..6 {
                let v: Vec<f64> = (0..dimension)
                    .map(|k| f64::from((7 * seed + 3 * k as u32 * (k as u32 + 1)) % 11) - 5.0)
                    .collect();
                let product: Vec<f64> = matrix.iter().map(|row| dot(row, &v)).collect();
                assert_form(&noise, &v, factor * dot(&v, &product), shape);
            }
        }
    }
}

/// More samples than rows that are taken all: the trace is an estimate, on average right.
#[test]
fn the_trace_of_gauss_newton_noise_is_estimated_without_bias_where_rows_are_drawn() {
    let problem = problem("train.full_batch = true");
    let exact = trace(&dense(&problem, Matrix::GaussNewton));
    let (at, mut loss) = (start(&problem), StepLoss::new(&problem, &all(&problem)));
    let terms = loss.terms(0);
    let traces = |rows, draws| -> Vec<f64> {
        let point = Point {
            loss: &loss,
            at: &at,
            terms: &terms,
            samples: 5.0,
            variance: 1.0,
            rows,
        };
        let of_step = |step| {
            let mut rng = problem.streams.stream(ROWS_STREAM, step);
            read(&point.gauss_newton_trace(&mut rng)).unwrap()[0]
        };
        (0..draws).map(of_step).collect()
    };
    let all_rows = traces(15, 1);
    assert!(
        (all_rows[0] / exact - 1.0).abs() < 1e-13,
        "{} for {exact}",
        all_rows[0]
    );
    for rows in [1, 10] {
        let found = traces(rows, DRAWS);
        let error = stated_error(&found);
        assert!(error > 0.0 && error < 0.05 * exact, "{error}");
        assert!(
            (mean(&found) - exact).abs() < 4.0 * error,
            "{} ± {error} for {exact}",
            mean(&found)
        );
    }
}

#[test]
fn noise_is_a_function_of_the_step() {
    let keys = "train.full_batch = true\nnoise = { kind = \"gauss_newton\", batch_size = 2 }";
    let plain = problem(keys);
    let at = |step| Position {
        step,
        ..start(&plain)
    };
    let gradient = |step| gradient_at(keys, &at(step));
    assert_eq!(gradient(3), gradient(3));
    assert_ne!(gradient(3), gradient(4));
}
