//! A measurement as the fields of its row.

use super::circumstances::Circumstances;
use super::failure::{Failure, FailureKind};
use super::measurement::{Bound, Error, Measurement, NOT_STATED};
use serde::{Deserialize, Serialize};

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

/// A measurement as the fields of its row, in the order of the row.
#[derive(Serialize, Deserialize)]
pub(super) struct Fields {
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
        let is_old = fields.value.is_some() && fields.error.is_none();
        let circumstances = Circumstances {
            is_unrecorded: is_old && fields.matvecs.is_some(),
            ..fields.circumstances
        };
        Self {
            name: fields.name,
            value: fields.value,
            error,
            converged: fields.converged,
            rounding: fields.rounding,
            matvecs: fields.matvecs,
            samples: fields.samples,
            circumstances,
            seconds: fields.seconds,
            failure: fields.reason.map(|reason| Failure::new(kind, reason)),
            note: fields.note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::circumstances::{Algorithm, Weights};
    use crate::model::{DropoutMode, NormMode};

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
                weights: Some(Weights::Average),
                subset: Some(9),
                block: Some("layers.1".to_owned()),
                max_matvecs: Some(7),
                max_seconds: Some(0.5),
                algorithm: Some(Algorithm::WarmDavidson),
                chains: "draws=30 localisation=0.5".parse().ok(),
                is_unrecorded: false,
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
        let row = read(r#""stderr":null,"residual":null,"#);
        assert!(!row.has_stated_error() && !row.circumstances.is_unrecorded);
        // How an eigenvalue was searched for then is not known now.
        let text = r#"{"name":"a","value":1.0,"stderr":null,"residual":0.5,"converged":true,"matvecs":7,"samples":2,"norm_mode":null,"seconds":0.0}"#;
        let row: Measurement = serde_json::from_str(text).unwrap();
        assert!(row.circumstances.is_unrecorded);
    }
}
