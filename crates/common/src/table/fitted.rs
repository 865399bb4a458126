//! Lines that are no longer than those of a terminal: words are wrapped, and the columns of words of a table are made
//! narrower, their cells in several lines.

use super::terminal::wrapped;
use super::{Cell, Kind, Markdown, Renderer, Table, Terminal};
use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use std::cmp::Reverse;

/// Prints for a terminal that is so wide.
#[derive(Clone, Copy, Debug)]
pub struct Fitted {
    /// The characters in a line.
    pub width: usize,
    /// Whether tables have the bars of Markdown's.
    pub has_bars: bool,
}

/// How long the words of a column may be that are not cut: the first of these with which there is room. What a user types is
/// never cut.
const LONGEST_WORDS: [usize; 5] = [usize::MAX, 24, 16, 14, 12];

impl Renderer for Fitted {
    fn table(&self, table: &Table) -> String {
        let caption = table.caption.as_ref();
        let caption = caption.map_or_else(String::new, |text| {
            format!("{}\n\n", wrapped(text, "", self.width))
        });
        format!("{caption}{}", self.framed(table))
    }

    fn paragraph(&self, text: &str) -> Option<String> {
        let lines = text.lines().map(|line| wrapped(line, "", self.width));
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    fn list(&self, items: &[String]) -> Option<String> {
        let items = items.iter();
        let items = items.map(|item| wrapped(&format!("- {item}"), "  ", self.width));
        Some(items.collect::<Vec<_>>().join("\n"))
    }
}

impl Fitted {
    /// The rows in lines. Columns that have no room beside the others follow below, the first before them again.
    fn framed(&self, table: &Table) -> String {
        if table.columns.is_empty() {
            return String::new();
        }
        let mut left: Vec<usize> = (1..table.columns.len()).collect();
        let mut parts = Vec::new();
        loop {
            let part = |count: usize| of_columns(table, &left[..count]);
            let fits = |count: &usize| self.fitted(&part(*count)).is_some();
            // A column that has no room even beside the first alone is as wide as it is.
            let count = (1..=left.len()).rev().find(fits);
            let count = count.unwrap_or(left.len().min(1));
            let part = part(count);
            parts.push(
                self.fitted(&part)
                    .unwrap_or_else(|| trimmed(&self.frame(&part))),
            );
            left.drain(..count);
            if left.is_empty() {
                return parts.join("\n\n");
            }
        }
    }

    fn frame(&self, table: &Table) -> comfy_table::Table {
        match self.has_bars {
            true => Markdown::framed(table),
            false => Terminal::framed(table),
        }
    }

    /// The rows in lines that are no longer than allowed; none where the columns have too little room to be read.
    fn fitted(&self, table: &Table) -> Option<String> {
        let natural = trimmed(&self.frame(table));
        if longest(&natural) <= self.width {
            return Some(natural);
        }
        let [between, edges, padding] = if self.has_bars { [3, 1, 2] } else { [2, 0, 1] };
        let room = self
            .width
            .checked_sub(between * table.columns.len() + edges)?;
        let mut frame = self.frame(table);
        let content = frame.column_max_content_widths();
        let content: Vec<usize> = content.into_iter().map(usize::from).collect();
        let widths = widths(table, &content, room)?;
        frame.set_content_arrangement(ContentArrangement::Dynamic);
        frame.set_width(u16::try_from(self.width).unwrap_or(u16::MAX));
        for (column, width) in frame.column_iter_mut().zip(widths) {
            let width = u16::try_from(width + padding).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        Some(trimmed(&frame))
    }
}

/// A table of the first column and these others, without a caption.
fn of_columns(table: &Table, others: &[usize]) -> Table {
    let places = || std::iter::once(0).chain(others.iter().copied());
    let columns = places().map(|place| table.columns[place].clone());
    let rows = table.rows.iter();
    let rows = rows.map(|row| places().map(|place| row[place].clone()).collect());
    Table::new(columns).with_rows(rows)
}

/// The widths of columns whose sum is no more than a room, none wider than it needs: numbers stay whole, words share what
/// those leave; none where they do not even have room for short words.
fn widths(table: &Table, content: &[usize], room: usize) -> Option<Vec<usize>> {
    let of_words = |most: usize| -> Vec<usize> {
        let columns = content.iter().enumerate();
        columns
            .map(|(column, content)| least(table, column, most).min(*content))
            .collect()
    };
    let mut candidates = LONGEST_WORDS.into_iter().map(of_words);
    let mut widths = candidates.find(|least| least.iter().sum::<usize>() <= room)?;
    let mut left = room - widths.iter().sum::<usize>();
    while left > 0 {
        // What lacks most gets the next character.
        let lacking = (0..widths.len()).filter(|column| widths[*column] < content[*column]);
        let share = |column: &usize| {
            (
                content[*column] * 100 / widths[*column].max(1),
                Reverse(*column),
            )
        };
        let Some(next) = lacking.max_by_key(share) else {
            break;
        };
        widths[next] += 1;
        left -= 1;
    }
    Some(widths)
}

/// The characters that a column has at least: those of its longest word, as far as words are not cut, or of its longest number.
fn least(table: &Table, column: usize, most: usize) -> usize {
    let of_words = |text: &str| {
        let words = text.split_whitespace().map(|word| word.chars().count());
        words.max().unwrap_or_default()
    };
    let is_of_words = table.columns[column].kind == Kind::Text;
    let cells = table.rows.iter().map(|row| match &row[column] {
        // With its backticks.
        Cell::Code(code) => of_words(code) + 2,
        cell if is_of_words => of_words(&cell.plain()).min(most),
        cell => cell.plain().chars().count(),
    });
    let header = of_words(&table.columns[column].header);
    cells.max().unwrap_or_default().max(header.min(most))
}

fn trimmed(frame: &comfy_table::Table) -> String {
    let text = frame.to_string();
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

fn longest(text: &str) -> usize {
    let lengths = text.lines().map(|line| line.chars().count());
    lengths.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;
    use proptest::prelude::*;

    fn table() -> Table {
        let columns = [
            Column::text("name"),
            Column::text("claim"),
            Column::number("seconds"),
        ];
        let claim =
            "The largest eigenvalue rises until it is at the line up to which steps are stable";
        Table::new(columns).with_rows([
            vec![
                Cell::Code("edge".to_owned()),
                claim.into(),
                Cell::number(1.5),
            ],
            vec![
                Cell::Code("noise-scale".to_owned()),
                "Short".into(),
                Cell::number(12.25),
            ],
        ])
    }

    #[test]
    fn a_column_of_words_is_wrapped_to_the_width() {
        let of = |width, has_bars| Fitted { width, has_bars }.table(&table());
        insta::assert_snapshot!(of(60, true), @r"
        | name          | claim                          | seconds |
        |---------------|--------------------------------|---------|
        | `edge`        | The largest eigenvalue rises   |   1.500 |
        |               | until it is at the line up to  |         |
        |               | which steps are stable         |         |
        | `noise-scale` | Short                          |   12.25 |
        ");
        insta::assert_snapshot!(of(50, false), @r"
        name         claim                       seconds
        ──────────── ─────────────────────────── ────────
        edge         The largest eigenvalue        1.500
                     rises until it is at the
                     line up to which steps are
                     stable
        noise-scale  Short                         12.25
        ");
        // There is room for all; for two columns beside each other; for none.
        assert_eq!(of(200, true), Markdown.table(&table()));
        insta::assert_snapshot!(of(30, true), @r"
        | name          | claim      |
        |---------------|------------|
        | `edge`        | The        |
        |               | largest    |
        |               | eigenvalue |
        |               | rises      |
        |               | until it   |
        |               | is at the  |
        |               | line up to |
        |               | which      |
        |               | steps are  |
        |               | stable     |
        | `noise-scale` | Short      |

        | name          | seconds |
        |---------------|---------|
        | `edge`        |   1.500 |
        | `noise-scale` |   12.25 |
        ");
        assert!(of(10, true).contains("| `edge`        | The largest eigenvalue rises until "));
    }

    #[test]
    fn what_is_to_be_copied_stays_in_one_line() {
        let text = "This adds them: `lab measure runs/a --measures hessian.lambda_max --append`.";
        let fitted = Fitted {
            width: 30,
            has_bars: true,
        };
        assert_eq!(
            fitted.paragraph(text).unwrap(),
            "This adds them:\n`lab measure runs/a --measures hessian.lambda_max --append`."
        );
    }

    proptest! {
        #[test]
        fn no_line_is_longer_and_no_word_is_lost(
            texts in prop::collection::vec("([a-z]{1,9} ){0,30}", 4), width in 40..120_usize, has_bars: bool,
        ) {
            let columns = ["a", "b"].map(Column::text);
            let rows = texts.chunks(2).map(|row| row.iter().map(|text| Cell::from(text.trim())).collect());
            let table = Table::new(columns).with_rows(rows);
            let text = Fitted { width, has_bars }.table(&table);
            prop_assert!(longest(&text) <= width, "{text}");
            let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).count();
            prop_assert_eq!(letters(&text), 2 + texts.iter().map(|text| letters(text)).sum::<usize>());
        }
    }
}
