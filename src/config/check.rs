//! What a document must satisfy key by key, as the keys are declared: no unknown key, no wrong type, no
//! key of another kind, no number out of its range, no required key absent.

use super::document::{Node, Value as Found};
use super::fault::{Fault, FaultAt};
use super::key::{Absent, KEYS, PATHS};
use super::kind::with_type;
use super::lookup::applicable;
use super::nearest::nearest_key;
use super::rule::{Rule, Violation};

/// Refuses unknown keys and wrong types.
pub(super) fn shapes(root: &Node) -> Result<(), FaultAt> {
    for (name, node) in entries(root) {
        let found = match &node.value {
            _ if !KEYS.is_table(name) => key(None, name, node),
            Found::Array(items) if KEYS.is_array(name) => {
                items.iter().enumerate().try_for_each(|(index, item)| {
                    table(name, item).map_err(|fault| fault.under(index.to_string()))
                })
            }
            other if KEYS.is_array(name) => Err(wrong(other, "an array")),
            _ => table(name, node),
        };
        found.map_err(|fault| fault.under(name))?;
    }
    Ok(())
}

fn table(name: &str, node: &Node) -> Result<(), FaultAt> {
    if !matches!(node.value, Found::Table(_)) {
        return Err(wrong(&node.value, "a table"));
    }
    entries(node).iter().try_for_each(|(entry, node)| {
        key(Some(name), entry, node).map_err(|fault| fault.under(entry))
    })
}

/// A fault unless some declaration of the key accepts the value: which of them applies is seen later.
fn key(table: Option<&str>, name: &str, node: &Node) -> Result<(), FaultAt> {
    let path = table.map_or_else(|| name.to_owned(), |table| format!("{table}.{name}"));
    let mut refused = None;
    for key in KEYS.entries(&path) {
        match key.kind.check(node) {
            Ok(()) => return Ok(()),
            Err(fault) => refused = refused.or(Some(fault)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let allowed = KEYS.names(table);
        FaultAt::new(Fault::UnknownKey {
            nearest: nearest_key(table, name, &allowed, &PATHS),
            allowed: allowed.into_iter().map(str::to_owned).collect(),
        })
    }))
}

fn wrong(found: &Found, expected: &str) -> FaultAt {
    FaultAt::new(Fault::WrongValue {
        found: with_type(found),
        expected: expected.to_owned(),
        nearest: None,
    })
}

fn entries(node: &Node) -> &[(String, Node)] {
    match &node.value {
        Found::Table(entries) => entries,
        _ => &[],
    }
}

/// Refuses keys that do not apply, numbers out of range, and the absence of required keys, in the
/// order in which keys are declared.
pub(super) fn rules(root: &Node) -> Result<(), Violation> {
    let mut seen: Vec<&str> = Vec::new();
    for key in &KEYS.list {
        if seen.contains(&key.path.as_str()) {
            continue;
        }
        seen.push(&key.path);
        for place in places(root, &key.path) {
            rule_of(root, &place)?;
        }
    }
    Ok(())
}

/// The places of a document where a declared key stands or could stand.
fn places(root: &Node, path: &str) -> Vec<String> {
    match path.split_once('.') {
        Some((array, name)) if KEYS.is_array(array) => {
            let count = match root.get([array]).map(|node| &node.value) {
                Some(Found::Array(items)) => items.len(),
                _ => 0,
            };
            (0..count)
                .map(|index| format!("{array}.{index}.{name}"))
                .collect()
        }
        _ => vec![path.to_owned()],
    }
}

fn rule_of(root: &Node, place: &str) -> Result<(), Violation> {
    let Some(node) = root.get(place.split('.')) else {
        return match applicable(root, place).map(|key| &key.absent) {
            Ok(Absent::Required(what)) => Err(Violation::new(place, Rule::Missing { what })),
            _ => Ok(()),
        };
    };
    let key = applicable(root, place)?;
    if let Err(fault) = key.kind.check(node) {
        return Err(Violation::new(place, Rule::Shape(fault.fault)));
    }
    let found = match node.value {
        Found::Integer(value) => value as f64,
        Found::Float(value) => value,
        _ => return Ok(()),
    };
    if key.range.contains(found) {
        return Ok(());
    }
    let range = key.range;
    Err(Violation::new(place, Rule::Range { range, found }))
}
