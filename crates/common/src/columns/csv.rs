//! Columns as comma-separated values.

use super::{Columns, Values};
use std::fmt::Write;

pub(super) fn text(columns: &Columns) -> String {
    let mut text = String::new();
    let names = columns.columns.iter().map(|(name, _)| quoted(name));
    text.push_str(&names.collect::<Vec<_>>().join(","));
    text.push('\n');
    for row in 0..columns.rows() {
        for (place, (_, values)) in columns.columns.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            write_value(&mut text, values, row);
        }
        text.push('\n');
    }
    text
}

fn write_value(text: &mut String, values: &Values, row: usize) {
    // Writing to a string does not fail. The digits of `{:?}` are those that a number is read back from, with an exponent
    // where it is very large or small.
    let _ = match values {
        Values::Text(values) => values[row]
            .as_ref()
            .map_or(Ok(()), |value| write!(text, "{}", quoted(value))),
        Values::Number(values) => values[row].map_or(Ok(()), |value| write!(text, "{value:?}")),
        Values::Count(values) => values[row].map_or(Ok(()), |value| write!(text, "{value}")),
        Values::Truth(values) => values[row].map_or(Ok(()), |value| write!(text, "{value}")),
    };
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
