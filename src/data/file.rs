//! One data file: its bytes, its SHA-256 and its gzip wrapping.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::FormatError;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file that was read for a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path below the data folder (`mnist/…`), or `digits (embedded)`.
    pub name: String,
    /// The SHA-256 of the file as it is on disk, in hexadecimal.
    pub sha256: String,
}

/// The SHA-256 of `bytes`, in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of the file at `path`, in hexadecimal, read in pieces.
pub(super) fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Unpacks gzip data; other data is handed back as it is, unless `named_gz` says that the file's
/// name ends in `.gz` and it does not look like an IDX file either.
pub(super) fn unpack(raw: Vec<u8>, named_gz: bool) -> Result<Vec<u8>, FormatError> {
    if !raw.starts_with(&GZIP) {
        if named_gz && !raw.starts_with(&[0, 0, 8]) {
            return Err(FormatError::Gzip {
                reason: "it does not start as gzip data does".to_owned(),
            });
        }
        return Ok(raw);
    }
    let mut bytes = Vec::new();
    GzDecoder::new(raw.as_slice())
        .read_to_end(&mut bytes)
        .map_err(|error| FormatError::Gzip {
            reason: error.to_string(),
        })?;
    Ok(bytes)
}

/// The first `length` unpacked bytes of a file, fewer when it ends before or is damaged.
pub(super) fn head(path: &Path, length: usize) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    // A gzip header and some kilobytes of data unpack to more than any header needs.
    fs::File::open(path)?
        .take(1 << 14)
        .read_to_end(&mut packed)?;
    let mut bytes = vec![0; length];
    let mut filled = 0;
    let mut reader: Box<dyn Read> = if packed.starts_with(&GZIP) {
        Box::new(GzDecoder::new(packed.as_slice()))
    } else {
        Box::new(packed.as_slice())
    };
    while filled < length {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Whether the file's name ends in `.gz`.
pub(super) fn is_named_gz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// The two paths a file named `name` may have: gzipped first, then plain.
pub(super) fn candidates(folder: &Path, name: &str) -> Vec<PathBuf> {
    match name.strip_suffix(".gz") {
        Some(plain) => vec![folder.join(name), folder.join(plain)],
        None => vec![folder.join(name)],
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_digest_is_the_published_one_of_abc() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), expected);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"abc").unwrap();
        assert_eq!(sha256_of_file(file.path()).unwrap(), expected);
    }

    #[test]
    fn packed_and_plain_bytes_unpack_to_the_same() {
        let bytes = [0, 0, 8, 1, 0, 0, 0, 0];
        assert_eq!(unpack(gzip(&bytes), true).unwrap(), bytes);
        assert_eq!(unpack(bytes.to_vec(), true).unwrap(), bytes);
        assert_eq!(unpack(b"plain".to_vec(), false).unwrap(), b"plain");
    }

    #[test]
    fn a_cut_or_altered_gzip_is_damaged() {
        let packed = gzip(&[7; 5000]);
        let cut = packed[..packed.len() - 5].to_vec();
        assert!(matches!(unpack(cut, true), Err(FormatError::Gzip { .. })));
        let mut altered = packed.clone();
        let crc = altered.len() - 6;
        altered[crc] ^= 1;
        assert!(matches!(
            unpack(altered, true),
            Err(FormatError::Gzip { .. })
        ));
        assert!(matches!(
            unpack(b"<html>".to_vec(), true),
            Err(FormatError::Gzip { .. })
        ));
    }

    #[test]
    fn the_head_needs_no_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let packed = gzip(&vec![9; 100_000]);
        fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert_eq!(head(&path, 8).unwrap(), [9; 8]);
        fs::write(&path, [1, 2]).unwrap();
        assert_eq!(head(&path, 8).unwrap(), [1, 2]);
    }
}
