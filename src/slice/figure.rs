//! The figure of a slice.

use super::{Axis, Series, Slice};
use crate::figure::{self, Colours, Field, Figure, Line, Mark, Panel, Points, Rule, Scale, Style};

/// The quadratic model may leave the range of the losses by this share of it before it is cut off.
const BEYOND: f64 = 0.25;

impl Slice {
    /// The slice as a picture: lines with bands of a standard error, or a heat map, with the quadratic model beside.
    pub fn figure(&self) -> Figure {
        let figure = match self.axes.as_slice() {
            [axis] => Figure::new(self.title()).with(self.line(axis)),
            [first, second] => self.planes(first, second),
            _ => Figure::new(self.title()),
        };
        let described = figure.described(format!("{}.", self.subject()));
        self.notes.iter().fold(
            described.noted(format!("{}.", self.subject())),
            |figure, note| figure.noted(note.clone()),
        )
    }

    fn title(&self) -> String {
        let part = self.taken.part;
        match self.axes.as_slice() {
            [_] if self.taken.second.is_some() => {
                capital(&format!("{part} loss from one solution to another"))
            }
            [axis] => capital(&format!("{part} loss along {}", with_article(axis))),
            [first, second] if first.direction == second.direction => {
                let plane = match first.direction {
                    super::Kind::Trajectory => "the plane of the trajectory",
                    super::Kind::Eigenvector => "the plane of two eigenvectors",
                    _ => "a random plane",
                };
                capital(&format!("{part} loss over {plane}"))
            }
            axes => {
                let labels: Vec<String> = axes.iter().map(with_article).collect();
                capital(&format!("{part} loss over {}", labels.join(" and ")))
            }
        }
    }

    /// What the losses are of.
    fn subject(&self) -> String {
        let taken = &self.taken;
        let second = taken
            .second
            .as_ref()
            .map_or_else(String::new, |second| format!(" to {second}"));
        let normalisation = taken
            .normalisation
            .as_ref()
            .map_or_else(String::new, |how| format!(", {how}"));
        format!(
            "{}, seed {}{second}: {} {} samples, {}{normalisation}",
            taken.run, taken.seed, taken.samples, taken.part, taken.dtype
        )
    }

    fn loss_axis(&self) -> figure::Axis {
        figure::Axis::new(format!("{} loss", self.taken.part), self.taken.unit)
    }

    fn line(&self, axis: &Axis) -> Panel {
        let mut panel = Panel::new(figure::Axis::counting(axis.label.clone()), self.loss_axis());
        for series in &self.series {
            panel = panel.with(with_band(series));
        }
        if let Some(quadratic) = &self.quadratic {
            let (low, high) = self.range();
            let reach = BEYOND * (high - low);
            let model = axis.places.iter().map(|place| {
                let value = quadratic.at(&[*place]);
                if (low - reach..=high + reach).contains(&value) {
                    value
                } else {
                    f64::NAN
                }
            });
            let model = Line::new("quadratic model", axis.places.clone(), model.collect());
            panel = panel.with(model.styled(Style::REFERENCE));
        }
        if self.taken.second.is_some() {
            panel = panel
                .with(Rule::upright("solutions", 0.0))
                .with(Rule::upright("", 1.0));
        }
        panel
    }

    /// The smallest and the largest loss.
    fn range(&self) -> (f64, f64) {
        let losses = self
            .series
            .iter()
            .flat_map(|series| series.values.iter().filter_map(|value| value.loss));
        losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
            (low.min(loss), high.max(loss))
        })
    }

    fn planes(&self, first: &Axis, second: &Axis) -> Figure {
        let losses = self.series[0]
            .values
            .iter()
            .map(|value| value.loss.unwrap_or(f64::NAN))
            .collect();
        let mut panels = vec![("measured", losses)];
        if let Some(quadratic) = &self.quadratic {
            let model = self.series[0]
                .values
                .iter()
                .map(|value| quadratic.at(&value.coordinates));
            panels.push(("quadratic model", model.collect::<Vec<f64>>()));
        }
        let (low, high) = self.range();
        let is_positive = panels
            .iter()
            .flat_map(|(_, values)| values)
            .all(|value| value.is_nan() || *value > 0.0);
        let colour = match high > low {
            true => self.loss_axis().over([low, high]),
            false => self.loss_axis(),
        };
        let colour = figure::Axis {
            scale: if is_positive {
                Scale::Fitting
            } else {
                Scale::Linear
            },
            ..colour
        };
        let mut figure = Figure {
            columns: panels.len(),
            width: figure::Width::Page,
            ..Figure::new(self.title())
        };
        let is_single = panels.len() == 1;
        if is_single {
            figure.width = figure::Width::Column;
        }
        for (title, values) in panels {
            let mut panel = Panel::new(
                figure::Axis::counting(first.label.clone()),
                figure::Axis::counting(second.label.clone()),
            );
            if !is_single {
                panel = panel.titled(title);
            }
            panel.marks.push(Mark::Heat(Field {
                x: edges(&first.places),
                y: edges(&second.places),
                values: values
                    .chunks(first.places.len())
                    .map(<[f64]>::to_vec)
                    .collect(),
                colour: colour.clone(),
                colours: Colours::Sequential,
            }));
            figure = figure.with(self.with_way(panel));
        }
        figure
    }

    /// The panel with the solution and the way to it.
    fn with_way(&self, panel: Panel) -> Panel {
        let along = |index: usize| self.way.iter().map(move |stop| stop.coordinates[index]);
        let panel = match self.way.is_empty() {
            true => panel,
            false => {
                let (x, y) = (
                    along(0).chain([0.0]).collect(),
                    along(1).chain([0.0]).collect(),
                );
                panel.with(Line::new("training, projected", x, y).with_markers())
            }
        };
        panel.with(Points::new("solution", vec![0.0], vec![0.0]))
    }
}

fn with_band(series: &Series) -> Line {
    let of = |get: &dyn Fn(&super::Value) -> Option<f64>| -> Vec<f64> {
        series
            .values
            .iter()
            .map(|value| get(value).unwrap_or(f64::NAN))
            .collect()
    };
    let (x, y, error) = (
        of(&|value| value.coordinates.first().copied()),
        of(&|value| value.loss),
        of(&|value| value.loss_error),
    );
    let ends = |sign: f64| {
        y.iter()
            .zip(&error)
            .map(|(loss, error)| loss + sign * error)
            .collect()
    };
    let (low, high) = (ends(-1.0), ends(1.0));
    let label = if series.label.is_empty() {
        "measured"
    } else {
        &series.label
    };
    let line = Line::new(label, x, y);
    match error.iter().any(|error| error.is_finite()) {
        true => line.with_band(
            low,
            high,
            "one standard error over the samples to both sides",
        ),
        false => line,
    }
}

/// The edges of cells around places.
fn edges(places: &[f64]) -> Vec<f64> {
    let half = match places {
        [first, second, ..] => 0.5 * (second - first),
        _ => 0.5,
    };
    places
        .iter()
        .map(|place| place - half)
        .chain(places.last().map(|last| last + half))
        .collect()
}

fn with_article(axis: &Axis) -> String {
    match axis.direction {
        super::Kind::Gradient => "the gradient".to_owned(),
        super::Kind::Trajectory => format!("the {}", axis.label),
        _ => axis.label.clone(),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
