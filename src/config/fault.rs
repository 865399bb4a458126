//! What is wrong with a value's shape (an unknown key, a wrong type, an unknown word), kept as data
//! instead of text, so that the message can name the place and the nearest allowed thing.

use super::error::Place;

/// What is wrong with the shape of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A key that does not exist.
    UnknownKey {
        /// The key that was probably meant, as a full path.
        nearest: Option<String>,
        /// What is allowed in the same table.
        allowed: Vec<String>,
    },
    /// A value of the wrong type, outside its type's range, or an unknown word.
    WrongValue {
        /// What was found.
        found: String,
        /// What is allowed.
        expected: String,
        /// The word that was probably meant.
        nearest: Option<String>,
    },
}

impl Fault {
    /// The sentence about this fault at a place.
    pub(super) fn sentence(&self, place: &Place) -> String {
        match self {
            Self::UnknownKey { nearest, allowed } => {
                let hint = match nearest {
                    Some(nearest) => format!("; did you mean `{nearest}`?"),
                    None => ".".to_owned(),
                };
                let allowed = allowed.join(", ");
                format!(
                    "unknown key {place}{hint} Allowed {}: {allowed}",
                    place.table()
                )
            }
            Self::WrongValue { .. } => format!("{place} {}", self.phrase()),
        }
    }

    /// What follows the name of the key.
    pub(super) fn phrase(&self) -> String {
        match self {
            Self::UnknownKey { .. } => "is unknown".to_owned(),
            Self::WrongValue {
                found,
                expected,
                nearest,
            } => {
                let hint = match nearest {
                    Some(nearest) => format!("; did you mean {nearest:?}?"),
                    None => String::new(),
                };
                format!("must be {expected}, found {found}{hint}")
            }
        }
    }
}

/// A fault and the key path it was met under, relative to where the check started.
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
}
