//! Losses, one number per sample.
//!
//! `outputs` is `[batch, outputs]` and `targets` a constant of the same shape; the result is
//! `[batch, 1]`. The objective averages over samples, so that a ragged last batch weighs what it
//! holds.

use super::Dual;
use burn::tensor::Tensor;

/// Cross-entropy in nats, `−Σ_k t_k log softmax(z)_k`, for targets that sum to 1.
pub fn cross_entropy(outputs: Dual<2>, targets: Tensor<2>) -> Dual<2> {
    (outputs.log_softmax() * Dual::constant(targets))
        .sum_dim(1)
        .scale(-1.0)
}

/// Half the squared distance, `½ Σ_k (z_k − t_k)²`.
///
/// The factor ½ is the convention of the edge-of-stability literature: without it every curvature
/// would be twice as large.
pub fn half_square(outputs: Dual<2>, targets: Tensor<2>) -> Dual<2> {
    (outputs - Dual::constant(targets))
        .square()
        .sum_dim(1)
        .scale(0.5)
}

/// Logistic loss `Σ_k log(1 + exp(−t_k z_k))` for signs `t_k = ±1`.
pub fn logistic(outputs: Dual<2>, signs: Tensor<2>) -> Dual<2> {
    (outputs * Dual::constant(signs.neg()))
        .softplus()
        .sum_dim(1)
}

/// Exponential loss `Σ_k exp(−t_k z_k)` for signs `t_k = ±1`.
pub fn exponential(outputs: Dual<2>, signs: Tensor<2>) -> Dual<2> {
    (outputs * Dual::constant(signs.neg())).exp().sum_dim(1)
}
