//! What is to be done about each of several runs, before anything is done.

use crate::config::{self, Config, ConfigError};
use crate::measure;
use crate::run::{DirectoryError, RunDirectory};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What becomes of a run that is already where another one is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is kept, and the other one refused.
    Keep,
    /// It is replaced.
    Replace,
    /// It is gone on with, if it is of the same config.
    GoOn,
}

/// A run that is wanted, and what that takes.
#[derive(Debug)]
pub struct Planned {
    /// Its config.
    pub config: Config,
    /// Its directory.
    pub place: PathBuf,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done about a run.
#[derive(Debug)]
pub enum Action {
    /// It is begun.
    Begin,
    /// It is broken off, and gone on with.
    GoOn,
    /// It is finished, and nothing is to be done.
    Leave,
    /// It cannot be had.
    Refuse(Refusal),
}

/// Why a run cannot be had.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The place is taken.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The config of the run there cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The run there is of another config.
    #[error(
        "{place} holds a run with {difference}; to continue it as it is give --resume its directory, to \
         begin another run choose another place with --out or --set name=..."
    )]
    OtherConfig {
        /// The directory.
        place: String,
        /// What differs.
        difference: String,
    },
}

/// What is to be done about the run of a config below an output folder; changes nothing.
pub fn plan(config: Config, out: &Path, existing: Existing) -> Planned {
    let place = RunDirectory::place(out, &config);
    let action = action(&config, &place, existing).unwrap_or_else(Action::Refuse);
    Planned {
        config,
        place,
        action,
    }
}

fn action(config: &Config, place: &Path, existing: Existing) -> Result<Action, Refusal> {
    let is_there = place.join("config.toml").is_file();
    if existing != Existing::GoOn || !is_there {
        RunDirectory::check(place, existing == Existing::Replace)?;
        return Ok(Action::Begin);
    }
    let found = config::load(&place.join("config.toml"), &[], &measure::names())?;
    if let Some(difference) = difference(config, &found) {
        let place = place.display().to_string();
        return Err(Refusal::OtherConfig { place, difference });
    }
    Ok(if RunDirectory::open(place)?.is_finished() {
        Action::Leave
    } else {
        Action::GoOn
    })
}

/// In words, what differs between a config and the one of the run that is there; nothing of the same.
pub(crate) fn difference(here: &Config, there: &Config) -> Option<String> {
    // Comparing key by key takes long.
    if here == there {
        return None;
    }
    let key = here.difference(there)?;
    if key == "hooks" {
        return Some("other `hooks`".to_owned());
    }
    let value = |config: &Config| {
        let value = config.value(key).map(|value| value.to_string());
        value.unwrap_or_else(|| "absent".to_owned())
    };
    let (here, there) = (value(here), value(there));
    Some(format!(
        "another config: `{key}` is {there} there and {here} here"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Config {
        let text = format!("optimizer.learning_rate = 0.1\ntrain.epochs = 1\n{lines}");
        config::parse(&text, "x.toml", &[], "x", &measure::names()).unwrap()
    }

    fn said(planned: &Planned) -> String {
        match &planned.action {
            Action::Begin => "begin".to_owned(),
            Action::GoOn => "go on".to_owned(),
            Action::Leave => "leave".to_owned(),
            Action::Refuse(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn what_is_there_decides_what_is_to_be_done() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let planned = |lines: &str, existing| said(&plan(config(lines), out, existing));
        let all = [Existing::Keep, Existing::Replace, Existing::GoOn];
        assert_eq!(all.map(|existing| planned("", existing)), ["begin"; 3]);

        let directory = RunDirectory::create(&out.join("x/seed-0"), &config(""), false).unwrap();
        assert!(planned("", Existing::Keep).contains("already holds a run"));
        assert_eq!(planned("", Existing::Replace), "begin");
        assert_eq!(planned("", Existing::GoOn), "go on");
        assert_eq!(planned("seed = 1", Existing::GoOn), "begin");
        let other = planned("train.batch_size = 8", Existing::GoOn);
        assert!(
            other.contains("`train.batch_size` is 32 there and 8 here"),
            "{other}"
        );

        for file in ["summary.json", "model.safetensors"] {
            directory.write(file, b"").unwrap();
        }
        assert_eq!(planned("", Existing::GoOn), "leave");
    }
}
