//! Which keys of a document apply: some belong to one kind of network, optimizer or data only.

use super::document::{Node, Value as Found};
use super::key::{Absent, KEYS, Key, Owner};
use super::rule::{Rule, Violation};

/// The declared path of a place in a document: `hooks.every` of `hooks.0.every`.
pub(super) fn declared(place: &str) -> String {
    let parts = place.split('.');
    let names: Vec<&str> = parts
        .filter(|part| part.parse::<usize>().is_err())
        .collect();
    names.join(".")
}

/// The place of another declared key as seen from a place: in the same item of an array, if it is one
/// of its keys.
fn beside(key: &str, place: &str) -> String {
    let (mut of_key, mut of_place) = (key.split('.'), place.split('.'));
    match (
        of_key.next(),
        of_key.next(),
        of_place.next(),
        of_place.next(),
    ) {
        (Some(table), Some(name), Some(array), Some(index))
            if table == array && index.parse::<usize>().is_ok() =>
        {
            format!("{table}.{index}.{name}")
        }
        _ => key.to_owned(),
    }
}

/// The word that another key has as seen from a place, written or by default.
pub(super) fn word(root: &Node, key: &str, place: &str) -> Option<String> {
    let place = beside(key, place);
    match root.get(place.split('.')).map(|node| &node.value) {
        Some(Found::String(word)) => Some(word.clone()),
        Some(_) => None,
        None => match &applicable(root, &place).ok()?.absent {
            Absent::Default(toml::Value::String(word)) => Some(word.clone()),
            _ => None,
        },
    }
}

/// The first condition of a key that does not hold.
fn broken<'k>(root: &Node, key: &'k Key, place: &str) -> Option<&'k Owner> {
    key.owners.iter().find(|owner| {
        let word = word(root, &owner.key, place);
        !word.is_some_and(|word| owner.words.contains(&word.as_str()))
    })
}

/// The declaration that applies at a place of a document.
///
/// # Errors
///
/// The rule that is broken by a key there.
pub(super) fn applicable(root: &Node, place: &str) -> Result<&'static Key, Violation> {
    let path = declared(place);
    let mut foreign: Option<Owner> = None;
    for key in KEYS.entries(&path) {
        let Some(owner) = broken(root, key, place) else {
            return Ok(key);
        };
        match &mut foreign {
            None => foreign = Some(owner.clone()),
            Some(first) if first.key == owner.key => first.words.extend(&owner.words),
            Some(_) => {}
        }
    }
    let owner = foreign.unwrap_or(Owner {
        key: path,
        words: Vec::new(),
    });
    let kind_key = beside(&owner.key, place);
    let rule = Rule::OtherKind {
        found: word(root, &owner.key, place).unwrap_or_default(),
        kinds: owner.words,
        kind_key: kind_key.clone(),
    };
    Err(Violation::new(place, rule).against(kind_key))
}
