//! The IDX format of MNIST: big-endian magic number, dimensions, then bytes.

use super::FormatError;
use super::format::LabelRange;

/// The bytes of the longest header, that of images.
pub(super) const HEADER: u64 = 16;

const IMAGES: u32 = 0x0000_0803;
const LABELS: u32 = 0x0000_0801;

/// The images of one IDX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxImages {
    /// The number of images.
    pub count: usize,
    /// Height and width in pixels.
    pub size: [usize; 2],
    /// `count × height × width` bytes.
    pub pixels: Vec<u8>,
}

/// Reads an unpacked IDX file of images, `height × width` pixels each.
///
/// # Errors
/// The header is short, the magic number is not that of byte images, there is no image or they have
/// another size, or the length is not exactly what the dimensions say.
pub fn images(bytes: &[u8], size: [usize; 2]) -> Result<IdxImages, FormatError> {
    let [count, height, width] = header::<3>(bytes, IMAGES, "images")?;
    let found = [height as usize, width as usize];
    if found != size {
        return Err(FormatError::Size {
            found,
            expected: size,
        });
    }
    let pixels = body(bytes, "images", &[count, height, width])?;
    Ok(IdxImages {
        count: count as usize,
        size,
        pixels: pixels.to_vec(),
    })
}

/// Reads an unpacked IDX file of labels, each in a range.
///
/// # Errors
/// The header is short, the magic number is not that of byte labels, there is no label, the length
/// is not exactly what the header says, or a label is out of range.
pub fn labels(bytes: &[u8], range: LabelRange) -> Result<Vec<u8>, FormatError> {
    let [count] = header::<1>(bytes, LABELS, "labels")?;
    let labels = body(bytes, "labels", &[count])?;
    check_labels(labels.iter().copied(), range)?;
    Ok(labels.to_vec())
}

/// The number of samples an IDX header announces, at least 1, from its first eight bytes.
pub(super) fn announced(head: &[u8]) -> Option<usize> {
    match u32_at(head, 0)? {
        IMAGES | LABELS => Some(u32_at(head, 4)? as usize).filter(|&count| count > 0),
        _ => None,
    }
}

/// The length of the whole file that an IDX header announces.
pub(super) fn announced_length(head: &[u8]) -> Option<u64> {
    let axes = match u32_at(head, 0)? {
        IMAGES => 3,
        LABELS => 1,
        _ => return None,
    };
    let dimensions: Option<Vec<u32>> = (1..=axes).map(|axis| u32_at(head, 4 * axis)).collect();
    Some(length(&dimensions?))
}

/// The bytes of a file of these dimensions, header included; the largest number where they are more.
fn length(dimensions: &[u32]) -> u64 {
    let product = dimensions
        .iter()
        .try_fold(1_u64, |product, &n| product.checked_mul(u64::from(n)));
    product.map_or(u64::MAX, |product| {
        product.saturating_add(header_length(dimensions.len()) as u64)
    })
}

fn header_length(axes: usize) -> usize {
    4 + 4 * axes
}

/// Checks that every label is in a range.
pub(super) fn check_labels(
    found: impl Iterator<Item = u8>,
    labels: LabelRange,
) -> Result<(), FormatError> {
    let is_allowed = |label: u8| (labels.first..=labels.last).contains(&label);
    match found.enumerate().find(|&(_, label)| !is_allowed(label)) {
        None => Ok(()),
        Some((index, label)) => Err(FormatError::Label {
            index,
            label,
            labels,
        }),
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let word = bytes.get(offset..offset + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

fn header<const D: usize>(
    bytes: &[u8],
    expected: u32,
    what: &'static str,
) -> Result<[u32; D], FormatError> {
    let short = FormatError::Header {
        found: bytes.len(),
        expected: header_length(D),
    };
    let found = u32_at(bytes, 0).ok_or(short.clone())?;
    if found != expected {
        return Err(FormatError::Magic {
            what,
            found,
            expected,
        });
    }
    let mut dimensions = [0; D];
    for (axis, dimension) in dimensions.iter_mut().enumerate() {
        *dimension = u32_at(bytes, 4 + 4 * axis).ok_or(short.clone())?;
    }
    Ok(dimensions)
}

/// What follows the header, when it is at least one sample and exactly as long as the dimensions say.
fn body<'a>(
    bytes: &'a [u8],
    what: &'static str,
    dimensions: &[u32],
) -> Result<&'a [u8], FormatError> {
    if dimensions.first() == Some(&0) {
        return Err(FormatError::NoSamples { what });
    }
    let (found, expected) = (bytes.len() as u64, length(dimensions));
    if found != expected {
        return Err(FormatError::Length { found, expected });
    }
    Ok(&bytes[header_length(dimensions.len())..])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN: LabelRange = LabelRange { first: 0, last: 9 };

    /// The bytes of an IDX file of images.
    pub(crate) fn write_images(count: u32, size: [u32; 2], pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [IMAGES, count, size[0], size[1]] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(pixels);
        bytes
    }

    /// The bytes of an IDX file of labels.
    pub(crate) fn write_labels(labels: &[u8]) -> Vec<u8> {
        let mut bytes = LABELS.to_be_bytes().to_vec();
        bytes.extend((labels.len() as u32).to_be_bytes());
        bytes.extend(labels);
        bytes
    }

    #[test]
    fn labels_are_not_taken_for_images() {
        assert_eq!(
            images(&write_labels(&[1, 2]), [28, 28]),
            Err(FormatError::Magic {
                what: "images",
                found: 0x801,
                expected: 0x803
            })
        );
        assert_eq!(
            labels(&write_images(0, [28, 28], &[]), TEN),
            Err(FormatError::Magic {
                what: "labels",
                found: 0x803,
                expected: 0x801
            })
        );
    }

    #[test]
    fn a_byte_too_few_or_too_many_is_an_error() {
        let good = write_images(2, [2, 2], &[0; 8]);
        let images = |bytes: &[u8]| images(bytes, [2, 2]);
        assert!(images(&good).is_ok());
        assert_eq!(
            images(&good[..23]),
            Err(FormatError::Length {
                found: 23,
                expected: 24
            })
        );
        let mut long = good.clone();
        long.push(0);
        assert_eq!(
            images(&long),
            Err(FormatError::Length {
                found: 25,
                expected: 24
            })
        );
        assert_eq!(
            images(&good[..9]),
            Err(FormatError::Header {
                found: 9,
                expected: 16
            })
        );
    }

    #[test]
    fn dimensions_whose_product_overflows_are_a_wrong_length() {
        let most = u32::MAX as usize;
        let bytes = write_images(u32::MAX, [u32::MAX, u32::MAX], &[1, 2, 3]);
        let error = images(&bytes, [most, most]);
        assert!(matches!(error, Err(FormatError::Length { .. })));
        assert_eq!(announced_length(&bytes), Some(u64::MAX));
    }

    #[test]
    fn no_samples_and_no_pixels_are_named_before_the_length() {
        assert_eq!(
            images(&write_images(0, [28, 28], &[]), [28, 28]),
            Err(FormatError::NoSamples { what: "images" })
        );
        assert_eq!(
            labels(&write_labels(&[]), TEN),
            Err(FormatError::NoSamples { what: "labels" })
        );
        for size in [[0, 28], [28, 0], [0, 0], [27, 29]] {
            let error = images(&write_images(3, size, &[]), [28, 28]);
            let found = size.map(|side| side as usize);
            let expected = [28, 28];
            assert_eq!(error, Err(FormatError::Size { found, expected }));
        }
    }

    #[test]
    fn a_label_out_of_range_is_named_with_its_index() {
        assert_eq!(
            labels(&write_labels(&[9, 0, 10]), TEN),
            Err(FormatError::Label {
                index: 2,
                label: 10,
                labels: TEN
            })
        );
    }

    #[test]
    fn the_announced_count_needs_only_the_head() {
        assert_eq!(announced(&write_labels(&[1, 2, 3])[..8]), Some(3));
        assert_eq!(announced(&write_labels(&[])), None);
        assert_eq!(announced(&[0, 0, 8]), None);
        assert_eq!(announced(&[1; 8]), None);
    }

    proptest! {
        #[test]
        fn images_read_back_as_written(
            height in 1_u32..5, width in 1_u32..5, count in 1_u32..6, seed: u8,
        ) {
            let length = (count * height * width) as usize;
            let pixels: Vec<u8> = (0..length).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let bytes = write_images(count, [height, width], &pixels);
            prop_assert_eq!(announced_length(&bytes), Some(bytes.len() as u64));
            let size = [height as usize, width as usize];
            let read = images(&bytes, size).unwrap();
            prop_assert_eq!(read.count, count as usize);
            prop_assert_eq!(read.size, size);
            prop_assert_eq!(read.pixels, pixels);
        }

        #[test]
        fn labels_read_back_as_written(written in proptest::collection::vec(0_u8..10, 1..50)) {
            prop_assert_eq!(labels(&write_labels(&written), TEN).unwrap(), written);
        }
    }
}
