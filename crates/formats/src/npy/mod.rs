//! Arrays as NumPy writes them (`.npy`, versions 1 to 3: NumPy Enhancement Proposal 1, "A simple file format for
//! NumPy arrays").

mod header;
mod kind;
#[cfg(test)]
mod tests;

use header::{Header, LONGEST_HEADER};
use kind::Kind;

/// The bytes that every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The length of each axis; none for a single number.
    pub shape: Vec<usize>,
    /// The numbers, the last axis running fastest whatever the order in the file.
    pub values: Values,
}

/// The numbers of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Bytes (`u1`).
    Bytes(Vec<u8>),
    /// Integers of any other type, and truth values as 0 and 1.
    Integers(Vec<i64>),
    /// Floating-point numbers of 16, 32 and 64 bits, widened without rounding.
    Reals(Vec<f64>),
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpyError {
    /// It is another kind of file.
    #[error("not a .npy file: it does not begin with \\x93NUMPY")]
    Magic,
    /// A later format.
    #[error("version {0} of the .npy format is not known; versions 1 to 3 are")]
    Version(u8),
    /// It ends within its header.
    #[error("the header is cut short: found {found} bytes, expected at least {expected}")]
    Short {
        /// Bytes in the file.
        found: usize,
        /// Bytes with a whole header.
        expected: usize,
    },
    /// A header longer than any that NumPy reads.
    #[error("the header says that it has {0} bytes; the most is {LONGEST_HEADER}")]
    LongHeader(usize),
    /// The header does not say what it should.
    #[error("the header {0}")]
    Header(String),
    /// The array holds something else than numbers.
    #[error("{what} (descr {descr:?}) is not read: {advice}")]
    Type {
        /// What it holds.
        what: &'static str,
        /// The type as the header has it.
        descr: String,
        /// What to do.
        advice: &'static str,
    },
    /// The product of the axes is beyond all memory.
    #[error("its shape {0:?} has more numbers than can be counted")]
    Overflow(Vec<usize>),
    /// The file has another length than its header says.
    #[error("wrong length: found {found} bytes after the header, expected {expected}")]
    Length {
        /// Bytes after the header.
        found: usize,
        /// As many as shape and type make.
        expected: usize,
    },
    /// An integer beyond 63 bits.
    #[error("number {index} (counted from 0) is {value}, beyond the integers that are read")]
    Large {
        /// Its place.
        index: usize,
        /// The number.
        value: u64,
    },
}

impl Array {
    /// How many numbers it has.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Bytes(values) => values.len(),
            Values::Integers(values) => values.len(),
            Values::Reals(values) => values.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a whole file.
///
/// # Errors
///
/// What is wrong with it. Nothing is allocated that the file does not have the bytes for.
pub fn read(file: &[u8]) -> Result<Array, NpyError> {
    let (header, body) = split(file)?;
    let Header {
        descr,
        fortran_order,
        shape,
    } = Header::parse(header)?;
    let kind = Kind::parse(&descr)?;
    let count = count_of(&shape)?;
    let expected = count.checked_mul(kind.size);
    let expected = expected.ok_or_else(|| NpyError::Overflow(shape.clone()))?;
    if body.len() != expected {
        let found = body.len();
        return Err(NpyError::Length { found, expected });
    }
    let values = kind.values(body)?;
    let values = match fortran_order && shape.len() > 1 {
        true => values.in_c_order(&shape),
        false => values,
    };
    Ok(Array { shape, values })
}

fn count_of(shape: &[usize]) -> Result<usize, NpyError> {
    // An axis of length 0 leaves nothing, however long the others claim to be.
    if shape.contains(&0) {
        return Ok(0);
    }
    let product = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
    product.ok_or_else(|| NpyError::Overflow(shape.to_vec()))
}

/// The text of the header, and what follows it.
fn split(file: &[u8]) -> Result<(&[u8], &[u8]), NpyError> {
    if !file.starts_with(MAGIC) {
        return Err(NpyError::Magic);
    }
    let short = |expected| NpyError::Short {
        found: file.len(),
        expected,
    };
    let version = *file.get(MAGIC.len()).ok_or(short(10))?;
    let start = match version {
        1 => 10,
        2 | 3 => 12,
        other => return Err(NpyError::Version(other)),
    };
    let length = file.get(MAGIC.len() + 2..start).ok_or(short(start))?;
    let length = length.iter().rev();
    let length = length.fold(0, |length, &byte| length << 8 | usize::from(byte));
    if length > LONGEST_HEADER {
        return Err(NpyError::LongHeader(length));
    }
    let end = start + length;
    let header = file.get(start..end).ok_or(short(end))?;
    Ok((header, &file[end..]))
}

impl Values {
    /// Numbers whose first axis runs fastest, put in the order in which the last one does.
    fn in_c_order(self, shape: &[usize]) -> Self {
        match self {
            Self::Bytes(values) => Self::Bytes(in_c_order(&values, shape)),
            Self::Integers(values) => Self::Integers(in_c_order(&values, shape)),
            Self::Reals(values) => Self::Reals(in_c_order(&values, shape)),
        }
    }
}

fn in_c_order<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &length in shape {
        strides.push(stride);
        stride *= length.max(1);
    }
    let mut place = vec![0; shape.len()];
    let mut source = 0;
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        ordered.push(values[source]);
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            source += strides[axis];
            if place[axis] < shape[axis] {
                break;
            }
            source -= strides[axis] * shape[axis];
            place[axis] = 0;
        }
    }
    ordered
}
