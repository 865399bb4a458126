//! Figures: data with named axes become an SVG with real text, or an image of the same.
//!
//! A [`Figure`] has [`Panel`]s, each with two [`Axis`]es and [`Mark`]s. It is laid out for print at a width of 8 or
//! 16 cm, where its letters are 6 to 8 points high. What is missing (NaN) is a gap; what is infinite is an error;
//! a panel without a number says so. Labels never overlap, because the width of every text is known: the font is
//! embedded. The same figure gives the same bytes.
//!
//! The SVG follows the viewer's light or dark scheme, has a title and a description for those who cannot see it,
//! and all its names begin with the one that the caller gives, so that many fit into one page.
//!
//! The room knows nothing of runs or measures.

mod axis;
mod check;
mod colour;
mod content;
mod data;
mod describe;
mod draw;
mod error;
mod field;
mod fit;
mod image;
mod inline;
mod layout;
mod legend;
mod mark;
mod prepare;
mod render;
mod svg;
mod tabulated;
mod text;
mod ticks;

#[cfg(test)]
mod tests;

pub use axis::{Axis, Scale, Span};
pub use colour::Theme;
pub use error::FigureError;
pub use image::png_of_svg;
pub use inline::{Area, Drawing};
pub use mark::{Band, Bars, Colours, Errors, Field, Histogram, Line, Mark, Points, Rule, Style};

pub use tabulated::Tabulated;

/// How wide a figure is in print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// 8 cm: a column.
    #[default]
    Column,
    /// 16 cm: a page.
    Page,
}

impl Width {
    /// In units of the figure, 40 to the centimetre.
    pub(self) fn units(self) -> f64 {
        match self {
            Self::Column => 320.0,
            Self::Page => 640.0,
        }
    }
}

/// Two axes and what is drawn between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What tells it from other panels; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, the first below the others.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// A panel without anything in it.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self {
            title: String::new(),
            x,
            y,
            marks: Vec::new(),
        }
    }

    /// The same with a title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        let title = title.into();
        Self { title, ..self }
    }

    /// The same with one thing more.
    pub fn with(mut self, mark: impl Into<Mark>) -> Self {
        self.marks.push(mark.into());
        self
    }
}

/// A figure of one panel or of small multiples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What it shows, in a few words.
    pub title: String,
    /// What it says, for those who cannot see it; what there is to see is described after it.
    pub description: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// How many stand side by side; 0 counts as 1.
    pub columns: usize,
    /// How wide it is in print.
    pub width: Width,
    /// Whether all panels have one range along the horizontal axis.
    pub shares_x: bool,
    /// The same along the vertical axis.
    pub shares_y: bool,
    /// Sentences below it; what bands and error bars mean is there in any case.
    pub notes: Vec<String>,
}

impl Figure {
    /// A figure without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// The same with a panel more.
    pub fn with(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The same with what it says, in words.
    pub fn described(self, description: impl Into<String>) -> Self {
        let description = description.into();
        Self {
            description,
            ..self
        }
    }

    /// The same with a sentence below it.
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The figure as an SVG document, whose element can stand in an HTML page as it is. `id` begins every name in
    /// it and must be unique in the page; what names cannot hold becomes a hyphen.
    ///
    /// # Errors
    ///
    /// [`FigureError`], but for images.
    pub fn svg(&self, id: &str) -> Result<String, FigureError> {
        Ok(render::render(self, &name(id), Theme::Both)?.text)
    }

    /// The figure as an element of a page: the same document, and where its panels have their data, so that whoever
    /// points at one can be told the numbers.
    ///
    /// # Errors
    ///
    /// As [`Figure::svg`].
    pub fn drawing(&self, id: &str) -> Result<Drawing, FigureError> {
        let rendered = render::render(self, &name(id), Theme::Both)?;
        Ok(Drawing {
            svg: rendered.text,
            size: rendered.size,
            areas: rendered.areas,
        })
    }

    /// The figure as a PNG with 300 dots per inch at its width in print.
    ///
    /// # Errors
    ///
    /// [`FigureError`].
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>, FigureError> {
        image::png(&render::render(self, "figure", theme)?)
    }
}

/// A name that XML, HTML and style sheets take.
fn name(id: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = id
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("figure-{name}"),
    }
}
