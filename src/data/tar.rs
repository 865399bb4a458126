//! The little of the tar format (ustar) that reading an archive of plain files needs.

use std::io::{self, Read};

use super::FormatError;

const BLOCK: usize = 512;

/// Why reading an archive ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop<E> {
    /// The archive is damaged.
    Damaged(FormatError),
    /// The visitor failed.
    Visitor(E),
}

/// Calls `visit` with the path and the content of every plain file of an archive, in order. What
/// `visit` does not read is skipped; folders, links and extension records are skipped too.
///
/// # Errors
/// The archive is damaged, or `visit` failed.
pub(super) fn for_each_file<E>(
    mut archive: impl Read,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    while let Some(header) = next_header(&mut archive).map_err(Stop::Damaged)? {
        let padded = header.size.next_multiple_of(BLOCK as u64);
        let mut body = archive.by_ref().take(padded);
        if header.is_file {
            let mut content = body.by_ref().take(header.size);
            visit(&header.path, &mut content).map_err(Stop::Visitor)?;
        }
        io::copy(&mut body, &mut io::sink())
            .map_err(|error| Stop::Damaged(damaged(error.to_string())))?;
        if body.limit() != 0 {
            let reason = format!("it ends inside {}", header.path);
            return Err(Stop::Damaged(damaged(reason)));
        }
    }
    Ok(())
}

struct Header {
    path: String,
    size: u64,
    is_file: bool,
}

fn damaged(reason: impl Into<String>) -> FormatError {
    FormatError::Archive {
        reason: reason.into(),
    }
}

/// The next header; none at the block of zeros that ends an archive.
fn next_header(archive: &mut impl Read) -> Result<Option<Header>, FormatError> {
    let mut block = [0; BLOCK];
    archive.read_exact(&mut block).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            damaged("it ends before its end mark")
        } else {
            damaged(error.to_string())
        }
    })?;
    if block.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    // The checksum counts its own field as spaces.
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    let own: u64 = block[148..156].iter().map(|&byte| u64::from(byte)).sum();
    if octal(&block[148..156]) != Some(sum - own + 8 * u64::from(b' ')) {
        return Err(damaged("a header has a wrong checksum"));
    }
    let size = octal(&block[124..136])
        .filter(|&size| size < 1 << 40)
        .ok_or_else(|| damaged("a header has no readable size"))?;
    let name = text(&block[..100]);
    let prefix = match &block[257..262] {
        b"ustar" => text(&block[345..500]),
        _ => String::new(),
    };
    Ok(Some(Header {
        path: match prefix.as_str() {
            "" => name,
            prefix => format!("{prefix}/{name}"),
        },
        size,
        is_file: matches!(block[156], b'0' | 0),
    }))
}

/// The text up to the first zero byte.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}

/// An octal number with spaces or zero bytes around it.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bytes of an archive that holds these files (a path that ends in `/` is a folder).
    pub(crate) fn write(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (path, content) in files {
            let mut block = [0; BLOCK];
            block[..path.len()].copy_from_slice(path.as_bytes());
            block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            block[156] = if path.ends_with('/') { b'5' } else { b'0' };
            block[257..263].copy_from_slice(b"ustar\0");
            block[148..156].fill(b' ');
            let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            archive.extend(block);
            archive.extend(*content);
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        archive.resize(archive.len() + 2 * BLOCK, 0);
        archive
    }

    fn read(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, FormatError> {
        let mut files = Vec::new();
        for_each_file(archive, |path, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            files.push((path.to_owned(), bytes));
            Ok::<_, io::Error>(())
        })
        .map_err(|stop| match stop {
            Stop::Damaged(problem) => problem,
            Stop::Visitor(error) => damaged(error.to_string()),
        })?;
        Ok(files)
    }

    #[test]
    fn files_come_out_whole_and_in_order_and_folders_do_not() {
        let large = vec![5; 1500];
        let archive = write(&[("d/", b""), ("d/a", b"hello"), ("d/b", &large), ("c", b"")]);
        let expected = [
            ("d/a".to_owned(), b"hello".to_vec()),
            ("d/b".to_owned(), large),
            ("c".to_owned(), vec![]),
        ];
        assert_eq!(read(&archive).unwrap(), expected);
    }

    #[test]
    fn unread_content_is_skipped() {
        let archive = write(&[("a", &[1; 700]), ("b", b"x")]);
        let mut paths = Vec::new();
        for_each_file(archive.as_slice(), |path, _| {
            paths.push(path.to_owned());
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(paths, ["a", "b"]);
    }

    #[test]
    fn the_visitor_can_stop() {
        let archive = write(&[("a", b"x")]);
        let stopped = for_each_file(archive.as_slice(), |_, _| Err("stop"));
        assert_eq!(stopped, Err(Stop::Visitor("stop")));
    }

    #[test]
    fn a_cut_or_altered_archive_is_damaged() {
        let archive = write(&[("a", &[1; 700])]);
        let reason = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(reason(&archive[..900]).contains("it ends inside a"));
        assert!(reason(&archive[..1536]).contains("it ends before its end mark"));
        let mut altered = archive.clone();
        altered[0] = b'b';
        assert!(reason(&altered).contains("wrong checksum"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let _ = read(&bytes);
        }
    }
}
