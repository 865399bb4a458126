//! Measures: numbers about a solution, each with its error and with what it claims to survive.
//!
//! Measuring is pure: it reads parameters and data, and returns rows. What cannot be measured
//! becomes a row with the reason in it; nothing here can end a run.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod coverage;
mod curvature;
mod evaluation;
mod few_samples;
#[cfg(test)]
mod fixture;
pub mod invariance;
mod layers;
#[cfg(test)]
mod least_squares;
mod margin;
mod noise;
mod norm;
#[cfg(test)]
mod reference;
mod registry;
mod reparam;
mod rounding;
mod run;
mod session;
mod sharpness;
mod stability;

pub use evaluation::Evaluated;
pub use norm::{Convolution, HostMatrix, SpectralNorm};
pub use registry::{Cost, Measure, Preset, catalogue, find, names, needs_products};
pub use session::{Event, Search, Session, Subject};

use serde::{Deserialize, Serialize};

/// The side of the truth on which a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The truth is at least the value: the best that a search for a maximum has found, say.
    Lower,
    /// The truth is at most the value.
    Upper,
}

impl Bound {
    /// The word in rows and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
        }
    }
}

/// One number with everything that is known about its error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The measure's name, `family.quantity[.variant]`.
    pub name: String,
    /// The number; `None` where it could not be measured, with the reason in `reason`.
    pub value: Option<f64>,
    /// The standard error, where the number is an estimate from a sample; widened where that is small or skewed,
    /// so that one and two of it cover 68 % and 95 % all the same.
    pub stderr: Option<f64>,
    /// The relative residual, where the number is the result of an iteration: of an eigenvalue
    /// `‖Hv − λv‖ / ‖H‖`.
    pub residual: Option<f64>,
    /// What the residual is relative to, in units of the value; the magnitude of the value itself where
    /// there is none. For eigenvalues other than the largest it is `‖H‖`, the largest magnitude among all
    /// that the search has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether the iteration or the sampling reached its tolerance.
    pub converged: Option<bool>,
    /// By how much, at most, rounding in the run's precision may have moved the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<f64>,
    /// The side of the truth on which the value lies, where that is all that is known for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Matrix-vector products used.
    pub matvecs: Option<usize>,
    /// Samples the number is taken over.
    pub samples: Option<usize>,
    /// How normalisation layers behaved; `None` for a network without any.
    pub norm_mode: Option<String>,
    /// Wall-clock time the number took; what numbers share is charged to the first of them.
    pub seconds: f64,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a reader of the value must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Measurement {
    /// Whether there is no value because a number on the way is NaN or infinite.
    pub fn is_not_finite(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| reason.contains("not finite"))
    }

    /// A number over some samples.
    pub fn new(name: &str, value: f64) -> Self {
        let measurement = Self {
            name: name.to_owned(),
            value: Some(value),
            ..Self::default()
        };
        if value.is_finite() {
            return measurement;
        }
        Self {
            value: None,
            reason: Some(format!("the result is not finite ({value})")),
            ..measurement
        }
    }

    /// A number that could not be measured.
    pub fn failed(name: &str, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            reason: Some(reason.into()),
            ..Self::default()
        }
    }

    /// Adds a bound on what rounding may have moved the value by.
    pub fn with_rounding(self, rounding: f64) -> Self {
        Self {
            rounding: Some(rounding),
            ..self
        }
    }

    /// Says on which side of the truth the value lies.
    pub fn bounding(self, bound: Bound) -> Self {
        Self {
            bound: Some(bound),
            ..self
        }
    }

    /// Says what the residual is relative to, where that is more than the value itself.
    pub fn relative_to(self, scale: f64) -> Self {
        let own = self.value.map_or(0.0, f64::abs);
        Self {
            scale: (scale > own * (1.0 + 1e-6)).then_some(scale),
            ..self
        }
    }

    /// The number and what its residual is relative to, multiplied by a constant.
    pub fn times(self, factor: f64) -> Self {
        Self {
            value: self.value.map(|value| factor * value),
            scale: self.scale.map(|scale| factor.abs() * scale),
            ..self
        }
    }

    /// The residual in units of the value: by as much an eigenvalue may be off.
    pub fn absolute_residual(&self) -> Option<f64> {
        Some(self.residual? * self.scale.or(self.value.map(f64::abs))?)
    }

    /// Adds the number of samples.
    pub fn over(self, samples: usize) -> Self {
        Self {
            samples: Some(samples),
            ..self
        }
    }

    /// Adds a standard error. One that is not finite, as of a mean over a single sample, is unknown: without a
    /// word the number would pass as exact.
    pub fn with_stderr(self, stderr: f64) -> Self {
        if stderr.is_finite() || self.value.is_none() {
            return Self {
                stderr: stderr.is_finite().then_some(stderr),
                ..self
            };
        }
        Self {
            converged: Some(false),
            note: Some("its error is not known".to_owned()),
            ..self
        }
    }

    /// Adds a residual, whether it is below the tolerance, and the products it took.
    pub fn with_residual(self, residual: f64, converged: bool, matvecs: usize) -> Self {
        Self {
            residual: residual.is_finite().then_some(residual),
            converged: Some(converged),
            matvecs: Some(matvecs),
            ..self
        }
    }
}
