//! Where no direction reaches, there is no tangent to compute.

use super::{numbered, tensor};
use crate::dual::{ChannelStatistics, Dual, cross_entropy, exponential, half_square, logistic};

fn constant<const D: usize>(shape: [usize; D]) -> Dual<D> {
    Dual::constant(numbered(shape, 1))
}

#[test]
fn elementwise_rules() {
    let rules: [fn(Dual<2>) -> Dual<2>; 16] = [
        Dual::relu,
        Dual::tanh,
        Dual::gelu,
        Dual::softplus,
        Dual::exp,
        Dual::square,
        Dual::sqrt,
        Dual::reciprocal,
        Dual::inverse_sqrt,
        Dual::softmax,
        |x| x.scale(2.0),
        |x| x.shift(2.0),
        |x| x.mask(numbered([1, 3], 2)),
        |x| x + constant([1, 3]),
        |x| x - constant([2, 1]),
        |x| x.clone() * constant([2, 1]) / x,
    ];
    for rule in rules {
        assert!(rule(constant([2, 3])).tangent.is_none());
    }
}

#[test]
fn rules_that_change_the_shape() {
    let x = || constant([2, 3]);
    assert!(x().reshape([6]).tangent.is_none());
    assert!(x().permute([1, 0]).tangent.is_none());
    assert!(x().swap_dims(0, 1).tangent.is_none());
    assert!(x().transpose().tangent.is_none());
    assert!(x().narrow(1, 0, 2).tangent.is_none());
    assert!(constant([1, 3]).expand([2, 3]).tangent.is_none());
    assert!(Dual::cat(vec![x(), x()], 0).tangent.is_none());
    assert!(x().sum().tangent.is_none());
    assert!(x().mean().tangent.is_none());
    assert!(x().sum_dim(0).tangent.is_none());
    assert!(x().mean_dim(0).tangent.is_none());
}

#[test]
fn layers() {
    let x = || constant([2, 2, 2, 2]);
    let affine = || constant([2]);
    assert!(x().global_average_pool().tangent.is_none());
    assert!(x().matmul(x()).tangent.is_none());
    assert!(x().conv2d(x(), 1, 1).tangent.is_none());
    assert!(x().batch_norm(affine(), affine(), 1e-5).0.tangent.is_none());
    assert!(x().layer_norm(affine(), affine(), 1e-5).tangent.is_none());
    assert!(
        x().group_norm(2, affine(), affine(), 1e-5)
            .tangent
            .is_none()
    );
    assert!(
        x().attention(x(), x(), None)
            .merge_heads()
            .tangent
            .is_none()
    );
    let statistics = ChannelStatistics {
        mean: tensor(&[0.0; 2], [2]),
        variance: tensor(&[1.0; 2], [2]),
    };
    let normalised = x().batch_norm_with(&statistics, affine(), affine(), 1e-5);
    assert!(normalised.tangent.is_none());
    let tokens = constant([3, 4]).embedding(tensor(&[0.0, 2.0], [1, 2]));
    assert!(tokens.tangent.is_none());
    let layer = |bias| tokens.clone().linear(constant([2, 4]), bias);
    assert!(layer(None).split_heads(2).tangent.is_none());
    assert!(layer(Some(affine())).tangent.is_none());
}

#[test]
fn losses() {
    let targets = || tensor(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [2, 3]);
    for loss in [cross_entropy, half_square, logistic, exponential] {
        assert!(loss(constant([2, 3]), targets()).tangent.is_none());
    }
}
