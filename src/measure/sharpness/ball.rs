//! The largest value of a function in a unit ball, by conditional gradients.

use super::super::session::Failure;
use super::chart::Hill;
use crate::curvature::{dot, norm};

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

    /// The largest value of a linear function with these slopes in the ball.
    pub fn reach(self, slopes: &[f64]) -> f64 {
        match self {
            Self::Euclidean => norm(slopes),
            Self::Cube => slopes.iter().map(|slope| slope.abs()).sum(),
        }
    }
}

/// The best point an ascent has found.
#[derive(Clone, Debug)]
pub(super) struct Summit {
    /// The value there: a lower bound on the largest value in the set.
    pub value: f64,
    /// The coordinates.
    pub point: Vec<f64>,
    /// How much the slopes there promise at most within the set, relative to the value: 0 where no
    /// step leads up to first order.
    pub residual: f64,
}

impl Summit {
    /// The residual below which an ascent ends.
    const TOLERANCE: f64 = 0.01;

    /// The state of an ascent of a function that is 0 at the centre of a ball.
    pub fn new(ball: Ball, value: f64, point: Vec<f64>, slopes: &[f64]) -> Self {
        let promise = (ball.reach(slopes) - dot(slopes, &point)).max(0.0);
        let residual = if promise == 0.0 {
            0.0
        } else {
            promise / value.abs()
        };
        Self {
            value,
            point,
            residual,
        }
    }

    /// Whether the ascent has come to its end.
    pub fn has_converged(&self) -> bool {
        self.residual <= Self::TOLERANCE
    }
}

/// Climbs from the centre: each step goes to the point of the ball that is best to first order, or
/// a half, a quarter, an eighth of the way where that leads down (Frank & Wolfe 1956; Jaggi 2013,
/// algorithm 1). For a convex function every whole step leads up. The first whole step is the
/// one-step maximiser of sharpness-aware minimisation, so no less is found.
pub(super) fn climb_ball(
    hill: &mut dyn Hill,
    ball: Ball,
    steps: usize,
    dimension: usize,
) -> Result<Summit, Failure> {
    const SMALLEST_SHARE: f64 = 0.125;
    let centre = vec![0.0; dimension];
    let (value, mut slopes) = hill.value_and_gradient(&centre)?;
    let mut best = Summit::new(ball, value, centre, &slopes);
    'steps: for _ in 0..steps {
        if best.has_converged() {
            break;
        }
        let target = ball.farthest(&slopes);
        let mut share = 1.0;
        loop {
            if share < SMALLEST_SHARE || !hill.allows(1) {
                break 'steps;
            }
            let point: Vec<f64> = best
                .point
                .iter()
                .zip(&target)
                .map(|(from, to)| from + share * (to - from))
                .collect();
            let (value, found) = hill.value_and_gradient(&point)?;
            if value > best.value {
                best = Summit::new(ball, value, point, &found);
                slopes = found;
                break;
            }
            share /= 2.0;
        }
    }
    Ok(best)
}
