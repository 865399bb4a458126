//! Thresholds against simulations of quadratics.

use super::descent::Descent;
use super::noise::noise_threshold;
use super::preconditioned;
use crate::measure::testing::fixture::subject;
use crate::measure::testing::fixture::{Fixture, SAMPLES, assert_close};
use crate::measure::{FailureKind, Session, StepRule, Subject};
use crate::model::Activation;

const RULES: [Descent; 4] = [
    descent(0.0, false),
    descent(0.5, false),
    descent(0.9, false),
    descent(0.9, true),
];

const fn descent(momentum: f64, is_nesterov: bool) -> Descent {
    Descent {
        momentum,
        is_nesterov,
        penalty: 0.0,
    }
}

fn rule(descent: Descent) -> Option<StepRule<'static>> {
    Some(StepRule::Descent {
        momentum: descent.momentum,
        is_nesterov: descent.is_nesterov,
        penalty: descent.penalty,
    })
}

/// The distance from the minimum of `½x²` after many steps from 1, infinite once it has exploded.
fn after_descent(rate: f64, rule: Descent) -> f64 {
    let mut velocity = 0.0;
    settled(|position| {
        velocity = rule.momentum * velocity + position;
        let direction = match rule.is_nesterov {
            true => position + rule.momentum * velocity,
            false => velocity,
        };
        position - rate * direction
    })
}

/// The same of Adam with a fixed preconditioner 1, and decay beside the step.
fn after_adam(rate: f64, curvature: f64, momentum: f64, decay: f64) -> f64 {
    let mut mean = 0.0;
    settled(|position| {
        mean = momentum * mean + (1.0 - momentum) * curvature * position;
        position - rate * decay * position - rate * mean
    })
}

/// How far from 0 many steps lead that begin at 1.
fn settled(mut step: impl FnMut(f64) -> f64) -> f64 {
    let mut position = 1.0f64;
    let mut farthest = 0.0;
    for number in 0..20_000 {
        position = step(position);
        if position.abs() > 1e9 {
            return f64::INFINITY;
        }
        if number > 19_000 {
            farthest = f64::max(farthest, position.abs());
        }
    }
    farthest
}

#[test]
fn descent_on_a_quadratic_is_stable_up_to_the_threshold() {
    for rule in RULES {
        let edge = rule.threshold();
        let momentum = rule.momentum;
        assert!(after_descent(0.99 * edge, rule) < 1e-6, "{momentum}");
        assert!(after_descent(1.01 * edge, rule) > 1e6, "{momentum}");
    }
}

#[test]
fn the_run_s_own_momentum_sets_the_edge() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let plain = fixture.value("stability.gd");
    for descent in RULES {
        let rows = fixture.measure_as(&["stability.momentum"], |mut subject| {
            subject.step_rule = rule(descent);
            subject
        });
        let expected = 2.0 * plain / descent.threshold();
        assert_close(rows[0].value.unwrap(), expected, 1e-12);
        assert!(rows[0].residual().is_some());
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
    let least = 0.5 * mu.stderr().unwrap() / mu.value.unwrap() * expected;
    assert!(row.stderr().unwrap() > least);
}

#[test]
fn adam_on_a_quadratic_is_stable_up_to_its_threshold_with_and_without_decay() {
    for (rate, momentum, decay) in [
        (0.1, 0.9, 0.0),
        (0.5, 0.0, 0.0),
        (0.1, 0.9, 2.0),
        (0.5, 0.5, 1.0),
    ] {
        let edge = preconditioned::threshold(rate, momentum, decay);
        let after = |curvature: f64| after_adam(rate, curvature, momentum, decay);
        assert!(after(0.99 * edge) < 1e-6, "{rate} {momentum} {decay}");
        assert!(after(1.01 * edge) > 1e6, "{rate} {momentum} {decay}");
    }
}

fn rule_of_adam(preconditioner: Option<&[f64]>) -> Option<StepRule<'_>> {
    Some(StepRule::Adaptive {
        momentum: 0.9,
        penalty: 0.25,
        decay: 0.0,
        preconditioner,
    })
}

#[test]
fn weight_decay_adds_to_the_curvature_that_steps_see() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let largest = fixture.value("hessian.lambda_max");
    let names = ["stability.gd", "stability.momentum"];
    let rows = fixture.measure_as(&names, |mut subject| {
        let penalty = 0.75;
        subject.step_rule = rule(Descent {
            penalty,
            ..descent(0.9, false)
        });
        subject
    });
    assert_close(rows[0].value.unwrap(), 0.05 * (largest + 0.75), 1e-9);
    assert_close(rows[1].value.unwrap(), 0.1 / 3.8 * (largest + 0.75), 1e-9);
}

#[test]
fn adam_s_condition_is_about_the_preconditioned_hessian() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    // With P = 4 everywhere it is that of gradient descent at a quarter of the curvature.
    let diagonal = vec![4.0; fixture.values.len()];
    let rows = fixture.measure_as(&["stability.adam"], |subject| Subject {
        step_rule: rule_of_adam(Some(&[])),
        ..subject
    });
    assert!(rows[0].value.is_none());
    let largest = fixture.value("hessian.lambda_max");
    let row = {
        let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
        let subject = Subject {
            step_rule: rule_of_adam(Some(&diagonal)),
            ..subject(&fixture.objective, &parameters, &train)
        };
        Session::new(subject)
            .measure(&["stability.adam"])
            .unwrap()
            .remove(0)
    };
    let expected = (largest + 0.25) / 4.0 / preconditioned::threshold(0.1, 0.9, 0.0);
    assert_close(row.value.unwrap(), expected, 1e-3);
}

#[test]
fn what_adam_has_no_state_for_is_not_known_and_gradient_descent_s_conditions_are_not_adam_s() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let names = [
        "stability.adam",
        "stability.gd",
        "stability.momentum",
        "stability.tracked",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.step_rule = rule_of_adam(None);
        subject
    });
    let kinds: Vec<_> = rows
        .iter()
        .map(|row| row.failure.as_ref().unwrap().kind)
        .collect();
    assert_eq!(kinds[0], FailureKind::NotKnown);
    assert!(
        kinds[1..]
            .iter()
            .all(|kind| *kind == FailureKind::NotDefined)
    );
    assert!(rows[1].reason().unwrap().contains("stability.adam"));
    // And of gradient descent there is no condition for Adam.
    assert_eq!(
        fixture.row("stability.adam").failure.unwrap().kind,
        FailureKind::NotDefined
    );
}

#[test]
fn conditions_are_refused_where_they_were_not_derived() {
    let fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    let names = ["stability.nonuniformity", "stability.alignment"];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.step_rule = rule(descent(0.9, false));
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason().unwrap().contains("momentum 0.9"))
    );
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.batch_size = Some(SAMPLES);
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason().unwrap().contains("no noise"))
    );
    let rows = fixture.measure_as(&["stability.momentum", names[0]], |mut subject| {
        subject.step_rule = rule_of_adam(None);
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason().unwrap().contains("gradient descent"))
    );
    let rows = fixture.measure_as(&["run.batch_size", "run.learning_rate"], |mut subject| {
        subject.batch_size = None;
        subject
    });
    assert!(rows[0].reason().unwrap().contains("not known"));
    assert_eq!(rows[1].value, Some(0.1));
}
