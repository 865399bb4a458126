//! The user's wish to stop.

use super::LinearError;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks long computations to stop at their next matrix-vector product.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt<'a>(Option<&'a AtomicBool>);

impl<'a> Interrupt<'a> {
    /// Stops when the flag is raised.
    pub fn on(flag: &'a AtomicBool) -> Self {
        Self(Some(flag))
    }

    /// Never stops.
    pub fn never() -> Self {
        Self(None)
    }

    /// Whether to stop.
    pub fn is_raised(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// An error if the flag is raised.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`].
    pub fn check(self) -> Result<(), LinearError> {
        if self.is_raised() {
            return Err(LinearError::Interrupted);
        }
        Ok(())
    }
}
