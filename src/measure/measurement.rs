//! A number, with what identifies it and everything that is known about its error.

use super::circumstances::{Algorithm, Circumstances};
use super::failure::{Failure, FailureKind};
use super::fields::Fields;
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

/// How far a value may be from what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// It is what it says, but for rounding.
    Exact,
    /// It is an estimate from a sample; widened where that is small or skewed, so that one and two
    /// standard errors cover 68 % and 95 % all the same.
    Standard(f64),
    /// It is the result of an iteration.
    Residual {
        /// The relative residual: of an eigenvalue `‖Hv − λv‖ / ‖H‖`.
        residual: f64,
        /// What the residual is relative to, in units of the value; the magnitude of the value itself
        /// where there is none. For eigenvalues other than the largest it is `‖H‖`, the largest magnitude
        /// among all that the search has seen.
        scale: Option<f64>,
    },
    /// It lies on one side of the truth, which is all that is known for certain.
    Bound {
        /// The side.
        side: Bound,
        /// The standard error of the bound itself, where it is a statistic of samples.
        stderr: Option<f64>,
        /// How far several searches for it lie apart, relatively.
        residual: Option<f64>,
    },
    /// Nobody knows, for a reason.
    Unknown(String),
}

/// One number with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Measurement {
    /// The measure's name, `family.quantity[.variant]`.
    pub name: String,
    /// The number; none where it could not be measured.
    pub value: Option<f64>,
    /// How far it may be off.
    pub error: Error,
    /// Whether the iteration or the sampling reached its tolerance.
    pub converged: Option<bool>,
    /// By how much, at most, rounding in the run's precision may have moved the value.
    pub rounding: Option<f64>,
    /// Matrix-vector products used.
    pub matvecs: Option<usize>,
    /// Samples the number is taken over.
    pub samples: Option<usize>,
    /// What it was taken under.
    pub circumstances: Circumstances,
    /// Wall-clock time the number took; numbers that share a computation took it all.
    pub seconds: f64,
    /// Why there is no value.
    pub failure: Option<Failure>,
    /// What a reader of the value must know.
    pub note: Option<String>,
}

/// The reason of an error that nobody has stated.
pub(super) const NOT_STATED: &str = "its error is not stated";

impl Measurement {
    /// A number whose error has yet to be stated.
    pub fn new(name: &str, value: f64) -> Self {
        let mut measurement = Self {
            name: name.to_owned(),
            value: Some(value),
            error: Error::Unknown(NOT_STATED.to_owned()),
            converged: None,
            rounding: None,
            matvecs: None,
            samples: None,
            circumstances: Circumstances::default(),
            seconds: 0.0,
            failure: None,
            note: None,
        };
        if !value.is_finite() {
            measurement.value = None;
            let reason = format!("the result is not finite ({value})");
            measurement.failure = Some(Failure::new(FailureKind::NotFinite, reason));
        }
        measurement
    }

    /// A number without an error but rounding.
    pub fn exact(name: &str, value: f64) -> Self {
        Self::new(name, value).with_error(Error::Exact)
    }

    /// A number that could not be measured.
    pub fn failed(name: &str, failure: impl Into<Failure>) -> Self {
        Self {
            value: None,
            failure: Some(failure.into()),
            ..Self::new(name, 0.0)
        }
    }

    /// States the error.
    pub fn with_error(self, error: Error) -> Self {
        Self { error, ..self }
    }

    /// Adds a bound on what rounding may have moved the value by.
    pub fn with_rounding(self, rounding: f64) -> Self {
        Self {
            rounding: Some(rounding),
            ..self
        }
    }

    /// Says on which side of the truth the value lies. What was known of its error becomes what is known
    /// of the bound.
    pub fn bounding(self, side: Bound) -> Self {
        let (stderr, residual) = (self.stderr(), self.residual());
        self.with_error(Error::Bound {
            side,
            stderr,
            residual,
        })
    }

    /// Says what the residual is relative to, where that is more than the value itself.
    pub fn relative_to(mut self, scale: f64) -> Self {
        let own = self.value.map_or(0.0, f64::abs);
        if let Error::Residual {
            scale: of_error, ..
        } = &mut self.error
        {
            *of_error = (scale > own * (1.0 + 1e-6)).then_some(scale);
        }
        self
    }

    /// The number, its error, and what rounding may have moved it by, multiplied by a constant.
    pub fn times(self, factor: f64) -> Self {
        let size = factor.abs();
        let error = match self.error {
            Error::Standard(stderr) => Error::Standard(size * stderr),
            Error::Residual { residual, scale } => Error::Residual {
                residual,
                scale: scale.map(|scale| size * scale),
            },
            Error::Bound {
                side,
                stderr,
                residual,
            } => Error::Bound {
                side,
                stderr: stderr.map(|stderr| size * stderr),
                residual,
            },
            error @ (Error::Exact | Error::Unknown(_)) => error,
        };
        Self {
            value: self.value.map(|value| factor * value),
            rounding: self.rounding.map(|rounding| size * rounding),
            error,
            ..self
        }
    }

    /// The number plus one that is known exactly; a residual stays relative to what it was relative to.
    pub fn plus(self, constant: f64) -> Self {
        let Some(value) = self.value.filter(|_| constant != 0.0) else {
            return self;
        };
        let scale = self.scale().unwrap_or(value.abs());
        let sum = Self {
            value: Some(value + constant),
            ..self
        };
        match sum.error {
            // Where the sum is the larger, the residual is a smaller share of it.
            Error::Residual { residual, .. } if scale < (value + constant).abs() => {
                let residual = residual * scale / (value + constant).abs();
                sum.with_error(Error::Residual {
                    residual,
                    scale: None,
                })
            }
            Error::Residual { .. } => sum.relative_to(scale),
            _ => sum,
        }
    }

    /// Adds the number of samples.
    pub fn over(self, samples: usize) -> Self {
        Self {
            samples: Some(samples),
            ..self
        }
    }

    /// Adds a number of matrix-vector products.
    pub fn taking(self, matvecs: usize) -> Self {
        Self {
            matvecs: Some(matvecs),
            ..self
        }
    }

    /// Says how it was searched for.
    pub fn found_by(mut self, algorithm: Algorithm) -> Self {
        self.circumstances.algorithm = Some(algorithm);
        self
    }

    /// States a standard error. One that is not finite, as of a mean over a single sample, is unknown.
    pub fn with_stderr(self, stderr: f64) -> Self {
        let is_single = self.samples == Some(1);
        self.with_error(match (stderr.is_finite(), is_single) {
            (true, _) => Error::Standard(stderr),
            (false, true) => Error::Unknown("of a single sample".to_owned()),
            (false, false) => Error::Unknown("too few values to tell".to_owned()),
        })
    }

    /// States a residual, whether it is below the tolerance, and the products it took.
    pub fn with_residual(self, residual: f64, converged: bool, matvecs: usize) -> Self {
        let error = match residual.is_finite() {
            true => Error::Residual {
                residual,
                scale: None,
            },
            false => Error::Unknown("the residual is not finite".to_owned()),
        };
        Self {
            converged: Some(converged),
            matvecs: Some(matvecs),
            ..self.with_error(error)
        }
    }

    /// The word for the kind of error in rows; none where there is no value.
    pub fn kind_of_error(&self) -> Option<&'static str> {
        self.value?;
        Some(match self.error {
            Error::Exact => "exact",
            Error::Standard(_) => "standard_error",
            Error::Residual { .. } => "residual",
            Error::Bound { .. } => "bound",
            Error::Unknown(_) => "unknown",
        })
    }

    /// Whether the error was stated by whoever measured.
    pub fn has_stated_error(&self) -> bool {
        !matches!(&self.error, Error::Unknown(reason) if reason == NOT_STATED)
    }

    /// The standard error, of the value or of the bound that it is.
    pub fn stderr(&self) -> Option<f64> {
        match self.error {
            Error::Standard(stderr) => Some(stderr),
            Error::Bound { stderr, .. } => stderr,
            _ => None,
        }
    }

    /// The relative residual, of the value or of the bound that it is.
    pub fn residual(&self) -> Option<f64> {
        match self.error {
            Error::Residual { residual, .. } => Some(residual),
            Error::Bound { residual, .. } => residual,
            _ => None,
        }
    }

    /// What the residual is relative to, where that is not the value.
    pub fn scale(&self) -> Option<f64> {
        match self.error {
            Error::Residual { scale, .. } => scale,
            _ => None,
        }
    }

    /// The side of the truth on which the value lies, where that is all that is known.
    pub fn bound(&self) -> Option<Bound> {
        match self.error {
            Error::Bound { side, .. } => Some(side),
            _ => None,
        }
    }

    /// The residual in units of the value: by as much an eigenvalue may be off.
    pub fn absolute_residual(&self) -> Option<f64> {
        Some(self.residual()? * self.scale().or(self.value.map(f64::abs))?)
    }

    /// The standard error, or the residual in units of the value.
    pub fn absolute_error(&self) -> Option<f64> {
        self.stderr().or_else(|| self.absolute_residual())
    }

    /// Why there is no value.
    pub fn reason(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    /// Whether there is no value because a number on the way is NaN or infinite.
    pub fn is_not_finite(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|failure| failure.kind == FailureKind::NotFinite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_keeps_the_error_in_units_of_the_value() {
        let row = Measurement::new("a", 2.0).with_residual(0.1, true, 1);
        // 0.1 of 2 is 0.2, also of what is moved by a constant or multiplied.
        assert!((row.clone().plus(3.0).absolute_residual().unwrap() - 0.2).abs() < 1e-15);
        let moved = row.plus(3.0).times(-2.0);
        assert_eq!(moved.value, Some(-10.0));
        assert!((moved.absolute_residual().unwrap() - 0.4).abs() < 1e-15);
        let estimate = Measurement::new("a", 2.0).with_stderr(0.5).times(-2.0);
        assert_eq!(estimate.stderr(), Some(1.0));
    }
}
