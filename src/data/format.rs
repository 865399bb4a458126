//! What can be wrong with the bytes of a data file, whatever its path.

/// What is wrong with the bytes of one data file; knows no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The gzip stream does not decode, or its checksum is wrong.
    #[error("the gzip data is damaged ({reason})")]
    Gzip {
        /// What the decoder said.
        reason: String,
    },
    /// The first four bytes are not those of the expected kind of IDX file.
    #[error("not an IDX file of {what}: it starts with {found:#010x}, expected {expected:#010x}")]
    Magic {
        /// "images" or "labels".
        what: &'static str,
        /// The first four bytes, big endian.
        found: u32,
        /// What they should be.
        expected: u32,
    },
    /// The file ends inside its header.
    #[error("the header is cut short: found {found} bytes, expected at least {expected}")]
    Header {
        /// Bytes in the file, unpacked.
        found: usize,
        /// Bytes in a header.
        expected: usize,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "wrong length: found {}{found} bytes, expected {expected}",
        if found > expected { "at least " } else { "" }
    )]
    Length {
        /// Bytes in the file, unpacked; of a file that is too long perhaps only the first of them.
        found: u64,
        /// Bytes the header announces, header included.
        expected: u64,
    },
    /// A file without a single sample.
    #[error("it holds 0 {what}, expected at least 1")]
    NoSamples {
        /// "images" or "labels".
        what: &'static str,
    },
    /// The images have other dimensions than the dataset's.
    #[error(
        "wrong image size: found {}×{}, expected {}×{}",
        found[0], found[1], expected[0], expected[1]
    )]
    Size {
        /// Height and width in the header.
        found: [usize; 2],
        /// Height and width of the dataset.
        expected: [usize; 2],
    },
    /// A label is not one of the classes.
    #[error("sample {index} (counted from 0) has label {label}, but labels run from {} to {}", labels.first, labels.last)]
    Label {
        /// The sample's index in the file.
        index: usize,
        /// The label found.
        label: u8,
        /// Those of the dataset.
        labels: LabelRange,
    },
    /// A CIFAR file is empty or ends inside a record.
    #[error(
        "wrong length: found {found} bytes, expected a whole number (at least one) of {record}-byte records"
    )]
    Records {
        /// Bytes in the file.
        found: usize,
        /// Bytes per record.
        record: usize,
    },
    /// An archive is not what its format says.
    #[error("the archive is damaged ({reason})")]
    Archive {
        /// What is wrong with it.
        reason: String,
    },
}

/// The labels that a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelRange {
    /// The smallest.
    pub first: u8,
    /// The largest.
    pub last: u8,
}

impl LabelRange {
    /// Of so many classes from `first` on.
    pub fn of(first: u8, classes: usize) -> Self {
        let more = u8::try_from(classes.saturating_sub(1)).unwrap_or(u8::MAX);
        let last = first.saturating_add(more);
        Self { first, last }
    }
}
