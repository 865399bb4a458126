//! Tables.

use crate::page::Grid;
use lab_common::table::{Alignment, Cell, Column};
use maud::{Markup, html};

/// A table, in a region that is scrolled where it is wider than the page.
pub fn grid(grid: &Grid) -> Markup {
    let table = &grid.table;
    let caption = table.caption().unwrap_or("Table");
    let is_marked = |place: usize| grid.marked.contains(&place);
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table data-mark=[(!grid.mark.is_empty()).then_some(grid.mark.as_str())] {
                @if let Some(caption) = table.caption() { caption { (caption) } }
                thead {
                    tr {
                        @for column in table.columns() {
                            th scope="col" class=[side(column)] { (column.header()) }
                        }
                    }
                }
                tbody {
                    @for (place, row) in table.rows().iter().enumerate() {
                        tr class=[is_marked(place).then_some("marked")] {
                            @for (index, (cell, column)) in row.iter().zip(table.columns()).enumerate() {
                                @if index == 0 {
                                    th scope="row" class=[side(column)] data-value=[value(cell)] { (broken(cell)) }
                                } @else {
                                    td class=[side(column)] data-value=[value(cell)] { (content(cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn side(column: &Column) -> Option<&'static str> {
    (column.alignment() == Alignment::Right).then_some("right")
}

/// All digits, by which rows are sorted.
fn value(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Number(number) => Some(number.value.to_string()),
        Cell::Count(count) => Some(count.to_string()),
        _ => None,
    }
}

/// A name, which may be broken after its dots and underscores where there is little room.
fn broken(cell: &Cell) -> Markup {
    let text = cell.plain();
    let parts = html! {
        @for part in text.split_inclusive(['.', '_']) { (part) wbr; }
    };
    match cell {
        Cell::Code(_) => html! { code { (parts) } },
        Cell::Text(_) => parts,
        cell => content(cell),
    }
}

fn content(cell: &Cell) -> Markup {
    let text = cell.plain();
    match cell {
        Cell::Code(_) => html! { code { (text) } },
        Cell::Failed(_) => html! { span.failed { (text) } },
        _ => html! { (text) },
    }
}
