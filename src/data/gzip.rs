//! Reading gzip data of any number of members.

use std::io::{self, BufRead, Error, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// The bytes every gzip member begins with.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content of gzip data: all of its members one after another (RFC 1952, sec. 2.2), as
/// `cat a.gz b.gz`, `bgzip` and `pigz` write them. Zeros after the last member are padding, as on
/// a tape; anything else there is an error.
pub(super) struct Members<R> {
    /// None once the data has ended or is damaged.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    /// The content of `packed`.
    pub fn new(packed: R) -> Self {
        Self {
            member: Some(GzDecoder::new(packed)),
        }
    }

    /// Goes on to the next member, if there is one.
    fn advance(&mut self) -> io::Result<()> {
        let Some(finished) = self.member.take() else {
            return Ok(());
        };
        let mut rest = finished.into_inner();
        match first_nonzero(&mut rest)? {
            None => Ok(()),
            Some(byte) if byte == MAGIC[0] => {
                self.member = Some(GzDecoder::new(rest));
                Ok(())
            }
            Some(_) => Err(Error::new(
                ErrorKind::InvalidData,
                "what follows its end is not gzip data",
            )),
        }
    }
}

/// Skips zeros; the byte after them is left to be read.
fn first_nonzero(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let first = buffer.get(zeros).copied();
        reader.consume(zeros);
        if first.is_some() {
            return Ok(first);
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(into)? {
                0 => self.advance()?,
                read => return Ok(read),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    /// `bytes` as one member.
    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Members::new(packed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn members_follow_one_another() {
        let packed = [gzip(b"ab"), gzip(b""), gzip(b"c")].concat();
        assert_eq!(unpack(&packed).unwrap(), b"abc");
        // The same through a reader that hands out a byte at a time.
        let mut bytes = Vec::new();
        let mut slow = Members::new(io::BufReader::with_capacity(1, packed.as_slice()));
        slow.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abc");
    }

    #[test]
    fn zeros_after_the_end_are_padding_and_other_bytes_are_an_error() {
        let padded = [gzip(b"ab"), vec![0; 700], gzip(b"c"), vec![0; 9]].concat();
        assert_eq!(unpack(&padded).unwrap(), b"abc");
        let trailing = [gzip(b"ab"), b"x".to_vec()].concat();
        assert_eq!(
            unpack(&trailing).unwrap_err().to_string(),
            "what follows its end is not gzip data"
        );
    }

    #[test]
    fn a_member_that_is_cut_anywhere_is_an_error() {
        let whole = gzip(b"first").len();
        let packed = [gzip(b"first"), gzip(b"second")].concat();
        for length in 1..packed.len() {
            assert_eq!(
                unpack(&packed[..length]).is_ok(),
                length == whole,
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_split_into_members_reads_as_the_whole(
            parts in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..300), 1..6,
            ),
        ) {
            let packed: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
            prop_assert_eq!(unpack(&packed).unwrap(), parts.concat());
        }
    }
}
