//! Comma-separated values: all digits, one number in a cell, nothing where there is none.

use super::{Cell, Column, Kind, Renderer, Table};

/// Prints CSV. An estimate has its error in a column of its own, whose name ends in `_error`.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

impl Renderer for Csv {
    fn table(&self, table: &Table) -> String {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let header = table.columns.iter().flat_map(keys).collect();
        let rows = table.rows.iter().map(|row| {
            let cells = row.iter().zip(&table.columns);
            cells
                .flat_map(|(cell, column)| fields(cell, column.kind))
                .collect()
        });
        for record in std::iter::once(header).chain(rows) {
            let record: Vec<String> = record;
            writer
                .write_record(record)
                .expect("all rows of a table are as wide, and memory takes them");
        }
        let bytes = writer.into_inner().expect("memory takes every byte");
        let text = String::from_utf8(bytes).expect("text was written");
        text.trim_end_matches('\n').to_owned()
    }
}

/// What the column is called, and its errors.
pub(super) fn keys(column: &Column) -> Vec<String> {
    let error = format!("{}_error", column.key);
    match column.kind {
        Kind::Text | Kind::Number => vec![column.key.clone()],
        Kind::Estimate => vec![column.key.clone(), error],
    }
}

fn fields(cell: &Cell, kind: Kind) -> Vec<String> {
    let (value, error) = match cell {
        Cell::Empty | Cell::Missing => (String::new(), None),
        Cell::Number(number) => (number.value.to_string(), number.error),
        Cell::Text(text) | Cell::Code(text) => (text.clone(), None),
        Cell::Count(_) | Cell::Failed(_) => (cell.plain(), None),
    };
    let error = error.map_or_else(String::new, |error| error.to_string());
    match kind {
        Kind::Text | Kind::Number => vec![value],
        Kind::Estimate => vec![value, error],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_file_is_read_back_as_it_was(
            rows in prop::collection::vec(
                (".{0,8}", any::<f64>(), prop::option::of(any::<f64>()), any::<u64>()),
                0..6,
            ),
        ) {
            let columns = [
                Column::text("name, \"quoted\""),
                Column::estimate("value"),
                Column::number("count"),
            ];
            let cells = rows.iter().map(|(name, value, error, count)| {
                vec![name.as_str().into(), Cell::estimate(*value, *error), (*count).into()]
            });
            let text = Csv.table(&Table::new(columns).with_rows(cells));
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
            prop_assert_eq!(header, ["name, \"quoted\"", "value", "value_error", "count"]);
            let read: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), rows.len());
            for (record, (name, value, error, count)) in read.iter().zip(&rows) {
                let number = |text: &str| text.parse::<f64>().ok().map(f64::to_bits);
                prop_assert_eq!(&record[0], name.as_str());
                prop_assert_eq!(number(&record[1]), Some(value.to_bits()));
                prop_assert_eq!(number(&record[2]), error.map(f64::to_bits));
                prop_assert_eq!(record[3].parse::<u64>().ok(), Some(*count));
            }
        }
    }
}
