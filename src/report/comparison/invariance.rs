//! Which of the maps that leave the networks' function alone move which measures.

use crate::compare::{Comparison, Line};
use crate::measure::find;
use crate::reparam::MapKind;
use crate::report::two_digits;
use crate::table::{Cell, Column, Table};

/// Measures down, maps across; none where the networks have no maps.
pub(super) fn table(comparison: &Comparison) -> Option<Table> {
    let maps = &comparison.maps;
    let is_claim = |line: &&Line| {
        find(&line.name).is_some_and(|measure| !measure.is_check && !measure.is_given)
    };
    let lines: Vec<&Line> = comparison.lines.iter().filter(is_claim).collect();
    if maps.is_empty() || lines.is_empty() {
        return None;
    }
    let columns = std::iter::once(Column::text("measure"))
        .chain(maps.iter().map(|map| Column::text(map.to_string())));
    let caption = "Maps of the parameters that leave the function of these networks alone, and what each does to a \
                   measure: survives, by its definition; moved, or moved by so many times where runs have tried it.";
    let rows = lines.into_iter().map(|line| {
        let cells = maps.iter().map(|map| Cell::from(word(line, *map)));
        std::iter::once(line.label().into()).chain(cells).collect()
    });
    Some(Table::new(columns).captioned(caption).with_rows(rows))
}

fn word(line: &Line, map: MapKind) -> String {
    let movement = line.moved_by.iter().find(|movement| movement.map == map);
    match movement.map(|movement| movement.ratio) {
        None => "survives".to_owned(),
        Some(None) => "moved".to_owned(),
        Some(Some(ratio)) => format!("moved ×{}", two_digits(ratio)),
    }
}
