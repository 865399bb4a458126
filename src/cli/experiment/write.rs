//! Putting the files of a result into their folder, all of them or none.

use crate::cli::CommandError;
use crate::cli::output::unwritten;
use crate::experiment::outcome::NamedBytes;
use crate::files::{Together, sync_folder, write_atomically};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The file that says that a folder holds a whole result.
pub const RESULT: &str = "result.json";

/// Refuses a folder for results that lies in, or is, something else than a folder.
pub fn check_root(root: &Path) -> Result<(), CommandError> {
    let there = root
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    match there {
        Some(there) if !there.is_dir() => Err(CommandError::Input(format!(
            "--out {}: {} is not a folder, and results are written into folders: name another with --out, or move the file",
            root.display(),
            there.display()
        ))),
        _ => Ok(()),
    }
}

/// Refuses a folder that is no result of an experiment, before anything is computed for it.
pub fn check(folder: &Path) -> Result<(), CommandError> {
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none() || folder.join(RESULT).is_file(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    if is_free {
        return Ok(());
    }
    Err(CommandError::Input(format!(
        "--out: {} is there and is no result of an experiment: choose another folder with --out",
        folder.display()
    )))
}

/// Puts the files into `folder` in place of an older result.
pub fn write(folder: &Path, files: &[NamedBytes]) -> Result<(), CommandError> {
    put(folder, files).map_err(|error| unwritten(&folder.display().to_string(), &error))
}

fn put(folder: &Path, files: &[NamedBytes]) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    let mut together = Together::default();
    together.folder(parent)?;
    let fresh = beside(folder, "part");
    let written = fill(&fresh, files).and_then(|()| replace(folder, &fresh));
    written.inspect_err(|_| {
        let _ = fs::remove_dir_all(&fresh);
    })?;
    together.keep();
    sync_folder(parent)
}

fn fill(fresh: &Path, files: &[NamedBytes]) -> io::Result<()> {
    remove(fresh)?;
    fs::create_dir(fresh)?;
    files
        .iter()
        .try_for_each(|(name, bytes)| write_atomically(&fresh.join(name), bytes))
}

/// A folder cannot be renamed over another one that is not empty.
fn replace(folder: &Path, fresh: &Path) -> io::Result<()> {
    let old = beside(folder, "old");
    remove(&old)?;
    match fs::rename(folder, &old) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(fresh, folder)?;
    remove(&old)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(folder: &Path, ending: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.{}.{ending}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, text: &str) -> NamedBytes {
        (name.to_owned(), text.as_bytes().to_vec())
    }

    #[test]
    fn a_result_takes_the_place_of_an_older_one_and_of_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/minimum-norm");
        check(&folder).unwrap();
        write(&folder, &[named("old.csv", "1"), named(RESULT, "{}")]).unwrap();
        check(&folder).unwrap();
        write(&folder, &[named("new.csv", "2"), named(RESULT, "{}")]).unwrap();
        assert!(folder.join("new.csv").exists() && !folder.join("old.csv").exists());
        assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);

        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        check(&other).unwrap();
        fs::write(other.join("thesis.tex"), "").unwrap();
        assert!(
            check(&other)
                .unwrap_err()
                .to_string()
                .contains("choose another folder")
        );
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_result_and_nothing_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("minimum-norm");
        write(&folder, &[named(RESULT, "{}")]).unwrap();
        assert!(write(&folder, &[named("no/such/folder.csv", "")]).is_err());
        assert!(folder.join(RESULT).exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
