//! What instructions have behind them: numbers, lines and pieces of known length.

use super::PickleError;

/// The input from the place of the machine on.
#[derive(Debug)]
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been taken.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next so many bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(length);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or(PickleError::Truncated(self.bytes.len()))?;
        self.at += length;
        Ok(found)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32, PickleError> {
        self.array().map(u32::from_le_bytes)
    }

    /// As many bytes as a number of `width` bytes before them says.
    pub fn counted(&mut self, width: usize) -> Result<&'a [u8], PickleError> {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(self.take(width)?);
        let length = u64::from_le_bytes(wide);
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A line, without its end.
    pub fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or(PickleError::Truncated(self.bytes.len()))?;
        let line = self.take(end + 1)?;
        let line = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
        std::str::from_utf8(line).map_err(|_| self.damaged("a line that is no text"))
    }

    /// An error at this place.
    pub fn damaged(&self, reason: &'static str) -> PickleError {
        PickleError::Damaged {
            at: self.at,
            reason,
        }
    }
}
