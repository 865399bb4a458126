//! The declared keys for readers: a table, and a JSON schema for editors.

use serde_json::{Map, Value as Json, json};

use super::key::{Absent, KEYS, Key};
use super::kind::Range;

/// A line of the table of keys.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeyRow {
    /// Its path.
    pub key: String,
    /// Its type and range.
    pub values: String,
    /// What holds without it.
    pub default: String,
    /// What it belongs to; empty for every config.
    pub only: String,
    /// What it means.
    pub meaning: String,
}

/// The declared keys as a table.
pub fn key_rows() -> Vec<KeyRow> {
    KEYS.list.iter().map(row).collect()
}

fn row(key: &Key) -> KeyRow {
    let owners = key.owners.iter().map(|owner| {
        let words: Vec<String> = owner.words.iter().map(|word| format!("{word:?}")).collect();
        format!("{} = {}", owner.key, words.join(" or "))
    });
    KeyRow {
        key: key.path.clone(),
        values: match key.range {
            Range::Any => key.kind.name(),
            range => format!("{} {}", key.kind.name(), range.phrase()),
        },
        default: match &key.absent {
            Absent::Required(_) => "required".to_owned(),
            Absent::Default(value) => value.to_string(),
            Absent::Described(words) => (*words).to_owned(),
        },
        only: owners.collect::<Vec<_>>().join(" and "),
        meaning: key.doc.trim().to_owned(),
    }
}

/// The JSON schema (draft 7) of a config, for editors that complete and check TOML by one.
pub fn schema() -> Json {
    let mut top = Map::new();
    let mut tables: Vec<(&str, Map<String, Json>)> = Vec::new();
    for key in &KEYS.list {
        let Some((table, name)) = key.path.split_once('.') else {
            add(&mut top, &key.path, key);
            continue;
        };
        match tables.iter_mut().find(|(other, _)| *other == table) {
            Some((_, properties)) => add(properties, name, key),
            None => {
                let mut properties = Map::new();
                add(&mut properties, name, key);
                tables.push((table, properties));
            }
        }
    }
    for (table, properties) in tables {
        let object =
            json!({ "type": "object", "properties": properties, "additionalProperties": false });
        let schema = match KEYS.is_array(table) {
            true => json!({ "type": "array", "items": object }),
            false => object,
        };
        top.insert(table.to_owned(), schema);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A run of lab",
        "type": "object",
        "properties": top,
        "additionalProperties": false,
    })
}

/// Adds a key to the properties of its table. Where a path is declared for several owners, its values
/// are those of any of them.
fn add(properties: &mut Map<String, Json>, name: &str, key: &Key) {
    let row = row(key);
    let mut schema = key.kind.schema(key.range);
    let only = match row.only.as_str() {
        "" => String::new(),
        only => format!(" Only for {only}."),
    };
    let absent = match &key.absent {
        Absent::Required(what) => format!("Required: {what}."),
        _ => format!("Default: {}.", row.default),
    };
    schema["description"] = json!(format!("{} {absent}{only}", row.meaning));
    if let Absent::Default(default) = &key.absent {
        schema["default"] = json!(default);
    }
    match properties.remove(name) {
        None => properties.insert(name.to_owned(), schema),
        Some(Json::Object(mut other)) if other.contains_key("anyOf") => {
            if let Some(Json::Array(alternatives)) = other.get_mut("anyOf") {
                alternatives.push(schema);
            }
            properties.insert(name.to_owned(), Json::Object(other))
        }
        Some(other) => properties.insert(name.to_owned(), json!({ "anyOf": [other, schema] })),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_key_is_in_the_schema_with_its_meaning() {
        let schema = schema();
        for key in Config::keys() {
            let mut place = &schema["properties"];
            for (depth, part) in key.split('.').enumerate() {
                place = match depth {
                    0 => &place[part],
                    _ => &place["properties"][part],
                };
            }
            assert!(place.is_object(), "{key}");
        }
        let rate = &schema["properties"]["optimizer"]["properties"]["learning_rate"];
        assert_eq!(rate["exclusiveMinimum"], json!(0));
        let description = rate["description"].as_str().unwrap();
        assert!(
            description.ends_with("Required: a number above 0."),
            "{description}"
        );
        let activation = &schema["properties"]["model"]["properties"]["activation"]["anyOf"];
        let defaults: Vec<&str> = (0..3)
            .filter_map(|index| activation[index]["default"].as_str())
            .collect();
        assert_eq!(defaults, ["relu", "relu", "gelu"]);
        let every = &schema["properties"]["hooks"]["items"]["properties"]["every"];
        assert_eq!(every["minimum"], json!(1));
    }

    #[test]
    fn every_key_means_something() {
        for row in key_rows() {
            assert!(row.meaning.ends_with('.'), "{row:?}");
        }
    }

    #[test]
    fn a_key_of_several_kinds_is_one_line_where_it_is_the_same() {
        let rows = key_rows();
        let momentum: Vec<&KeyRow> = rows
            .iter()
            .filter(|row| row.key == "optimizer.momentum")
            .collect();
        assert_eq!(momentum.len(), 1);
        assert_eq!(
            momentum[0].only,
            "optimizer.kind = \"sgd\" or \"gd\" or \"signsgd\" or \"rmsprop\""
        );
        assert_eq!(momentum[0].values, "number in [0, 1)");
        assert_eq!(momentum[0].default, "0.0");
    }
}
