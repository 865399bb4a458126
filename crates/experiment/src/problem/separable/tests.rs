//! Margins of paper and pencil, and conditions of optima.

use super::*;
use crate::random::Streams;

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }
}

#[test]
fn the_hard_margin_of_three_points_is_that_of_paper_and_pencil() {
    // The support vectors are (1, 0) and (0, 2): w = (1, 1/2), and (3, 3) is beyond.
    let points = Points::new(&[vec![1.0, 0.0], vec![3.0, 3.0], vec![0.0, 2.0]]);
    let found = hard_margin(&points).unwrap();
    close(&found.w, &[1.0, 0.5], 1e-14);
    close(&found.multipliers, &[1.0, 0.0, 0.25], 1e-14);
    assert!((found.margin - 1.25f64.sqrt().recip()).abs() < 1e-14 && found.error < 1e-12);
}

#[test]
fn a_hard_margin_is_certified_by_its_multipliers() {
    for seed in 0..10 {
        let points = with_teacher(&mut Streams::new(seed).stream("test", 0), 60, 8, 0.1);
        let found = hard_margin(&points).unwrap();
        assert!(found.error < 1e-10, "{}", found.error);
        assert!(points.least_margin(&found.w) > 1.0 - 1e-10);
        close(&points.mix(&found.multipliers), &found.w, 1e-9);
        let slack = points.margins(&found.w);
        let off = found
            .multipliers
            .iter()
            .zip(slack)
            .filter(|(l, s)| **l > 0.0 && *s > 1.0 + 1e-9);
        assert_eq!(off.count(), 0);
    }
}

#[test]
fn points_that_nothing_separates_have_no_margin() {
    let points = Points::new(&[vec![1.0, 0.0], vec![-1.0, 0.1], vec![0.0, -1.0]]);
    assert!(hard_margin(&points).is_err());
    assert!(least_norm_separator(&points, Norm::One).is_err());
}

#[test]
fn margins_of_linear_programmes_are_those_of_paper_and_pencil() {
    // Over |w₁| + |w₂| ≤ 1 the least of w₁ and 2w₂ is largest at (2/3, 1/3); over the square at (1, 1).
    let points = Points::new(&[vec![1.0, 0.0], vec![0.0, 2.0]]);
    close(
        &least_norm_separator(&points, Norm::One).unwrap(),
        &[1.0, 0.5],
        1e-12,
    );
    let square = least_norm_separator(&points, Norm::Infinity).unwrap();
    assert!((Norm::Infinity.of(&square) - 1.0).abs() < 1e-12);
}

#[test]
fn nonnegative_least_squares_meets_the_conditions_of_its_optimum() {
    let mut rng = Streams::new(5).stream("test", 0);
    let columns: Vec<Vec<f64>> = (0..12)
        .map(|_| dense::numbers(draw::normals(&mut rng, 6).as_ref()))
        .collect();
    let target = dense::numbers(draw::normals(&mut rng, 6).as_ref());
    let u = nonnegative_least_squares(&columns, &target).unwrap();
    let mut left = target.clone();
    for (u, column) in u.iter().zip(&columns) {
        add(&mut left, -u, column);
    }
    for (u, column) in u.iter().zip(&columns) {
        let pull = inner(column, &left);
        assert!(if *u > 0.0 {
            pull.abs() < 1e-12
        } else {
            *u == 0.0 && pull < 1e-12
        });
    }
}

#[test]
fn losses_agree_with_their_formulas_and_with_each_other_far_out() {
    let margins = [0.3, -1.0, 2.0];
    let losses: Vec<f64> = margins.iter().map(|m: &f64| (-m).exp().ln_1p()).collect();
    let pull = Loss::Logistic.pull(&margins);
    assert!((pull.log_loss - losses.iter().sum::<f64>().ln()).abs() < 1e-14);
    let slope = |m: f64| 1.0 / (1.0 + m.exp()) / losses.iter().sum::<f64>();
    close(&pull.weights, &margins.map(slope), 1e-14);
    let far = [35.9, 36.2, 40.0];
    let [a, b] = [Loss::Logistic, Loss::Exponential].map(|loss| loss.pull(&far));
    close(&a.weights, &b.weights, 1e-12);
    assert!((a.log_loss - b.log_loss).abs() < 1e-12);
    assert!(Loss::Exponential.pull(&[1e6, 1e6]).log_loss < -9e5);
}

#[test]
fn an_angle_is_right_where_it_is_small() {
    assert!((angle(&[1.0, 1e-9], &[2.0, 0.0]) - 1e-9f64.to_degrees()).abs() < 1e-20);
    assert!((angle(&[0.0, 3.0], &[1.0, 0.0]) - 90.0).abs() < 1e-12);
}

#[test]
fn no_direction_descends_more_steeply_than_the_step() {
    let gradient = [0.4, -1.0, 0.2];
    let model = |norm: Norm, v: &[f64]| inner(&gradient, v) + 0.5 * norm.of(v).powi(2);
    let mut rng = Streams::new(6).stream("test", 0);
    for norm in [Norm::One, Norm::Two, Norm::Infinity, Norm::Power(4.0 / 3.0)] {
        let step = norm.steepest(&gradient);
        for _ in 0..300 {
            let mut other = step.clone();
            add(
                &mut other,
                0.1,
                &dense::numbers(draw::normals(&mut rng, 3).as_ref()),
            );
            assert!(model(norm, &other) >= model(norm, &step) - 1e-12);
        }
    }
}
