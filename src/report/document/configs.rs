//! The configs side by side.

use crate::config::Config;
use crate::plot::{Kind, PlottedRun};
use crate::table::{Cell, Column, Table};
use lab_page::{Grid, Part, Section};

/// More values of one key than this are counted, not listed.
const LISTED: usize = 12;

/// Every key with its value in each kind of runs, those that differ marked, and one config of each kind whole.
pub(super) fn section(runs: &[PlottedRun], kinds: &[Kind]) -> Section {
    let whole = [Kind {
        label: "all runs".to_owned(),
        members: (0..runs.len()).collect(),
    }];
    let kinds = if kinds.is_empty() { &whole[..] } else { kinds };
    let configs = |kind: &Kind| -> Vec<&Config> {
        let members = kind.members.iter();
        members.map(|place| &runs[*place].run.config).collect()
    };
    let columns = kinds.iter().map(|kind| Column::text(&kind.label));
    let columns = std::iter::once(Column::text("key")).chain(columns);
    let (mut rows, mut differing) = (Vec::new(), Vec::new());
    for key in Config::keys() {
        // Whole tables of a kind, such as the hooks, are one value.
        let values: Vec<String> = kinds
            .iter()
            .map(|kind| values(&configs(kind), key))
            .collect();
        if values.iter().all(String::is_empty) {
            continue;
        }
        if values.iter().any(|value| *value != values[0]) {
            differing.push(rows.len());
        }
        let cells = values.into_iter().map(|value| match value.as_str() {
            "" => Cell::Missing,
            _ => Cell::Code(value),
        });
        let name = std::iter::once(Cell::Code((*key).to_owned()));
        rows.push(name.chain(cells).collect());
    }
    let caption = match (kinds.len(), differing.len()) {
        (1, _) => "Every key that applies, defaults included.".to_owned(),
        (_, 1) => "Every key that applies, defaults included; 1 differs.".to_owned(),
        (_, count) => format!("Every key that applies, defaults included; {count} differ."),
    };
    let table = Table::new(columns).captioned(caption).with_rows(rows);
    let section = Section::new("Configs").with(Part::Table(
        Grid::from(table).marked(differing, "differing"),
    ));
    kinds.iter().fold(section, |section, kind| {
        let Some(config) = configs(kind).first().copied() else {
            return section;
        };
        section.with(Part::Folded {
            title: format!(
                "{}: the config of seed {} as a file",
                kind.label, config.seed
            ),
            parts: vec![Part::Code(config.to_toml())],
        })
    })
}

/// The values of a key in some configs, as a file has them.
fn values(configs: &[&Config], key: &str) -> String {
    let mut found: Vec<String> = Vec::new();
    for config in configs {
        let value = config.value(key).map(|value| value.to_string());
        found.extend(value.filter(|value| !found.contains(value)));
    }
    match found.len() {
        0..=LISTED => found.join(", "),
        count => format!("{}, ... ({count} values)", found[..LISTED].join(", ")),
    }
}
