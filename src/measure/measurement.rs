//! A number, with what identifies it and everything that is known about its error.

use super::failure::{Failure, FailureKind};
use crate::model::{DropoutMode, NormMode};
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

/// What tells the errors apart in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ErrorKind {
    Exact,
    StandardError,
    Residual,
    Bound,
    Unknown,
}

words! {
    /// How the search for an eigenvalue goes about it.
    Algorithm {
        /// A Lanczos process from a random vector.
        #[default]
        Lanczos = "lanczos",
        /// A Davidson method from random vectors, over a few of the samples first where there are many.
        Davidson = "davidson",
        /// A Davidson method from what the last search has left.
        WarmDavidson = "davidson from the last search",
    }
}

/// What a number was taken under besides the network, its parameters and its data. Numbers taken under
/// different circumstances are different numbers, whatever their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// How normalisation layers behaved; none for a network without any.
    pub norm_mode: Option<NormMode>,
    /// What dropout did; none where it did nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<DropoutMode>,
    /// How many of the training samples, the first ones, it was taken over; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<usize>,
    /// The block of the parameters that it is about; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// The most products that were allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_matvecs: Option<usize>,
    /// The most seconds that were allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
    /// How it was searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
}

impl Circumstances {
    /// Each of them in words, with its name, whether it is usual or not.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        fn word<T: ToString>(value: Option<T>, none: &str) -> String {
            value.map_or_else(|| none.to_owned(), |value| value.to_string())
        }
        vec![
            ("norm_mode", word(self.norm_mode, "none")),
            ("dropout", word(self.dropout, "off")),
            ("samples", word(self.subset, "all")),
            ("block", word(self.block.as_ref(), "all parameters")),
            ("max_matvecs", word(self.max_matvecs, "any")),
            ("max_seconds", word(self.max_seconds, "any")),
            ("search", word(self.algorithm, "none")),
        ]
    }
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
const NOT_STATED: &str = "its error is not stated";

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

/// A measurement as the fields of its row, in the order of the row.
#[derive(Serialize, Deserialize)]
struct Fields {
    name: String,
    value: Option<f64>,
    stderr: Option<f64>,
    residual: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    converged: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rounding: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    matvecs: Option<usize>,
    samples: Option<usize>,
    #[serde(flatten)]
    circumstances: Circumstances,
    seconds: f64,
    /// None where there is no value.
    #[serde(default)]
    error: Option<ErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_unknown_because: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl From<Measurement> for Fields {
    fn from(row: Measurement) -> Self {
        let (stderr, residual) = (row.stderr(), row.residual());
        let (scale, bound) = (row.scale(), row.bound());
        let (error, unknown) = match row.error {
            Error::Exact => (ErrorKind::Exact, None),
            Error::Standard(_) => (ErrorKind::StandardError, None),
            Error::Residual { .. } => (ErrorKind::Residual, None),
            Error::Bound { .. } => (ErrorKind::Bound, None),
            Error::Unknown(reason) => (ErrorKind::Unknown, Some(reason)),
        };
        let has_value = row.value.is_some();
        let failure = row.failure.as_ref().map(|failure| failure.kind);
        Self {
            name: row.name,
            value: row.value,
            stderr,
            residual,
            scale,
            converged: row.converged,
            rounding: row.rounding,
            bound,
            matvecs: row.matvecs,
            samples: row.samples,
            circumstances: row.circumstances,
            seconds: row.seconds,
            error: has_value.then_some(error),
            error_unknown_because: unknown.filter(|_| has_value),
            failure,
            reason: row.failure.map(|failure| failure.reason),
            note: row.note,
        }
    }
}

impl From<Fields> for Measurement {
    fn from(fields: Fields) -> Self {
        let Fields {
            stderr,
            residual,
            scale,
            ..
        } = fields;
        // Rows of earlier versions do not say what kind of error they have.
        let error = match (fields.error, fields.bound, stderr, residual) {
            (Some(ErrorKind::Exact), ..) => Error::Exact,
            (_, Some(side), ..) => Error::Bound {
                side,
                stderr,
                residual,
            },
            (_, _, Some(stderr), _) => Error::Standard(stderr),
            (_, _, _, Some(residual)) => Error::Residual { residual, scale },
            _ => Error::Unknown(
                fields
                    .error_unknown_because
                    .unwrap_or_else(|| NOT_STATED.to_owned()),
            ),
        };
        let kind = fields.failure.unwrap_or(FailureKind::NotFound);
        Self {
            name: fields.name,
            value: fields.value,
            error,
            converged: fields.converged,
            rounding: fields.rounding,
            matvecs: fields.matvecs,
            samples: fields.samples,
            circumstances: fields.circumstances,
            seconds: fields.seconds,
            failure: fields.reason.map(|reason| Failure::new(kind, reason)),
            note: fields.note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(row: &Measurement) -> Measurement {
        serde_json::from_str(&serde_json::to_string(row).unwrap()).unwrap()
    }

    #[test]
    fn a_row_is_read_back_as_it_was_written_whatever_its_error() {
        let row = || Measurement::new("a.b", 2.0).over(3).taking(4);
        let bound = row().with_residual(0.1, false, 5).bounding(Bound::Lower);
        let conditioned = Measurement {
            circumstances: Circumstances {
                norm_mode: Some(NormMode::Batch),
                dropout: Some(DropoutMode::Fixed),
                subset: Some(9),
                block: Some("layers.1".to_owned()),
                max_matvecs: Some(7),
                max_seconds: Some(0.5),
                algorithm: Some(Algorithm::WarmDavidson),
            },
            ..Measurement::exact("a.b", 1.0)
        };
        let failed = Measurement::failed("a.b", Failure::not_defined("there is none"));
        for row in [
            row().with_stderr(0.25),
            row().with_residual(1e-3, true, 5).relative_to(9.0),
            row().with_stderr(f64::NAN),
            bound,
            conditioned,
        ] {
            assert!(row.has_stated_error());
            assert_eq!(read_back(&row), row);
        }
        let read = read_back(&failed);
        assert_eq!((read.value, read.failure), (None, failed.failure));
    }

    #[test]
    fn rows_have_the_fields_of_the_contract_and_say_what_kind_of_error_they_have() {
        let row = Measurement::new("a.b", 2.0).over(1).with_stderr(f64::NAN);
        insta::assert_snapshot!(serde_json::to_string(&row).unwrap(), @r#"{"name":"a.b","value":2.0,"stderr":null,"residual":null,"converged":null,"matvecs":null,"samples":1,"norm_mode":null,"seconds":0.0,"error":"unknown","error_unknown_because":"of a single sample"}"#);
        let failed = Measurement::new("a.b", f64::NAN);
        insta::assert_snapshot!(serde_json::to_string(&failed).unwrap(), @r#"{"name":"a.b","value":null,"stderr":null,"residual":null,"converged":null,"matvecs":null,"samples":null,"norm_mode":null,"seconds":0.0,"error":null,"failure":"not_finite","reason":"the result is not finite (NaN)"}"#);
    }

    #[test]
    fn rows_of_earlier_versions_have_the_error_that_their_fields_show() {
        let read = |fields: &str| -> Measurement {
            let text = format!(
                r#"{{"name":"a","value":1.0,{fields}"converged":null,"matvecs":null,"samples":2,"norm_mode":null,"seconds":0.0}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let row = read(r#""stderr":0.5,"residual":null,"#);
        assert_eq!(row.error, Error::Standard(0.5));
        let row = read(r#""stderr":null,"residual":0.5,"bound":"lower","#);
        assert_eq!(row.bound(), Some(Bound::Lower));
        assert!(!read(r#""stderr":null,"residual":null,"#).has_stated_error());
    }

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
