//! Where everything stands.

use super::axis::Span;
use super::legend::Legend;
use super::mark::Mark;
use super::prepare::Prepared;
use super::text::{elided, width, wrapped};
use super::ticks::{Room, Tick, Ticks, ticks};
use super::{Axis, Figure};

/// Sizes of letters, in units of the figure: at 40 units to the centimetre 7.8, 6.4 and 6 points.
pub(super) const TITLE: f64 = 11.0;
pub(super) const TEXT: f64 = 9.0;
pub(super) const SMALL: f64 = 8.5;

/// Distances of lines of text.
pub(super) const TITLE_LEADING: f64 = 13.5;
pub(super) const LEADING: f64 = 11.0;

/// The margin around all, and the room between panels.
pub(super) const EDGE: f64 = 6.0;
const GAP: f64 = 12.0;

/// From an axis to its labels.
pub(super) const OFFSET: f64 = 4.0;

/// From the names above a panel to it: the highest label of an axis reaches into that.
pub(super) const HEAD_GAP: f64 = 7.0;

/// The height of labels below a panel, with their distance from it.
pub(super) const BELOW: f64 = 15.5;

/// The colour bar: its distance from the panel and its width.
pub(super) const BAR: [f64; 2] = [6.0, 8.0];

/// The height of a bar of a turned panel.
const TURNED: f64 = 15.0;

/// A panel with its place.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub prepared: Prepared<'a>,
    /// Whether categories stand above each other.
    pub is_turned: bool,
    /// Left, top, width and height of the area of the data.
    pub area: [f64; 4],
    /// The ticks of the axis along the panel, and of the one up it.
    pub across: Ticks,
    pub up: Ticks,
    pub colour: Ticks,
    /// Lines of text above the area: the title, the name of the colours, and that of the axis up the panel.
    pub head: [Vec<String>; 3],
    /// Lines of text below: the name of the axis along it.
    pub foot: Vec<String>,
    /// Whether the axis along it has labels: of stacked panels with one range only the last has.
    pub has_foot: bool,
    /// How far left of the area, and right of it, things reach.
    sides: [f64; 2],
    /// Where the panel begins, with its labels.
    pub left: f64,
}

/// All of a figure with its place.
#[derive(Clone, Debug)]
pub(super) struct Layout<'a> {
    pub size: [f64; 2],
    pub title: Vec<String>,
    pub legend: Legend,
    /// Where the legend begins.
    pub legend_top: f64,
    pub panels: Vec<Placed<'a>>,
    pub notes: Vec<String>,
    /// Where the notes begin.
    pub notes_top: f64,
}

/// Lays out a figure.
pub(super) fn layout<'a>(figure: &'a Figure, prepared: Vec<Prepared<'a>>) -> Layout<'a> {
    let width = figure.width.units();
    let room = width - 2.0 * EDGE;
    let title = wrapped(&figure.title, room, TITLE);
    let legend = Legend::new(&prepared);
    let legend_top = EDGE + TITLE_LEADING * title.len() as f64 + 3.0;
    let legend_height = legend.height(room);
    let top = legend_top
        + if legend_height > 0.0 {
            legend_height + 5.0
        } else {
            2.0
        };
    let mut panels: Vec<Placed> = (0..)
        .zip(prepared)
        .map(|(index, prepared)| Placed::new(figure, prepared, index))
        .collect();
    set_columns(figure, &mut panels, room);
    let bottom = set_rows(figure, &mut panels, top);
    let notes: Vec<String> = notes(figure)
        .iter()
        .flat_map(|note| wrapped(note, room, SMALL))
        .collect();
    let notes_top = bottom + if notes.is_empty() { 0.0 } else { 5.0 };
    let height = notes_top + LEADING * notes.len() as f64 + EDGE;
    Layout {
        size: [width, height],
        title,
        legend,
        legend_top,
        panels,
        notes,
        notes_top,
    }
}

/// What bands and error bars mean, each once, then what else is to be said.
pub(super) fn notes(figure: &Figure) -> Vec<String> {
    let marks = figure.panels.iter().flat_map(|panel| &panel.marks);
    let is_bar_missing = |mark: &Mark| match mark {
        Mark::Bars(bars) => bars.values.iter().any(|value| value.is_nan()),
        _ => false,
    };
    let mut notes: Vec<String> = Vec::new();
    if marks.clone().any(is_bar_missing) {
        notes.push("–: no value.".to_owned());
    }
    for note in marks
        .flat_map(Mark::meanings)
        .chain(figure.notes.iter().cloned())
    {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn columns(figure: &Figure) -> usize {
    figure.columns.clamp(1, figure.panels.len().max(1))
}

/// Finds the widths: panels of one column begin and end at the same places.
fn set_columns(figure: &Figure, panels: &mut [Placed], room: f64) {
    let columns = columns(figure);
    let own = (room - GAP * (columns - 1) as f64) / columns as f64;
    for column in 0..columns {
        let left = EDGE + (own + GAP) * column as f64;
        let mut members: Vec<&mut Placed> =
            panels.iter_mut().skip(column).step_by(columns).collect();
        // Ticks depend on the width, and what they take of it on the ticks.
        let mut sides = [0.0, 0.0];
        for _ in 0..8 {
            for placed in &mut members {
                placed.set_ticks(own, sides);
            }
            let largest = |side: usize| members.iter().map(|p| p.sides[side]).fold(0.0, f64::max);
            let found = [largest(0).max(sides[0]), largest(1).max(sides[1])];
            if found == sides {
                break;
            }
            sides = found;
        }
        for placed in members {
            placed.left = left;
            placed.area[0] = left + sides[0];
            placed.area[2] = own - sides[0] - sides[1];
            placed.break_lines(own);
        }
    }
}

/// Finds the heights, and returns where all panels end: those of one row begin at the same place.
fn set_rows(figure: &Figure, panels: &mut [Placed], mut top: f64) -> f64 {
    let columns = columns(figure);
    let count = panels.len();
    for (row, members) in panels.chunks_mut(columns).enumerate() {
        let head = members.iter().map(Placed::head_height).fold(0.0, f64::max);
        let mut bottom: f64 = 0.0;
        for placed in members {
            placed.area[1] = top + head;
            let end = placed.area[1] + placed.area[3] + placed.foot_height();
            bottom = bottom.max(end);
        }
        let is_last = (row + 1) * columns >= count;
        top = bottom + if is_last { 0.0 } else { 8.0 };
    }
    top
}

impl<'a> Placed<'a> {
    fn new(figure: &Figure, prepared: Prepared<'a>, index: usize) -> Self {
        let panel = prepared.panel;
        let columns = columns(figure);
        let own = (figure.width.units() - 2.0 * EDGE) / columns as f64;
        let is_turned = panel.x.categories.as_ref().is_some_and(|names| {
            let each = (own - 40.0) / names.len().max(1) as f64;
            names.iter().any(|name| width(name, TEXT) > each - 4.0)
        });
        let height = match (&panel.x.categories, figure.panels.len()) {
            (Some(names), _) if is_turned => TURNED * names.len() as f64 + 4.0,
            (_, 1) => 150.0_f64.min(0.6 * own),
            _ if columns == 1 => 96.0_f64.min(0.4 * own),
            _ => 110.0_f64.min(0.7 * own),
        };
        let is_same = |other: &super::Panel| other.x == panel.x;
        let below = figure.panels.get(index + columns);
        Self {
            is_turned,
            area: [0.0, 0.0, 0.0, height],
            across: Ticks::default(),
            up: Ticks::default(),
            colour: Ticks::default(),
            head: [Vec::new(), Vec::new(), Vec::new()],
            foot: Vec::new(),
            has_foot: !(figure.shares_x && below.is_some_and(is_same)) || is_turned,
            sides: [0.0, 0.0],
            left: 0.0,
            prepared,
        }
    }

    /// The axis along the panel.
    pub fn across_axis(&self) -> &'a Axis {
        let panel = self.prepared.panel;
        if self.is_turned { &panel.y } else { &panel.x }
    }

    /// The axis up the panel.
    pub fn up_axis(&self) -> &'a Axis {
        let panel = self.prepared.panel;
        if self.is_turned { &panel.x } else { &panel.y }
    }

    /// The range along the panel.
    pub fn across_span(&self) -> Option<Span> {
        if self.is_turned {
            self.prepared.y
        } else {
            self.prepared.x
        }
    }

    /// The range up the panel.
    pub fn up_span(&self) -> Option<Span> {
        if self.is_turned {
            self.prepared.x
        } else {
            self.prepared.y
        }
    }

    /// Finds the ticks for what the sides leave of a width, and what the sides take with them.
    fn set_ticks(&mut self, own: f64, sides: [f64; 2]) {
        if self.prepared.emptiness().is_some() {
            self.sides = [1.0, 1.0];
            return;
        }
        let length = own - sides[0] - sides[1];
        let height = self.area[3];
        let above = Room::Above {
            length: height,
            size: TEXT,
        };
        let beside = Room::Beside { length, size: TEXT };
        let of = |axis: &Axis, span: Option<Span>, room: Room| match (span, &axis.categories) {
            (None, _) => Ticks::default(),
            (Some(_), Some(names)) => categories(names, 0.45 * own),
            (Some(span), None) => ticks(span, room),
        };
        self.up = of(self.up_axis(), self.up_span(), above);
        self.across = of(self.across_axis(), self.across_span(), beside);
        self.colour = of(&Axis::default(), self.prepared.colour, above);
        let left = widest(&self.up) + OFFSET;
        let right = match self.prepared.colour {
            Some(_) => BAR[0] + BAR[1] + OFFSET + widest(&self.colour),
            None => 2.0,
        };
        let [before, after] = self.overhang(length);
        self.sides = [left.max(before), right.max(after)];
    }

    /// How far the outermost labels along the panel reach beyond it.
    fn overhang(&self, length: f64) -> [f64; 2] {
        let mut overhang = [0.0, 0.0];
        let Some(span) = self.across_span().filter(|_| self.has_foot) else {
            return overhang;
        };
        for tick in &self.across.ticks {
            let Some(label) = &tick.label else { continue };
            let (place, half) = (length * span.place(tick.value), 0.5 * width(label, TEXT));
            overhang[0] = f64::max(overhang[0], half - place);
            overhang[1] = f64::max(overhang[1], place + half - length);
        }
        overhang
    }

    fn break_lines(&mut self, own: f64) {
        let panel = self.prepared.panel;
        self.head[0] = wrapped(&panel.title, own, TEXT);
        let mut fields = panel.marks.iter().filter_map(Mark::field);
        if let Some(field) = fields.next() {
            let title = format!("colour: {}", field.colour.title(self.colour.exponent));
            self.head[1] = wrapped(&title, own, TEXT);
        }
        self.head[2] = wrapped(&self.up_axis().title(self.up.exponent), own, TEXT);
        if self.has_foot {
            let title = self.across_axis().title(self.across.exponent);
            self.foot = wrapped(&title, own, TEXT);
        }
    }

    fn head_height(&self) -> f64 {
        let lines: usize = self.head.iter().map(Vec::len).sum();
        LEADING * lines as f64 + HEAD_GAP
    }

    fn foot_height(&self) -> f64 {
        let labels = if self.has_foot { BELOW } else { 0.0 };
        labels + LEADING * self.foot.len() as f64
    }
}

/// The widest label.
fn widest(ticks: &Ticks) -> f64 {
    let labels = ticks.ticks.iter().filter_map(|tick| tick.label.as_ref());
    labels.map(|label| width(label, TEXT)).fold(0.0, f64::max)
}

/// The names of categories at their places.
fn categories(names: &[String], room: f64) -> Ticks {
    let ticks = names.iter().enumerate().map(|(index, name)| Tick {
        value: index as f64,
        label: Some(elided(name, room, TEXT)),
    });
    Ticks {
        ticks: ticks.collect(),
        exponent: 0,
    }
}
