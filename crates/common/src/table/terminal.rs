//! Plain text for a terminal: columns without bars, words in lines that are not too long to read.

use super::{Alignment, Renderer, Table, one_line};
use comfy_table::{Cell as Framed, CellAlignment, LineStyle, TableStyle};

/// Prints plain text.
#[derive(Clone, Copy, Debug)]
pub struct Terminal;

/// Characters in a line of words.
const WIDTH: usize = 100;

impl Renderer for Terminal {
    fn table(&self, table: &Table) -> String {
        let mut frame = comfy_table::Table::new();
        let rule = LineStyle::none().fill('─').junction(' ');
        frame.load_style(TableStyle::new().header_separator(rule));
        let framed = |text: String, alignment: Alignment| match alignment {
            Alignment::Left => Framed::new(text),
            Alignment::Right => Framed::new(text).set_alignment(CellAlignment::Right),
        };
        let header = table.columns.iter();
        frame.set_header(header.map(|column| framed(one_line(&column.header), column.alignment)));
        for row in &table.rows {
            let cells = row.iter().zip(&table.columns);
            frame.add_row(cells.map(|(cell, column)| framed(cell.plain(), column.alignment)));
        }
        for column in frame.column_iter_mut() {
            column.set_padding((0, 1));
        }
        let caption = table.caption.as_ref();
        let caption = caption.map_or_else(String::new, |text| format!("{}\n\n", wrapped(text, "")));
        let frame = frame.to_string();
        let lines: Vec<&str> = frame.lines().map(str::trim_end).collect();
        format!("{caption}{}", lines.join("\n"))
    }

    fn paragraph(&self, text: &str) -> Option<String> {
        let lines: Vec<String> = text.lines().map(|line| wrapped(line, "")).collect();
        Some(lines.join("\n"))
    }

    fn list(&self, items: &[String]) -> Option<String> {
        let items: Vec<String> = items
            .iter()
            .map(|item| wrapped(&format!("- {item}"), "  "))
            .collect();
        Some(items.join("\n"))
    }
}

/// Words in lines of at most [`WIDTH`] characters, where no single word is longer; all lines but the
/// first are indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        let length = line.chars().count() + 1 + word.chars().count();
        if line.trim().is_empty() {
            line.push_str(word);
        } else if length <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_to_the_width(text in "([a-zλ]{1,30} ?){0,40}") {
            let wrapped = wrapped(&format!("- {text}"), "  ");
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_owned).collect()
            };
            prop_assert_eq!(words(&wrapped), words(&format!("- {text}")));
            for line in wrapped.lines() {
                let is_one_word = line.split_whitespace().count() <= 2;
                prop_assert!(line.chars().count() <= WIDTH || is_one_word, "{line}");
            }
        }
    }
}
