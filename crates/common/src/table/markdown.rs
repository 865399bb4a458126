//! Markdown: tables of GitHub's flavour, their columns aligned in the source too.

use super::{Alignment, Cell, Renderer, Table, one_line};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell as Framed, CellAlignment};

/// Prints Markdown. Words are taken as Markdown, except that what would end a cell does not.
#[derive(Clone, Copy, Debug)]
pub struct Markdown;

impl Markdown {
    /// A table without its caption.
    pub(super) fn framed(table: &Table) -> comfy_table::Table {
        let mut frame = comfy_table::Table::new();
        frame.load_style(ASCII_MARKDOWN);
        let framed = |text: String, alignment: Alignment| match alignment {
            Alignment::Left => Framed::new(text),
            Alignment::Right => Framed::new(text).set_alignment(CellAlignment::Right),
        };
        let header = table.columns.iter();
        frame.set_header(header.map(|column| {
            let text = escape(&one_line(&column.header));
            framed(text, column.alignment)
        }));
        for row in &table.rows {
            let cells = row.iter().zip(&table.columns);
            frame.add_row(cells.map(|(cell, column)| framed(text(cell), column.alignment)));
        }
        frame
    }
}

impl Renderer for Markdown {
    fn table(&self, table: &Table) -> String {
        let frame = Self::framed(table);
        let caption = table.caption.as_ref();
        let caption = caption.map_or_else(String::new, |caption| format!("{caption}\n\n"));
        format!("{caption}{frame}")
    }

    fn paragraph(&self, text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn list(&self, items: &[String]) -> Option<String> {
        let items: Vec<String> = items.iter().map(|item| format!("- {item}")).collect();
        Some(items.join("\n"))
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        // Between backticks a backslash is itself, but for one before a bar.
        Cell::Code(code) if !code.is_empty() && !code.contains(['`', '\\']) => {
            format!("`{}`", one_line(code).replace('|', "\\|"))
        }
        cell => escape(&cell.plain()),
    }
}

/// Bars would end the cell, and a backslash before one would take that back.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;
    use proptest::prelude::*;

    /// The cells of a line, as GitHub's flavour reads them: a bar ends a cell unless a backslash is
    /// before it.
    fn read(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match (c, cells.last_mut()) {
                ('|', _) => cells.push(String::new()),
                ('\\', Some(cell)) => cell.extend(characters.next()),
                (c, Some(cell)) => cell.push(c),
                (_, None) => {}
            }
        }
        let inner = cells[1..cells.len() - 1].iter();
        inner.map(|cell| cell.trim().to_owned()).collect()
    }

    proptest! {
        #[test]
        fn cells_are_read_back(texts in prop::collection::vec(r"[ -~±‖λ]{0,12}", 3)) {
            let columns = ["a", "b|", "c"].map(Column::text);
            let row = texts.iter().map(|text| Cell::from(text.as_str())).collect();
            let table = Markdown.table(&Table::new(columns).with_rows([row]));
            let lines: Vec<Vec<String>> = table.lines().map(read).collect();
            prop_assert_eq!(lines.len(), 3);
            prop_assert_eq!(&lines[0], &["a", "b|", "c"]);
            let texts: Vec<&str> = texts.iter().map(|text| text.trim()).collect();
            prop_assert_eq!(&lines[2], &texts);
        }
    }
}
