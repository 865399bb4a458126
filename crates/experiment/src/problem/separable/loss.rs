//! Losses of margins, and a step of steepest descent on one.

use super::{Norm, Points};
use crate::problem::vector::add;

/// A loss with an exponential tail, as a function of a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// exp(−m).
    Exponential,
    /// log(1 + exp(−m)).
    Logistic,
}

/// How the points pull at a predictor: the gradient of the sum of losses is `−L Xᵀp`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// `p`, minus the derivatives of the losses over the sum of losses. For exponential losses their sum is one.
    pub weights: Vec<f64>,
    /// log L, where L itself may be too small for a number.
    pub log_loss: f64,
}

impl Loss {
    /// At these margins.
    pub fn pull(self, margins: &[f64]) -> Pull {
        let least = margins.iter().copied().fold(f64::INFINITY, f64::min);
        // From there on both losses agree to the last digit.
        if self == Self::Exponential || least > 36.0 {
            // What is a millionth of the last digit beside the largest is none, and costs no exponential.
            let weight = |m: &f64| {
                if m - least > 50.0 {
                    0.0
                } else {
                    (least - m).exp()
                }
            };
            let mut weights: Vec<f64> = margins.iter().map(weight).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            return Pull {
                weights,
                log_loss: sum.ln() - least,
            };
        }
        let mut sum = 0.0;
        let mut slope = |m: &f64| {
            let small = (-m.abs()).exp();
            sum += softplus(small) + (-m).max(0.0);
            if *m > 0.0 {
                small / (1.0 + small)
            } else {
                1.0 / (1.0 + small)
            }
        };
        let mut weights: Vec<f64> = margins.iter().map(&mut slope).collect();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Pull {
            weights,
            log_loss: sum.ln(),
        }
    }
}

/// log(1 + x) for x from 0 to 1; by its series where that is exact, which is faster.
fn softplus(x: f64) -> f64 {
    if x < 1e-4 {
        x * (1.0 - x * (0.5 - x * (1.0 / 3.0 - x * 0.25)))
    } else {
        x.ln_1p()
    }
}

/// One step of steepest descent on the sum of losses, with the step size `share / (B² L(w))`, where B is the largest
/// dual norm of a point (Gunasekar et al. 2018, "Characterizing implicit bias in terms of optimization geometry",
/// theorem 5, has shares up to 1). Gives the pull before the step.
pub fn step(points: &Points, loss: Loss, norm: Norm, size: f64, w: &mut [f64]) -> Pull {
    let pull = loss.pull(&points.margins(w));
    let gradient: Vec<f64> = points.mix(&pull.weights).iter().map(|x| -x).collect();
    add(w, size, &norm.steepest(&gradient));
    pull
}
