//! The error of a measurement as text.

use crate::measure::Measurement;
use crate::table::{shows, significant, two_digits};

/// The error of a measurement in words. What rounding may have moved is told where the digits that are
/// printed could show it.
pub fn error_of(row: &Measurement) -> String {
    if let Some(reason) = &row.reason {
        return reason.clone();
    }
    let mut parts = Vec::new();
    if row.name == "reparam.rescale.outputs" {
        parts.push(match row.converged {
            Some(false) => "THE FUNCTION CHANGED".to_owned(),
            _ => "within rounding".to_owned(),
        });
    } else {
        parts.extend(row.stderr.map(|error| format!("± {}", two_digits(error))));
        let residual = row.residual.filter(|_| row.stderr.is_none());
        let of_scale = row.scale.map(|scale| format!(" of {}", significant(scale)));
        let of_scale = of_scale.unwrap_or_default();
        parts.extend(
            residual.map(|residual| format!("residual {}{of_scale}", two_digits(residual))),
        );
        if let Some(bound) = row.bound {
            parts.push(format!("{} bound", bound.as_str()));
        }
        if let Some(rounding) = row
            .rounding
            .filter(|&rounding| shows(rounding, row.value.unwrap_or(0.0)))
        {
            parts.push(format!("rounding ≤ {}", two_digits(rounding)));
        }
        if row.converged == Some(false) {
            parts.push("not converged".to_owned());
        }
        if parts.is_empty() {
            parts.push("exact".to_owned());
        }
    }
    let text = parts.join(", ");
    match &row.note {
        Some(note) => format!("{text}; {note}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Bound;

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
            let row = Measurement::new("x", value).with_rounding(rounding);
            assert_eq!(error_of(&row), text);
        }
    }

    #[test]
    fn every_kind_of_error_has_its_words() {
        let row = Measurement::new("x", 1.0);
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
        assert_eq!(error_of(&Measurement::failed("x", "no data")), "no data");
    }
}
