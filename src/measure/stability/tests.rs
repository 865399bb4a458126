//! Thresholds against simulations of quadratics.

use super::super::fixture::{Fixture, SAMPLES, assert_close};
use super::noise::noise_threshold;
use super::threshold;
use crate::config::Momentum;
use crate::model::Activation;

const RULES: [Momentum; 4] = [
    momentum(0.0, false),
    momentum(0.5, false),
    momentum(0.9, false),
    momentum(0.9, true),
];

const fn momentum(coefficient: f64, nesterov: bool) -> Momentum {
    Momentum {
        coefficient,
        nesterov,
    }
}

/// The distance from the minimum of `½x²` after many steps from 1, infinite once it has exploded.
fn after_descent(rate: f64, rule: Momentum) -> f64 {
    let (mut position, mut velocity) = (1.0f64, 0.0);
    let mut distances = Vec::new();
    for _ in 0..2000 {
        velocity = rule.coefficient * velocity + position;
        let direction = match rule.nesterov {
            true => position + rule.coefficient * velocity,
            false => velocity,
        };
        position -= rate * direction;
        if position.abs() > 1e9 {
            return f64::INFINITY;
        }
        distances.push(position.abs());
    }
    distances[1900..].iter().copied().fold(0.0, f64::max)
}

#[test]
fn descent_on_a_quadratic_is_stable_up_to_the_threshold() {
    for rule in RULES {
        let edge = threshold(rule);
        assert!(after_descent(0.99 * edge, rule) < 1e-6, "{rule:?}");
        assert!(after_descent(1.01 * edge, rule) > 1e6, "{rule:?}");
    }
}

#[test]
fn the_run_s_own_momentum_sets_the_edge() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let plain = fixture.value("stability.gd");
    for rule in RULES {
        let rows = fixture.measure_as(&["stability.momentum"], |mut subject| {
            subject.momentum = Some(rule);
            subject
        });
        assert_close(rows[0].value.unwrap(), 2.0 * plain / threshold(rule), 1e-12);
        assert!(rows[0].residual.is_some());
    }
}

#[test]
fn the_second_moment_of_sgd_on_a_quadratic_grows_beyond_the_threshold_of_noise() {
    // Of samples with curvatures 1, 2, 4, 9 two are drawn without replacement.
    let curvatures = [1.0f64, 2.0, 4.0, 9.0];
    let mean = curvatures.iter().sum::<f64>() / 4.0;
    let square = curvatures.iter().map(|a| a * a).sum::<f64>() / 4.0;
    let spread = (square - mean * mean).sqrt();
    let rate = 0.3;
    let mut growth = 0.0;
    for first in 0..4 {
        for second in 0..first {
            let drawn = 0.5 * (curvatures[first] + curvatures[second]);
            growth += (1.0 - rate * drawn).powi(2) / 6.0;
        }
    }
    let ratio = rate * spread / noise_threshold(2.0, 4.0);
    assert_close(growth, (1.0 - rate * mean).powi(2) + ratio * ratio, 1e-12);
}

#[test]
fn conditions_on_noise_are_made_of_the_measures_they_name() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let spread = fixture.value("noise.nonuniformity");
    let threshold = (2.0 * (SAMPLES as f64 - 1.0) / (SAMPLES as f64 - 2.0)).sqrt();
    assert_close(
        fixture.value("stability.nonuniformity"),
        0.1 * spread / threshold,
        1e-12,
    );
    let (norm, mu) = (
        fixture.value("hessian.frobenius"),
        fixture.row("noise.alignment_mu"),
    );
    let expected = 0.1 * norm * (mu.value.unwrap() / 2.0).sqrt();
    let row = fixture.row("stability.alignment");
    assert_close(row.value.unwrap(), expected, 1e-12);
    let least = 0.5 * mu.stderr.unwrap() / mu.value.unwrap() * expected;
    assert!(row.stderr.unwrap() > least);
}

#[test]
fn conditions_are_refused_where_they_were_not_derived() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let names = ["stability.nonuniformity", "stability.alignment"];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.momentum = Some(momentum(0.9, false));
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason.as_ref().unwrap().contains("momentum 0.9"))
    );
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.batch_size = Some(SAMPLES);
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason.as_ref().unwrap().contains("no noise"))
    );
    let rows = fixture.measure_as(&["stability.momentum", names[0]], |mut subject| {
        subject.momentum = None;
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason.as_ref().unwrap().contains("gradient descent"))
    );
    let rows = fixture.measure_as(&["run.batch_size", "run.learning_rate"], |mut subject| {
        subject.batch_size = None;
        subject
    });
    assert!(rows[0].reason.as_ref().unwrap().contains("not known"));
    assert_eq!(rows[1].value, Some(0.1));
}
