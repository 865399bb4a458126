//! One ascent of a function in a unit ball, by conditional gradients.

use super::chart::Maximand;
use super::cube::climb_cube;
use crate::linear::{dot, norm};
use crate::measure::failure::Failure;

/// A unit ball.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ball {
    /// `‖u‖₂ ≤ 1`.
    Euclidean,
    /// `|u_i| ≤ 1`.
    Cube,
}

impl Ball {
    /// The point of the ball where a linear function with these slopes is largest; the centre if
    /// they are all zero.
    pub fn farthest(self, slopes: &[f64]) -> Vec<f64> {
        match self {
            Self::Euclidean => {
                let size = norm(slopes);
                let size = if size > 0.0 { size } else { 1.0 };
                slopes.iter().map(|slope| slope / size).collect()
            }
            Self::Cube => slopes
                .iter()
                .map(|&slope| if slope == 0.0 { 0.0 } else { slope.signum() })
                .collect(),
        }
    }

    /// The point of the ball next to a point.
    pub fn onto(self, mut point: Vec<f64>) -> Vec<f64> {
        match self {
            Self::Euclidean => {
                let size = norm(&point);
                if size > 1.0 {
                    point.iter_mut().for_each(|u| *u /= size);
                }
            }
            Self::Cube => point.iter_mut().for_each(|u| *u = u.clamp(-1.0, 1.0)),
        }
        point
    }

    /// The largest value of a linear function with these slopes in the ball.
    pub fn reach(self, slopes: &[f64]) -> f64 {
        match self {
            Self::Euclidean => norm(slopes),
            Self::Cube => slopes.iter().map(|slope| slope.abs()).sum(),
        }
    }
}

/// A point that an ascent has come to.
#[derive(Clone, Debug)]
pub(super) struct LocalMaximum {
    /// The value there: a lower bound on the largest value in the set.
    pub value: f64,
    /// The coordinates.
    pub point: Vec<f64>,
    /// The slopes along them.
    pub slopes: Vec<f64>,
    /// How much the slopes there promise at most within the set, relative to the value: 0 where no
    /// step leads up to first order.
    pub promise: f64,
}

impl LocalMaximum {
    /// The promise below which a point is stationary.
    pub const LEVEL: f64 = 0.01;

    /// A point of a function that is 0 at the centre of a ball.
    pub fn new(ball: Ball, value: f64, point: Vec<f64>, slopes: Vec<f64>) -> Self {
        let promise = (ball.reach(&slopes) - dot(&slopes, &point)).max(0.0);
        let promise = if promise == 0.0 {
            0.0
        } else {
            promise / value.abs()
        };
        Self {
            value,
            point,
            slopes,
            promise,
        }
    }

    /// The function at a point; none where it is not finite, which is no place to climb from.
    pub fn at(
        maximand: &mut dyn Maximand,
        ball: Ball,
        point: Vec<f64>,
    ) -> Result<Option<Self>, Failure> {
        let (value, slopes) = maximand.value_and_gradient(&point)?;
        let is_finite = value.is_finite() && slopes.iter().all(|slope| slope.is_finite());
        Ok(is_finite.then(|| Self::new(ball, value, point, slopes)))
    }

    /// Whether no step leads up to first order.
    pub fn is_level(&self) -> bool {
        self.promise <= Self::LEVEL
    }
}

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
