//! Zip archives, as PyTorch's `torch.save` and NumPy's `savez` write them.
//!
//! What an archive says of itself is checked before any of it is read: names that lead out of the archive, two entries
//! that share bytes, and sizes that the compressed bytes cannot make (deflate makes at most 1032 bytes of one) are
//! refused, so that no archive makes a reader hold more than about a thousand times its own length.

use crate::text::shown;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{Read, copy, sink};
use thiserror::Error;

/// The most entries of an archive.
const MOST_ENTRIES: usize = 100_000;

/// The most bytes that deflate can make of one (`zlib`'s technical details: 1032 to 1), and what an empty stream costs.
const LARGEST_RATIO: u64 = 1032;

/// The most bytes that all entries together may claim, times the archive's length: arrays compress by less.
const LARGEST_GROWTH: u64 = 64;

/// What an archive may claim whatever its length.
const ALWAYS_ALLOWED: u64 = 1 << 30;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 1024;

/// Why an archive cannot be used. Each message follows the file's name.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The bytes are no archive.
    #[error("not a zip archive: {0}")]
    Format(String),
    /// There are more entries than any array file has.
    #[error("a zip archive of more than {MOST_ENTRIES} entries; no more are read")]
    TooManyEntries,
    /// A name that is no place within the archive.
    #[error("the zip archive has an entry named `{name}`, {reason}; nothing of it is read")]
    Name {
        /// The name, shortened.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two entries have one name.
    #[error("the zip archive has two entries named `{0}`")]
    Twice(String),
    /// Two entries share bytes, as archives made to grow do.
    #[error("the zip archive's entry `{0}` lies over another one")]
    Overlap(String),
    /// An entry is encrypted.
    #[error("the zip archive's entry `{0}` is encrypted; only plain entries are read")]
    Encrypted(String),
    /// An entry is compressed in a way that is not read.
    #[error(
        "the zip archive's entry `{name}` is compressed by method {method}; read are 0 (stored) and 8 (deflate)"
    )]
    Method {
        /// The entry.
        name: String,
        /// The number of the method.
        method: u16,
    },
    /// An entry claims a size that its bytes cannot make.
    #[error(
        "the zip archive's entry `{name}` claims {claimed} bytes; its {compressed} compressed ones cannot hold them"
    )]
    Claim {
        /// The entry.
        name: String,
        /// The bytes it is to have.
        claimed: u64,
        /// The bytes there are.
        compressed: u64,
    },
    /// The entries together claim far more than the archive is long.
    #[error(
        "the zip archive of {length} bytes claims to hold {claimed}; no array compresses like that"
    )]
    Growth {
        /// The archive's length.
        length: usize,
        /// What its entries claim together.
        claimed: u64,
    },
    /// An entry is not what the archive says of it.
    #[error("the zip archive's entry `{name}` is damaged: {reason}")]
    Damaged {
        /// The entry.
        name: String,
        /// How that shows.
        reason: String,
    },
    /// There is no such entry.
    #[error("the zip archive has no entry `{0}`")]
    Missing(String),
}

/// An archive in memory whose table of contents has been checked.
#[derive(Debug)]
pub struct Archive<'a> {
    archive: ZipSliceArchive<&'a [u8]>,
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

/// An entry that may be read.
#[derive(Debug)]
struct Entry {
    name: String,
    size: u64,
    is_stored: bool,
    way: rawzip::ZipArchiveEntryWayfinder,
}

impl<'a> Archive<'a> {
    /// Whether bytes begin as an archive does.
    pub fn is_archive(bytes: &[u8]) -> bool {
        bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
    }

    /// Reads the table of contents; folders are left out.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] where any entry, whether it will be read or not, is not to be trusted.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        let format = |error: rawzip::Error| ArchiveError::Format(error.to_string());
        let archive = ZipArchive::from_slice(bytes).map_err(format)?;
        let (mut entries, mut ranges) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        let mut claimed = 0_u64;
        for record in archive.entries() {
            let record = record.map_err(format)?;
            if ranges.len() == MOST_ENTRIES {
                return Err(ArchiveError::TooManyEntries);
            }
            let entry = checked(&record)?;
            if !names.insert(entry.name.clone()) {
                return Err(ArchiveError::Twice(shown(&entry.name)));
            }
            let damaged = |error: rawzip::Error| ArchiveError::Damaged {
                name: shown(&entry.name),
                reason: error.to_string(),
            };
            let (start, end) = archive
                .get_entry(entry.way)
                .map_err(damaged)?
                .compressed_data_range();
            claimed = claimed.saturating_add(entry.size);
            ranges.push((record.local_header_offset(), start, end, ranges.len()));
            entries.push((entry, record.is_dir()));
        }
        // From a local header to the end of its data, each entry has bytes of its own.
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if pair[1].0 < pair[0].2 {
                return Err(ArchiveError::Overlap(shown(&entries[pair[1].3].0.name)));
            }
        }
        let length = bytes.len();
        if claimed > ALWAYS_ALLOWED.max((length as u64).saturating_mul(LARGEST_GROWTH)) {
            return Err(ArchiveError::Growth { length, claimed });
        }
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter_map(|(entry, is_folder)| (!is_folder).then_some(entry))
            .collect();
        let places = entries.iter().enumerate();
        let places = places.map(|(place, entry)| (entry.name.clone(), place));
        Ok(Self {
            archive,
            places: places.collect(),
            entries,
        })
    }

    /// The names of the entries, in the order of the table of contents.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Whether there is an entry of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The length of an entry in bytes, uncompressed, as the archive claims it.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.places.get(name).map(|&place| self.entries[place].size)
    }

    /// The bytes of an entry, its length and check sum compared; those that are not compressed are lent.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Missing`], or [`ArchiveError::Damaged`] where the bytes are not those it claims.
    pub fn read(&self, name: &str) -> Result<Cow<'a, [u8]>, ArchiveError> {
        let missing = || ArchiveError::Missing(shown(name));
        let entry = &self.entries[*self.places.get(name).ok_or_else(missing)?];
        let damaged = |reason: String| ArchiveError::Damaged {
            name: shown(name),
            reason,
        };
        let found = self
            .archive
            .get_entry(entry.way)
            .map_err(|error| damaged(error.to_string()))?;
        // The archive lends from itself; what it was made of lives longer.
        let (start, end) = found.compressed_data_range();
        let whole: &'a [u8] = self.archive.get_ref();
        let data = &whole[start as usize..end as usize];
        if entry.is_stored {
            copy(&mut found.verifying_reader(data), &mut sink())
                .map_err(|error| damaged(error.to_string()))?;
            return Ok(Cow::Borrowed(data));
        }
        let mut bytes = Vec::new();
        found
            .verifying_reader(DeflateDecoder::new(data))
            .take(entry.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(error.to_string()))?;
        if bytes.len() as u64 != entry.size {
            let reason = format!("it claims {} bytes and has others", entry.size);
            return Err(damaged(reason));
        }
        Ok(Cow::Owned(bytes))
    }
}

/// An entry of the table of contents, refused where it is not to be trusted.
fn checked(record: &ZipFileHeaderRecord<'_>) -> Result<Entry, ArchiveError> {
    let path = record.file_path();
    let raw = path.as_bytes();
    let refused = |reason| ArchiveError::Name {
        name: shown(&String::from_utf8_lossy(raw)),
        reason,
    };
    if raw.len() > LONGEST_NAME {
        return Err(refused("which is longer than 1024 bytes"));
    }
    let name = std::str::from_utf8(raw).map_err(|_| refused("which is not UTF-8"))?;
    if name.is_empty() {
        return Err(refused("which is empty"));
    }
    if name.contains(['\\', '\0']) || name.starts_with('/') {
        return Err(refused("which leads out of the archive"));
    }
    if name.split('/').any(|part| part == "..") {
        return Err(refused("which leads out of the archive"));
    }
    if record.flags().is_encrypted() {
        return Err(ArchiveError::Encrypted(shown(name)));
    }
    let method = record.compression_method();
    let is_stored = method == CompressionMethod::STORE;
    if !is_stored && method != CompressionMethod::DEFLATE {
        return Err(ArchiveError::Method {
            name: shown(name),
            method: method.as_u16(),
        });
    }
    let (claimed, compressed) = (
        record.uncompressed_size_hint(),
        record.compressed_size_hint(),
    );
    let most = match is_stored {
        true => compressed,
        false => compressed.saturating_mul(LARGEST_RATIO),
    };
    if claimed > most || is_stored && claimed != compressed {
        return Err(ArchiveError::Claim {
            name: shown(name),
            claimed,
            compressed,
        });
    }
    Ok(Entry {
        name: name.to_owned(),
        size: claimed,
        is_stored,
        way: record.wayfinder(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use std::io::Write;

    /// An archive of entries, in one way of compression.
    pub(crate) fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (name, content) in entries {
            let (mut entry, config) = writer
                .new_file(rawzip::path::EntryPath::verbatim(name.as_bytes()))
                .compression_method(method)
                .start()
                .unwrap();
            let mut data = config.wrap(Inner::new(&mut entry, method));
            data.write_all(content).unwrap();
            let (inner, descriptor) = data.finish().unwrap();
            inner.finish();
            entry.finish(descriptor).unwrap();
        }
        writer.finish().unwrap();
        bytes
    }

    /// Either way of writing.
    enum Inner<W: Write> {
        Stored(W),
        Deflated(DeflateEncoder<W>),
    }

    impl<W: Write> Inner<W> {
        fn new(writer: W, method: CompressionMethod) -> Self {
            match method {
                CompressionMethod::STORE => Self::Stored(writer),
                _ => Self::Deflated(DeflateEncoder::new(writer, Compression::best())),
            }
        }

        fn finish(self) {
            if let Self::Deflated(encoder) = self {
                encoder.finish().unwrap();
            }
        }
    }

    impl<W: Write> Write for Inner<W> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self {
                Self::Stored(writer) => writer.write(bytes),
                Self::Deflated(writer) => writer.write(bytes),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn message(bytes: &[u8]) -> String {
        Archive::open(bytes).unwrap_err().to_string()
    }

    #[test]
    fn entries_come_back_stored_and_deflated() {
        let long = vec![7; 5000];
        for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
            let bytes = archive(&[("a/b", b"one"), ("c", &long), ("d", b"")], method);
            assert!(Archive::is_archive(&bytes));
            let archive = Archive::open(&bytes).unwrap();
            assert_eq!(archive.names().collect::<Vec<_>>(), ["a/b", "c", "d"]);
            assert_eq!(*archive.read("a/b").unwrap(), *b"one");
            assert_eq!(*archive.read("c").unwrap(), *long);
            assert_eq!(*archive.read("d").unwrap(), *b"");
            assert_eq!(archive.size("c"), Some(5000));
            let missing = archive.read("e").unwrap_err().to_string();
            assert_eq!(missing, "the zip archive has no entry `e`");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_archive_are_refused() {
        for name in ["../a", "a/../../b", "/etc/passwd", "a\\..\\b", "a\0b"] {
            let bytes = archive(&[("fine", b"1"), (name, b"2")], CompressionMethod::STORE);
            let message = message(&bytes);
            assert!(message.contains("leads out of the archive"), "{message}");
        }
        let twice = archive(&[("a", b"1"), ("a", b"2")], CompressionMethod::STORE);
        assert_eq!(message(&twice), "the zip archive has two entries named `a`");
        let text = message(b"PK\x03\x04 and nothing more");
        assert!(text.starts_with("not a zip archive"), "{text}");
    }

    #[test]
    fn a_size_that_the_bytes_cannot_make_is_refused() {
        let mut bytes = archive(&[("a", &[0; 4000])], CompressionMethod::DEFLATE);
        // The uncompressed size in the table of contents, 24 bytes after its signature.
        let at = bytes.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        bytes[at + 24..at + 28].copy_from_slice(&4_000_000_000_u32.to_le_bytes());
        let text = message(&bytes);
        assert!(text.contains("claims 4000000000 bytes"), "{text}");
        // One that they could make and do not.
        bytes[at + 24..at + 28].copy_from_slice(&3999_u32.to_le_bytes());
        let archive = Archive::open(&bytes).unwrap();
        let text = archive.read("a").unwrap_err().to_string();
        assert!(text.contains("is damaged"), "{text}");
    }

    #[test]
    fn damage_and_entries_over_each_other_are_refused() {
        let mut bytes = archive(
            &[("a", b"some content"), ("b", b"")],
            CompressionMethod::STORE,
        );
        let at = bytes.windows(4).position(|it| it == b"some").unwrap();
        bytes[at] = b'S';
        let text = Archive::open(&bytes).unwrap().read("a").unwrap_err();
        assert!(text.to_string().contains("is damaged"), "{text}");
        // The second entry's local header is said to be the first one's.
        let at = bytes
            .windows(4)
            .rposition(|it| it == b"PK\x01\x02")
            .unwrap();
        bytes[at + 42..at + 46].copy_from_slice(&[0; 4]);
        let text = message(&bytes);
        assert!(text.contains("lies over another one"), "{text}");
    }

    #[test]
    fn another_compression_is_named() {
        let mut bytes = archive(&[("a", b"content")], CompressionMethod::STORE);
        let at = bytes.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        bytes[at + 10] = 93;
        let text = message(&bytes);
        assert!(text.contains("compressed by method 93"), "{text}");
    }
}
