//! The declared keys for readers: a table, and a JSON schema for editors.

use serde_json::{Value as Json, json};

use super::key::{Absent, Key};
use super::kind::Range;
use super::whole::KEYS;

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
    let owners = key.owners.iter();
    let owners =
        owners.map(|owner| format!("{} {}", owner.key, KEYS.condition(&owner.key, &owner.words)));
    let (_, name, _) = key.kind.said(key.range);
    KeyRow {
        key: key.path.clone(),
        values: match key.range {
            Range::Any => name,
            range => format!("{name} {}", range.phrase()),
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
    let mut top = json!({});
    for key in &KEYS.list {
        let Some((table, name)) = key.path.split_once('.') else {
            add(&mut top, &key.path, key);
            continue;
        };
        let is_array = KEYS.is_array(table) == Some(true);
        let schema = &mut top[table];
        if schema.is_null() {
            let object =
                json!({ "type": "object", "properties": {}, "additionalProperties": false });
            *schema = match is_array {
                true => json!({ "type": "array", "items": object }),
                false => object,
            };
        }
        let object = if is_array {
            &mut schema["items"]
        } else {
            schema
        };
        add(&mut object["properties"], name, key);
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
fn add(properties: &mut Json, name: &str, key: &Key) {
    let row = row(key);
    let only = match row.only.as_str() {
        "" => String::new(),
        only => format!(" Only for {only}."),
    };
    let absent = match &key.absent {
        Absent::Required(what) => format!("Required: {what}."),
        _ => format!("Default: {}.", row.default),
    };
    let (_, _, mut schema) = key.kind.said(key.range);
    schema["description"] = json!(format!("{} {absent}{only}", row.meaning));
    if let Absent::Default(default) = &key.absent {
        schema["default"] = json!(default);
    }
    properties[name] = match properties[name].take() {
        Json::Null => schema,
        mut other => match other.get_mut("anyOf").and_then(Json::as_array_mut) {
            Some(alternatives) => {
                alternatives.push(schema);
                other
            }
            None => json!({ "anyOf": [other, schema] }),
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_key_is_in_the_schema_and_means_something() {
        let schema = schema();
        for key in Config::keys() {
            let place = format!("/properties/{}", key.replace('.', "/properties/"));
            assert!(schema.pointer(&place).is_some_and(Json::is_object), "{key}");
        }
        for row in key_rows() {
            assert!(row.meaning.ends_with('.'), "{row:?}");
        }
    }

    #[test]
    fn the_committed_schema_is_the_declared_one_and_configs_name_it() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let text = std::fs::read_to_string(folder.join("lab.schema.json")).unwrap();
        let committed: Json = serde_json::from_str(&text).unwrap();
        let mend = "run `lab config schema > configs/lab.schema.json`";
        assert_eq!(committed, schema(), "{mend}");
        for (file, text) in crate::config::testing::samples::configs() {
            let line = text.lines().next().unwrap_or_default();
            let path = line.strip_prefix("#:schema ").unwrap_or_default();
            let named = file.parent().unwrap().join(path);
            assert_eq!(
                named.canonicalize().unwrap(),
                folder.join("lab.schema.json")
            );
        }
    }
}
