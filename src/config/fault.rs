//! What is wrong with a value's shape (an unknown key, a wrong type, an unknown word), kept as data
//! instead of text, so that the message can name the place and the nearest allowed thing.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::error::Key;
use super::nearest::{nearest, nearest_key};

/// What is wrong with the shape of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A key that does not exist.
    UnknownKey {
        /// The key that was probably meant, as a full path.
        nearest: Option<String>,
        /// What is allowed in the same table.
        allowed: &'static [&'static str],
    },
    /// A word that is not among the allowed ones, or no word at all.
    UnknownWord {
        /// What was found.
        found: String,
        /// The word that was probably meant.
        nearest: Option<String>,
        /// The allowed words.
        allowed: &'static [&'static str],
    },
    /// A value of the wrong type, or outside its type's range.
    WrongValue {
        /// What was found.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// Anything else the deserialiser objects to.
    Other(String),
}

impl Fault {
    /// The sentence about this fault at `key`.
    pub(super) fn sentence(&self, key: &Key) -> String {
        match self {
            Self::UnknownKey { nearest, allowed } => {
                let hint = match nearest {
                    Some(nearest) => format!("; did you mean `{nearest}`?"),
                    None => ".".to_owned(),
                };
                let allowed = allowed.join(", ");
                format!("unknown key {key}{hint} Allowed {}: {allowed}", key.table())
            }
            Self::UnknownWord {
                found,
                nearest,
                allowed,
            } => {
                let allowed = allowed
                    .iter()
                    .map(|word| format!("{word:?}"))
                    .collect::<Vec<_>>();
                let of = if allowed.len() > 1 { "one of " } else { "" };
                let hint = match nearest {
                    Some(nearest) => format!("; did you mean {nearest:?}?"),
                    None => String::new(),
                };
                format!(
                    "{key} must be {of}{}, found {found}{hint}",
                    allowed.join(", ")
                )
            }
            Self::WrongValue { found, expected } => {
                format!("{key} must be {expected}, found {found}")
            }
            Self::Other(message) => format!("{key}: {message}"),
        }
    }
}

/// A fault and the key path it was met under, relative to where deserialisation started.
#[derive(Clone, Debug)]
pub(super) struct FaultAt {
    pub path: Vec<String>,
    pub fault: Fault,
}

impl FaultAt {
    pub fn new(fault: Fault) -> Self {
        Self {
            path: Vec::new(),
            fault,
        }
    }

    /// The same fault, seen from the table or array that holds it under `segment`.
    pub fn under(mut self, segment: impl Into<String>) -> Self {
        self.path.insert(0, segment.into());
        self
    }

    /// Looks for the key that was meant, now that the whole path is known.
    pub fn with_nearest(mut self) -> Self {
        if let Fault::UnknownKey { nearest, allowed } = &mut self.fault {
            *nearest = nearest_key(&self.path, allowed);
        }
        self
    }
}

impl fmt::Display for FaultAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.sentence(&Key {
            path: self.path.join("."),
            line: None,
        }))
    }
}

impl std::error::Error for FaultAt {}

impl Error for FaultAt {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Fault::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match kind_of(&found) {
            Some(kind) => format!("{} ({kind})", text_of(&found)),
            None => text_of(&found),
        };
        Self::new(Fault::WrongValue {
            found,
            expected: expected.to_string(),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = text_of(&found);
        Self::new(Fault::WrongValue {
            found,
            expected: expected.to_string(),
        })
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        let nearest = nearest(found, allowed).map(str::to_owned);
        Self::new(Fault::UnknownWord {
            found: format!("{found:?}"),
            nearest,
            allowed,
        })
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownKey {
            nearest: None,
            allowed,
        })
        .under(key)
    }
}

/// A found value as the user would write it.
fn text_of(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Other(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}

/// The name of a found value's type, where its text does not already tell.
fn kind_of(found: &Unexpected<'_>) -> Option<&'static str> {
    match found {
        Unexpected::Bool(_) => Some("boolean"),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => Some("integer"),
        Unexpected::Float(_) => Some("number"),
        Unexpected::Str(_) => Some("string"),
        _ => None,
    }
}
