//! Configs for tests.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::key::{KEYS, Key};
use super::kind::{Kind, Range};
use super::*;

/// The shortest config: every other key has its default.
pub(crate) const PLAIN: &str = "[optimizer]\nlearning_rate = 0.1\n[train]\nepochs = 3";

/// The measures tests know.
pub(crate) const KNOWN: &[&str] = &["hessian.lambda_max", "norm.l2", "loss.train"];

/// [`PLAIN`], checked.
pub(crate) fn plain() -> Config {
    parse(PLAIN, "x.toml", &[], "x", KNOWN).unwrap()
}

/// What is wrong with a config text.
pub(crate) fn message(text: &str) -> String {
    parse(text, "x.toml", &[], "x", KNOWN)
        .unwrap_err()
        .to_string()
}

/// A value of a declared key.
fn any_value(key: &Key) -> BoxedStrategy<toml::Value> {
    match key.path.as_str() {
        "name" => "[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}"
            .prop_map(toml::Value::String)
            .boxed(),
        "hooks.measures" => subsequence(KNOWN.to_vec(), 1..=KNOWN.len())
            .prop_map(|names| {
                toml::Value::Array(names.into_iter().map(toml::Value::from).collect())
            })
            .boxed(),
        _ => any_of(&key.kind, key.range),
    }
}

fn any_of(kind: &Kind, range: Range) -> BoxedStrategy<toml::Value> {
    match kind {
        Kind::Boolean => any::<bool>().prop_map(toml::Value::Boolean).boxed(),
        Kind::Text => "[a-z]{1,8}".prop_map(toml::Value::String).boxed(),
        // Small numbers divide each other now and then.
        Kind::Count => prop_oneof![1..9_i64, 1..1_000_000_i64]
            .prop_map(toml::Value::Integer)
            .boxed(),
        Kind::Whole => prop_oneof![0..9_i64, 0..=i64::MAX]
            .prop_map(toml::Value::Integer)
            .boxed(),
        Kind::Class => (0..=9_i64).prop_map(toml::Value::Integer).boxed(),
        Kind::Real => any_real(range).prop_map(toml::Value::Float).boxed(),
        Kind::Word(words) => select(*words).prop_map(toml::Value::from).boxed(),
        Kind::List(item) => vec(any_of(item, range), 0..4)
            .prop_map(toml::Value::Array)
            .boxed(),
    }
}

fn any_real(range: Range) -> BoxedStrategy<f64> {
    // Numbers above 0 that f32 holds, and their products with a double below 1 too.
    let positive = (-45.0..80.0_f64).prop_map(f64::exp);
    prop_oneof![0.0..=0.9999_f64, positive]
        .prop_filter("in range", move |value| range.contains(*value))
        .boxed()
}

/// The text of a config made of some of the declared keys, of which others may exclude some.
fn any_document() -> impl Strategy<Value = toml::Table> {
    let written: Vec<_> = KEYS
        .list
        .iter()
        .map(|key| {
            // A kind decides which keys apply, so every one of them is seen often.
            let probability = if key.path.ends_with(".kind") {
                0.7
            } else {
                0.15
            };
            (
                Just(key.path.as_str()),
                proptest::option::weighted(probability, any_value(key)),
            )
        })
        .collect();
    written.prop_map(|entries| {
        let mut table: toml::Table = PLAIN.parse().unwrap();
        for (path, value) in entries {
            let Some(value) = value else { continue };
            put(&mut table, path, value);
        }
        table
    })
}

/// Writes a key into a document; of hooks, into the first.
fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    let Some((section, name)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let none: toml::Value = match section {
        "hooks" => vec![toml::Table::new()].into(),
        _ => toml::Table::new().into(),
    };
    let section = table.entry(section).or_insert(none);
    let section = match section {
        toml::Value::Array(items) => &mut items[0],
        table => table,
    };
    let section = section.as_table_mut().unwrap();
    section.insert(name.to_owned(), value);
}

/// Any config that keeps all rules: what a text breaks is left out of it, key by key.
pub(crate) fn any_config() -> impl Strategy<Value = Config> {
    any_document().prop_filter_map("keeps the rules", |mut table| {
        for _ in 0..40 {
            let text = toml::to_string(&table).unwrap();
            match parse(&text, "x.toml", &[], "x", KNOWN) {
                Ok(config) => return Some(config),
                Err(ConfigError::Rule { key, .. } | ConfigError::Fault { key, .. }) => {
                    leave_out(&mut table, &key.path)?;
                }
                Err(error) => panic!("{error}\n{text}"),
            }
        }
        None
    })
}

/// Takes the key at a place out of a document; `None` where nothing is there to take out.
fn leave_out(table: &mut toml::Table, place: &str) -> Option<()> {
    let mut parts = place.split('.');
    let first = parts.next()?;
    if first == "hooks" {
        return table.remove("hooks").map(drop);
    }
    match parts.next() {
        None => table.remove(first).map(drop),
        Some(name) => {
            let found = table.get_mut(first)?.as_table_mut()?.remove(name);
            // A table that lacks what it needs.
            let needed = found.is_none() && KEYS.is_optional(first);
            found
                .or_else(|| needed.then(|| table.remove(first))?)
                .map(drop)
        }
    }
}

/// A document in which every key is written, and which no check would accept.
pub(crate) fn every_key() -> toml::Table {
    let mut table = toml::Table::new();
    for key in &KEYS.list {
        put(&mut table, &key.path, one_of(&key.kind));
    }
    table
}

fn one_of(kind: &Kind) -> toml::Value {
    match kind {
        Kind::Boolean => true.into(),
        Kind::Text => "x".into(),
        Kind::Count | Kind::Whole | Kind::Class => 1.into(),
        Kind::Real => 0.5.into(),
        Kind::Word(words) => words[0].into(),
        Kind::List(item) => toml::Value::Array(vec![one_of(item)]),
    }
}
