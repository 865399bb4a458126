//! Which style each label has, and the legend, which stands above all panels and so covers nothing.

use super::colour::Tint;
use super::draw;
use super::mark::{Mark, Style};
use super::prepare::Prepared;
use super::svg::{Anchor, Look, Svg, Type};
use super::text::{width, wrapped};

/// The size of the legend's letters, and the distance of its rows.
const SIZE: f64 = 9.0;
const LEADING: f64 = 12.0;

/// The length of the sample before a label, and the room between two labels.
const SAMPLE: f64 = 20.0;
const GAP: f64 = 12.0;

/// What the sample before a label looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Line { has_markers: bool },
    Marker,
    Patch,
}

/// A label with its style.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    label: String,
    style: Style,
    sample: Sample,
}

/// An entry with the lines of its label, and its upper left corner.
type Place<'a> = (&'a Entry, Vec<String>, [f64; 2]);

/// The styles of all labels of a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Legend {
    entries: Vec<Entry>,
}

impl Legend {
    /// Gives every label a style: the one it asks for, or one that no other label has.
    pub fn new(panels: &[Prepared<'_>]) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut own = 0;
        for mark in panels.iter().flat_map(Prepared::marks) {
            let is_known = entries.iter().any(|entry| entry.label == mark.label());
            let Some(sample) = sample(mark).filter(|_| !is_known) else {
                continue;
            };
            let style = mark.style().unwrap_or_else(|| {
                own += 1;
                Style::of_place(own - 1)
            });
            entries.push(Entry {
                label: mark.label().to_owned(),
                style,
                sample,
            });
        }
        Self { entries }
    }

    /// The style of a mark.
    pub fn style(&self, mark: &Mark) -> Style {
        let of_label = || {
            self.entries
                .iter()
                .find(|entry| entry.label == mark.label())
        };
        let style = mark.style().or_else(|| of_label().map(|entry| entry.style));
        style.unwrap_or_else(|| Style::of_place(0))
    }

    /// The labels in rows with their places, and the height of all.
    fn places(&self, room: f64) -> (Vec<Place<'_>>, f64) {
        let named: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|e| !e.label.is_empty())
            .collect();
        // What is alone needs no telling apart, unless it is a reference.
        if let [entry] = named[..]
            && entry.style.colour.is_some()
            && self.entries.len() == 1
        {
            return (Vec::new(), 0.0);
        }
        let (mut left, mut top, mut below) = (0.0, 0.0, 0.0);
        let mut places = Vec::new();
        for entry in named {
            let lines = wrapped(&entry.label, room - SAMPLE - 4.0, SIZE);
            let widths = lines.iter().map(|line| width(line, SIZE));
            let length = SAMPLE + 4.0 + widths.fold(0.0, f64::max);
            if left > 0.0 && left + length > room {
                (left, top) = (0.0, below);
            }
            below = f64::max(below, top + LEADING * lines.len() as f64);
            places.push((entry, lines, [left, top]));
            left += length + GAP;
        }
        (places, below)
    }

    /// The height it takes.
    pub fn height(&self, room: f64) -> f64 {
        self.places(room).1
    }

    /// Draws it with its upper left corner at a point.
    pub fn draw(&self, svg: &mut Svg<'_>, [left, top]: [f64; 2], room: f64) {
        for (entry, lines, [x, y]) in self.places(room).0 {
            let (x, y) = (left + x, top + y);
            entry.draw_sample(svg, x, y + 0.5 * LEADING);
            for (index, line) in lines.iter().enumerate() {
                let of = Type {
                    size: SIZE,
                    tint: Tint::Ink,
                    anchor: Anchor::Start,
                };
                let baseline = y + 9.2 + LEADING * index as f64;
                svg.text(x + SAMPLE + 4.0, baseline, line, &of);
            }
        }
    }
}

impl Entry {
    fn draw_sample(&self, svg: &mut Svg<'_>, x: f64, y: f64) {
        let tint = self.style.tint();
        let middle = [x + 0.5 * SAMPLE, y];
        match self.sample {
            Sample::Line { has_markers } => {
                let path = draw::segment([x, y], [x + SAMPLE, y]);
                let look = Look::stroked(tint.clone(), draw::LINE).dashed(self.style.dash);
                svg.path(&path, &look);
                if has_markers {
                    svg.path(&draw::marker(self.style, middle), &Look::filled(tint));
                }
            }
            Sample::Marker => svg.path(&draw::marker(self.style, middle), &Look::filled(tint)),
            Sample::Patch => svg.rect([x + 4.0, y - 4.0, 12.0, 8.0], &Look::filled(tint)),
        }
    }
}

fn sample(mark: &Mark) -> Option<Sample> {
    match mark {
        Mark::Line(line) => Some(Sample::Line {
            has_markers: line.has_markers,
        }),
        Mark::Rule(_) => Some(Sample::Line { has_markers: false }),
        Mark::Points(_) => Some(Sample::Marker),
        Mark::Bars(_) | Mark::Histogram(_) => Some(Sample::Patch),
        Mark::Heat(_) | Mark::Contour(_) => None,
    }
}
