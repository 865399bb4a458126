//! One data file: its bytes, its SHA-256 and its gzip wrapping.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::FormatError;
use super::gzip::{MAGIC, Members};
use super::idx;

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

/// Unpacks gzip data of any number of members; other data is handed back as it is, unless
/// `named_gz` says that the file's name ends in `.gz` and it does not look like an IDX file either.
///
/// Of a packed file that begins with the header of an IDX file no more is unpacked than that header
/// announces and one byte, so that a small file cannot take all memory.
pub(super) fn unpack(raw: Vec<u8>, named_gz: bool) -> Result<Vec<u8>, FormatError> {
    let damaged = |reason: String| FormatError::Gzip { reason };
    if !raw.starts_with(&MAGIC) {
        if named_gz && !raw.starts_with(&[0, 0, 8]) {
            let reason = match raw.is_empty() {
                true => "the file is empty",
                false => "it does not start as gzip data does",
            };
            return Err(damaged(reason.to_owned()));
        }
        return Ok(raw);
    }
    let mut content = Members::new(raw.as_slice());
    let mut bytes = Vec::new();
    content
        .by_ref()
        .take(idx::HEADER)
        .read_to_end(&mut bytes)
        .and_then(|_| match idx::announced_length(&bytes) {
            Some(length) => {
                let rest = length.saturating_add(1).saturating_sub(bytes.len() as u64);
                content.take(rest).read_to_end(&mut bytes)
            }
            None => content.read_to_end(&mut bytes),
        })
        .map_err(|error| damaged(error.to_string()))?;
    Ok(bytes)
}

/// The first `length` unpacked bytes of a file, fewer when it ends before or is damaged.
pub(super) fn head(path: &Path, length: usize) -> io::Result<Vec<u8>> {
    let mut file = io::BufReader::new(fs::File::open(path)?);
    let mut bytes = Vec::new();
    let is_packed = file.fill_buf()?.starts_with(&MAGIC);
    let reader: Box<dyn Read> = if is_packed {
        Box::new(Members::new(file))
    } else {
        Box::new(file)
    };
    // What was read before the damage is kept.
    let _ = reader.take(length as u64).read_to_end(&mut bytes);
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
mod tests {
    use super::super::gzip::tests::gzip;
    use super::*;

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
        let empty = unpack(Vec::new(), true).unwrap_err().to_string();
        assert_eq!(empty, "the gzip data is damaged (the file is empty)");
    }

    #[test]
    fn a_file_in_several_members_is_one_file() {
        let bytes = idx::tests::write_labels(&[1, 2, 3, 4]);
        for cut in 0..bytes.len() {
            let packed = [gzip(&bytes[..cut]), gzip(&bytes[cut..])].concat();
            assert_eq!(unpack(packed.clone(), true).unwrap(), bytes);
            // The last member without its end.
            let cut = packed[..packed.len() - 1].to_vec();
            assert!(matches!(unpack(cut, true), Err(FormatError::Gzip { .. })));
        }
    }

    #[test]
    fn no_more_is_unpacked_than_the_header_announces() {
        let mut bytes = idx::tests::write_images(1, [28, 28], &[0; 784]);
        bytes.resize(1 << 24, 0);
        let packed = gzip(&bytes);
        assert_eq!(unpack(packed, true).unwrap().len(), 16 + 784 + 1);
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
