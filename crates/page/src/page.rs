//! A page as data.

use lab_common::figure::Figure;
use lab_common::table::{self, Block, Table};

/// What is written as one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence below the title.
    pub about: String,
    /// What is on it, in the order in which it is read.
    pub sections: Vec<Section>,
}

/// A part of a page with a title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its title, which stands in the table of contents too.
    pub title: String,
    /// What is in it.
    pub parts: Vec<Part>,
}

impl Section {
    /// A section without anything in it.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            parts: Vec::new(),
        }
    }

    /// The same with one thing more.
    pub fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The same with a paragraph more.
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Part::Paragraph(text.into()))
    }

    /// The same with all that a command prints for reading.
    pub fn page(mut self, page: &table::Page) -> Self {
        self.parts.extend(page.blocks().iter().map(Part::from));
        self
    }
}

/// One thing on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// What is read first, in large letters.
    Lead(String),
    /// Sentences; line ends within them are kept.
    Paragraph(String),
    /// Sentences that do not depend on each other.
    List(Vec<String>),
    /// What a user types or a file holds, as it is.
    Code(String),
    /// A table, whose rows are sorted and filtered by a script.
    Table(Grid),
    /// Figures, as many beside each other as have room.
    Figures(Vec<Figure>),
    /// Pictures that were drawn elsewhere, as many beside each other as have room; one alone is as wide as the text.
    Pictures(Vec<Picture>),
    /// What is read by those who open it.
    Folded {
        /// What is in it, in a few words.
        title: String,
        /// What is in it.
        parts: Vec<Part>,
    },
}

impl From<&Block> for Part {
    fn from(block: &Block) -> Self {
        match block {
            Block::Paragraph(text) => Self::Paragraph(text.clone()),
            Block::List(items) => Self::List(items.clone()),
            Block::Table(table) => Self::Table(Grid::from(table.clone())),
        }
    }
}

/// A table on a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// The table.
    pub table: Table,
    /// The places of rows that are marked.
    pub marked: Vec<usize>,
    /// What it is that they have, in a word or two: rows can be filtered by it.
    pub mark: String,
}

impl Grid {
    /// With marks on some rows, and what these have.
    pub fn marked(self, rows: Vec<usize>, mark: impl Into<String>) -> Self {
        Self {
            marked: rows,
            mark: mark.into(),
            ..self
        }
    }
}

impl From<Table> for Grid {
    fn from(table: Table) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }
}

/// A picture that was drawn elsewhere. It is shown as an image, so that nothing in it runs or reaches the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// What it is called below it.
    pub title: String,
    /// The SVG document. What it says of itself in `desc` is said in its place where it is not seen.
    pub svg: String,
}
