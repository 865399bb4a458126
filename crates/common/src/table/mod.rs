//! Tables as data, and one renderer for each way to print them. Cells hold numbers, not their text, so
//! that a table for reading and a file for machines come from the same thing. What the numbers mean
//! is known to whoever makes a table.

mod csv;
mod fitted;
mod json;
mod latex;
mod markdown;
mod number;
mod page;
mod terminal;

pub use self::csv::Csv;
pub use fitted::Fitted;
pub use json::Json;
pub use latex::Latex;
pub use markdown::Markdown;
pub use number::shows;
pub use number::{Digits, Number, significant, three_digits, two_digits};
pub use page::{Block, Page};
pub use terminal::Terminal;

/// A way to print tables, and the words around them.
pub trait Renderer {
    /// A table, without a line's end after it.
    fn table(&self, table: &Table) -> String;

    /// A paragraph; none in a format that has no words.
    fn paragraph(&self, _text: &str) -> Option<String> {
        None
    }

    /// A list; none in a format that has no words.
    fn list(&self, _items: &[String]) -> Option<String> {
        None
    }

    /// Everything on a page, with an empty line between two things.
    fn page(&self, page: &Page) -> String {
        let blocks = page.blocks().iter().filter_map(|block| match block {
            Block::Paragraph(text) => self.paragraph(text),
            Block::List(items) => self.list(items),
            Block::Table(table) => Some(self.table(table)),
        });
        blocks.collect::<Vec<_>>().join("\n\n")
    }
}

/// Cells in rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    caption: Option<String>,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            ..Self::default()
        }
    }

    /// With a sentence that stands above it.
    pub fn captioned(self, caption: impl Into<String>) -> Self {
        Self {
            caption: Some(caption.into()),
            ..self
        }
    }

    /// The sentence that stands above it.
    pub fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Its rows, each with a cell for every column.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// With these rows below those it has. Every row has as many cells as there are columns: what is
    /// missing at its end is empty, what is too much is not kept.
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        let width = self.columns.len();
        self.rows.extend(rows.into_iter().map(|mut row| {
            row.resize(width, Cell::Empty);
            row
        }));
        self
    }
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, aligned left.
    Text,
    /// Numbers, aligned right.
    Number,
    /// Numbers with a standard error each, which has a column of its own where a cell holds one number
    /// only.
    Estimate,
}

/// The side of a column at which its cells begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// They begin below each other.
    Left,
    /// They end below each other.
    Right,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    key: String,
    header: String,
    kind: Kind,
    alignment: Alignment,
}

impl Column {
    fn new(header: impl Into<String>, kind: Kind, alignment: Alignment) -> Self {
        let header = header.into();
        Self {
            key: header.clone(),
            header,
            kind,
            alignment,
        }
    }

    /// A column of words.
    pub fn text(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Text, Alignment::Left)
    }

    /// A column of numbers.
    pub fn number(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Number, Alignment::Right)
    }

    /// A column of numbers with their standard errors.
    pub fn estimate(header: impl Into<String>) -> Self {
        Self::new(header, Kind::Estimate, Alignment::Right)
    }

    /// What stands at its head.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// At which side its cells are aligned.
    pub fn alignment(&self) -> Alignment {
        self.alignment
    }

    /// Called otherwise in CSV and JSON than by its header.
    pub fn keyed(self, key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            ..self
        }
    }

    /// Aligned right, whatever stands in it.
    pub fn right(self) -> Self {
        Self {
            alignment: Alignment::Right,
            ..self
        }
    }
}

/// What stands in one place of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing belongs here.
    #[default]
    Empty,
    /// Something could stand here and there is none.
    Missing,
    /// Words.
    Text(String),
    /// What a user types: a name, a key, a path.
    Code(String),
    /// How many.
    Count(u64),
    /// A number, with its error where it has one.
    Number(Number),
    /// There is no number or verdict, for this reason.
    Failed(String),
}

impl Cell {
    /// A number without an error, four digits of which are read.
    pub fn number(value: f64) -> Self {
        Self::Number(Number::new(value))
    }

    /// A number of which two digits are enough: an error, a probability.
    pub fn rough(value: f64) -> Self {
        Self::Number(Number::new(value).to(Digits::Two))
    }

    /// A mean with its standard error, where that is known.
    pub fn estimate(value: f64, error: Option<f64>) -> Self {
        Self::Number(Number::new(value).with_error(error))
    }

    /// Seconds, to hundredths.
    pub fn seconds(value: f64) -> Self {
        Self::Number(Number::new(value).to(Digits::Decimals(2)))
    }

    /// The cell in words: what stands in a table for reading, where a format does not set it in its own
    /// way.
    pub fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Missing => "-".to_owned(),
            Self::Text(text) | Self::Code(text) => one_line(text),
            Self::Count(count) => count.to_string(),
            Self::Number(number) => number.plain(),
            Self::Failed(reason) => format!("none: {}", one_line(reason)),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::number(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Text(value.to_string())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

/// Text for one line: a label or a reason may hold anything.
fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests;
