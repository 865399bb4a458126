//! Drawing marks: lines, points, bars, histograms and rules.

use super::axis::Span;
use super::colour::Tint;
use super::layout::{Placed, SMALL};
use super::mark::{Bars, Errors, Histogram, Line, Mark, Points, Rule, Style};
use super::svg::{Anchor, Look, Svg, Type, number};
use std::fmt::Write;

/// The width of lines of data, and of pale ones.
pub(super) const LINE: f64 = 1.3;
const FAINT: f64 = 0.6;

/// Half the size of a marker, and of one among many.
const MARKER: f64 = 2.2;
const SMALL_MARKER: f64 = 1.2;

/// From how many points on markers are small.
const CROWD: usize = 200;

/// Half the width of what closes an error bar.
const CAP: f64 = 2.0;

/// A point in units of the figure.
pub(super) type Point = [f64; 2];

/// The area of the data with its axes.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Left, top, width and height.
    pub area: [f64; 4],
    pub x: Span,
    pub y: Span,
    /// Whether the first axis goes down and the second to the right.
    pub is_turned: bool,
    /// The name of the region that data are cut to.
    pub clip: String,
}

impl Frame {
    /// The place of a pair of numbers; none where one is missing.
    pub fn at(&self, x: f64, y: f64) -> Option<Point> {
        if x.is_nan() || y.is_nan() {
            return None;
        }
        // What is far off the panel is drawn to beyond its edge, in numbers that a viewer can hold.
        let [x, y] = [self.x.place(x), self.y.place(y)].map(|place| place.clamp(-20.0, 20.0));
        let [left, top, width, height] = self.area;
        Some(match self.is_turned {
            true => [left + width * y, top + height * x],
            false => [left + width * x, top + height * (1.0 - y)],
        })
    }

    /// The rectangle between two pairs of numbers: left, top, width and height.
    pub fn rect(&self, one: Option<Point>, other: Option<Point>) -> Option<[f64; 4]> {
        let (one, other) = (one?, other?);
        let (left, top) = (one[0].min(other[0]), one[1].min(other[1]));
        Some([
            left,
            top,
            (one[0] - other[0]).abs(),
            (one[1] - other[1]).abs(),
        ])
    }
}

/// Draws a mark. Bars know their place among the bars of the panel.
pub(super) fn mark(
    svg: &mut Svg<'_>,
    frame: &Frame,
    placed: &Placed<'_>,
    mark: &Mark,
    style: Style,
) {
    match mark {
        Mark::Line(line) => self::line(svg, frame, line, style),
        Mark::Points(points) => self::points(svg, frame, points, style),
        Mark::Rule(rule) => self::rule(svg, frame, rule, style),
        Mark::Bars(bars) => {
            let all = placed.prepared.panel.marks.iter();
            let all: Vec<&Bars> = all
                .filter_map(|mark| match mark {
                    Mark::Bars(bars) => Some(bars),
                    _ => None,
                })
                .collect();
            let place = all.iter().position(|other| std::ptr::eq(*other, bars));
            self::bars(svg, frame, bars, style, (place.unwrap_or(0), all.len()));
        }
        Mark::Histogram(histogram) => self::histogram(svg, frame, histogram, style),
        Mark::Heat(field) => super::field::heat(svg, frame, placed, field),
        Mark::Contour(field) => super::field::contour(svg, frame, placed, field),
    }
}

fn line(svg: &mut Svg<'_>, frame: &Frame, line: &Line, style: Style) {
    let tint = style.tint();
    if let Some(band) = &line.band {
        let ends: Vec<Option<(Point, Point)>> = (0..line.x.len())
            .map(|index| {
                let of = |ends: &[f64]| frame.at(line.x[index], *ends.get(index)?);
                of(&band.low).zip(of(&band.high))
            })
            .collect();
        let look = Look::filled(tint.clone())
            .with_opacity(0.2)
            .clipped(&frame.clip);
        svg.path(&band_path(&ends), &look);
    }
    let pairs = line.x.iter().zip(&line.y);
    let points: Vec<Option<Point>> = pairs.map(|(x, y)| frame.at(*x, *y)).collect();
    let width = if line.is_faint { FAINT } else { LINE };
    let mut look = Look::stroked(tint.clone(), width)
        .dashed(style.dash)
        .clipped(&frame.clip)
        .titled(&line.label);
    if line.is_faint {
        look = look.with_opacity(0.55);
    }
    svg.path(&line_path(&points), &look);
    error_bars(svg, frame, [&line.x, &line.y], line.errors.as_ref(), &tint);
    let is_alone = |index: usize| {
        let neighbour = |at: Option<usize>| at.and_then(|at| points.get(at).copied().flatten());
        neighbour(index.checked_sub(1)).is_none() && neighbour(Some(index + 1)).is_none()
    };
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        if let Some(point) = point.filter(|_| line.has_markers || is_alone(index)) {
            path += &marker(style, point);
        }
    }
    let look = Look::filled(tint).clipped(&frame.clip).titled(&line.label);
    svg.path(&path, &look);
}

fn points(svg: &mut Svg<'_>, frame: &Frame, points: &Points, style: Style) {
    let tint = style.tint();
    error_bars(
        svg,
        frame,
        [&points.x, &points.y],
        points.errors.as_ref(),
        &tint,
    );
    let size = if points.x.len() > CROWD {
        SMALL_MARKER
    } else {
        MARKER
    };
    let pairs = points.x.iter().zip(&points.y);
    let path: String = pairs
        .filter_map(|(x, y)| Some(marker_of(size, style, frame.at(*x, *y)?)))
        .collect();
    let look = Look::filled(tint).with_opacity(0.85);
    svg.path(&path, &look.clipped(&frame.clip).titled(&points.label));
}

fn rule(svg: &mut Svg<'_>, frame: &Frame, rule: &Rule, style: Style) {
    let [left, top, width, height] = frame.area;
    let span = if rule.is_upright { frame.x } else { frame.y };
    let place = span.place(rule.value);
    if !span.contains(rule.value) {
        return;
    }
    let path = match rule.is_upright != frame.is_turned {
        true => {
            let x = left + width * place;
            segment([x, top], [x, top + height])
        }
        false => {
            let place = if frame.is_turned { place } else { 1.0 - place };
            let y = top + height * place;
            segment([left, y], [left + width, y])
        }
    };
    let look = Look::stroked(style.tint(), 1.0).dashed(style.dash);
    svg.path(&path, &look.titled(&rule.label));
}

fn bars(svg: &mut Svg<'_>, frame: &Frame, bars: &Bars, style: Style, (place, of): (usize, usize)) {
    let tint = style.tint();
    let each = 0.8 / of.max(1) as f64;
    let mut middles = Vec::new();
    for (index, value) in bars.values.iter().enumerate() {
        let start = index as f64 - 0.4 + each * place as f64;
        middles.push(start + 0.5 * each);
        let base = bars.base.clamp(frame.y.low, frame.y.high);
        let (one, other) = (frame.at(start, base), frame.at(start + 0.92 * each, *value));
        match frame.rect(one, other) {
            Some(rect) => {
                let look = Look::filled(tint.clone()).with_opacity(0.85);
                let title = format!("{} {}", bars.label, super::describe::short(*value));
                svg.rect(rect, &look.clipped(&frame.clip).titled(title.trim()));
                if let Some(text) = bars.texts.get(index) {
                    at_end(svg, frame, (start + 0.46 * each, *value), base, text);
                }
            }
            None => no_bar(svg, frame, start + 0.5 * each, base),
        }
    }
    let ends = [&middles, &bars.values];
    error_bars(svg, frame, ends, bars.errors.as_ref(), &Tint::Ink);
}

/// Words behind the end of a bar.
fn at_end(svg: &mut Svg<'_>, frame: &Frame, (middle, value): (f64, f64), base: f64, text: &str) {
    let Some([x, y]) = frame.at(middle, value) else {
        return;
    };
    // A bar that is as good as none has its words where those of others are.
    let begin = frame.at(middle, base);
    let is_visible =
        begin.is_some_and(|begin| (begin[0] - x).abs().max((begin[1] - y).abs()) > 1.0);
    let is_down = value < base && is_visible;
    let of = |anchor| Type {
        size: SMALL,
        tint: Tint::Muted,
        anchor,
    };
    match (frame.is_turned, is_down) {
        (true, false) => svg.text(x + 3.0, y + 0.35 * SMALL, text, &of(Anchor::Start)),
        (true, true) => svg.text(x - 3.0, y + 0.35 * SMALL, text, &of(Anchor::End)),
        (false, false) => svg.text(x, y - 2.5, text, &of(Anchor::Middle)),
        (false, true) => svg.text(x, y + SMALL, text, &of(Anchor::Middle)),
    }
}

/// A dash where a bar is missing; a note below the figure says what it means.
fn no_bar(svg: &mut Svg<'_>, frame: &Frame, middle: f64, base: f64) {
    let Some([x, y]) = frame.at(middle, base) else {
        return;
    };
    let of = Type {
        size: SMALL,
        tint: Tint::Muted,
        anchor: Anchor::Middle,
    };
    match frame.is_turned {
        true => svg.text(x + 6.0, y + 3.0, "–", &of),
        false => svg.text(x, y - 2.5, "–", &of),
    }
}

fn histogram(svg: &mut Svg<'_>, frame: &Frame, histogram: &Histogram, style: Style) {
    let tint = style.tint();
    let mut outline: Vec<Option<Point>> = Vec::new();
    for (edges, count) in histogram.edges.windows(2).zip(&histogram.counts) {
        outline.extend([frame.at(edges[0], *count), frame.at(edges[1], *count)]);
    }
    let base = |edge: Option<&f64>| edge.and_then(|edge| frame.at(*edge, 0.0));
    let mut closed = vec![base(histogram.edges.first())];
    closed.extend(outline.iter().copied().filter(Option::is_some));
    closed.push(base(histogram.edges.last()));
    let look = Look::filled(tint.clone())
        .with_opacity(0.25)
        .clipped(&frame.clip);
    svg.path(&line_path(&closed), &look);
    let look = Look::stroked(tint, 1.0).clipped(&frame.clip);
    svg.path(&line_path(&closed), &look.titled(&histogram.label));
}

fn error_bars(
    svg: &mut Svg<'_>,
    frame: &Frame,
    [x, y]: [&Vec<f64>; 2],
    errors: Option<&Errors>,
    tint: &Tint,
) {
    let Some(errors) = errors else { return };
    let mut path = String::new();
    let sizes = errors.down.iter().zip(&errors.up);
    for ((x, y), (down, up)) in x.iter().zip(y).zip(sizes) {
        let ends = frame.at(*x, y - down).zip(frame.at(*x, y + up));
        let Some((low, high)) = ends.filter(|_| down + up > 0.0) else {
            continue;
        };
        path += &segment(low, high);
        for [x, y] in [low, high] {
            path += &match frame.is_turned {
                true => segment([x, y - CAP], [x, y + CAP]),
                false => segment([x - CAP, y], [x + CAP, y]),
            };
        }
    }
    svg.path(
        &path,
        &Look::stroked(tint.clone(), 0.8).clipped(&frame.clip),
    );
}

/// The path of a straight line.
pub(super) fn segment(from: Point, to: Point) -> String {
    format!(
        "M{} {}L{} {}",
        number(from[0]),
        number(from[1]),
        number(to[0]),
        number(to[1])
    )
}

/// The path of points joined by lines, but for gaps. Of many points that lie in one place across, those are left
/// that can be seen: the first, the lowest, the highest and the last.
pub(super) fn line_path(points: &[Option<Point>]) -> String {
    let mut path = String::new();
    for run in points.split(Option::is_none) {
        let run: Vec<Point> = run.iter().copied().flatten().collect();
        if run.len() < 2 {
            continue;
        }
        for (index, [x, y]) in seen(&run).into_iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            // Writing to a string does not fail.
            let _ = write!(path, "{letter}{} {}", number(x), number(y));
        }
    }
    path
}

/// How many points a line has before some are left out, and how near those lie.
const MANY: usize = 1000;
const NEAR: f64 = 0.25;

fn seen(run: &[Point]) -> Vec<Point> {
    if run.len() <= MANY {
        return run.to_vec();
    }
    let cell = |point: &Point| (point[0] / NEAR).floor();
    let mut seen = Vec::new();
    for group in run.chunk_by(|one, other| cell(one) == cell(other)) {
        let by_height = |one: &&Point, other: &&Point| one[1].total_cmp(&other[1]);
        let places = [
            Some(0),
            group
                .iter()
                .min_by(by_height)
                .and_then(|p| group.iter().position(|q| q == p)),
            group
                .iter()
                .max_by(by_height)
                .and_then(|p| group.iter().position(|q| q == p)),
            Some(group.len() - 1),
        ];
        let mut places: Vec<usize> = places.into_iter().flatten().collect();
        places.sort_unstable();
        places.dedup();
        seen.extend(places.into_iter().map(|place| group[place]));
    }
    seen
}

/// The path around bands, one for each stretch without a gap; one that has no length is a narrow bar.
fn band_path(ends: &[Option<(Point, Point)>]) -> String {
    let mut path = String::new();
    for run in ends.split(Option::is_none) {
        let run: Vec<(Point, Point)> = run.iter().copied().flatten().collect();
        let mut outline: Vec<Point> = match run[..] {
            [] => continue,
            [(low, high)] => vec![
                [low[0] - 1.5, low[1]],
                [low[0] + 1.5, low[1]],
                [high[0] + 1.5, high[1]],
                [high[0] - 1.5, high[1]],
            ],
            _ => {
                let lows: Vec<Point> = run.iter().map(|(low, _)| *low).collect();
                let highs: Vec<Point> = run.iter().map(|(_, high)| *high).collect();
                seen(&lows)
                    .into_iter()
                    .chain(seen(&highs).into_iter().rev())
                    .collect()
            }
        };
        outline.push(outline[0]);
        path += &line_path(&outline.into_iter().map(Some).collect::<Vec<_>>());
        path.push('Z');
    }
    path
}

/// The path of a marker: circle, square, triangle, diamond by the colour.
pub(super) fn marker(style: Style, at: Point) -> String {
    marker_of(MARKER, style, at)
}

fn marker_of(r: f64, style: Style, [x, y]: Point) -> String {
    let corners: &[Point] = match style.colour.unwrap_or(0) % 4 {
        0 => {
            let (left, radius, across) = (number(x - r), number(r), number(2.0 * r));
            return format!(
                "M{left} {}a{radius} {radius} 0 1 0 {across} 0a{radius} {radius} 0 1 0 -{across} 0Z",
                number(y)
            );
        }
        1 => &[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
        2 => &[[0.0, -1.2], [1.15, 0.8], [-1.15, 0.8]],
        _ => &[[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]],
    };
    let points = corners
        .iter()
        .map(|[dx, dy]| Some([x + r * dx, y + r * dy]));
    line_path(&points.collect::<Vec<_>>()) + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_point_breaks_the_line() {
        let points = [
            Some([0.0, 0.0]),
            Some([1.0, 1.0]),
            None,
            Some([3.0, 0.0]),
            Some([4.0, 2.0]),
        ];
        assert_eq!(line_path(&points), "M0 0L1 1M3 0L4 2");
        assert_eq!(line_path(&[Some([1.0, 1.0]), None]), "");
    }

    #[test]
    fn of_many_points_the_extremes_are_kept() {
        let mut run: Vec<Point> = (0..5000).map(|i| [f64::from(i) * 0.01, 5.0]).collect();
        run[1234][1] = -7.0;
        run[4321][1] = 70.0;
        let seen = seen(&run);
        assert!(seen.len() < 900, "{}", seen.len());
        assert!(seen.contains(&run[1234]) && seen.contains(&run[4321]));
        assert_eq!((seen[0], seen[seen.len() - 1]), (run[0], run[4999]));
    }
}
