//! Finds a config by the name a user gives it, among files and among those within the program.

use std::path::{Component, Path, PathBuf};

use super::CommandError;
use crate::config::{self, Config, Override};
use crate::measure;
use crate::nearest::{hint, nearest};
use crate::starters::{STARTERS, starter};

/// The folder configs are kept in.
const FOLDER: &str = "configs";

/// A config, or a sweep, that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it lies; of one within the program, where `lab init` would write it.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
    /// Whether it is one within the program.
    pub is_starter: bool,
}

impl Found {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`CommandError::Input`] with what the file system says.
    pub fn read(path: PathBuf) -> Result<Self, CommandError> {
        let text = std::fs::read_to_string(&path).map_err(|error| {
            CommandError::Input(format!("cannot read {}: {error}", path.display()))
        })?;
        Ok(Self {
            path,
            text,
            is_starter: false,
        })
    }

    /// What messages call it.
    pub fn shown(&self) -> String {
        match self.is_starter {
            true => format!("{} (within lab)", self.path.display()),
            false => self.path.display().to_string(),
        }
    }

    /// Reads and checks it as a config.
    ///
    /// # Errors
    ///
    /// [`CommandError::Config`] with the first thing that is wrong.
    pub fn load(&self, overrides: &[Override]) -> Result<Config, CommandError> {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let known = measure::names();
        let config = config::parse(&self.text, &self.shown(), overrides, &stem, &known)?;
        Ok(config)
    }
}

/// Finds a config: `sgd_b32` is the file `sgd_b32`, `sgd_b32.toml`, `configs/sgd_b32` or
/// `configs/sgd_b32.toml`, whichever exists first, relative to the working directory; and where there is none, the one
/// of that name within the program.
///
/// # Errors
///
/// [`CommandError::Input`] with what was tried and the nearest config of `configs/`, there or within the program.
pub fn find(path: &Path) -> Result<Found, CommandError> {
    find_from(Path::new(""), path)
}

fn find_from(directory: &Path, path: &Path) -> Result<Found, CommandError> {
    let candidates = candidates(path);
    let file = candidates
        .iter()
        .map(|candidate| directory.join(candidate))
        .find(|candidate| candidate.is_file());
    if let Some(file) = file {
        return Found::read(file);
    }
    if let Some(found) = candidates.iter().find_map(|path| within_program(path)) {
        return Ok(found);
    }
    let tried = candidates.iter().map(|path| path.display().to_string());
    let tried = tried.collect::<Vec<_>>().join(", ");
    let nearest = nearest_config(directory, path);
    let hint = nearest.map_or_else(String::new, |nearest| hint(Some(&nearest)));
    let name = path.display();
    Err(CommandError::Input(format!(
        "no config `{name}`: tried {tried}{hint}"
    )))
}

/// The config within the program whose place is this path below the folder of configs.
pub fn within_program(path: &Path) -> Option<Found> {
    let within = path.strip_prefix(FOLDER).ok()?;
    let starter = starter(within)?;
    Some(Found {
        path: Path::new(FOLDER).join(starter.path),
        text: starter.text().to_owned(),
        is_starter: true,
    })
}

fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut candidates = vec![path.to_owned()];
    if path.extension().is_none_or(|extension| extension != "toml") {
        let mut with_extension = path.as_os_str().to_owned();
        with_extension.push(".toml");
        candidates.push(with_extension.into());
    }
    let mut components = path.components();
    let is_here = !matches!(components.next(), Some(Component::ParentDir));
    if !path.is_absolute() && is_here && !path.starts_with(FOLDER) {
        let in_folder: Vec<_> = candidates
            .iter()
            .map(|c| Path::new(FOLDER).join(c))
            .collect();
        candidates.extend(in_folder);
    }
    candidates
}

/// The config of the folder, or within the program, whose stem is nearest to the one asked for.
fn nearest_config(directory: &Path, path: &Path) -> Option<String> {
    let stem = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let entries = std::fs::read_dir(directory.join(FOLDER)).into_iter();
    let files = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    let files = files.filter_map(|file| Some(PathBuf::from(file.file_name()?)));
    let within = STARTERS.iter().map(|starter| PathBuf::from(starter.path));
    let mut all: Vec<PathBuf> = files.chain(within).collect();
    all.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    // Of two of one stem the one in the folder itself, where there is one.
    all.sort_by_key(|path| (path.components().count(), path.clone()));
    let stems: Vec<String> = all.iter().filter_map(|path| stem(path)).collect();
    let nearest = nearest(&stem(path)?, &stems)?;
    let place = stems.iter().position(|stem| stem == nearest)?;
    Some(Path::new(FOLDER).join(&all[place]).display().to_string())
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
            assert_eq!(found.path, folder.path().join(expected), "{asked}");
            assert!(!found.is_starter, "{asked}");
        }
    }

    #[test]
    fn where_no_file_is_the_config_within_the_program_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for asked in ["sgd_b32", "sgd_b32.toml", "configs/sgd_b32"] {
            let found = find_from(folder.path(), Path::new(asked)).unwrap();
            assert_eq!(found.path, Path::new("configs/sgd_b32.toml"), "{asked}");
            assert_eq!(found.shown(), "configs/sgd_b32.toml (within lab)");
            assert_eq!(found.load(&[]).unwrap().name, "sgd_b32");
        }
        let sweep = find_from(folder.path(), Path::new("sweeps/digits_batch")).unwrap();
        assert!(sweep.is_starter && sweep.text.contains("base ="));
        assert!(find_from(folder.path(), Path::new("../sgd_b32")).is_err());
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
