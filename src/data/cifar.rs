//! The binary formats of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3 × 32 × 32 pixel bytes.

use super::FormatError;
use super::format::LabelRange;
use super::idx::check_labels;

/// Channels, height and width of an image.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// Bytes of an image: the red, green and blue planes.
const PIXELS: usize = 3 * 32 * 32;

/// What a file's records hold before their pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    /// The bytes that are labels.
    pub labels: usize,
    /// Which of them is read.
    pub label: usize,
    /// The classes of that one.
    pub classes: usize,
}

impl Records {
    /// Those of CIFAR-10.
    pub const CIFAR10: Self = Self {
        labels: 1,
        label: 0,
        classes: 10,
    };
    /// Those of CIFAR-100, by the 100 classes.
    pub const CIFAR100: Self = Self {
        labels: 2,
        label: 1,
        classes: 100,
    };
    /// Those of CIFAR-100, by the 20 classes of classes.
    pub const CIFAR100_COARSE: Self = Self {
        labels: 2,
        label: 0,
        classes: 20,
    };

    /// Bytes per record.
    pub const fn length(self) -> usize {
        self.labels + PIXELS
    }

    /// Appends the records of one file to `pixels` and `labels`; gives how many there were.
    ///
    /// # Errors
    /// The file is empty or not a whole number of records, or a label is not one of the classes. Nothing is
    /// appended then.
    pub fn append(
        self,
        bytes: &[u8],
        pixels: &mut Vec<u8>,
        labels: &mut Vec<u8>,
    ) -> Result<usize, FormatError> {
        let count = self.check(bytes)?;
        pixels.reserve(count * PIXELS);
        labels.reserve(count);
        for record in bytes.chunks_exact(self.length()) {
            labels.push(record[self.label]);
            pixels.extend_from_slice(&record[self.labels..]);
        }
        Ok(count)
    }

    /// The number of records in a file that is well formed.
    pub(super) fn check(self, bytes: &[u8]) -> Result<usize, FormatError> {
        let record = self.length();
        if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
            let found = bytes.len();
            return Err(FormatError::Records { found, record });
        }
        let labels = bytes.chunks_exact(record).map(|bytes| bytes[self.label]);
        check_labels(labels, LabelRange::of(0, self.classes))?;
        Ok(bytes.len() / record)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORDS: Records = Records::CIFAR10;
    const RECORD: usize = RECORDS.length();

    /// The bytes of a file whose records have these labels; every pixel is the record's index.
    pub(crate) fn write(labels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, &label) in labels.iter().enumerate() {
            bytes.push(label);
            bytes.extend(std::iter::repeat_n(index as u8, PIXELS));
        }
        bytes
    }

    #[test]
    fn records_are_appended_in_order() {
        let (mut pixels, mut labels) = (Vec::new(), vec![5]);
        assert_eq!(
            RECORDS.append(&write(&[3, 9]), &mut pixels, &mut labels),
            Ok(2)
        );
        assert_eq!(labels, [5, 3, 9]);
        assert_eq!(pixels.len(), 2 * 3072);
        assert_eq!((pixels[3071], pixels[3072]), (0, 1));
    }

    #[test]
    fn a_part_of_a_record_or_an_empty_file_is_an_error() {
        for length in [0, 1, RECORD - 1, RECORD + 1] {
            let error = RECORDS.check(&vec![0; length]);
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
        let error = RECORDS.append(&write(&[1, 10]), &mut pixels, &mut labels);
        assert_eq!(
            error,
            Err(FormatError::Label {
                index: 1,
                label: 10,
                labels: LabelRange::of(0, 10)
            })
        );
        assert!(pixels.is_empty() && labels.is_empty());
    }

    #[test]
    fn either_label_of_cifar_100_is_read() {
        let mut bytes = vec![5; 2 * (2 + PIXELS)];
        bytes[..2].copy_from_slice(&[19, 99]);
        for (records, expected) in [(Records::CIFAR100, 99), (Records::CIFAR100_COARSE, 19)] {
            let (mut pixels, mut labels) = (Vec::new(), Vec::new());
            assert_eq!(records.append(&bytes, &mut pixels, &mut labels), Ok(2));
            assert_eq!(labels, [expected, 5]);
            assert_eq!(pixels, vec![5; 2 * PIXELS]);
        }
        bytes[0] = 20;
        assert!(Records::CIFAR100_COARSE.check(&bytes).is_err());
        assert!(Records::CIFAR100.check(&bytes).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = RECORDS.check(&bytes);
        }
    }
}
