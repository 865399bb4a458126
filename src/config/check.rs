//! Which names a document may hold: those of declared keys, that belong to what the document is about.

use toml::Value as Toml;

use super::document::Document;
use super::error::ConfigError;
use super::key::Keys;
use super::kind::wrong_type;
use super::renamed;
use crate::nearest::hint;

/// Refuses unknown keys, and then those of another kind of network, optimizer or data.
pub(super) fn names(keys: &Keys, document: &Document) -> Result<(), ConfigError> {
    let places = known_places(keys, document)?;
    let mut places = places.iter();
    places
        .try_for_each(|place| keys.check_owner(&document.root, place))
        .map_err(|violation| document.provenance.blame(violation))
}

/// The places of all keys of a document, none of which is unknown.
fn known_places(keys: &Keys, document: &Document) -> Result<Vec<String>, ConfigError> {
    let wrong = |place: &str, expected, found| {
        let violation = wrong_type(place, expected, found);
        document.provenance.blame(violation)
    };
    let mut places = Vec::new();
    for (name, value) in document.root.as_table().into_iter().flatten() {
        let tables = match (keys.is_array(name), value) {
            (None, _) => {
                places.push(known(keys, document, None, "", name)?);
                continue;
            }
            (Some(false), table) => vec![(name.clone(), table)],
            (Some(true), Toml::Array(items)) => {
                let items = items.iter().enumerate();
                let item = |(index, item)| (format!("{name}.{index}"), item);
                items.map(item).collect()
            }
            (Some(true), other) => return Err(wrong(name, "an array", other)),
        };
        for (here, table) in tables {
            let Toml::Table(entries) = table else {
                return Err(wrong(&here, "a table", table));
            };
            for entry in entries.keys() {
                places.push(known(keys, document, Some(name), &here, entry)?);
            }
        }
    }
    Ok(places)
}

/// The place of a key in a table that stands here.
fn known(
    keys: &Keys,
    document: &Document,
    table: Option<&str>,
    here: &str,
    name: &str,
) -> Result<String, ConfigError> {
    let place = match here {
        "" => name.to_owned(),
        here => format!("{here}.{name}"),
    };
    let allowed = keys.names(table);
    if allowed.contains(&name) {
        return Ok(place);
    }
    let of = match table {
        None => "at the top level".to_owned(),
        Some(table) if keys.is_array(table) == Some(true) => format!("in [[{table}]]"),
        Some(table) => format!("in [{table}]"),
    };
    let hint = match (table, name) {
        (None, "base" | "seeds" | "match" | "axes" | "arms" | "zip" | "unset" | "set") => {
            "; that is a key of sweeps (`lab sweep`): the config of a run stands alone, and `lab init` writes some to begin from."
                .to_owned()
        }
        _ => renamed::hint(&place)
            .unwrap_or_else(|| hint(keys.nearest(table, name).as_deref())),
    };
    let hint = format!("{hint} Allowed {of}: {}", allowed.join(", "));
    let (origin, key) = document.provenance.locate(&place);
    Err(ConfigError::UnknownKey { origin, key, hint })
}
