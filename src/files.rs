//! Writing files so that a reader sees the old content or the new one, never half of it; and several of them all or none.

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
/// Any error of the file system, and where `path` is a device or a pipe, whose place a file would take; the file at `path` is
/// then as it was, or whole and new where only the folder could not be flushed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let reason = "it is a device or a pipe, and a file is written beside its place and renamed into it; name a file";
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
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

/// Whether an error says that there is no room, on the disk or in the user's share of it.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// Why a file cannot be written, in words.
pub fn said(error: &io::Error) -> String {
    match is_full(error) {
        true => "no space is left on its disk".to_owned(),
        false => error.to_string(),
    }
}

/// Files and folders that are written together. What was made of them goes away again unless all are there and
/// [`Together::keep`] says so; a file that took the place of an older one stays.
#[derive(Debug, Default)]
pub struct Together {
    /// In the order in which they were made.
    made: Vec<Made>,
}

#[derive(Debug)]
enum Made {
    Folder(PathBuf),
    File(PathBuf),
}

impl Together {
    /// Makes a folder, and those that it lies in, where they are missing.
    ///
    /// # Errors
    ///
    /// Any error of the file system.
    pub fn folder(&mut self, path: &Path) -> io::Result<()> {
        let missing = path.ancestors().take_while(|folder| {
            let is_here = folder.as_os_str().is_empty();
            !is_here && folder.symlink_metadata().is_err()
        });
        let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        let made = fs::create_dir_all(path);
        let folders = missing.into_iter().rev();
        self.made.extend(folders.map(Made::Folder));
        made
    }

    /// Writes a file, and makes its folder.
    ///
    /// # Errors
    ///
    /// Any error of the file system.
    pub fn file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        self.write(path, bytes)
    }

    /// Writes a file into a folder that is there.
    ///
    /// # Errors
    ///
    /// Any error of the file system.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let is_new = path.symlink_metadata().is_err();
        write_atomically(path, bytes)?;
        if is_new {
            self.made(path);
        }
        Ok(())
    }

    /// A file has been made by other means.
    pub fn made(&mut self, path: &Path) {
        self.made.push(Made::File(path.to_owned()));
    }

    /// All are there and stay.
    pub fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        // What cannot be taken away stays; a folder in which others have put something does in any case.
        for made in self.made.drain(..).rev() {
            let _ = match made {
                Made::Folder(path) => fs::remove_dir(path),
                Made::File(path) => fs::remove_file(path),
            };
        }
    }
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
    fn files_that_are_not_kept_leave_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("a/b/new"));
        fs::write(&old, "1").unwrap();
        let mut together = Together::default();
        together.file(&old, b"2").unwrap();
        together.file(&new, b"2").unwrap();
        // A folder cannot be had where a file is.
        assert!(together.file(&old.join("c"), b"").is_err());
        assert!(new.exists());
        drop(together);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read(&old).unwrap(), b"2");
        let mut together = Together::default();
        together.file(&new, b"2").unwrap();
        together.keep();
        assert!(new.exists());
    }

    #[test]
    fn that_there_is_no_room_is_said_in_words() {
        let full = io::Error::from(ErrorKind::StorageFull);
        assert_eq!(said(&full), "no space is left on its disk");
        assert_eq!(said(&io::Error::other("smoke")), "smoke");
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
