//! Geometries against closed forms, differences and the literature.

use super::*;
use crate::random::Streams;
use faer::Scale;

fn all_potentials(rng: &mut StreamRng) -> Vec<Potential> {
    let matrix = draw::symmetric(rng, &[0.5, 1.0, 2.0, 3.0]);
    vec![
        Potential::Euclidean,
        Potential::quadratic(matrix).unwrap(),
        Potential::Entropy,
        Potential::SpectralEntropy { size: 2 },
        Potential::Power {
            exponent: 4.0 / 3.0,
        },
        Potential::Hyperbolic { scale: 0.7 },
    ]
}

#[test]
fn dual_is_the_derivative_of_the_value_and_metric_that_of_primal() {
    let mut rng = Streams::new(0).stream("test", 0);
    // As a matrix of two rows, (2, 0.3; 0.3, 1).
    let w = dense::column(&[2.0, 0.3, 0.3, 1.0]);
    for potential in all_potentials(&mut rng) {
        let z = potential.dual(w.as_ref()).unwrap();
        let back = potential.primal(z.as_ref()).unwrap();
        assert!((&back - &w).norm_l2() < 1e-13, "{potential:?}");
        let direction = dense::column(&[0.2, -0.4, -0.4, 0.1]);
        let step = 1e-5;
        let moved = |sign: f64| &w + &direction * Scale(sign * step);
        let slope = (potential.value(moved(1.0).as_ref()).unwrap()
            - potential.value(moved(-1.0).as_ref()).unwrap())
            / (2.0 * step);
        assert!(
            (slope - dense::dot(z.as_ref(), direction.as_ref())).abs() < 1e-8,
            "{potential:?}"
        );
        let moved = |sign: f64| &z + &direction * Scale(sign * step);
        let change = (potential.primal(moved(1.0).as_ref()).unwrap()
            - potential.primal(moved(-1.0).as_ref()).unwrap())
            * Scale(0.5 / step);
        let metric = potential.metric(z.as_ref()).unwrap();
        assert!(
            (change - metric * &direction).norm_l2() < 1e-7,
            "{potential:?}"
        );
    }
}

#[test]
fn the_interpolant_of_least_norm_is_that_of_the_literature() {
    let potential = Potential::Power {
        exponent: 4.0 / 3.0,
    };
    let found = nearest_interpolant(&two_points(), &potential, Col::zeros(3).as_ref()).unwrap();
    for (found, expected) in dense::numbers(found.weights.as_ref())
        .iter()
        .zip([0.00023, 4.99988, -4.00012])
    {
        assert!((found - expected).abs() < 2e-5, "{found}");
    }
    assert!((norm(found.weights.as_ref(), 4.0 / 3.0) - 7.58365).abs() < 1e-5);
    let found =
        nearest_interpolant(&two_points(), &Potential::Euclidean, Col::zeros(3).as_ref()).unwrap();
    for (found, expected) in
        dense::numbers(found.weights.as_ref())
            .iter()
            .zip([1.0 / 3.0, 29.0 / 6.0, -25.0 / 6.0])
    {
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn the_end_of_steepest_descent_depends_on_its_step_as_in_the_literature() {
    let expected = [
        (0.02, [0.30986, 4.84507, -4.15493]),
        (0.01, [0.29568, 4.85216, -4.14784]),
        (1e-3, [0.28386, 4.85807, -4.14193]),
    ];
    for (step, expected) in expected {
        let found = steepest_descent(&two_points(), 4.0 / 3.0, step, 1_000_000);
        for (found, expected) in dense::numbers(found.as_ref()).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{step}: {found}");
        }
    }
}

#[test]
fn a_linear_program_finds_the_least_absolute_norm() {
    // On the interpolants (t, 5 − t/2, −4 − t/2) the sum of sizes is least at t = 0: 9.
    let found = least_absolute(&two_points(), false).unwrap();
    assert!((norm(found.as_ref(), 1.0) - 9.0).abs() < 1e-9, "{found:?}");
    assert!(least_absolute(&two_points(), true).is_err());
}

#[test]
fn the_flow_of_a_square_is_the_logistic_curve() {
    // dθ/dt = −2θ(θ² − 1): w = θ² obeys dw/dt = 4w(1 − w).
    let map = Parameterisation::squares(1);
    let path = map
        .flow(dense::column(&[0.1]).as_ref(), &[1.0, 2.0], |w| {
            dense::column(&[w[0] - 1.0])
        })
        .unwrap();
    for (time, found) in [1.0f64, 2.0].iter().zip(path) {
        let expected = 1.0 / (1.0 + 99.0 * (-4.0 * time).exp());
        let error = (map.value(found.as_ref())[0] - expected).abs();
        assert!(error < 1e-9, "{error}");
    }
}

#[test]
fn two_parameters_of_one_weight_have_two_metrics() {
    // Arora et al., Example 8.1.5: 4 and 12.
    let map = Parameterisation::signed_squares(1);
    for (parameters, expected) in [([1.0, 0.0], 4.0), ([2f64.sqrt(), 1.0], 12.0)] {
        let metric = map.metric(dense::column(&parameters).as_ref());
        assert!((metric[(0, 0)] - expected).abs() < 1e-14);
    }
}
