//! Fields of numbers: heat maps, contours, and the bar that says what their colours mean.

use super::FigureError;
use super::axis::Span;
use super::colour::{Tint, of_place};
use super::draw::{Frame, Point, segment};
use super::layout::{BAR, OFFSET, Placed, TEXT};
use super::mark::{Colours, Field};
use super::svg::{Anchor, Look, Svg, Type, number};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The range of the numbers of a field; none where there is no number.
///
/// # Errors
///
/// [`FigureError::NotPositive`] where they are to be laid by logarithms that they do not have.
pub(super) fn span(field: &Field) -> Result<Option<Span>, FigureError> {
    let values = field.values.iter().flatten().copied();
    let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    let is_diverging = field.colours == Colours::Diverging;
    let is_log = !is_diverging && field.colour.is_log(&known);
    if let Some(&value) = known.iter().find(|value| is_log && **value <= 0.0) {
        return Err(FigureError::NotPositive {
            of: field.colour.name.clone(),
            what: "value",
            value,
        });
    }
    let all = || known.iter().chain(&field.colour.includes).copied();
    let (low, high) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(f64::NEG_INFINITY, f64::max),
    );
    if is_diverging && known.iter().any(|value| *value != 0.0) && field.colour.range.is_none() {
        let size = low.abs().max(high.abs());
        return Ok(Some(Span {
            low: -size,
            high: size,
            is_log,
        }));
    }
    if field.colour.range.is_none() && low < high && (high - low).is_finite() {
        return Ok(Some(Span { low, high, is_log }));
    }
    field.colour.span(&known, is_log)
}

/// Coloured cells; where there is no number there is none.
pub(super) fn heat(svg: &mut Svg<'_>, frame: &Frame, placed: &Placed<'_>, field: &Field) {
    let Some(span) = placed.prepared.colour else {
        return;
    };
    // One path for each colour.
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for (row, up) in field.values.iter().zip(field.y.windows(2)) {
        for (value, across) in row.iter().zip(field.x.windows(2)) {
            let corners = (frame.at(across[0], up[0]), frame.at(across[1], up[1]));
            let Some([left, top, width, height]) = frame.rect(corners.0, corners.1) else {
                continue;
            };
            if value.is_nan() {
                continue;
            }
            let path = paths
                .entry(of_place(span.place(*value), field.colours))
                .or_default();
            let (right, bottom) = (number(left + width), number(top + height));
            // Writing to a string does not fail.
            let _ = write!(
                path,
                "M{} {}H{right}V{bottom}H{}Z",
                number(left),
                number(top),
                number(left)
            );
        }
    }
    for (colour, path) in paths {
        let look = Look {
            is_crisp: true,
            ..Look::filled(Tint::Exact(colour))
        };
        svg.path(&path, &look.clipped(&frame.clip));
    }
}

/// Lines of equal numbers at the ticks of the colour bar, and between them, over the colours of the squares
/// between nodes.
pub(super) fn contour(svg: &mut Svg<'_>, frame: &Frame, placed: &Placed<'_>, field: &Field) {
    let Some(span) = placed.prepared.colour else {
        return;
    };
    let squares = Field {
        values: squares(field, span),
        ..field.clone()
    };
    heat(svg, frame, placed, &squares);
    for level in levels(placed, span) {
        let path: String = isolines(field, level, span)
            .into_iter()
            .filter_map(|[from, to]| {
                Some(segment(
                    frame.at(from[0], from[1])?,
                    frame.at(to[0], to[1])?,
                ))
            })
            .collect();
        let place = span.place(level);
        let tint = Tint::Exact(line_colour(place, field.colours).to_owned());
        let look = Look::stroked(tint, 0.7).clipped(&frame.clip);
        svg.path(&path, &look.titled(&super::describe::short(level)));
    }
}

/// White on dark colours, black on light ones.
fn line_colour(place: f64, colours: Colours) -> &'static str {
    let is_dark = match colours {
        Colours::Sequential => place < 0.55,
        Colours::Diverging => !(0.2..=0.8).contains(&place),
    };
    if is_dark { "#ffffff" } else { "#1b1f24" }
}

/// The mean of the four corners of each square, in the measure of the colours; NaN where one is missing.
fn squares(field: &Field, span: Span) -> Vec<Vec<f64>> {
    let rows = field.values.windows(2);
    rows.map(|rows| {
        let pairs = rows[0].windows(2).zip(rows[1].windows(2));
        pairs
            .map(|(below, above)| {
                let corners = below.iter().chain(above);
                let mean = corners.map(|value| span.measure(*value)).sum::<f64>() / 4.0;
                if span.is_log { 10f64.powf(mean) } else { mean }
            })
            .collect()
    })
    .collect()
}

/// The levels of contours: the ticks, and three between each two of them.
fn levels(placed: &Placed<'_>, span: Span) -> Vec<f64> {
    let labelled = placed
        .colour
        .ticks
        .iter()
        .filter(|tick| tick.label.is_some());
    let ticks: Vec<f64> = labelled.map(|tick| tick.value).collect();
    let between = |pair: &[f64], part: f64| match span.is_log {
        true => pair[0] * (pair[1] / pair[0]).powf(part),
        false => pair[0] + part * (pair[1] - pair[0]),
    };
    let mut levels = ticks.clone();
    for pair in ticks.windows(2) {
        levels.extend([0.25, 0.5, 0.75].map(|part| between(pair, part)));
    }
    levels.sort_by(f64::total_cmp);
    levels
}

/// The pieces of the line of one number, by marching squares; a saddle is decided by the mean of its corners.
/// Squares with a corner that is missing have none.
fn isolines(field: &Field, level: f64, span: Span) -> Vec<[Point; 2]> {
    let (columns, rows) = field.shape();
    let mut pieces = Vec::new();
    for row in 1..rows {
        for column in 1..columns {
            // Around the square, so that neighbours share an edge.
            let corners = [
                (column - 1, row - 1),
                (column, row - 1),
                (column, row),
                (column - 1, row),
            ];
            let corners = corners.map(|(column, row)| {
                let height = span.measure(field.values[row][column]) - span.measure(level);
                ([field.x[column], field.y[row]], height)
            });
            pieces.extend(pieces_of(corners));
        }
    }
    pieces
}

fn pieces_of(corners: [(Point, f64); 4]) -> Vec<[Point; 2]> {
    if corners.iter().any(|(_, height)| height.is_nan()) {
        return Vec::new();
    }
    let crossings: Vec<Point> = (0..4)
        .filter_map(|edge| {
            let ((from, low), (to, high)) = (corners[edge], corners[(edge + 1) % 4]);
            let part = low / (low - high);
            let point = [0, 1].map(|axis| from[axis] + part * (to[axis] - from[axis]));
            ((low < 0.0) != (high < 0.0)).then_some(point)
        })
        .collect();
    match crossings[..] {
        [one, other] => vec![[one, other]],
        [a, b, c, d] => {
            let middle: f64 = corners.iter().map(|(_, height)| height).sum();
            match (middle < 0.0) == (corners[0].1 < 0.0) {
                true => vec![[a, b], [c, d]],
                false => vec![[d, a], [b, c]],
            }
        }
        _ => Vec::new(),
    }
}

/// The bar of colours beside the panel, with its ticks.
pub(super) fn bar(svg: &mut Svg<'_>, placed: &Placed<'_>, colours: Colours) {
    const STEPS: usize = 64;
    let Some(span) = placed.prepared.colour else {
        return;
    };
    let [left, top, width, height] = placed.area;
    let left = left + width + BAR[0];
    for step in 0..STEPS {
        let place = (step as f64 + 0.5) / STEPS as f64;
        let from = top + height * (1.0 - (step + 1) as f64 / STEPS as f64);
        let look = Look {
            is_crisp: true,
            ..Look::filled(Tint::Exact(of_place(place, colours)))
        };
        svg.rect([left, from, BAR[1], height / STEPS as f64], &look);
    }
    for tick in &placed.colour.ticks {
        let y = top + height * (1.0 - span.place(tick.value));
        let right = left + BAR[1];
        if let Some(label) = &tick.label {
            svg.path(
                &segment([right, y], [right + 2.5, y]),
                &Look::stroked(Tint::Ink, 0.8),
            );
            let of = Type {
                size: TEXT,
                tint: Tint::Ink,
                anchor: Anchor::Start,
            };
            svg.text(right + OFFSET, y + 0.35 * TEXT, label, &of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Axis;

    fn field(values: Vec<Vec<f64>>) -> Field {
        let places = |count: usize| (0..count).map(|index| index as f64).collect();
        Field {
            x: places(values[0].len()),
            y: places(values.len()),
            values,
            colour: Axis::new("height", "m"),
            colours: Colours::Sequential,
        }
    }

    const LINEAR: Span = Span {
        low: 0.0,
        high: 1.0,
        is_log: false,
    };

    #[test]
    fn the_contour_of_a_plane_is_straight() {
        let plane = field(vec![vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 2.0]]);
        assert_eq!(isolines(&plane, 0.5, LINEAR), [[[0.5, 0.0], [0.5, 1.0]]]);
    }

    #[test]
    fn a_saddle_has_two_pieces_and_a_hole_none() {
        let saddle = field(vec![vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_eq!(isolines(&saddle, 0.4, LINEAR).len(), 2);
        let hole = field(vec![vec![1.0, f64::NAN], vec![0.0, 1.0]]);
        assert!(isolines(&hole, 0.4, LINEAR).is_empty());
    }

    #[test]
    fn diverging_colours_meet_at_zero() {
        let mut signed = field(vec![vec![-1.0, 3.0]]);
        signed.colours = Colours::Diverging;
        let span = span(&signed).unwrap().unwrap();
        assert_eq!((span.low, span.high), (-3.0, 3.0));
    }
}
