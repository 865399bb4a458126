//! One ascent of a function in a unit ball, by conditional gradients.

use super::ball::{Ball, LocalMaximum};
use super::chart::Maximand;
use super::cube::climb_cube;
use crate::measure::failure::Failure;

/// Steps of one ascent, at most.
const STEPS: usize = 60;

/// So many steps that together gain less than [`PROGRESS`] end an ascent.
const WINDOW: usize = 3;

/// A share of the value that is worth a few more steps.
const PROGRESS: f64 = 1e-3;

/// The smallest share of the way to the best point to first order that is tried.
const SMALLEST_SHARE: f64 = 1.0 / 64.0;

/// Quasi-Newton iterations in a cube, at most.
const ITERATIONS: usize = 10;

/// Climbs to where the steps have ceased to gain *and* no step leads up to first order: the second
/// alone holds at every saddle point of the function on the sphere, near which an ascent is slow
/// only for a while.
///
/// Each step goes to the point of the ball that is best to first order, or a quarter, a sixteenth, a
/// sixty-fourth of the way where that leads down (Frank & Wolfe 1956; Jaggi 2013, algorithm 1). For a
/// convex function every whole step leads up; for a quadratic in a Euclidean ball it is a step of
/// the power method, which is made faster by going beyond (as over-relaxation does) as long as that
/// leads up. From the centre the first step is that of sharpness-aware minimisation, so no less is
/// found. In a cube a maximum may lie inside, which such steps approach slowly: the end is then
/// left to a quasi-Newton method.
pub(super) fn climb(
    maximand: &mut dyn Maximand,
    ball: Ball,
    start: LocalMaximum,
) -> Result<LocalMaximum, Failure> {
    let mut here = start;
    let mut values = vec![here.value];
    let mut beyond = 0.0;
    for _ in 0..STEPS {
        if has_stopped(&values) && (here.is_level() || ball == Ball::Cube) {
            break;
        }
        match step(maximand, ball, &here, &mut beyond)? {
            Some(next) => here = next,
            None => break,
        }
        values.push(here.value);
    }
    match ball {
        Ball::Cube if !here.is_level() => climb_cube(maximand, here, ITERATIONS),
        _ => Ok(here),
    }
}

/// Whether the last steps have gained next to nothing.
fn has_stopped(values: &[f64]) -> bool {
    let Some((last, earlier)) = values.split_last() else {
        return false;
    };
    let before = earlier.iter().rev().nth(WINDOW - 1);
    before.is_some_and(|before| last - before <= PROGRESS * last.abs())
}

/// The next point, if there is a higher one. `beyond` is how far past the best point to first order
/// to go, in steps.
fn step(
    maximand: &mut dyn Maximand,
    ball: Ball,
    here: &LocalMaximum,
    beyond: &mut f64,
) -> Result<Option<LocalMaximum>, Failure> {
    if here.promise == 0.0 {
        return Ok(None);
    }
    let target = ball.farthest(&here.slopes);
    let at_share = |share: f64| -> Vec<f64> {
        let ends = here.point.iter().zip(&target);
        ends.map(|(from, to)| from + share * (to - from)).collect()
    };
    // In a cube the best point is a corner, and nothing lies beyond.
    if *beyond > 0.0 && ball == Ball::Euclidean {
        let point = ball.onto(at_share(1.0 + *beyond));
        let higher = higher(maximand, ball, here, point)?;
        *beyond *= if higher.is_some() { 1.5 } else { 0.0 };
        if higher.is_some() {
            return Ok(higher);
        }
    }
    let mut share = 1.0;
    while share >= SMALLEST_SHARE {
        let higher = higher(maximand, ball, here, at_share(share))?;
        if higher.is_some() {
            *beyond = if share == 1.0 { 1.0 } else { 0.0 };
            return Ok(higher);
        }
        share /= 4.0;
    }
    Ok(None)
}

/// A point, if it is higher and the budget allows to look.
fn higher(
    maximand: &mut dyn Maximand,
    ball: Ball,
    here: &LocalMaximum,
    point: Vec<f64>,
) -> Result<Option<LocalMaximum>, Failure> {
    if !maximand.allows(1) {
        return Ok(None);
    }
    let there = LocalMaximum::at(maximand, ball, point)?;
    Ok(there.filter(|there| there.value > here.value))
}
