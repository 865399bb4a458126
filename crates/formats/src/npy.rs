//! Arrays as NumPy writes them (`.npy`, versions 1 to 3: NumPy Enhancement Proposal 1, "A simple file format for
//! NumPy arrays").

/// The bytes that every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read, as long as NumPy's own limit (`max_header_size`).
const LONGEST_HEADER: usize = 10_000;

/// The most axes, as many as NumPy allows.
const MOST_AXES: usize = 64;

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

/// What the header says.
#[derive(Debug, Default, PartialEq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the Python literal that a header is: a dictionary of three entries.
    fn parse(text: &[u8]) -> Result<Self, NpyError> {
        let text = std::str::from_utf8(text);
        let text = text.map_err(|_| NpyError::Header("is no text".to_owned()))?;
        let mut rest = Literal(text);
        let (mut header, mut seen) = (Self::default(), Vec::new());
        rest.expect('{')?;
        while !rest.takes('}') {
            let key = rest.string()?;
            rest.expect(':')?;
            match key.as_str() {
                "descr" => header.descr = rest.descr()?,
                "fortran_order" => header.fortran_order = rest.boolean()?,
                "shape" => header.shape = rest.tuple()?,
                other => return Err(wrong(format!("has an unknown key {other:?}"))),
            }
            if seen.contains(&key) {
                return Err(wrong(format!("has the key {key:?} twice")));
            }
            seen.push(key);
            if !rest.takes(',') {
                rest.expect('}')?;
                break;
            }
        }
        let rest = rest.0.trim();
        if !rest.is_empty() {
            return Err(wrong(format!("goes on with {:?}", first(rest))));
        }
        let needed = ["descr", "fortran_order", "shape"];
        match needed.iter().find(|key| !seen.iter().any(|k| k == *key)) {
            Some(key) => Err(wrong(format!("has no {key:?}"))),
            None => Ok(header),
        }
    }
}

fn wrong(what: String) -> NpyError {
    NpyError::Header(what)
}

/// The beginning of a text, for messages.
fn first(text: &str) -> String {
    text.chars().take(20).collect()
}

/// What is left of a Python literal.
struct Literal<'a>(&'a str);

impl Literal<'_> {
    /// Takes a character, after white space, if it is next.
    fn takes(&mut self, character: char) -> bool {
        self.0 = self.0.trim_start();
        match self.0.strip_prefix(character) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, character: char) -> Result<(), NpyError> {
        match self.takes(character) {
            true => Ok(()),
            false => Err(wrong(format!(
                "has {:?} where {character:?} should be",
                first(self.0)
            ))),
        }
    }

    /// A string in single or double quotes, without escapes.
    fn string(&mut self) -> Result<String, NpyError> {
        let quote = match (self.takes('\''), self.0) {
            (true, _) => '\'',
            (false, _) => {
                self.expect('"')?;
                '"'
            }
        };
        let end = self.0.find(quote);
        let end = end.ok_or_else(|| wrong("has a string without an end".to_owned()))?;
        let (string, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Ok(string.to_owned())
    }

    /// A type: a string, or the list of fields of a structured one, of which the text is given.
    fn descr(&mut self) -> Result<String, NpyError> {
        self.0 = self.0.trim_start();
        if self.0.starts_with('[') {
            return Err(NpyError::Type {
                what: "a structured array",
                descr: first(self.0),
                advice: "save each field as an array of its own",
            });
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        self.0 = self.0.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err(wrong(format!(
            "has {:?} where True or False should be",
            first(self.0)
        )))
    }

    /// Lengths in parentheses.
    fn tuple(&mut self) -> Result<Vec<usize>, NpyError> {
        self.expect('(')?;
        let mut lengths = Vec::new();
        while !self.takes(')') {
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = self.0.split_at(digits);
            let length = number.parse().map_err(|_| {
                wrong(format!(
                    "has {:?} in its shape, which is no length",
                    first(self.0)
                ))
            })?;
            lengths.push(length);
            if lengths.len() > MOST_AXES {
                return Err(wrong(format!("has more than {MOST_AXES} axes")));
            }
            // Python 2 wrote long integers with an L.
            self.0 = rest.strip_prefix('L').unwrap_or(rest);
            if !self.takes(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(lengths)
    }
}

/// A type of numbers in a file.
#[derive(Clone, Copy, Debug)]
struct Kind {
    class: Class,
    /// Bytes of a number.
    size: usize,
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
    fn parse(descr: &str) -> Result<Self, NpyError> {
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
    fn values(self, body: &[u8]) -> Result<Values, NpyError> {
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
pub(crate) fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file of version 1 with this header and body.
    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes()].concat();
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    fn array(descr: &str, shape: &str, body: &[u8]) -> Result<Array, NpyError> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}   \n");
        read(&file(&header, body))
    }

    fn values(descr: &str, body: &[u8], count: usize) -> Values {
        array(descr, &format!("({count},)"), body).unwrap().values
    }

    /// The bytes are those of `numpy.save` (2.1) for
    /// `np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3))`.
    #[test]
    fn a_file_of_numpy_in_fortran_order_and_big_endian_is_read() {
        let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
        let header = format!("{header:117}\n");
        assert_eq!(header.len(), 118);
        let body = [0, 0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5];
        let found = read(&file(&header, &body)).unwrap();
        assert_eq!(found.shape, [2, 3]);
        assert_eq!(found.values, Values::Integers(vec![0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn every_type_of_numbers_is_read_in_both_orders_of_bytes() {
        let integers = |descr, body: &[u8]| match values(descr, body, 1) {
            Values::Integers(values) => values[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(integers("|b1", &[1]), 1);
        assert_eq!(integers("|i1", &[0xfe]), -2);
        assert_eq!(integers("<i2", &[0xfe, 0xff]), -2);
        assert_eq!(integers(">i4", &[0xff, 0xff, 0xff, 0xfd]), -3);
        assert_eq!(integers("<i8", &(-7_i64).to_le_bytes()), -7);
        assert_eq!(integers("<u2", &[1, 2]), 513);
        assert_eq!(integers(">u4", &[255, 0, 0, 1]), 0xff00_0001);
        assert_eq!(integers("<u8", &9_u64.to_le_bytes()), 9);
        assert_eq!(values("|u1", &[7, 255], 2), Values::Bytes(vec![7, 255]));
        let reals = |descr, body: &[u8]| match values(descr, body, 1) {
            Values::Reals(values) => values[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(reals("<f8", &0.1_f64.to_le_bytes()), 0.1);
        assert_eq!(reals(">f4", &0.1_f32.to_be_bytes()), f64::from(0.1_f32));
        // numpy.float16: 0.1, the smallest subnormal, −2, ∞.
        assert_eq!(reals("<f2", &[0x66, 0x2e]), 0.0999755859375);
        assert_eq!(reals("<f2", &[1, 0]), 2f64.powi(-24));
        assert_eq!(reals("<f2", &[0, 0xc0]), -2.0);
        assert_eq!(reals(">f2", &[0x7c, 0]), f64::INFINITY);
        assert!(reals("<f2", &[1, 0x7c]).is_nan());
    }

    #[test]
    fn the_later_versions_have_longer_headers() {
        let header = "{\"descr\": \"|u1\", 'fortran_order': False, 'shape': ()}";
        for version in [2, 3] {
            let length = (header.len() as u32).to_le_bytes();
            let bytes = [MAGIC, &[version, 0], &length, header.as_bytes(), &[5]].concat();
            let found = read(&bytes).unwrap();
            assert_eq!((found.shape.len(), found.len()), (0, 1));
        }
        let later = [MAGIC, &[4, 0, 0, 0]].concat();
        assert_eq!(read(&later), Err(NpyError::Version(4)));
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused_by_name() {
        let message = |descr| array(descr, "(1,)", &[0; 8]).unwrap_err().to_string();
        insta::assert_snapshot!(message("|O"), @r#"an array of Python objects (descr "|O") is not read: reading it would run what is pickled in it; save it as numbers: array.astype("float32")"#);
        assert!(message("<U5").starts_with("an array of texts (descr \"<U5\")"));
        assert!(message("<c16").starts_with("an array of complex numbers"));
        assert!(message("<f16").contains("64 bits"));
        assert!(message("<M8[ns]").starts_with("an array of times"));
        let fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}";
        let message = read(&file(fields, &[])).unwrap_err().to_string();
        assert!(message.starts_with("a structured array"), "{message}");
    }

    #[test]
    fn lengths_that_are_not_what_the_header_says_are_told_and_never_allocated() {
        let error = array("<f8", "(2, 3)", &[0; 47]);
        let expected = NpyError::Length {
            found: 47,
            expected: 48,
        };
        assert_eq!(error, Err(expected));
        let huge = usize::MAX / 3;
        for shape in [format!("({huge}, 4)"), format!("({huge}, 2)")] {
            let error = array("<f8", &shape, &[]);
            assert!(matches!(error, Err(NpyError::Overflow(_))), "{error:?}");
        }
        let error = array("|u1", &format!("({huge},)"), &[]);
        assert!(matches!(error, Err(NpyError::Length { .. })), "{error:?}");
        let empty = array("<f8", &format!("({huge}, {huge}, 0)"), &[]).unwrap();
        assert!(empty.is_empty());
        let error = array("<u8", "(1,)", &u64::MAX.to_le_bytes());
        let (index, value) = (0, u64::MAX);
        assert_eq!(error, Err(NpyError::Large { index, value }));
    }

    #[test]
    fn damaged_headers_say_what_is_wrong() {
        let message = |header: &str| read(&file(header, &[])).unwrap_err().to_string();
        assert_eq!(read(b"PK\x03\x04"), Err(NpyError::Magic));
        assert!(message("").contains("where '{' should be"));
        assert!(message("{'descr': '<f8'}").contains("has no \"fortran_order\""));
        assert!(message("{'descr': '<f8").contains("a string without an end"));
        assert!(message("{'shape': (-1,)}").contains("which is no length"));
        assert!(message("{'shape': (99999999999999999999,)}").contains("no length"));
        assert!(message("{'fortran_order': 1}").contains("where True or False"));
        assert!(message("{'x': 1}").contains("unknown key \"x\""));
        assert!(message("{'shape': (), 'shape': ()}").contains("twice"));
        let whole = "{'descr': '|u1', 'fortran_order': False, 'shape': (0,)}";
        assert!(message(&format!("{whole} x")).contains("goes on with \"x\""));
        let axes = format!("{{'shape': ({})}}", "1,".repeat(65));
        assert!(message(&axes).contains("more than 64 axes"));
        let bomb = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes()].concat();
        assert_eq!(read(&bomb), Err(NpyError::LongHeader(u32::MAX as usize)));
        let cut = &file(whole, &[])[..20];
        assert!(read(cut).unwrap_err().to_string().contains("cut short"));
    }

    proptest! {
        #[test]
        fn fortran_order_is_the_transpose_of_c_order(
            shape in proptest::collection::vec(1_usize..5, 1..5),
        ) {
            let count = shape.iter().product::<usize>();
            let strides: Vec<usize> = (0..shape.len())
                .map(|axis| shape[..axis].iter().product())
                .collect();
            let values: Vec<usize> = (0..count).collect();
            let found = in_c_order(&values, &shape);
            for (place, &source) in found.iter().enumerate() {
                let (mut rest, mut expected) = (place, 0);
                for axis in (0..shape.len()).rev() {
                    expected += strides[axis] * (rest % shape[axis]);
                    rest /= shape[axis];
                }
                prop_assert_eq!(source, expected);
            }
        }

        #[test]
        fn arbitrary_headers_and_bytes_never_panic(
            header in "[{}()',:a-z0-9<>| ]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = read(&file(&header, &body));
            let _ = read(&body);
        }
    }
}
