//! What a mark holds: how many numbers, where they lie, and what is said of them.

use super::mark::{Bars, Errors, Field, Line, Mark, Points, Style};

impl Mark {
    /// How many numbers there should be; a rule has none of its own.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Line(Line { y, .. }) | Self::Points(Points { y, .. }) => y.len(),
            Self::Rule(_) => 0,
            Self::Bars(bars) => bars.values.len(),
            Self::Histogram(histogram) => histogram.counts.len(),
            Self::Heat(field) | Self::Contour(field) => field.values.iter().map(Vec::len).sum(),
        }
    }

    /// How many of them there are.
    pub(super) fn known(&self) -> usize {
        match self {
            Self::Rule(_) => 0,
            Self::Heat(field) | Self::Contour(field) => {
                let values = field.values.iter().flatten();
                values.filter(|value| !value.is_nan()).count()
            }
            mark => mark.along_y().len(),
        }
    }

    pub(super) fn field(&self) -> Option<&Field> {
        match self {
            Self::Heat(field) | Self::Contour(field) => Some(field),
            _ => None,
        }
    }

    /// The style that was asked for.
    pub(super) fn style(&self) -> Option<Style> {
        match self {
            Self::Line(line) => line.style,
            Self::Points(points) => points.style,
            Self::Rule(_) => Some(Style::REFERENCE),
            _ => None,
        }
    }

    /// What its bands and error bars are.
    pub(super) fn meanings(&self) -> Vec<String> {
        let band = match self {
            Self::Line(line) => line.band.as_ref(),
            _ => None,
        };
        let errors = match self {
            Self::Line(Line { errors, .. })
            | Self::Points(Points { errors, .. })
            | Self::Bars(Bars { errors, .. }) => errors.as_ref(),
            _ => None,
        };
        let band = band.map(|band| format!("Band: {}.", band.meaning));
        let errors = errors.map(|errors| format!("Error bars: {}.", errors.meaning));
        band.into_iter().chain(errors).collect()
    }

    /// The numbers that must have a place on the horizontal axis, but for NaN.
    pub(super) fn along_x(&self) -> Vec<f64> {
        let known = |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect();
        match self {
            Self::Line(Line { x, y, .. }) | Self::Points(Points { x, y, .. }) => {
                let pairs = x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
                pairs.map(|(x, _)| *x).collect()
            }
            Self::Rule(rule) if rule.is_upright => known(&[rule.value]),
            Self::Rule(_) | Self::Bars(_) => Vec::new(),
            Self::Histogram(histogram) => known(&histogram.edges),
            Self::Heat(field) | Self::Contour(field) => known(&field.x),
        }
    }

    /// The numbers that must have a place on the vertical axis, but for NaN.
    pub(super) fn along_y(&self) -> Vec<f64> {
        let known = |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect();
        match self {
            Self::Line(Line { x, y, .. }) | Self::Points(Points { x, y, .. }) => {
                let pairs = x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
                pairs.map(|(_, y)| *y).collect()
            }
            Self::Rule(rule) if !rule.is_upright => known(&[rule.value]),
            Self::Rule(_) => Vec::new(),
            Self::Bars(bars) => known(&bars.values),
            Self::Histogram(histogram) => known(&histogram.counts),
            Self::Heat(field) | Self::Contour(field) => known(&field.y),
        }
    }

    /// The ends of bands and error bars, which the vertical axis holds where it can.
    pub(super) fn ends(&self) -> Vec<f64> {
        let of = |values: &[f64], errors: &Option<Errors>| -> Vec<f64> {
            let Some(errors) = errors else {
                return Vec::new();
            };
            let sizes = errors.down.iter().zip(&errors.up);
            let pairs = values.iter().zip(sizes);
            pairs
                .flat_map(|(value, (down, up))| [value - down, value + up])
                .collect()
        };
        let mut ends = match self {
            Self::Line(Line { y, errors, .. }) | Self::Points(Points { y, errors, .. }) => {
                of(y, errors)
            }
            Self::Bars(bars) => of(&bars.values, &bars.errors),
            _ => Vec::new(),
        };
        if let Self::Line(Line {
            band: Some(band), ..
        }) = self
        {
            ends.extend(band.low.iter().chain(&band.high));
        }
        ends.retain(|end| end.is_finite());
        ends
    }

    /// Where its bars begin, if it has any.
    pub(super) fn base(&self) -> Option<f64> {
        match self {
            Self::Bars(bars) => Some(bars.base),
            Self::Histogram(_) => Some(0.0),
            _ => None,
        }
    }
}

impl Field {
    /// How many columns and rows of numbers there are.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.values.first().map_or(0, Vec::len), self.values.len())
    }
}
