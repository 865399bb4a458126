//! Unit balls, and what is known of a function at one of their points.

use super::chart::Maximand;
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
