//! JSON: a list of objects, one for each row, with the keys of the columns.

use super::csv::keys;
use super::{Cell, Kind, Renderer, Table};
use serde_json::{Map, Value};

/// Prints JSON. An estimate has its error under a key of its own, which ends in `_error`; what there
/// is none of, and a number that is not finite, is null.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Renderer for Json {
    fn table(&self, table: &Table) -> String {
        let rows = table.rows.iter().map(|row| object(table, row));
        format!("{:#}", Value::Array(rows.collect()))
    }
}

fn object(table: &Table, row: &[Cell]) -> Value {
    let cells = row.iter().zip(&table.columns);
    let entries =
        cells.flat_map(|(cell, column)| keys(column).into_iter().zip(values(cell, column.kind)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn values(cell: &Cell, kind: Kind) -> Vec<Value> {
    let (value, error) = match cell {
        Cell::Empty | Cell::Missing => (Value::Null, None),
        Cell::Text(text) | Cell::Code(text) => (text.as_str().into(), None),
        Cell::Count(count) => ((*count).into(), None),
        Cell::Number(number) => (number.value.into(), number.error),
        Cell::Failed(_) => (cell.plain().into(), None),
    };
    match kind {
        Kind::Text | Kind::Number => vec![value],
        Kind::Estimate => vec![value, error.into()],
    }
}
