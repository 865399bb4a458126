//! The largest eigenvalue of the Hessian at which a run's steps are stable.

use super::Along;
use super::series::{Number, Track, track};
use crate::config::Config;
use crate::measure::{StepRule, largest_stable};
use crate::optim::{reaches_all, step_rule};
use crate::run::Row;

/// The line at each step at which the run knows it, from its rows: the threshold that it has measured itself
/// (`stability.line`, of `H + μI`); else what `λ` would be where `stability.momentum` is 1; else that of its rule
/// and its learning rate. There is none for Adam, nor where steps or weight decay reach a part
/// of the parameters: such steps see another matrix.
pub(super) fn threshold(config: &Config, rows: &[Row], along: Along) -> Track {
    let rule = step_rule(config, None);
    let StepRule::Descent { penalty, .. } = rule else {
        return Track::new();
    };
    if !reaches_all(config) {
        return Track::new();
    }
    let of = |measure: &'static str| -> Option<Track> {
        let number = Number::of_rows(measure, rows).into_iter().next()?;
        Some(track(rows, &number, along))
    };
    let map = |track: Track, value: &dyn Fn(u64, f64) -> f64| -> Track {
        let points = track.into_iter().map(|(step, mut point)| {
            point.value = value(step, point.value);
            point.stderr = f64::NAN;
            (step, point)
        });
        points
            .filter(|(_, point)| point.value.is_finite())
            .collect()
    };
    if let Some(line) = of("stability.line") {
        return map(line, &|_, line| line - penalty);
    }
    if let (Some(condition), Some(largest)) = (of("stability.momentum"), of("hessian.lambda_max")) {
        let largest = |step: u64| largest.get(&step).map_or(f64::NAN, |point| point.value);
        return map(condition, &|step, ratio| {
            (largest(step) + penalty) / ratio - penalty
        });
    }
    let line = |rate: f64| largest_stable(rule, rate).unwrap_or(f64::NAN);
    of("run.learning_rate").map_or_else(Track::new, |rates| map(rates, &|_, rate| line(rate)))
}
