//! What must be known of a panel before it has a place: whether its data are sound, and how far its axes go.

use super::axis::Span;
use super::fit::Fit;
use super::mark::{Bars, Line, Mark, Points, Style};
use super::{Axis, Figure, FigureError, Panel, describe};

/// A panel with the ranges of its axes, which it has unless it is empty.
#[derive(Clone, Debug)]
pub(super) struct Prepared<'a> {
    pub panel: &'a Panel,
    pub x: Option<Span>,
    pub y: Option<Span>,
    /// The range of the numbers that colours stand for.
    pub colour: Option<Span>,
    /// Lines of least squares.
    pub fits: Vec<Mark>,
}

impl Prepared<'_> {
    /// What is drawn, the first below the others.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.panel.marks.iter().chain(&self.fits)
    }

    /// Why there is nothing to see; none where there is something.
    pub fn emptiness(&self) -> Option<String> {
        let count: usize = self.panel.marks.iter().map(Mark::count).sum();
        let has_numbers = self.panel.marks.iter().any(|mark| mark.known() > 0);
        match (has_numbers, count) {
            (true, _) if self.x.is_some() && self.y.is_some() => None,
            (_, 0) => Some("no data".to_owned()),
            (_, 1) => Some("no number: the only one is missing".to_owned()),
            (_, count) => Some(format!("no number: all {count} are missing")),
        }
    }
}

/// One of the two directions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    X,
    Y,
}

impl Direction {
    fn axis(self, panel: &Panel) -> &Axis {
        match self {
            Self::X => &panel.x,
            Self::Y => &panel.y,
        }
    }

    fn along(self, mark: &Mark) -> Vec<f64> {
        match self {
            Self::X => mark.along_x(),
            Self::Y => mark.along_y(),
        }
    }
}

/// Checks all data and finds the ranges of all axes.
pub(super) fn prepare(figure: &Figure) -> Result<Vec<Prepared<'_>>, FigureError> {
    if figure.title.trim().is_empty() {
        return Err(FigureError::Unnamed("the title of a figure"));
    }
    if figure.panels.is_empty() {
        return Err(FigureError::NoPanels(figure.title.clone()));
    }
    figure.panels.iter().try_for_each(check)?;
    let xs = spans(figure, Direction::X, figure.shares_x)?;
    let ys = spans(figure, Direction::Y, figure.shares_y)?;
    let ranges = figure.panels.iter().zip(xs.into_iter().zip(ys));
    ranges
        .map(|(panel, (x, y))| {
            let mut fields = panel.marks.iter().filter_map(Mark::field);
            let colour = fields.next().map(super::field::span).transpose()?.flatten();
            Ok(Prepared {
                panel,
                x,
                y,
                colour,
                fits: x.zip(y).map_or_else(Vec::new, |(x, y)| fits(panel, x, y)),
            })
        })
        .collect()
}

fn check(panel: &Panel) -> Result<(), FigureError> {
    panel.x.check()?;
    panel.y.check()?;
    panel.marks.iter().try_for_each(Mark::check)?;
    let unfit = |of: &str, reason| {
        let of = of.to_owned();
        Err(FigureError::Unfit { of, reason })
    };
    if panel.y.categories.is_some() {
        return unfit(&panel.y.name, "categories belong on the horizontal axis");
    }
    for mark in &panel.marks {
        match (mark, &panel.x.categories) {
            (Mark::Bars(Bars { label, values, .. }), Some(names))
                if values.len() != names.len() =>
            {
                return Err(FigureError::Lengths {
                    of: label.clone(),
                    what: "values",
                    expected: names.len(),
                    found: values.len(),
                });
            }
            (Mark::Bars(_), Some(_)) | (Mark::Rule(_), _) => {}
            (Mark::Bars(bars), None) => {
                return unfit(&bars.label, "bars stand on an axis of categories");
            }
            (mark, Some(_)) => {
                return unfit(mark.label(), "only bars stand on an axis of categories");
            }
            (_, None) => {}
        }
    }
    Ok(())
}

/// The range of each panel's axis, or one for all.
fn spans(
    figure: &Figure,
    direction: Direction,
    is_shared: bool,
) -> Result<Vec<Option<Span>>, FigureError> {
    let panels = &figure.panels;
    if !is_shared {
        let own = panels.iter().map(|panel| span(&[panel], direction));
        return own.collect();
    }
    let all: Vec<&Panel> = panels.iter().collect();
    Ok(vec![span(&all, direction)?; panels.len()])
}

fn span(panels: &[&Panel], direction: Direction) -> Result<Option<Span>, FigureError> {
    let marks = || panels.iter().flat_map(|panel| &panel.marks);
    let mut axis = direction.axis(panels[0]).clone();
    let others = panels[1..].iter().map(|panel| direction.axis(panel));
    axis.includes.extend(others.flat_map(|axis| &axis.includes));
    let bases: Vec<f64> = match direction {
        Direction::X => Vec::new(),
        Direction::Y => marks().filter_map(Mark::base).collect(),
    };
    axis.includes.extend(&bases);
    let centres: Vec<f64> = marks().flat_map(|mark| direction.along(mark)).collect();
    let is_log = axis.is_log(&centres);
    if is_log {
        if bases.iter().any(|base| *base <= 0.0) {
            return Err(FigureError::Unfit {
                of: axis.name,
                reason: "bars that begin at zero do so where a logarithmic axis has no place",
            });
        }
        for panel in panels {
            positive(panel, direction)?;
        }
    }
    if let Some(field) = marks()
        .find_map(Mark::field)
        .filter(|_| axis.range.is_none())
    {
        let ends = match direction {
            Direction::X => [field.x.first(), field.x.last()],
            Direction::Y => [field.y.first(), field.y.last()],
        };
        if let [Some(&low), Some(&high)] = ends
            && low < high
        {
            return Ok(Some(Span { low, high, is_log }));
        }
    }
    let mut values = centres;
    if direction == Direction::Y && !values.is_empty() {
        values.extend(
            marks()
                .flat_map(Mark::ends)
                .filter(|end| !is_log || *end > 0.0),
        );
    }
    axis.span(&values, is_log)
}

/// Refuses what has no logarithm.
fn positive(panel: &Panel, direction: Direction) -> Result<(), FigureError> {
    for mark in &panel.marks {
        let along = direction.along(mark);
        if let Some(&value) = along.iter().find(|value| **value <= 0.0) {
            return Err(FigureError::NotPositive {
                of: mark.label().to_owned(),
                what: match direction {
                    Direction::X => "x",
                    Direction::Y => "y",
                },
                value,
            });
        }
    }
    Ok(())
}

/// The lines of least squares that are asked for, in the measures of the axes.
fn fits(panel: &Panel, x: Span, y: Span) -> Vec<Mark> {
    let points = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Points(points) if points.has_fit => Some(points),
        _ => None,
    });
    (1..)
        .zip(points)
        .filter_map(|(dash, points)| fit(points, dash, x, y))
        .collect()
}

fn fit(points: &Points, dash: usize, x: Span, y: Span) -> Option<Mark> {
    let pairs = points.x.iter().zip(&points.y);
    let measured = pairs.map(|(at, height)| (x.measure(*at), y.measure(*height)));
    let measured: Vec<(f64, f64)> = measured
        .filter(|(at, height)| !at.is_nan() && !height.is_nan())
        .collect();
    let fit = Fit::new(&measured)?;
    let of = match points.label.as_str() {
        "" => String::new(),
        label => format!(" of {label}"),
    };
    let label = format!(
        "fit{of}: slope {}",
        describe::with_error(fit.slope, fit.stderr)
    );
    let back = |span: Span, measure: f64| match span.is_log {
        true => 10f64.powf(measure),
        false => measure,
    };
    let (low, high) = measured
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |ends, point| {
            (ends.0.min(point.0), ends.1.max(point.0))
        });
    let ends = [low, high];
    let style = Style { colour: None, dash };
    let line = Line::new(
        label,
        ends.map(|at| back(x, at)).to_vec(),
        ends.map(|at| back(y, fit.at(at))).to_vec(),
    );
    Some(line.styled(style).into())
}
