//! Types of numbers and their bits.

use super::{NpyError, Values};

/// A type of numbers in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    class: Class,
    /// Bytes of a number.
    pub(super) size: usize,
    is_big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Boolean,
    Unsigned,
    Signed,
    Real,
}

impl Kind {
    pub(super) fn parse(descr: &str) -> Result<Self, NpyError> {
        let refused = |what, advice| NpyError::Type {
            what,
            descr: descr.to_owned(),
            advice,
        };
        let order = descr.chars().next().filter(|c| "<>|=".contains(*c));
        let name = match order {
            Some(_) => &descr[1..],
            None => descr,
        };
        let number = "save it as numbers: array.astype(\"float32\") or an integer type";
        let (class, size) = match name {
            "b1" => (Class::Boolean, 1),
            "u1" => (Class::Unsigned, 1),
            "u2" => (Class::Unsigned, 2),
            "u4" => (Class::Unsigned, 4),
            "u8" => (Class::Unsigned, 8),
            "i1" => (Class::Signed, 1),
            "i2" => (Class::Signed, 2),
            "i4" => (Class::Signed, 4),
            "i8" => (Class::Signed, 8),
            "f2" => (Class::Real, 2),
            "f4" => (Class::Real, 4),
            "f8" => (Class::Real, 8),
            _ => {
                return Err(match name.chars().next() {
                    Some('O') => refused(
                        "an array of Python objects",
                        "reading it would run what is pickled in it; save it as numbers: array.astype(\"float32\")",
                    ),
                    Some('U' | 'S' | 'a') => refused("an array of texts", number),
                    Some('c') => refused("an array of complex numbers", number),
                    Some('M' | 'm') => refused("an array of times", number),
                    Some('f' | 'g') => refused(
                        "an array of extended precision",
                        "save it in 64 bits: array.astype(\"float64\")",
                    ),
                    _ => refused("an array of this type", number),
                });
            }
        };
        Ok(Self {
            class,
            size,
            is_big_endian: order == Some('>'),
        })
    }

    /// The numbers in the order of the file.
    pub(super) fn values(self, body: &[u8]) -> Result<Values, NpyError> {
        let words = body.chunks_exact(self.size).map(|bytes| self.word(bytes));
        Ok(match self.class {
            Class::Unsigned if self.size == 1 => Values::Bytes(body.to_vec()),
            Class::Boolean => Values::Integers(body.iter().map(|&b| i64::from(b != 0)).collect()),
            Class::Unsigned => {
                let signed = words.enumerate().map(|(index, value)| {
                    i64::try_from(value).map_err(|_| NpyError::Large { index, value })
                });
                Values::Integers(signed.collect::<Result<_, _>>()?)
            }
            Class::Signed => {
                // Shifted up and down again, which extends the sign.
                let unused = 64 - 8 * self.size as u32;
                let signed = words.map(|word| ((word << unused) as i64) >> unused);
                Values::Integers(signed.collect())
            }
            Class::Real => Values::Reals(match self.size {
                2 => words.map(|word| half(word as u16)).collect(),
                4 => words
                    .map(|word| f64::from(f32::from_bits(word as u32)))
                    .collect(),
                _ => words.map(f64::from_bits).collect(),
            }),
        })
    }

    /// The bits of a number.
    fn word(self, bytes: &[u8]) -> u64 {
        let add = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
        match self.is_big_endian {
            true => bytes.iter().fold(0, add),
            false => bytes.iter().rev().fold(0, add),
        }
    }
}

/// A number of 16 bits (IEEE 754 binary16): 1 of sign, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}
