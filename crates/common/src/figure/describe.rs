//! A figure in words, for those who cannot see it.

use super::axis::Span;
use super::layout::notes;
use super::mark::{Field, Mark};
use super::prepare::Prepared;
use super::{Axis, Figure};

/// What the caller says, then what there is to see: axes with their ranges, and every mark with its extremes.
pub(super) fn describe(figure: &Figure, panels: &[Prepared<'_>]) -> String {
    let mut sentences: Vec<String> = Vec::new();
    if !figure.description.trim().is_empty() {
        sentences.push(figure.description.trim().to_owned());
    }
    for (index, prepared) in panels.iter().enumerate() {
        let place = match panels.len() {
            1 => String::new(),
            count => format!("Panel {} of {count}: ", index + 1),
        };
        let title = match prepared.panel.title.as_str() {
            "" => String::new(),
            title => format!("{title}. "),
        };
        sentences.push(format!("{place}{title}{}", axes(prepared)));
        sentences.extend(prepared.marks().map(mark));
    }
    sentences.extend(notes(figure));
    sentences.join(" ")
}

fn axes(prepared: &Prepared<'_>) -> String {
    let panel = prepared.panel;
    if let Some(reason) = prepared.emptiness() {
        let (x, y) = (panel.x.title(0), panel.y.title(0));
        return format!("Across {x}, up {y}: {reason}.");
    }
    let (x, y) = (along(&panel.x, prepared.x), along(&panel.y, prepared.y));
    format!("Across {x}; up {y}.")
}

fn along(axis: &Axis, span: Option<Span>) -> String {
    let title = axis.title(0);
    match (&axis.categories, span) {
        (Some(names), _) => format!("{title}: {}", names.join(", ")),
        (None, None) => title,
        (None, Some(span)) => {
            let log = if span.is_log { ", logarithmic" } else { "" };
            format!(
                "{title} from {} to {}{log}",
                short(span.low),
                short(span.high)
            )
        }
    }
}

fn mark(mark: &Mark) -> String {
    let named = |kind: &str| match mark.label() {
        "" => kind.to_owned(),
        label => format!("{kind} \"{label}\""),
    };
    match mark {
        Mark::Line(line) => series(&named("Line"), &line.x, &line.y),
        Mark::Points(points) => series(&named("Points"), &points.x, &points.y),
        Mark::Rule(rule) => format!("{} at {}.", named("Straight line"), short(rule.value)),
        Mark::Bars(bars) => {
            let values = bars.values.iter();
            let values: Vec<String> = values
                .map(|value| {
                    if value.is_nan() {
                        "none".to_owned()
                    } else {
                        short(*value)
                    }
                })
                .collect();
            format!("{}: {}.", named("Bars"), values.join(", "))
        }
        Mark::Histogram(histogram) => {
            let total: f64 = histogram.counts.iter().sum();
            let bins = histogram.counts.len();
            let ends = histogram.edges.first().zip(histogram.edges.last());
            let range = ends.map_or_else(String::new, |(low, high)| {
                format!(" from {} to {}", short(*low), short(*high))
            });
            format!(
                "{} of {} in {bins} bins{range}.",
                named("Histogram"),
                short(total)
            )
        }
        Mark::Heat(field) => of_field("Colours", field),
        Mark::Contour(field) => of_field("Contours", field),
    }
}

fn of_field(kind: &str, field: &Field) -> String {
    let values: Vec<f64> = field.values.iter().flatten().copied().collect();
    let (columns, rows) = field.shape();
    format!(
        "{kind}: {} on {columns} by {rows} places, {}.",
        field.colour.title(0),
        extremes(&values)
    )
}

fn series(name: &str, x: &[f64], y: &[f64]) -> String {
    let known: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .filter(|(x, y)| !x.is_nan() && !y.is_nan())
        .map(|(x, y)| (*x, *y))
        .collect();
    let missing = match x.len() - known.len() {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return format!("{name}: no number{missing}.");
    };
    let values: Vec<f64> = known.iter().map(|(_, y)| *y).collect();
    format!(
        "{name}: {} points{missing}, from {} at {} to {} at {}, {}.",
        known.len(),
        short(first.1),
        short(first.0),
        short(last.1),
        short(last.0),
        extremes(&values)
    )
}

fn extremes(values: &[f64]) -> String {
    let known: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    let missing = match values.len() - known.len() {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if known.is_empty() {
        return format!("no number{missing}");
    }
    format!("smallest {}, largest {}{missing}", short(low), short(high))
}

/// A number with three digits, as it is read.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let power = value.abs().log10().floor();
    let text = match power {
        power if (-3.0..3.0).contains(&power) => format!("{value:.*}", (2.0 - power) as usize),
        power if (3.0..6.0).contains(&power) => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    };
    let text = match text.split_once('e') {
        Some((digits, power)) => format!("{}e{power}", trimmed(digits)),
        None => trimmed(&text).to_owned(),
    };
    super::ticks::signed(&text)
}

/// A number with its error: two digits of the error, and as many decimals of the number. An error that is not known
/// is said to be so.
pub(super) fn with_error(value: f64, error: f64) -> String {
    if !error.is_finite() {
        return format!("{} (error not known)", short(value));
    }
    let power = error.log10().floor();
    if !(-6.0..2.0).contains(&power) {
        return format!("{} ± {}", short(value), short(error));
    }
    let decimals = (1.0 - power) as usize;
    super::ticks::signed(&format!("{value:.decimals$} ± {error:.decimals$}"))
}

/// Without zeros that say nothing.
fn trimmed(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::{short, with_error};

    #[test]
    fn an_error_has_two_digits() {
        assert_eq!(with_error(-0.4987, 0.004_86), "−0.4987 ± 0.0049");
        assert_eq!(with_error(12.34, 25.0), "12 ± 25");
        assert_eq!(with_error(2.0, f64::NAN), "2 (error not known)");
        assert_eq!(with_error(2.0, 0.0), "2 ± 0");
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-0.123_456, "−0.123"),
            (1234.5, "1234"),
            (1.5e9, "1.5e9"),
            (2e-12, "2e-12"),
            (100.0, "100"),
            (0.98, "0.98"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected);
        }
    }
}
