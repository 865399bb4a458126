//! Words and tables in the order in which they are read.

use super::Table;

/// One thing on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Sentences; line ends within them are kept.
    Paragraph(String),
    /// Sentences that do not depend on each other.
    List(Vec<String>),
    /// A table.
    Table(Table),
}

/// What a command prints for reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    blocks: Vec<Block>,
}

impl Page {
    /// What is on it, in the order in which it is read.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// With a paragraph below what it has.
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Block::Paragraph(text.into()))
    }

    /// With a list below what it has; nothing where there are no items.
    pub fn list(self, items: impl IntoIterator<Item = String>) -> Self {
        let items: Vec<String> = items.into_iter().collect();
        if items.is_empty() {
            return self;
        }
        self.with(Block::List(items))
    }

    /// With a table below what it has.
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(table))
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

impl From<Table> for Page {
    fn from(table: Table) -> Self {
        Self::default().table(table)
    }
}
