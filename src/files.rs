//! Writing files so that a reader sees the old content or the new one, never half of it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where a file is while it is being written; one that lies there was not finished.
pub fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Writes `bytes` beside `path`, flushes them to the disk, renames them into place, and flushes the
/// folder: without the last, a rename may be lost with the power although later writes are not.
///
/// # Errors
///
/// Any error of the file system; the file at `path` is then as it was, or whole and new where only
/// the folder could not be flushed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = partial(path);
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&partial, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&partial);
        })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    sync_folder(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    })
}

/// Flushes the names in a folder to the disk, where the system can do that.
///
/// # Errors
///
/// Any error of the file system but those that say that this folder cannot be flushed at all.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.or_else(|error| match error.kind() {
        // A folder that may be written to but not listed, or a file system without this call.
        ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported => Ok(()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_content_replaces_the_old_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomically(&folder.path().join("no/a.json"), b"").is_err());
        assert!(sync_folder(&folder.path().join("no")).is_err());
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inner")).unwrap();
        assert!(write_atomically(&taken, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
