//! Whether the data of a mark can be drawn.

use super::FigureError;
use super::mark::{Errors, Field, Histogram, Line, Mark, Points, finite};

impl Mark {
    /// Refuses lists of unlike lengths, infinite numbers, and edges that do not ascend.
    pub(super) fn check(&self) -> Result<(), FigureError> {
        match self {
            Self::Line(line) => {
                let Line { label, x, y, .. } = line;
                pairs(label, x, y, line.errors.as_ref())?;
                let Some(band) = &line.band else {
                    return Ok(());
                };
                for (what, list) in [("lower end", &band.low), ("upper end", &band.high)] {
                    lengths(label, what, list.len(), x.len())?;
                    finite(label, what, list)?;
                }
                Ok(())
            }
            Self::Points(Points {
                label,
                x,
                y,
                errors,
                ..
            }) => pairs(label, x, y, errors.as_ref()),
            Self::Rule(rule) => finite(&rule.label, "value", &[rule.value]),
            Self::Bars(bars) => {
                finite(&bars.label, "value", &bars.values)?;
                check_errors(&bars.label, bars.values.len(), bars.errors.as_ref())
            }
            Self::Histogram(histogram) => {
                let Histogram {
                    label,
                    edges,
                    counts,
                } = histogram;
                let expected = if counts.is_empty() {
                    0
                } else {
                    counts.len() + 1
                };
                lengths(label, "edges", edges.len(), expected)?;
                finite(label, "count", counts)?;
                ascending(label, "edges", edges)
            }
            Self::Heat(field) => field.check(1),
            Self::Contour(field) => field.check(0),
        }
    }
}

impl Field {
    fn check(&self, more: usize) -> Result<(), FigureError> {
        let label = &self.colour.name;
        self.colour.check()?;
        let (columns, rows) = self.shape();
        if columns == 0 {
            return Ok(());
        }
        for (what, list, count) in [
            ("places along x", &self.x, columns),
            ("places along y", &self.y, rows),
        ] {
            lengths(label, what, list.len(), count + more)?;
            ascending(label, what, list)?;
        }
        for row in &self.values {
            lengths(label, "values in a row", row.len(), columns)?;
            finite(label, "value", row)?;
        }
        Ok(())
    }
}

fn pairs(of: &str, x: &[f64], y: &[f64], errors: Option<&Errors>) -> Result<(), FigureError> {
    lengths(of, "y", y.len(), x.len())?;
    finite(of, "x", x)?;
    finite(of, "y", y)?;
    check_errors(of, x.len(), errors)
}

fn check_errors(of: &str, count: usize, errors: Option<&Errors>) -> Result<(), FigureError> {
    let Some(errors) = errors else {
        return Ok(());
    };
    for sizes in [&errors.down, &errors.up] {
        lengths(of, "errors", sizes.len(), count)?;
        finite(of, "error", sizes)?;
    }
    Ok(())
}

fn lengths(of: &str, what: &'static str, found: usize, expected: usize) -> Result<(), FigureError> {
    if found == expected {
        return Ok(());
    }
    Err(FigureError::Lengths {
        of: of.to_owned(),
        what,
        expected,
        found,
    })
}

fn ascending(of: &str, what: &'static str, values: &[f64]) -> Result<(), FigureError> {
    finite(of, what, values)?;
    let ascends = values.windows(2).all(|pair| pair[0] < pair[1]);
    if ascends && !values.iter().any(|value| value.is_nan()) {
        return Ok(());
    }
    let of = of.to_owned();
    Err(FigureError::NotAscending { of, what })
}
