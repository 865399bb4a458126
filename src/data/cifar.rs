//! The binary format of CIFAR-10: records of one label byte and 3 × 32 × 32 pixel bytes.

use super::FormatError;
use super::idx::check_labels;

/// Channels, height and width of a CIFAR-10 image.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// Bytes per record: the label, then the red, green and blue planes.
pub const RECORD: usize = 1 + 3 * 32 * 32;

/// Appends the records of one file to `pixels` and `labels`; gives how many there were.
///
/// # Errors
/// The file is empty or not a whole number of records, or a label is not below 10. Nothing is
/// appended then.
pub fn append(
    bytes: &[u8],
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u8>,
) -> Result<usize, FormatError> {
    let count = check(bytes)?;
    pixels.reserve(count * (RECORD - 1));
    labels.reserve(count);
    for record in bytes.chunks_exact(RECORD) {
        labels.push(record[0]);
        pixels.extend_from_slice(&record[1..]);
    }
    Ok(count)
}

/// The number of records in a file that is well formed.
pub(super) fn check(bytes: &[u8]) -> Result<usize, FormatError> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
        return Err(FormatError::Records {
            found: bytes.len(),
            record: RECORD,
        });
    }
    check_labels(bytes.iter().step_by(RECORD).copied(), 10)?;
    Ok(bytes.len() / RECORD)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bytes of a file whose records have these labels; every pixel is the record's index.
    pub(crate) fn write(labels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, &label) in labels.iter().enumerate() {
            bytes.push(label);
            bytes.extend(std::iter::repeat_n(index as u8, RECORD - 1));
        }
        bytes
    }

    #[test]
    fn records_are_appended_in_order() {
        let (mut pixels, mut labels) = (Vec::new(), vec![5]);
        assert_eq!(append(&write(&[3, 9]), &mut pixels, &mut labels), Ok(2));
        assert_eq!(labels, [5, 3, 9]);
        assert_eq!(pixels.len(), 2 * 3072);
        assert_eq!((pixels[3071], pixels[3072]), (0, 1));
    }

    #[test]
    fn a_part_of_a_record_or_an_empty_file_is_an_error() {
        for length in [0, 1, RECORD - 1, RECORD + 1] {
            let error = check(&vec![0; length]);
            assert_eq!(
                error,
                Err(FormatError::Records {
                    found: length,
                    record: RECORD
                })
            );
        }
    }

    #[test]
    fn a_label_of_ten_is_an_error_and_appends_nothing() {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let error = append(&write(&[1, 10]), &mut pixels, &mut labels);
        assert_eq!(
            error,
            Err(FormatError::Label {
                index: 1,
                label: 10,
                classes: 10
            })
        );
        assert!(pixels.is_empty() && labels.is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = check(&bytes);
        }
    }
}
