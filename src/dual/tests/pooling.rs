//! Pooling against a loop over scalars.

use super::hyper::Hyper;
use super::{check, numbered, same};
use crate::dual::Dual;

/// Sizes: the side of a square, its stride, its padding.
type Sizes = (usize, usize, usize);

/// The first largest number of each square of two images of two channels.
fn reference(
    x: &[Hyper],
    [height, width]: [usize; 2],
    (size, stride, padding): Sizes,
) -> Vec<Hyper> {
    let [rows, columns] = [height, width].map(|length| (length + 2 * padding - size) / stride + 1);
    let mut outputs = Vec::new();
    for plane in x.chunks(height * width) {
        for at in 0..rows * columns {
            let corner = [at / columns * stride, at % columns * stride];
            let mut best: Option<Hyper> = None;
            for k in 0..size * size {
                let row = (corner[0] + k / size).wrapping_sub(padding);
                let column = (corner[1] + k % size).wrapping_sub(padding);
                if row < height && column < width {
                    let found = plane[row * width + column];
                    if best.is_none_or(|best| found.value > best.value) {
                        best = Some(found);
                    }
                }
            }
            outputs.extend(best);
        }
    }
    outputs
}

#[test]
fn max_pool2d() {
    for (image, sizes) in [
        ([4, 5], (2, 2, 0)),
        ([4, 4], (3, 2, 1)),
        ([5, 3], (3, 2, 1)),
        ([3, 3], (3, 1, 1)),
    ] {
        let (size, stride, padding) = sizes;
        check(
            [2, 2, image[0], image[1]],
            |x| x.max_pool2d(size, stride, padding),
            |x| reference(x, image, sizes),
        );
        // A curved function of it, whose second derivatives go through the places.
        check(
            [2, 2, image[0], image[1]],
            |x| {
                let pooled = x.max_pool2d(size, stride, padding);
                pooled.clone() * pooled
            },
            |x| {
                reference(x, image, sizes)
                    .into_iter()
                    .map(|y| y * y)
                    .collect()
            },
        );
    }
}

/// Where several are largest, as behind ReLU, the first takes all of the slope:
/// `x = torch.zeros(1, 1, 2, 2, requires_grad=True); F.max_pool2d(x, 2).sum().backward(); x.grad` in PyTorch 2.15 is
/// `[[1, 0], [0, 0]]`.
#[test]
fn the_first_of_equal_numbers_is_taken() {
    let direction = numbered([1, 1, 2, 2], 3);
    let zeros = direction.clone().mul_scalar(0.0);
    let pooled = Dual::new(zeros, Some(direction.clone())).max_pool2d(2, 2, 0);
    let first = direction.slice([0..1, 0..1, 0..1, 0..1]);
    let first = crate::backend::read(&first).unwrap();
    same(&pooled.value, &[0.0]);
    same(&pooled.tangent.unwrap(), &first);
}
