//! Losses, one number per sample.
//!
//! `outputs` is `[batch, outputs]` and `targets` a constant of the same shape; the result is
//! `[batch, 1]`. The objective averages over samples, so that a ragged last batch weighs what it
//! holds.

use super::Dual;
use crate::kernel;
use burn::tensor::Tensor;

/// Cross-entropy in nats, `−Σ_k t_k log softmax(z)_k`, for targets `t` that sum to 1, or to a weight of the
/// sample: `ℓ̇ = Σ_k (p_k − t_k) ż_k`. Value, tangent and their reverse passes are exact to a few units in
/// the last place at any margin (`kernel::cross_entropy`).
pub fn cross_entropy(outputs: Dual<2>, targets: Tensor<2>) -> Dual<2> {
    let Dual { value, tangent } = outputs;
    let tangent =
        tangent.map(|tangent| kernel::cross_entropy_along(value.clone(), tangent, targets.clone()));
    Dual {
        value: kernel::cross_entropy(value, targets),
        tangent,
    }
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
