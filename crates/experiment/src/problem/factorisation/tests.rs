//! Factorisations against closed forms and differences.

use super::factors::cubic_roots;
use super::*;
use crate::problem::draw;
use crate::random::Streams;
use faer::Scale;

#[test]
fn the_least_nuclear_norm_of_a_corner_is_known() {
    // (?, 1; 1, 1): of rank one with 1, norm 2; and (?, 1; 1, 0): 0, with norm 2.
    for (corner, expected) in [(1.0, 1.0), (0.0, 0.0)] {
        let truth = Mat::from_fn(2, 2, |i, j| {
            if i + j == 1 {
                1.0
            } else if i == 1 {
                corner
            } else {
                7.0
            }
        });
        let mask = Mat::from_fn(2, 2, |i, j| if i + j == 0 { 0.0 } else { 1.0 });
        let found = least_nuclear_norm(&Completion { truth, mask }, (2000, 1e-9)).unwrap();
        assert!(
            (found.norm - 2.0).abs() < 1e-6 && found.gap < 1e-6,
            "{found:?}"
        );
        assert!((found.matrix[(0, 0)] - expected).abs() < 1e-3, "{found:?}");
    }
}

#[test]
fn a_cubic_has_the_roots_it_was_made_of() {
    // (x − 1)(x − 2)(x + 3) and (x − 2)(x² + 1).
    let mut roots = cubic_roots([6.0, -7.0, 0.0, 1.0]);
    roots.sort_by(f64::total_cmp);
    for (root, expected) in roots.iter().zip([-3.0, 1.0, 2.0]) {
        assert!((root - expected).abs() < 1e-12);
    }
    let roots = cubic_roots([-4.0, 2.0, -4.0, 2.0]);
    assert!(
        roots.len() == 1 && (roots[0] - 2.0).abs() < 1e-12,
        "{roots:?}"
    );
}

#[test]
fn an_exact_line_search_is_no_worse_than_its_neighbours() {
    let mut rng = Streams::new(0).stream("test", 0);
    let problem = Completion::low_rank(&mut rng, 6, 2, 0.6);
    let factors = Factors::gaussian(&mut rng, 6, 6, 0.3);
    let after = |rule: Step| {
        let mut moved = factors.clone();
        moved.descend(&problem, rule, (1, 0.0));
        problem.misfit(moved.product().as_ref())
    };
    let residual = problem.residual(factors.product().as_ref());
    let pull = Factors {
        u: &residual * &factors.v,
        v: residual.transpose() * &factors.u,
    };
    let best = factors.best_step(&problem, &residual, &pull);
    let exact = after(Step::ExactLineSearch);
    for factor in [0.9, 1.1] {
        assert!(exact < after(Step::Constant(best * factor)));
    }
}

#[test]
fn a_ridge_in_a_ball_ends_on_its_surface_where_the_gradient_points_inwards() {
    let of = |number: f64| Mat::from_fn(1, 1, |_, _| number);
    // (2 − 3u)² + (3u)² has its minimum at 1/3; with u² ≤ 1/25 it is at 1/5.
    let at = |bound: Option<f64>| {
        dropout_ridge(
            of(2.0).as_ref(),
            of(1.0).as_ref(),
            of(3.0).as_ref(),
            1.0,
            bound,
        )
    };
    assert!((at(None).unwrap()[(0, 0)] - 1.0 / 3.0).abs() < 1e-14);
    assert!((at(Some(0.04)).unwrap()[(0, 0)] - 0.2).abs() < 1e-12);
}

#[test]
fn a_rotation_equalises_a_diagonal() {
    let mut rng = Streams::new(0).stream("test", 0);
    for values in [
        vec![3.0, 0.0, 0.0, 0.0],
        vec![5.0, 3.0, 1.0, 0.1],
        vec![1.0; 4],
    ] {
        let gram = draw::symmetric(&mut rng, &values);
        let rotation = equalising_rotation(gram.as_ref());
        let after = rotation.transpose() * &gram * &rotation;
        let level = values.iter().sum::<f64>() / 4.0;
        assert!(
            (0..4).all(|i| (after[(i, i)] - level).abs() < 1e-12),
            "{after:?}"
        );
        let product = rotation.transpose() * &rotation;
        assert!((product - dense::scaled_identity(4, 1.0)).norm_l2() < 1e-12);
    }
}

#[test]
fn eigenvalues_sink_as_in_the_literature() {
    // Computed independently for M = diag(3, 2, 1, 1/2).
    let values = [3.0, 2.0, 1.0, 0.5];
    let cases = [
        (0.3, 4, [2.625, 1.625, 0.625, 0.125]),
        (2.0, 4, [1.75, 0.75, 0.0, 0.0]),
        (1.0, 2, [1.75, 0.75, 0.0, 0.0]),
    ];
    for (strength, width, expected) in cases {
        for (found, expected) in sunk(&values, strength, width).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14);
        }
    }
}

#[test]
fn gradient_and_curvature_are_derivatives_of_the_loss() {
    let mut rng = Streams::new(0).stream("test", 0);
    let matrix = draw::symmetric(&mut rng, &[2.0, 1.0, 0.5]);
    let autoencoder = Autoencoder {
        matrix,
        strength: 0.7,
    };
    let (u, d) = (
        draw::gaussian(&mut rng, 3, 2),
        draw::gaussian(&mut rng, 3, 2),
    );
    let at = |step: f64| &u + &d * Scale(step);
    let slope = (autoencoder.loss(at(1e-5).as_ref()) - autoencoder.loss(at(-1e-5).as_ref())) / 2e-5;
    assert!((slope - inner(autoencoder.gradient(u.as_ref()).as_ref(), d.as_ref())).abs() < 1e-6);
    let change = (autoencoder.gradient(at(1e-5).as_ref())
        - autoencoder.gradient(at(-1e-5).as_ref()))
        * Scale(5e4);
    assert!((change - autoencoder.curve(u.as_ref(), d.as_ref())).norm_l2() < 1e-6);
}

#[test]
fn dropout_of_one_feature_is_a_coin() {
    // z = 2, y = 1: with chance 1/4 nothing is left (1), else 2·4/3 (25/9).
    let features = Mat::from_fn(1, 1, |_, _| 2.0);
    let found = dropout_by_enumeration(features.as_ref(), &dense::column(&[1.0]), 0.25, 4.0 / 3.0);
    assert!((found - (0.25 + 0.75 * 25.0 / 9.0)).abs() < 1e-14);
}
