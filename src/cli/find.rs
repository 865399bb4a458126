//! Finds a config by the name a user gives it.

use std::path::{Path, PathBuf};

use super::CommandError;
use crate::nearest::{hint, nearest};

/// The folder configs are kept in.
const FOLDER: &str = "configs";

/// Finds a config: `sgd_b32` is the file `sgd_b32`, `sgd_b32.toml`, `configs/sgd_b32` or
/// `configs/sgd_b32.toml`, whichever exists first, relative to the working directory.
///
/// # Errors
///
/// [`CommandError::Input`] with what was tried and the nearest config of `configs/`.
pub fn find(path: &Path) -> Result<PathBuf, CommandError> {
    find_from(Path::new(""), path)
}

fn find_from(directory: &Path, path: &Path) -> Result<PathBuf, CommandError> {
    let candidates = candidates(path);
    match candidates
        .iter()
        .find(|candidate| directory.join(candidate).is_file())
    {
        Some(found) => Ok(directory.join(found)),
        None => {
            let tried = candidates.iter().map(|path| path.display().to_string());
            let tried = tried.collect::<Vec<_>>().join(", ");
            let nearest = nearest_config(directory, path);
            let hint = nearest.map_or_else(String::new, |nearest| hint(Some(&nearest)));
            let name = path.display();
            Err(CommandError::Input(format!(
                "no config `{name}`: tried {tried}{hint}"
            )))
        }
    }
}

fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut candidates = vec![path.to_owned()];
    if path.extension().is_none_or(|extension| extension != "toml") {
        let mut with_extension = path.as_os_str().to_owned();
        with_extension.push(".toml");
        candidates.push(with_extension.into());
    }
    if !path.is_absolute() && !path.starts_with(FOLDER) {
        let in_folder: Vec<_> = candidates
            .iter()
            .map(|c| Path::new(FOLDER).join(c))
            .collect();
        candidates.extend(in_folder);
    }
    candidates
}

/// The config of the folder whose stem is nearest to the one asked for.
fn nearest_config(directory: &Path, path: &Path) -> Option<String> {
    let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let entries = std::fs::read_dir(directory.join(FOLDER)).ok()?;
    let mut stems: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| stem(&path))
        .collect();
    stems.sort();
    let nearest = nearest(&stem(path)?, &stems)?;
    Some(
        Path::new(FOLDER)
            .join(format!("{nearest}.toml"))
            .display()
            .to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("configs")).unwrap();
        for name in ["configs/sgd_b32.toml", "configs/sgd_b512.toml", "own.toml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn a_config_is_found_by_file_stem_or_folder() {
        let folder = folder();
        let cases = [
            ("own.toml", "own.toml"),
            ("own", "own.toml"),
            ("sgd_b32", "configs/sgd_b32.toml"),
            ("sgd_b32.toml", "configs/sgd_b32.toml"),
            ("configs/sgd_b32", "configs/sgd_b32.toml"),
            ("configs/sgd_b32.toml", "configs/sgd_b32.toml"),
        ];
        for (asked, expected) in cases {
            let found = find_from(folder.path(), Path::new(asked)).unwrap();
            assert_eq!(found, folder.path().join(expected), "{asked}");
        }
    }

    #[test]
    fn a_missing_config_lists_what_was_tried_and_the_nearest() {
        let folder = folder();
        let text = |name: &str| {
            find_from(folder.path(), Path::new(name))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text("sgd_b33"),
            "no config `sgd_b33`: tried sgd_b33, sgd_b33.toml, configs/sgd_b33, configs/sgd_b33.toml; did you mean `configs/sgd_b32.toml`?"
        );
        assert_eq!(
            text("configs/zzz.toml"),
            "no config `configs/zzz.toml`: tried configs/zzz.toml"
        );
    }
}
