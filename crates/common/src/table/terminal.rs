//! Plain text for a terminal: columns without bars, words in lines that are not too long to read.

use super::{Alignment, Renderer, Table, one_line};
use comfy_table::{Cell as Framed, CellAlignment, LineStyle, TableStyle};

/// Prints plain text.
#[derive(Clone, Copy, Debug)]
pub struct Terminal;

/// Characters in a line of words.
const WIDTH: usize = 100;

impl Terminal {
    /// A table without its caption.
    pub(super) fn framed(table: &Table) -> comfy_table::Table {
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
        frame
    }
}

impl Renderer for Terminal {
    fn table(&self, table: &Table) -> String {
        let frame = Self::framed(table).to_string();
        let caption = table.caption.as_ref();
        let caption = caption.map_or_else(String::new, |text| {
            format!("{}\n\n", wrapped(text, "", WIDTH))
        });
        let lines: Vec<&str> = frame.lines().map(str::trim_end).collect();
        format!("{caption}{}", lines.join("\n"))
    }

    fn paragraph(&self, text: &str) -> Option<String> {
        let lines: Vec<String> = text.lines().map(|line| wrapped(line, "", WIDTH)).collect();
        Some(lines.join("\n"))
    }

    fn list(&self, items: &[String]) -> Option<String> {
        let items: Vec<String> = items
            .iter()
            .map(|item| wrapped(&format!("- {item}"), "  ", WIDTH))
            .collect();
        Some(items.join("\n"))
    }
}

/// Words in lines of at most so many characters, where no single word is longer; all lines but the first are indented.
/// What stands between backticks is one word: a command is copied as a whole.
pub(super) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        let length = line.chars().count() + 1 + word.chars().count();
        if line.trim().is_empty() {
            line.push_str(&word);
        } else if line == "-" {
            // What a list begins with is no line by itself.
            line.push(' ');
            line.push_str(&word);
        } else if length <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n")
}

/// The words of a text.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut is_code, has_pairs) = (false, text.matches('`').count().is_multiple_of(2));
    for word in text.split_whitespace() {
        match words.last_mut().filter(|_| is_code) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
        is_code ^= has_pairs && !word.matches('`').count().is_multiple_of(2);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_to_the_width(text in "([a-zλ]{1,30} ?){0,40}") {
            let wrapped = wrapped(&format!("- {text}"), "  ", WIDTH);
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
