//! Batch, layer and group normalisation.
//!
//! The numbers of PyTorch 2.15 come from this script, `numbers` being the function of this module:
//!
//! ```python
//! from torch.nn import BatchNorm2d, functional as F
//! batch = BatchNorm2d(2, momentum=1.0)
//! batch.weight.data, batch.bias.data = numbers(2, 2), numbers(2, 3)
//! x = numbers(16, 1).reshape(2, 2, 2, 2)
//! batch(x), batch.running_mean, batch.running_var
//! batch.eval()(x.flip(0))
//! F.layer_norm(numbers(6, 1).reshape(2, 3), [3], numbers(3, 2), numbers(3, 3), 1e-5)
//! F.group_norm(numbers(16, 1).reshape(1, 4, 2, 2), 2, numbers(4, 2), numbers(4, 3), 1e-5)
//! ```

use super::hyper::{Hyper, Real};
use super::{check, held, numbered, part, same, tensor};
use crate::dual::{ChannelStatistics, Dual};

const EPSILON: f64 = 1e-3;

/// Normalises the elements at `positions` to mean 0 and variance 1.
fn normalise(x: &mut [Hyper], positions: &[usize]) {
    let share = Hyper::real(1.0 / positions.len() as f64);
    let mean = positions.iter().map(|&i| x[i]).sum::<Hyper>() * share;
    let squares: Hyper = positions
        .iter()
        .map(|&i| (x[i] - mean) * (x[i] - mean))
        .sum();
    let deviation = (squares * share + Hyper::real(EPSILON)).sqrt();
    for &i in positions {
        x[i] = (x[i] - mean) / deviation;
    }
}

/// Normalises every set of elements that `group` numbers alike, then scales and shifts by the
/// weight and bias that `channel` numbers.
fn reference(
    numbers: &[Hyper],
    channels: usize,
    group: impl Fn(usize) -> usize,
    channel: impl Fn(usize) -> usize,
) -> Vec<Hyper> {
    let (x, affine) = numbers.split_at(numbers.len() - 2 * channels);
    let mut x = x.to_vec();
    for g in 0..x.len() {
        let positions: Vec<usize> = (0..x.len()).filter(|&i| group(i) == g).collect();
        if !positions.is_empty() {
            normalise(&mut x, &positions);
        }
    }
    let scaled = x.into_iter().enumerate();
    scaled
        .map(|(i, x)| x * affine[channel(i)] + affine[channels + channel(i)])
        .collect()
}

/// Input, weight and bias from one flat tensor.
fn parts<const D: usize>(
    x: &Dual<1>,
    shape: [usize; D],
    channels: usize,
) -> (Dual<D>, Dual<1>, Dual<1>) {
    let count = shape.iter().product();
    (
        part(x, 0, shape),
        part(x, count, [channels]),
        part(x, count + channels, [channels]),
    )
}

#[test]
fn batch_norm_of_images() {
    let channel = |i: usize| i / 2 % 2;
    check(
        [16],
        |x| {
            let (x, weight, bias) = parts(&x, [3, 2, 2, 1], 2);
            x.batch_norm(weight, bias, EPSILON).0
        },
        |x| reference(x, 2, channel, channel),
    );
}

#[test]
fn batch_norm_of_features() {
    let channel = |i: usize| i % 3;
    check(
        [18],
        |x| {
            let (x, weight, bias) = parts(&x, [4, 3], 3);
            x.batch_norm(weight, bias, EPSILON).0
        },
        |x| reference(x, 3, channel, channel),
    );
}

#[test]
fn batch_norm_with_a_tangent_in_one_argument_only() {
    let channel = |i: usize| i % 3;
    let hold = |x: &[Hyper], kept: std::ops::Range<usize>| -> Vec<Hyper> {
        let numbers = x.iter().enumerate();
        numbers
            .map(|(i, x)| if kept.contains(&i) { *x } else { x.held() })
            .collect()
    };
    check(
        [18],
        |x| {
            let (x, weight, bias) = parts(&x, [4, 3], 3);
            x.batch_norm(held(weight), held(bias), EPSILON).0
        },
        |x| reference(&hold(x, 0..12), 3, channel, channel),
    );
    check(
        [18],
        |x| {
            let (x, weight, bias) = parts(&x, [4, 3], 3);
            held(x).batch_norm(weight, held(bias), EPSILON).0
        },
        |x| reference(&hold(x, 12..15), 3, channel, channel),
    );
    check(
        [18],
        |x| {
            let (x, weight, bias) = parts(&x, [4, 3], 3);
            held(x).batch_norm(held(weight), bias, EPSILON).0
        },
        |x| reference(&hold(x, 15..18), 3, channel, channel),
    );
}

#[test]
fn batch_norm_with_given_statistics() {
    let (mean, variance) = ([0.3, -0.2], [0.7, 1.9]);
    let statistics = ChannelStatistics {
        mean: tensor(&mean, [2]),
        variance: tensor(&variance, [2]),
    };
    check(
        [12],
        |x| {
            let (x, weight, bias) = parts(&x, [2, 2, 1, 2], 2);
            x.batch_norm_with(&statistics, weight, bias, EPSILON)
        },
        |x| {
            let outputs = (0..8).map(|i| {
                let c = i / 2 % 2;
                let deviation = Hyper::real((variance[c] + EPSILON).sqrt());
                (x[i] - Hyper::real(mean[c])) / deviation * x[8 + c] + x[10 + c]
            });
            outputs.collect()
        },
    );
}

#[test]
fn layer_norm() {
    check(
        [18],
        |x| {
            let (x, weight, bias) = parts(&x, [2, 2, 3], 3);
            x.layer_norm(weight, bias, EPSILON)
        },
        |x| reference(x, 3, |i| i / 3, |i| i % 3),
    );
}

#[test]
fn group_norm() {
    for groups in [1, 2, 4] {
        check(
            [24],
            |x| {
                let (x, weight, bias) = parts(&x, [2, 4, 1, 2], 4);
                x.group_norm(groups, weight, bias, EPSILON)
            },
            |x| reference(x, 4, |i| i / (8 / groups), |i| i / 2 % 4),
        );
    }
}

#[test]
fn batch_norm_has_the_values_of_pytorch() {
    let constant = |shape, seed| Dual::constant(numbered(shape, seed));
    let (weight, bias) = (constant([2], 2), constant([2], 3));
    let x = Dual::constant(numbered([2, 2, 2, 2], 1));
    let flipped = Dual::cat(
        vec![x.clone().narrow(0, 1, 1), x.clone().narrow(0, 0, 1)],
        0,
    );
    let (output, statistics) = x.batch_norm(weight.clone(), bias.clone(), 1e-5);
    same(
        &output.value,
        &[
            1.274673170775,
            0.7748346484001,
            0.2749961260255,
            -0.2248423963492,
            -0.7071326056811,
            -0.2716956483809,
            -0.3722264194575,
            -0.4370260086422,
            -0.05920597604177,
            -0.5590444984164,
            1.60594601139,
            1.106107489015,
            -0.4394433175401,
            -0.5399740886167,
            -0.6405048596932,
            -0.205067902393,
        ],
    );
    same(&statistics.mean, &[0.09241031278105, 0.1165858898771]);
    same(&statistics.variance, &[0.773416254698, 0.9336261791795]);
    let output = flipped.batch_norm_with(&statistics, weight, bias, 1e-5);
    same(
        &output.value.narrow(0, 0, 1),
        &[
            -0.02152791723398,
            -0.4890844738973,
            1.536080579738,
            1.068524023074,
            -0.440230642726,
            -0.5342686402196,
            -0.6283066377132,
            -0.2209923491554,
        ],
    );
}

#[test]
fn layer_and_group_norm_have_the_values_of_pytorch() {
    let constant = |shape, seed| Dual::constant(numbered(shape, seed));
    let x = Dual::constant(numbered([2, 3], 1));
    same(
        &x.layer_norm(constant([3], 2), constant([3], 3), 1e-5).value,
        &[
            1.419130083538,
            -0.4516338563006,
            -0.4381442314281,
            0.217505161931,
            -0.6066074425197,
            -2.541715107846,
        ],
    );
    let x = Dual::constant(numbered([1, 4, 2, 2], 1));
    let output = x.group_norm(2, constant([4], 2), constant([4], 3), 1e-5);
    same(
        &output.value,
        &[
            1.293314149255,
            0.7651751938478,
            0.2370362384405,
            -0.2911027169669,
            -0.7485008708909,
            -0.2429986395406,
            -0.3597056122644,
            -0.4349319713833,
            -0.8653499925701,
            -0.3828423900501,
            -2.472766102617,
            -1.990258500097,
            0.7381850567259,
            -0.1117768417195,
            -0.961738740165,
            2.719769109788,
        ],
    );
}

/// Statistics are for running averages: no graph may hang on them, even in a tracked pass.
#[test]
fn observed_statistics_are_plain() {
    let input = numbered([1, 3], 1).autodiff().require_grad();
    let ones = || Dual::constant(tensor(&[1.0; 3], [3]));
    let (output, statistics) = Dual::constant(input).batch_norm(ones(), ones(), EPSILON);
    assert!(output.value.is_tracked());
    assert!(!statistics.mean.is_tracked() && !statistics.variance.is_tracked());
    same(&statistics.mean, &super::numbers(3, 1));
    // One value per channel has no spread; it must not poison a running average.
    same(&statistics.variance, &[0.0; 3]);
}
