//! Figures, each with the numbers that are drawn.

use crate::numbers::Numbers;
use lab_common::figure::{Area, Figure, FigureError, Mark, Panel};
use lab_common::table::{Cell, Column, Csv, Renderer, Table};
use maud::{Markup, PreEscaped, html};

/// Figures beside each other.
pub fn figures(figures: &[Figure], numbers: &mut Numbers) -> Result<Markup, FigureError> {
    let drawn: Vec<Markup> = figures
        .iter()
        .map(|figure| self::figure(figure, &numbers.figure()))
        .collect::<Result<_, _>>()?;
    Ok(html! { div.figures { @for figure in &drawn { (figure) } } })
}

fn figure(figure: &Figure, name: &str) -> Result<Markup, FigureError> {
    let drawing = figure.drawing(name)?;
    let areas: Vec<String> = drawing
        .areas
        .iter()
        .map(|area| area.as_ref().map_or_else(|| "null".to_owned(), list))
        .collect();
    Ok(html! {
        figure data-areas=(format!("[{}]", areas.join(","))) {
            (PreEscaped(drawing.svg.trim_end()))
            details {
                summary { "Numbers: " (figure.title) }
                @for panel in &figure.panels { pre.numbers tabindex="0" { (data(panel)) } }
            }
        }
    })
}

/// What a script has to know of the place of a panel, as JSON.
fn list(area: &Area) -> String {
    let [left, top, width, height] = area.place;
    let (x, y) = (area.x, area.y);
    let numbers = [left, top, width, height, x.low, x.high, y.low, y.high];
    let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
    format!(
        "[{},{},{}]",
        numbers.join(","),
        u8::from(x.is_log),
        u8::from(y.is_log)
    )
}

/// The numbers of a panel, a line for each that is drawn.
fn data(panel: &Panel) -> String {
    let is_field = panel
        .marks
        .iter()
        .any(|mark| matches!(mark, Mark::Heat(_) | Mark::Contour(_)));
    let one = Figure::default().with(panel.clone()).data();
    let names = [
        name(&panel.x),
        name(&panel.y),
        "value".to_owned(),
        "from".to_owned(),
        "to".to_owned(),
    ];
    let headers = std::iter::once(String::new()).chain(names);
    let is_kept = |place: &usize| *place != 3 || is_field;
    let headers = headers.enumerate().filter(|(place, _)| is_kept(place));
    let columns: Vec<Column> = headers.map(|(_, header)| Column::text(header)).collect();
    let rows = one.rows().iter().map(|row| {
        // The first cell is the panel's title, which all rows have.
        let cells = row[1..].iter().enumerate();
        cells
            .filter(|(place, _)| is_kept(place))
            .map(|(_, cell)| Cell::Text(short(cell)))
            .collect()
    });
    Csv.table(&Table::new(columns).with_rows(rows))
}

fn name(axis: &lab_common::figure::Axis) -> String {
    match &axis.unit {
        Some(unit) if unit != "1" => format!("{} ({unit})", axis.name),
        _ => axis.name.clone(),
    }
}

/// A number with six digits, which is more than can be seen.
fn short(cell: &Cell) -> String {
    let Cell::Number(number) = cell else {
        return match cell {
            Cell::Missing | Cell::Empty => String::new(),
            cell => cell.plain(),
        };
    };
    let rounded: f64 = format!("{:.5e}", number.value)
        .parse()
        .unwrap_or(number.value);
    match rounded.abs() {
        size if size != 0.0 && !(1e-4..1e9).contains(&size) => format!("{rounded:e}"),
        _ => rounded.to_string(),
    }
}
