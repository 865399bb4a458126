//! Overrides: values given on the command line that replace those of the file, before anything is
//! checked.
//!
//! Where the file and an override exclude each other, the override wins ([`EXCLUDES`]). Two overrides
//! that exclude each other are an error like two such lines of a file.

use toml::Value as Toml;
use toml::de::DeValue;

use super::document::{Document, Origin, one_line, read};
use super::error::ConfigError;
use super::key::declared;
use super::whole::{Config, KEYS};

/// One value that replaces the file's, or takes it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    flag: String,
    key: String,
    value: Option<Toml>,
}

/// What drops what of the file: a key from a flag, perhaps with one value only, and another key of the
/// file. Of an array of tables, within one item.
const EXCLUDES: [(&str, Option<&str>, &str); 10] = [
    ("train.epochs", None, "train.steps"),
    ("train.steps", None, "train.epochs"),
    ("train.batch_size", None, "train.full_batch"),
    ("train.full_batch", Some("true"), "train.batch_size"),
    ("optimizer.kind", Some("\"gd\""), "train.batch_size"),
    ("optimizer.kind", Some("\"gd\""), "train.full_batch"),
    ("train.clip_norm", None, "train.clip_value"),
    ("train.clip_value", None, "train.clip_norm"),
    ("hooks.preset", None, "hooks.measures"),
    ("hooks.measures", None, "hooks.preset"),
];

impl Override {
    /// Reads the argument of `--set`, `a.b=value`. The value is TOML; a bare word is a string
    /// (`data.dataset=mnist`), and nothing unsets the key (`optimizer.momentum=`), whose default
    /// then holds, or all keys of a table (`schedule=`). Items of arrays are addressed by index: `hooks.0.every=5`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Override`] without `=`, where the key path is not made of names and dots, and
    /// where the value begins like a TOML array, table or string and is none;
    /// [`ConfigError::NoSuchKey`] for a key to be unset that does not exist.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let flag = format!("--set {}", one_line(text));
        let wrong = |reason: String| ConfigError::Override {
            flag: flag.clone(),
            reason,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let is_name = |part: &&str| !part.is_empty() && part.chars().all(plain);
        let split = text.split_once('=').map(|(path, value)| {
            let parts: Vec<&str> = path.split('.').map(str::trim).collect();
            (parts, value.trim())
        });
        let Some((parts, value)) = split.filter(|(parts, _)| parts.iter().all(is_name)) else {
            let form = "must have the form a.b=value, for example train.batch_size=64";
            return Err(wrong(form.to_owned()));
        };
        let key = parts.join(".");
        if value.is_empty() && KEYS.is_array(&key).is_none() {
            Config::check_key(&declared(&key))?;
        }
        let not_toml = |message| wrong(format!("the value is not TOML: {message}"));
        let value = match DeValue::parse(value) {
            _ if value.is_empty() => None,
            Ok(value) => {
                let read = read(value.get_ref(), &key, &mut |_, _| {});
                Some(read.map_err(|violation| wrong(format!("the value {}", violation.rule)))?)
            }
            Err(error) if value.starts_with(['[', '{', '"', '\'']) => {
                return Err(not_toml(one_line(error.message())));
            }
            Err(_) => Some(Toml::String(value.to_owned())),
        };
        Ok(Self { flag, key, value })
    }

    /// The override that a flag of its own stands for, such as `--backend wgpu` for the key
    /// `backend`; errors quote `flag`.
    pub fn from_flag(flag: &str, key: &str, value: &Toml) -> Self {
        Self {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value: Some(value.clone()),
        }
    }

    /// The override that takes a key out; errors quote `flag`.
    pub fn without(flag: &str, key: &str) -> Self {
        Self {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value: None,
        }
    }

    /// The key it sets, such as `train.batch_size`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Puts the value into a document, or takes out what is there.
    fn apply(&self, document: &mut Document) -> Result<(), ConfigError> {
        let Some(value) = &self.value else {
            document.remove(&self.key, &self.flag);
            return Ok(());
        };
        let put = document.put(&self.key, value.clone(), &self.flag);
        put.map_err(|reason| ConfigError::Override {
            flag: self.flag.clone(),
            reason,
        })
    }
}

/// Puts all overrides into a document, in order, and drops what they exclude.
pub(super) fn apply_all(
    document: &mut Document,
    overrides: &[Override],
) -> Result<(), ConfigError> {
    overrides
        .iter()
        .try_for_each(|given| given.apply(document))?;
    let hooks = document.get("hooks").and_then(Toml::as_array);
    let hooks = hooks.map_or(0, Vec::len);
    for (given, value, dropped) in EXCLUDES {
        let in_hook = |key: &str, index: usize| key.replace("hooks.", &format!("hooks.{index}."));
        let count = if given.starts_with("hooks.") {
            hooks
        } else {
            1
        };
        for index in 0..count {
            let (given, dropped) = (in_hook(given, index), in_hook(dropped, index));
            let is_flag = |key: &str| matches!(document.provenance.of(key), Some(Origin::Flag(_)));
            let found = document.get(&given).filter(|_| is_flag(&given));
            let is_meant = |found: &Toml| value.is_none_or(|value| found.to_string() == value);
            if found.is_some_and(is_meant) && !is_flag(&dropped) {
                document.remove(&dropped, "");
            }
        }
    }
    Ok(())
}
