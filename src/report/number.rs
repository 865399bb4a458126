//! The error of a measurement as text.

use crate::measure::{Error, Measurement};
use crate::table::{shows, significant, two_digits};

/// The error of a measurement in words. What rounding may have moved is told where the digits that are
/// printed could show it.
pub fn error_of(row: &Measurement) -> String {
    if let Some(reason) = row.reason() {
        return reason.to_owned();
    }
    let mut parts = Vec::new();
    if row.name == "reparam.rescale.outputs" {
        parts.push(match row.converged {
            Some(false) => "THE FUNCTION CHANGED".to_owned(),
            _ => "within rounding".to_owned(),
        });
    } else {
        let rounding = row
            .rounding
            .filter(|&rounding| shows(rounding, row.value.unwrap_or(0.0)));
        if row.error != Error::Exact || rounding.is_none() {
            parts.push(stated(&row.error));
        }
        parts.extend(rounding.map(|rounding| format!("rounding ≤ {}", two_digits(rounding))));
        if row.converged == Some(false) {
            parts.push("not converged".to_owned());
        }
    }
    let text = parts.join(", ");
    match &row.note {
        Some(note) => format!("{text}; {note}"),
        None => text,
    }
}

/// What is known of an error, in words.
fn stated(error: &Error) -> String {
    let standard = |stderr: f64| format!("± {}", two_digits(stderr));
    let relative = |residual: f64| format!("residual {}", two_digits(residual));
    match error {
        Error::Exact => "exact".to_owned(),
        Error::Standard(stderr) => standard(*stderr),
        Error::Residual { residual, scale } => {
            let scale = scale.map(|scale| format!(" of {}", significant(scale)));
            relative(*residual) + &scale.unwrap_or_default()
        }
        Error::Bound {
            side,
            stderr,
            residual,
        } => {
            let parts = [stderr.map(standard), residual.map(relative)];
            let mut parts: Vec<String> = parts.into_iter().flatten().collect();
            parts.push(format!("{} bound", side.as_str()));
            parts.join(", ")
        }
        Error::Unknown(reason) => format!("error not known: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Bound, Failure};

    #[test]
    fn rounding_is_told_where_four_digits_could_show_it() {
        let errors = [
            (1.0, 4.9e-4, "exact"),
            (1.0, 5.1e-4, "rounding ≤ 0.00051"),
            (9.99e-8, 4.9e-12, "exact"),
            (-9.99e-8, 5.1e-12, "rounding ≤ 5.1e-12"),
            (0.0, 0.0, "exact"),
            (0.0, 1e-12, "rounding ≤ 1.0e-12"),
        ];
        for (value, rounding, text) in errors {
            let row = Measurement::exact("x", value).with_rounding(rounding);
            assert_eq!(error_of(&row), text);
        }
    }

    #[test]
    fn every_kind_of_error_has_its_words() {
        let row = Measurement::exact("x", 1.0);
        assert_eq!(error_of(&row), "exact");
        assert_eq!(error_of(&row.clone().with_stderr(0.0123)), "± 0.012");
        assert_eq!(
            error_of(&row.clone().with_residual(0.5, false, 7)),
            "residual 0.50, not converged"
        );
        assert_eq!(
            error_of(&row.clone().with_residual(1e-4, true, 7).relative_to(20.0)),
            "residual 0.00010 of 20.00"
        );
        assert_eq!(
            error_of(&row.clone().bounding(Bound::Lower).with_rounding(0.0021)),
            "lower bound, rounding ≤ 0.0021"
        );
        assert_eq!(
            error_of(&row.clone().over(1).with_stderr(f64::NAN)),
            "error not known: of a single sample"
        );
        let failed = Measurement::failed("x", Failure::not_known("no data"));
        assert_eq!(error_of(&failed), "no data");
    }
}
