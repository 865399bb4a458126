//! From a figure to a document.

use super::colour::{Theme, Tint};
use super::describe::describe;
use super::draw::{self, Frame, segment};
use super::inline::Area;
use super::layout::{
    BELOW, EDGE, HEAD_GAP, LEADING, Layout, OFFSET, Placed, SMALL, TEXT, TITLE, TITLE_LEADING,
    layout,
};
use super::mark::Mark;
use super::prepare::prepare;
use super::svg::{Anchor, Look, Svg, Type};
use super::text::wrapped;
use super::{Figure, FigureError, field};

/// A document.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    pub text: String,
    /// Width and height in units of the figure.
    pub size: [f64; 2],
    /// Where the panels have their data.
    pub areas: Vec<Option<Area>>,
}

/// The length of the marks beside labels, and of those without.
const MARK: [f64; 2] = [2.5, 1.5];

/// Draws a figure; every name in it begins with the id.
pub(super) fn render(figure: &Figure, id: &str, theme: Theme) -> Result<Rendered, FigureError> {
    let prepared = prepare(figure)?;
    let description = describe(figure, &prepared);
    let layout = layout(figure, prepared);
    let mut svg = Svg::new(id, theme);
    let [width, height] = layout.size;
    svg.rect([0.0, 0.0, width, height], &Look::filled(Tint::Background));
    lines(
        &mut svg,
        [EDGE, EDGE + TITLE],
        TITLE_LEADING,
        &layout.title,
        &text(TITLE, Tint::Ink),
    );
    layout
        .legend
        .draw(&mut svg, [EDGE, layout.legend_top], width - 2.0 * EDGE);
    for (index, placed) in layout.panels.iter().enumerate() {
        panel(&mut svg, &layout, placed, index);
    }
    let notes = [EDGE, layout.notes_top + SMALL];
    lines(
        &mut svg,
        notes,
        LEADING,
        &layout.notes,
        &text(SMALL, Tint::Muted),
    );
    Ok(Rendered {
        text: svg.finish(layout.size, &figure.title, &description),
        size: layout.size,
        areas: layout.panels.iter().map(Area::of).collect(),
    })
}

fn text(size: f64, tint: Tint) -> Type {
    Type {
        size,
        tint,
        anchor: Anchor::Start,
    }
}

/// Lines of text below each other, the first at a point.
fn lines(svg: &mut Svg<'_>, [x, y]: [f64; 2], leading: f64, lines: &[String], of: &Type) {
    for (index, line) in lines.iter().enumerate() {
        svg.text(x, y + leading * index as f64, line, of);
    }
}

fn panel(svg: &mut Svg<'_>, layout: &Layout<'_>, placed: &Placed<'_>, index: usize) {
    head(svg, placed);
    let [left, top, width, height] = placed.area;
    if let Some(reason) = placed.prepared.emptiness() {
        svg.rect(placed.area, &Look::stroked(Tint::Grid, 0.8));
        let of = Type {
            anchor: Anchor::Middle,
            ..text(TEXT, Tint::Muted)
        };
        let words = wrapped(&reason, width - 8.0, TEXT);
        let first = top + 0.5 * (height - LEADING * words.len() as f64) + TEXT;
        lines(svg, [left + 0.5 * width, first], LEADING, &words, &of);
        foot(svg, placed);
        return;
    }
    let (Some(x), Some(y)) = (placed.prepared.x, placed.prepared.y) else {
        return;
    };
    let frame = Frame {
        area: placed.area,
        x,
        y,
        is_turned: placed.is_turned,
        clip: svg.name(&format!("area{index}")),
    };
    svg.clip(&frame.clip, placed.area);
    svg.open("grid", index);
    grid(svg, placed);
    svg.close();
    svg.open("marks", index);
    for mark in placed.prepared.marks() {
        draw::mark(svg, &frame, placed, mark, layout.legend.style(mark));
    }
    svg.close();
    svg.open("axes", index);
    axes(svg, placed, &frame);
    svg.close();
    if let Some(field) = placed.prepared.panel.marks.iter().find_map(Mark::field) {
        field::bar(svg, placed, field.colours);
    }
    foot(svg, placed);
}

fn head(svg: &mut Svg<'_>, placed: &Placed<'_>) {
    let count: usize = placed.head.iter().map(Vec::len).sum();
    let left = placed.left;
    let mut y = placed.area[1] - HEAD_GAP - LEADING * (count as f64 - 1.0) - 1.5;
    for (index, lines) in placed.head.iter().enumerate() {
        let tint = if index == 0 { Tint::Ink } else { Tint::Muted };
        self::lines(svg, [left, y], LEADING, lines, &text(TEXT, tint));
        y += LEADING * lines.len() as f64;
    }
}

fn foot(svg: &mut Svg<'_>, placed: &Placed<'_>) {
    let [left, top, width, height] = placed.area;
    let of = Type {
        anchor: Anchor::Middle,
        ..text(TEXT, Tint::Muted)
    };
    let y = top + height + BELOW + TEXT;
    lines(svg, [left + 0.5 * width, y], LEADING, &placed.foot, &of);
}

/// Pale lines at labels.
fn grid(svg: &mut Svg<'_>, placed: &Placed<'_>) {
    let [left, top, width, height] = placed.area;
    let look = Look::stroked(Tint::Grid, 0.6);
    if let Some(span) = placed
        .up_span()
        .filter(|_| placed.up_axis().categories.is_none())
    {
        for tick in placed.up.ticks.iter().filter(|tick| tick.label.is_some()) {
            let y = top + height * (1.0 - span.place(tick.value));
            svg.path(&segment([left, y], [left + width, y]), &look);
        }
    }
    if let Some(span) = placed
        .across_span()
        .filter(|_| placed.across_axis().categories.is_none())
    {
        for tick in placed
            .across
            .ticks
            .iter()
            .filter(|tick| tick.label.is_some())
        {
            let x = left + width * span.place(tick.value);
            svg.path(&segment([x, top], [x, top + height]), &look);
        }
    }
}

/// The two axes with marks and labels.
fn axes(svg: &mut Svg<'_>, placed: &Placed<'_>, frame: &Frame) {
    let [left, top, width, height] = placed.area;
    let bottom = top + height;
    let look = Look::stroked(Tint::Ink, 0.8);
    let mut path =
        segment([left, top], [left, bottom]) + &segment([left, bottom], [left + width, bottom]);
    if let Some(span) = placed.up_span() {
        let has_marks = placed.up_axis().categories.is_none();
        for tick in &placed.up.ticks {
            let place = span.place(tick.value);
            let place = if frame.is_turned { place } else { 1.0 - place };
            let y = top + height * place;
            if has_marks {
                path += &segment([left - length(tick.label.is_some()), y], [left, y]);
            }
            if let Some(label) = &tick.label {
                let of = Type {
                    anchor: Anchor::End,
                    ..text(TEXT, Tint::Ink)
                };
                svg.text(left - OFFSET, y + 0.35 * TEXT, label, &of);
            }
        }
    }
    if let Some(span) = placed.across_span() {
        let has_marks = placed.across_axis().categories.is_none();
        for tick in &placed.across.ticks {
            let x = left + width * span.place(tick.value);
            if has_marks {
                path += &segment([x, bottom], [x, bottom + length(tick.label.is_some())]);
            }
            if let Some(label) = tick.label.as_ref().filter(|_| placed.has_foot) {
                let of = Type {
                    anchor: Anchor::Middle,
                    ..text(TEXT, Tint::Ink)
                };
                svg.text(x, bottom + BELOW - 1.5, label, &of);
            }
        }
    }
    svg.path(&path, &look);
    base(svg, placed, frame);
}

/// A line where bars to both sides begin.
fn base(svg: &mut Svg<'_>, placed: &Placed<'_>, frame: &Frame) {
    let base = placed.prepared.panel.marks.iter().find_map(Mark::base);
    let Some(base) = base.filter(|base| frame.y.low < *base && *base < frame.y.high) else {
        return;
    };
    let ends = (frame.at(frame.x.low, base), frame.at(frame.x.high, base));
    if let (Some(from), Some(to)) = ends {
        svg.path(&segment(from, to), &Look::stroked(Tint::Ink, 0.8));
    }
}

fn length(has_label: bool) -> f64 {
    if has_label { MARK[0] } else { MARK[1] }
}
