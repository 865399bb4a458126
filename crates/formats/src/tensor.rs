//! Arrays of numbers within a file's bytes: their type, shape and strides.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

/// How a number is stored, in little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Signed, of 8 bits.
    I8,
    /// Signed, of 16 bits.
    I16,
    /// Signed, of 32 bits.
    I32,
    /// Signed, of 64 bits.
    I64,
    /// Unsigned, of 8 bits.
    U8,
    /// Unsigned, of 16 bits.
    U16,
    /// Unsigned, of 32 bits.
    U32,
    /// Unsigned, of 64 bits.
    U64,
    /// A byte that is 0 or not.
    Bool,
}

impl Dtype {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Whether it has fractions, as parameters do.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// The number at the beginning of `bytes`, which are at least as many as it has. Floating-point numbers are
    /// widened exactly; integers beyond 2⁵³ are rounded.
    fn number(self, bytes: &[u8]) -> f64 {
        fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
            let mut array = [0; N];
            array.copy_from_slice(&bytes[..N]);
            array
        }
        match self {
            Self::F16 => half(u16::from_le_bytes(first(bytes))),
            Self::BF16 => f64::from(f32::from_bits(
                u32::from(u16::from_le_bytes(first(bytes))) << 16,
            )),
            Self::F32 => f64::from(f32::from_le_bytes(first(bytes))),
            Self::F64 => f64::from_le_bytes(first(bytes)),
            Self::I8 => f64::from(i8::from_le_bytes(first(bytes))),
            Self::I16 => f64::from(i16::from_le_bytes(first(bytes))),
            Self::I32 => f64::from(i32::from_le_bytes(first(bytes))),
            Self::I64 => i64::from_le_bytes(first(bytes)) as f64,
            Self::U8 => f64::from(bytes[0]),
            Self::U16 => f64::from(u16::from_le_bytes(first(bytes))),
            Self::U32 => f64::from(u32::from_le_bytes(first(bytes))),
            Self::U64 => u64::from_le_bytes(first(bytes)) as f64,
            Self::Bool => f64::from(u8::from(bytes[0] != 0)),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A binary16 as what it stands for: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

/// An array within bytes that several may share.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The keys that lead to it, from the outermost container in.
    pub path: Vec<Rc<str>>,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    bytes: Rc<Cow<'a, [u8]>>,
}

impl<'a> Tensor<'a> {
    /// An array whose numbers begin at number `offset` of `bytes` and lie `strides` numbers apart along each axis.
    ///
    /// # Errors
    ///
    /// What is wrong where it reaches beyond the bytes, or has more numbers than they hold.
    pub fn new(
        path: Vec<Rc<str>>,
        dtype: Dtype,
        (shape, strides, offset): (Vec<usize>, Vec<usize>, usize),
        bytes: Rc<Cow<'a, [u8]>>,
    ) -> Result<Self, &'static str> {
        let stored = bytes.len() / dtype.size();
        if shape.len() != strides.len() {
            return Err("has another number of strides than of axes");
        }
        let product = |total: usize, &length: &usize| total.checked_mul(length);
        let count = shape.iter().try_fold(1, product);
        // A tensor that was expanded repeats its numbers: as many as its shape says, from next to nothing.
        if count.is_none_or(|count| count > stored) {
            return Err("has more elements than are stored; save it after .contiguous()");
        }
        let reach = |total: usize, (&length, &stride): (&usize, &usize)| {
            total.checked_add(length.saturating_sub(1).checked_mul(stride)?)
        };
        let last = shape.iter().zip(&strides).try_fold(offset, reach);
        if count != Some(0) && last.is_none_or(|last| last >= stored) {
            return Err("reaches beyond what is stored");
        }
        // Where there is nowhere to go, a stride says nothing, and may be any number.
        let step = |(&length, stride): (&usize, usize)| if length > 1 { stride } else { 0 };
        let strides = shape.iter().zip(strides).map(step).collect();
        Ok(Self {
            path,
            dtype,
            shape,
            strides,
            offset,
            bytes,
        })
    }

    /// An array whose numbers lie one after another and are all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`Tensor::new`].
    pub fn contiguous(
        path: Vec<Rc<str>>,
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: &'a [u8],
    ) -> Result<Self, &'static str> {
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Self::new(
            path,
            dtype,
            (shape, strides, 0),
            Rc::new(Cow::Borrowed(bytes)),
        )
    }

    /// The keys that lead to it, with dots between them.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its numbers, row by row.
    pub fn values(&self) -> Vec<f64> {
        let size = self.dtype.size();
        let count = self.len();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        while values.len() < count {
            values.push(self.dtype.number(&self.bytes[at * size..]));
            // The next place: the last axis moves first, and at its end goes back to the beginning.
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(
        dtype: Dtype,
        shape: &[usize],
        strides: &[usize],
        offset: usize,
        bytes: &[u8],
    ) -> Result<Vec<f64>, &'static str> {
        let bytes = Rc::new(Cow::Owned(bytes.to_vec()));
        let place = (shape.to_vec(), strides.to_vec(), offset);
        Tensor::new(Vec::new(), dtype, place, bytes).map(|tensor| tensor.values())
    }

    /// `numpy.float16` of each pattern of bits.
    #[test]
    fn halves_are_what_ieee_754_says() {
        for (bits, expected) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960464477539063e-8),
            (0x03ff, 6.097555160522461e-5),
            (0x0400, 6.103515625e-5),
            (0x3555, 0.333251953125),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), expected, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
        // bfloat16 of 3.140625 and of −0.5.
        let bytes = [0x49, 0x40, 0x00, 0xbf];
        assert_eq!(
            tensor(Dtype::BF16, &[2], &[1], 0, &bytes).unwrap(),
            [3.140625, -0.5]
        );
    }

    #[test]
    fn strides_and_offsets_are_followed() {
        let bytes: Vec<u8> = (0..12).collect();
        let read = |shape: &[usize], strides: &[usize], offset| {
            tensor(Dtype::U8, shape, strides, offset, &bytes)
        };
        assert_eq!(
            read(&[2, 3], &[3, 1], 0).unwrap(),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        );
        // Transposed.
        assert_eq!(
            read(&[3, 2], &[1, 3], 6).unwrap(),
            [6.0, 9.0, 7.0, 10.0, 8.0, 11.0]
        );
        assert_eq!(read(&[], &[], 11).unwrap(), [11.0]);
        assert_eq!(read(&[2, 0], &[1, 1], 0).unwrap(), [0.0; 0]);
        assert_eq!(read(&[4], &[0], 3).unwrap(), [3.0; 4]);
        assert_eq!(read(&[1, 2], &[usize::MAX, 1], 0).unwrap(), [0.0, 1.0]);
    }

    #[test]
    fn an_array_beyond_its_bytes_is_refused() {
        let bytes = [0; 16];
        for (shape, strides, offset, expected) in [
            (&[5][..], &[1][..], 0, "more elements"),
            (&[usize::MAX, 2], &[1, 1], 0, "more elements"),
            (&[1000], &[0], 0, "more elements"),
            (&[2], &[4], 0, "beyond"),
            (&[2], &[usize::MAX], 1, "beyond"),
            (&[1], &[1], 4, "beyond"),
            (&[1], &[], 0, "strides"),
        ] {
            let error = tensor(Dtype::F32, shape, strides, offset, &bytes).unwrap_err();
            assert!(error.contains(expected), "{shape:?} {strides:?}: {error}");
        }
    }
}
