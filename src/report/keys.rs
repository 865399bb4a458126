//! The keys of a config.

use super::Report;
use crate::config::KeyRow;
use crate::table::{Cell, Column, Page, Table};

impl Report for [KeyRow] {
    fn page(&self) -> Page {
        self.records().into()
    }

    fn records(&self) -> Table {
        let columns = [
            Column::text("key"),
            Column::text("values"),
            Column::text("default"),
            Column::text("only for").keyed("only"),
            Column::text("meaning"),
        ];
        Table::new(columns).with_rows(self.iter().map(|row| {
            vec![
                Cell::Code(row.key.clone()),
                row.values.as_str().into(),
                row.default.as_str().into(),
                row.only.as_str().into(),
                row.meaning.as_str().into(),
            ]
        }))
    }
}
