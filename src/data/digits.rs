//! The handwritten digits embedded in the program: 1,797 images of 8×8 pixels, values 0 to 16.
//!
//! `data/README.md` says where they come from, under which licence, and how the file was made.

use super::file::{sha256_hex, unpack};
use super::order::permutation;
use super::{FormatError, Images};
use crate::random::Streams;

/// The embedded file: gzip of 1797 × 64 pixel bytes followed by 1797 label bytes.
const BYTES: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.bin.gz"));
const COUNT: usize = 1797;
const PIXELS: usize = 64;
/// Training samples; the remaining 500 are the test part.
const TRAIN: usize = 1297;

/// The SHA-256 of the embedded file, in hexadecimal.
pub fn sha256() -> String {
    sha256_hex(BYTES)
}

/// All 1,797 digits in their original order.
///
/// # Errors
/// The embedded file is damaged; a test of this module makes sure it is not.
pub fn all() -> Result<Images, FormatError> {
    let bytes = unpack(BYTES.to_vec(), true)?;
    let expected = COUNT * (PIXELS + 1);
    if bytes.len() != expected {
        return Err(FormatError::Length {
            found: bytes.len() as u64,
            expected: expected as u64,
        });
    }
    let (pixels, labels) = bytes.split_at(COUNT * PIXELS);
    Ok(Images {
        shape: [1, 8, 8],
        maximum: 16,
        pixels: pixels.to_vec(),
        labels: labels.to_vec(),
        classes: 10,
    })
}

/// The training part (1,297 samples) and the test part (500).
///
/// The set has no official split, so one permutation is fixed for good; it does not depend on the
/// run's seed.
///
/// # Errors
/// As [`all`].
pub fn split() -> Result<(Images, Images), FormatError> {
    let all = all()?;
    let order = permutation(&mut Streams::new(0).stream("digits-split", 0), COUNT);
    let order: Vec<usize> = order.into_iter().map(|index| index as usize).collect();
    let (train, test) = order.split_at(TRAIN);
    Ok((all.select(train), all.select(test)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_the_documented_one() {
        assert_eq!(
            sha256(),
            "d64ddccfe8e7f02b6067073443e8195f125aef554fb827ee64b600179fafce7f"
        );
    }

    #[test]
    fn the_digits_are_those_of_the_reference() {
        // load_digits().data[0].reshape(8, 8)[:2], .data.sum(), bincount(.target)
        let digits = all().unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(
            digits.sample(0)[..16],
            [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
        );
        assert_eq!(
            digits.pixels.iter().map(|&p| u64::from(p)).sum::<u64>(),
            561_718
        );
        assert_eq!(
            digits.class_counts(),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
        assert_eq!(digits.pixels.iter().max(), Some(&16));
    }

    #[test]
    fn the_split_is_pinned_and_loses_no_sample() {
        let (train, test) = split().unwrap();
        assert_eq!((train.len(), test.len()), (1297, 500));
        assert_eq!(train.labels[..10], TRAIN_HEAD);
        let counts: Vec<_> = train
            .class_counts()
            .iter()
            .zip(test.class_counts())
            .map(|(a, b)| a + b)
            .collect();
        assert_eq!(counts, all().unwrap().class_counts());
    }

    /// The first ten training labels: the split is part of every published number.
    const TRAIN_HEAD: [u8; 10] = [3, 8, 5, 8, 6, 2, 8, 2, 3, 6];
}
