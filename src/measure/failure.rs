//! Why a measurement has no value.

use crate::linear::LinearError;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// What kind of reason there is for having no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A number on the way is NaN or infinite: the loss has overflowed or diverged here.
    NotFinite,
    /// There is no such number for this network, loss, data, or way of training.
    NotDefined,
    /// It takes something that is not known, such as where training started.
    NotKnown,
    /// It is within the rounding of what it is made of.
    Rounding,
    /// The budget ended before there was anything to tell.
    Budget,
    /// What was searched for was not found, or cannot be trusted.
    NotFound,
    /// The device failed.
    Device,
    /// The program itself failed.
    Panic,
    /// The user does not want to wait any longer; no row has this reason.
    Interrupted,
}

/// Why a measurement has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What kind of reason.
    pub kind: FailureKind,
    /// The reason, for readers.
    pub reason: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { kind, reason }
    }

    /// There is no such number.
    pub fn not_defined(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::NotDefined, reason)
    }

    /// It needs classes.
    pub fn no_classes() -> Self {
        Self::not_defined("the targets are numbers, and there are no classes to tell apart")
    }

    /// It needs numbers to be predicted.
    pub fn no_numbers() -> Self {
        Self::not_defined("what is predicted are classes, not numbers")
    }

    /// Something it takes is not known.
    pub fn not_known(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::NotKnown, reason)
    }

    /// It was not found.
    pub fn not_found(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, reason)
    }

    /// A number on the way is not finite.
    pub fn not_finite(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFinite, reason)
    }

    /// The device failed, in its words.
    pub fn device(reason: impl Into<String>) -> Self {
        Self::new(FailureKind::Device, reason)
    }

    /// The program failed, with what it said when it did.
    pub fn panic(payload: &(dyn Any + Send)) -> Self {
        let words = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let words = words.or_else(|| payload.downcast_ref::<String>().cloned());
        let words = words.unwrap_or_else(|| "without a word".to_owned());
        Self::new(
            FailureKind::Panic,
            format!("the program failed, which is a fault of its own: {words}"),
        )
    }

    /// Whether the user has interrupted.
    pub fn is_interrupt(&self) -> bool {
        self.kind == FailureKind::Interrupted
    }
}

impl From<LinearError> for Failure {
    fn from(error: LinearError) -> Self {
        let kind = match &error {
            LinearError::NotFinite => FailureKind::NotFinite,
            LinearError::Empty
            | LinearError::NotDeterministic { .. }
            | LinearError::Refused(_)
            | LinearError::WrongLength { .. } => FailureKind::NotDefined,
            LinearError::NotPositive { .. } | LinearError::NotOrthogonal { .. } => {
                FailureKind::NotFound
            }
            LinearError::TooFewProducts { .. } => FailureKind::Budget,
            LinearError::Device(_) => FailureKind::Device,
            LinearError::Interrupted => FailureKind::Interrupted,
        };
        Self::new(kind, error.to_string())
    }
}

impl FailureKind {
    /// The word in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::NotDefined => "not_defined",
            Self::NotKnown => "not_known",
            Self::Rounding => "rounding",
            Self::Budget => "budget",
            Self::NotFound => "not_found",
            Self::Device => "device",
            Self::Panic => "panic",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_a_panic_says_is_what_is_told() {
        let said = |panic: fn()| {
            let payload = catch_unwind(AssertUnwindSafe(panic)).unwrap_err();
            Failure::panic(payload.as_ref()).reason
        };
        assert!(said(|| panic!("seven of {}", 9)).ends_with("seven of 9"));
        assert!(said(|| panic!("plain words")).ends_with("plain words"));
        assert!(said(|| std::panic::panic_any(3)).ends_with("without a word"));
    }
}
