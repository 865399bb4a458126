//! Headers, which are Python literals: a dictionary with type, order and shape.

use super::NpyError;

/// The longest header that is read, as long as NumPy's own limit (`max_header_size`).
pub(super) const LONGEST_HEADER: usize = 10_000;

/// The most axes, as many as NumPy allows.
const MOST_AXES: usize = 64;

/// What the header says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads the Python literal that a header is: a dictionary of three entries.
    pub(super) fn parse(text: &[u8]) -> Result<Self, NpyError> {
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
