//! Values of keys: what they are, in which order they stand, and how they are written.

use super::BATCH_SIZE;
use crate::config::Config;
use std::cmp::Ordering;
use std::path::Path;
use toml::Value;

/// Keys that may be paths of files.
pub(super) const PATHS: [&str; 7] = [
    "data.file",
    "data.test_file",
    "data.folder",
    "data.inputs",
    "data.targets",
    "data.test_inputs",
    "data.test_targets",
];

/// The value of a key of a config, written out as a table.
pub(super) fn value_of(key: &str, config: &Config, table: &toml::Table) -> Option<Value> {
    if key == BATCH_SIZE && config.train.full_batch {
        return Some(Value::String("all".to_owned()));
    }
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let value = table.get(first)?;
    let mut inner = rest.split('.').filter(|part| !part.is_empty());
    let value = inner.try_fold(value, |value, part| value.get(part))?;
    // Where a file lies is no part of what it is; what is in it is told by its digest.
    let path = value.as_str().map(Path::new);
    let name = path.filter(|path| path.is_absolute() && PATHS.contains(&key));
    let name = name.and_then(|path| path.file_name()?.to_str());
    Some(name.map_or_else(|| value.clone(), |name| Value::String(name.to_owned())))
}

pub(super) fn listed(values: &[Option<Value>]) -> String {
    let texts: Vec<String> = values.iter().map(|value| text(value.as_ref())).collect();
    texts.join(", ")
}

pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "unset".to_owned(),
    }
}

/// What is not set comes last: a batch size that is not set is the whole data set.
pub(super) fn order_of_optional(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => order_of(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// Booleans, then numbers by size, then words, then lists by their elements.
fn order_of(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    let rank = |value: &Value| match value {
        Value::Boolean(_) => 0,
        Value::Integer(_) | Value::Float(_) => 1,
        Value::String(_) => 2,
        Value::Datetime(_) => 3,
        Value::Array(_) => 4,
        Value::Table(_) => 5,
    };
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let mut orders = a.iter().zip(b).map(|(a, b)| order_of(a, b));
            let first = orders.find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => rank(a)
                .cmp(&rank(b))
                .then_with(|| a.to_string().cmp(&b.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(list: &str) -> String {
        let table: toml::Table = format!("values = {list}").parse().unwrap();
        let mut values: Vec<Option<Value>> = table["values"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .map(Some)
            .collect();
        values.insert(0, None);
        values.sort_by(|a, b| order_of_optional(a.as_ref(), b.as_ref()));
        listed(&values)
    }

    #[test]
    fn values_are_ordered_by_what_they_are() {
        let cases = [
            ("[1000, 32, 512.5]", "32, 512.5, 1000, unset"),
            ("[true, false]", "false, true, unset"),
            (
                "[[128], [16, 16], [64], [16], [9, 2], [64, 1]]",
                "[9, 2], [16], [16, 16], [64], [64, 1], [128], unset",
            ),
            (
                "[\"wide\", 3, [2], true, \"thin\", 0.5]",
                "true, 0.5, 3, thin, wide, [2], unset",
            ),
            (
                "[[\"flip\", \"crop\"], [], [\"crop\"]]",
                "[], [\"crop\"], [\"flip\", \"crop\"], unset",
            ),
        ];
        for (list, expected) in cases {
            assert_eq!(sorted(list), expected);
        }
    }
}
