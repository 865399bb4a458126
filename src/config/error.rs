//! Everything that can be wrong with a config, one line each. All of it is the user's to fix, so a
//! program that meets one of these exits with 2.

use std::fmt;
use std::path::PathBuf;

use super::fault::Fault;
use super::rule::Rule;

/// What is wrong with a config, or with the request for one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file is found under the name.
    #[error("no config `{name}`: tried {}{}", tried.join(", "), did_you_mean(nearest.as_ref()))]
    NotFound {
        /// What was asked for.
        name: String,
        /// The files looked for, in order.
        tried: Vec<String>,
        /// An existing config with a similar name.
        nearest: Option<String>,
    },
    /// The file exists and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{file}: line {line}, column {column}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the TOML parser says.
        message: String,
    },
    /// An override that is not of the form `a.b=value`.
    #[error("--set {text}: must have the form a.b=value, for example train.batch_size=64")]
    OverrideForm {
        /// What was given.
        text: String,
    },
    /// An override whose value starts like TOML and is not.
    #[error("--set {text}: the value is not TOML: {message}")]
    OverrideValue {
        /// What was given.
        text: String,
        /// What the TOML parser says.
        message: String,
    },
    /// An override of an item that does not exist.
    #[error("{flag}: `{array}` has no item {index}: {}", allowed_items(*length))]
    OverrideIndex {
        /// The flag.
        flag: String,
        /// Place path of the array.
        array: String,
        /// The item asked for.
        index: String,
        /// How many items there are.
        length: usize,
    },
    /// An override of a key inside something that has no keys.
    #[error("{flag}: `{key}` is not a table, so nothing can be set in it")]
    OverrideScalar {
        /// The flag.
        flag: String,
        /// Place path of the value that has no keys.
        key: String,
    },
    /// A value of the wrong shape: an unknown key, a wrong type, an unknown word.
    #[error("{origin}: {}", fault.sentence(key))]
    Fault {
        /// The file or the flag it stands in.
        origin: String,
        /// Where.
        key: Place,
        /// What.
        fault: Box<Fault>,
    },
    /// A value, or a combination of values, that breaks a rule.
    #[error("{origin}: {key} {rule}")]
    Rule {
        /// The file or the flag it stands in.
        origin: String,
        /// Where.
        key: Place,
        /// Which rule.
        rule: Box<Rule>,
    },
    /// A key asked for by name that does not exist.
    #[error("unknown config key {key}{} Known keys: {}",
        nearest.as_ref().map_or(".".to_owned(), |nearest| format!("; did you mean `{nearest}`?")),
        super::key::PATHS.join(", "))]
    UnknownKey {
        /// What was asked for.
        key: Place,
        /// The nearest existing key.
        nearest: Option<String>,
    },
}

/// A place in a config: a key path and the line of the file it stands on, when it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path, such as `train.batch_size` or `hooks.0.every`.
    pub path: String,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl Place {
    /// The table the key is in, as a phrase.
    pub(super) fn table(&self) -> String {
        match self.path.rsplit_once('.') {
            None => "at the top level".to_owned(),
            Some((table, _)) => match table.split_once('.') {
                Some((array, _)) => format!("in [[{array}]]"),
                None => format!("in [{table}]"),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str("the config");
        }
        // A quoted key may hold anything, a line break included.
        write!(f, "`{}`", self.path.escape_debug())?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

fn did_you_mean(nearest: Option<&String>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; did you mean `{nearest}`?")
    })
}

fn allowed_items(length: usize) -> String {
    match length.checked_sub(1) {
        None => "it is empty".to_owned(),
        Some(0) => "it has only item 0".to_owned(),
        Some(last) => format!("it has items 0 to {last}"),
    }
}
