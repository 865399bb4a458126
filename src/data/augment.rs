//! Random changes of training images that keep their class: shifts within a padded frame and
//! mirroring, as He et al. 2016 ("Deep residual learning", sec. 4.2) train on CIFAR-10.

use super::order::below;
use super::words::Augment;
use crate::random::{StreamRng, Streams};

/// The pixels added on each side before an image is cropped to its old size.
const PADDING: usize = 4;

/// How one image is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether left and right are swapped, after the shift.
    pub mirrored: bool,
    /// The row of the image that becomes the first one; rows outside the image are black.
    pub row: isize,
    /// The column of the image that becomes the first one.
    pub column: isize,
}

impl Change {
    fn draw(kinds: &[Augment], rng: &mut StreamRng) -> Self {
        let mut change = Self::default();
        if kinds.contains(&Augment::Crop) {
            let mut shift = || below(rng, 2 * PADDING + 1) as isize - PADDING as isize;
            (change.row, change.column) = (shift(), shift());
        }
        if kinds.contains(&Augment::Flip) {
            change.mirrored = below(rng, 2) == 1;
        }
        change
    }

    /// Writes the changed image to the end of `out`; `pixels` is `[channels, height, width]`. Black is 0.
    pub fn apply<T: Copy + Default>(
        self,
        pixels: &[T],
        [_, height, width]: [usize; 3],
        out: &mut Vec<T>,
    ) {
        let inside = |place: usize, shift: isize, length: usize| {
            place.checked_add_signed(shift).filter(|&at| at < length)
        };
        for plane in pixels.chunks_exact((height * width).max(1)) {
            for row in 0..height {
                let source = inside(row, self.row, height).map(|row| &plane[row * width..]);
                out.extend((0..width).map(|column| {
                    let column = if self.mirrored {
                        width - 1 - column
                    } else {
                        column
                    };
                    match (source, inside(column, self.column, width)) {
                        (Some(source), Some(column)) => source[column],
                        _ => T::default(),
                    }
                }));
            }
        }
    }
}

/// The changes of the samples of one training step, from the stream `augment`; none where no kind
/// is asked for.
pub fn changes(kinds: &[Augment], samples: usize, streams: &Streams, step: u64) -> Vec<Change> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut rng = streams.stream("augment", step);
    (0..samples)
        .map(|_| Change::draw(kinds, &mut rng))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of 2 × 3 pixels.
    const PIXELS: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    fn changed(mirrored: bool, row: isize, column: isize) -> Vec<u8> {
        let mut out = Vec::new();
        let change = Change {
            mirrored,
            row,
            column,
        };
        change.apply(&PIXELS, [2, 2, 3], &mut out);
        out
    }

    #[test]
    fn no_change_leaves_the_image_alone() {
        assert_eq!(changed(false, 0, 0), PIXELS);
    }

    #[test]
    fn mirroring_swaps_left_and_right_of_every_channel() {
        assert_eq!(changed(true, 0, 0), [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
    }

    #[test]
    fn a_crop_shifts_the_image_and_fills_with_black() {
        assert_eq!(
            changed(false, 1, 0),
            [4, 5, 6, 0, 0, 0, 10, 11, 12, 0, 0, 0]
        );
        assert_eq!(changed(false, -1, 1), [0, 0, 0, 2, 3, 0, 0, 0, 0, 8, 9, 0]);
        assert_eq!(changed(false, 0, -4), [0; 12]);
    }

    #[test]
    fn a_mirrored_crop_is_the_mirror_image_of_the_crop() {
        assert_eq!(changed(true, -1, 1), [0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 9, 8]);
    }

    #[test]
    fn changes_are_a_function_of_seed_and_step_and_reach_every_shift() {
        let both = [Augment::Flip, Augment::Crop];
        let drawn = |seed, step| changes(&both, 2000, &Streams::new(seed), step);
        assert_eq!(drawn(0, 5), drawn(0, 5));
        assert_ne!(drawn(0, 5), drawn(0, 6));
        assert_ne!(drawn(0, 5), drawn(1, 5));
        for shift in -4..=4 {
            assert!(drawn(0, 0).iter().any(|change| change.row == shift));
            assert!(drawn(0, 0).iter().any(|change| change.column == shift));
        }
        let mirrored = drawn(0, 0).iter().filter(|change| change.mirrored).count();
        // Five standard deviations of a binomial with mean 1,000.
        assert!(mirrored.abs_diff(1000) < 112, "{mirrored}");
    }

    #[test]
    fn only_what_is_asked_for_is_drawn() {
        let streams = Streams::new(0);
        let flips = changes(&[Augment::Flip], 100, &streams, 0);
        assert!(
            flips
                .iter()
                .all(|change| (change.row, change.column) == (0, 0))
        );
        let crops = changes(&[Augment::Crop], 100, &streams, 0);
        assert!(crops.iter().all(|change| !change.mirrored));
        assert!(changes(&[], 100, &streams, 0).is_empty());
    }
}
