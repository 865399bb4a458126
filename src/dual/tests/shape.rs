//! Changes of shape. Each is followed by a square, so that the second derivative shows where every
//! element went.

use super::hyper::Hyper;
use super::{check, held, part};
use crate::dual::Dual;

/// The squares of the inputs at the given positions.
fn squares(positions: impl IntoIterator<Item = usize>) -> impl Fn(&[Hyper]) -> Vec<Hyper> {
    let positions: Vec<usize> = positions.into_iter().collect();
    move |x| positions.iter().map(|&i| x[i] * x[i]).collect()
}

#[test]
fn dimensions_move() {
    let shape = [2, 3, 2];
    check(shape, |x| x.reshape([4, 3]).square(), squares(0..12));
    // Element (i, j, k) stands at 6i + 2j + k.
    check(
        shape,
        |x| x.permute([2, 0, 1]).square(),
        squares((0..12).map(|n| 6 * (n / 3 % 2) + 2 * (n % 3) + n / 6)),
    );
    check(
        shape,
        |x| x.swap_dims(0, 1).square(),
        squares((0..12).map(|n| 6 * (n / 2 % 2) + 2 * (n / 4) + n % 2)),
    );
    check(
        shape,
        |x| x.transpose().square(),
        squares((0..12).map(|n| 6 * (n / 6) + 2 * (n % 3) + n / 3 % 2)),
    );
}

#[test]
fn parts_and_repeats() {
    check(
        [2, 3, 2],
        |x| x.narrow(1, 1, 2).square(),
        squares([2, 3, 4, 5, 8, 9, 10, 11]),
    );
    check(
        [2, 1, 2],
        |x| x.expand([2, 3, 2]).square(),
        squares([0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]),
    );
}

#[test]
fn joined_parts_may_lack_a_tangent() {
    let join = |hold: fn(Dual<2>) -> Dual<2>| {
        move |x: Dual<1>| {
            let parts = vec![part(&x, 0, [2, 1]), hold(part(&x, 2, [2, 2]))];
            Dual::cat(parts, 1).square()
        }
    };
    let order = [0, 2, 3, 1, 4, 5];
    check([6], join(|part| part), squares(order));
    check([6], join(held), |x| {
        order
            .map(|i| if i < 2 { x[i] } else { x[i].held() })
            .map(|x| x * x)
            .to_vec()
    });
}
