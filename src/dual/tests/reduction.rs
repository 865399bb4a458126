//! Sums, means and pooling.

use super::check;
use super::hyper::Hyper;

/// The sum of the squares of the inputs at the given positions, times a factor.
fn power(x: &[Hyper], positions: impl IntoIterator<Item = usize>, factor: f64) -> Hyper {
    let sum: Hyper = positions.into_iter().map(|i| x[i] * x[i]).sum();
    sum * Hyper::real(factor)
}

#[test]
fn sums_and_means() {
    let shape = [2, 3];
    check(shape, |x| x.square().sum(), |x| vec![power(x, 0..6, 1.0)]);
    check(
        shape,
        |x| x.square().mean(),
        |x| vec![power(x, 0..6, 1.0 / 6.0)],
    );
    check(
        shape,
        |x| x.square().sum_dim(1),
        |x| vec![power(x, 0..3, 1.0), power(x, 3..6, 1.0)],
    );
    check(
        shape,
        |x| x.square().mean_dim(0),
        |x| (0..3).map(|i| power(x, [i, i + 3], 0.5)).collect(),
    );
}

#[test]
fn pooling() {
    check(
        [2, 2, 2, 3],
        |x| x.square().global_average_pool(),
        |x| {
            (0..4)
                .map(|map| power(x, 6 * map..6 * map + 6, 1.0 / 6.0))
                .collect()
        },
    );
}
