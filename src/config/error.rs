//! Everything that can be wrong with a config, one line each. All of it is the user's to fix, so a
//! program that meets one of these exits with 2.

use std::fmt;
use std::path::PathBuf;

/// What is wrong with a config, or with the request for one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
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
    /// A flag that is no override, or that this config has no place for.
    #[error("{flag}: {reason}")]
    Override {
        /// The flag.
        flag: String,
        /// Why it cannot be put in place.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key {key}{hint}")]
    UnknownKey {
        /// The file or the flag it stands in.
        origin: String,
        /// Where.
        key: Place,
        /// The key that was probably meant, and what is allowed in the same table.
        hint: String,
    },
    /// A value, or a combination of values, that is not allowed.
    #[error("{origin}: {key} {rule}")]
    Rule {
        /// The file or the flag it stands in.
        origin: String,
        /// Where.
        key: Place,
        /// What is allowed, what was found, what to do.
        rule: String,
    },
    /// A key asked for by name that does not exist.
    #[error("unknown config key {key}{hint}")]
    NoSuchKey {
        /// What was asked for.
        key: Place,
        /// The nearest existing key, and all of them.
        hint: String,
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

/// A broken rule: a sentence that begins with the key it is about.
#[derive(Debug)]
pub(super) struct Violation {
    /// The key.
    pub key: String,
    /// The key that it collides with, if any.
    pub other: Option<String>,
    /// The rest of the sentence: what is allowed, what was found, what to do.
    pub rule: String,
}

impl Violation {
    pub fn new(key: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            other: None,
            rule: rule.into(),
        }
    }

    /// Names the key that this one collides with, so that a flag among the two can be blamed.
    pub fn against(mut self, other: impl Into<String>) -> Self {
        self.other = Some(other.into());
        self
    }
}
