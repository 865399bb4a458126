//! Configs for tests.

use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use toml::Value as Toml;

use super::super::key::Key;
use super::super::kind::{Kind, Range};
use super::super::*;

/// The shortest config: every other key has its default.
pub(crate) const PLAIN: &str = "[optimizer]\nlearning_rate = 0.1\n[train]\nepochs = 3";

/// The measures tests know.
pub(crate) const KNOWN: &[&str] = &["hessian.lambda_max", "norm.l2", "loss.train"];

/// [`PLAIN`], checked.
pub(crate) fn plain() -> Config {
    parse(PLAIN, "x.toml", &[], "x", KNOWN).unwrap()
}

/// The configs of the repository.
pub(crate) fn configs() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("configs")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What expands to configs is none.
                if !path.ends_with("sweeps") {
                    folders.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// A value of a declared key.
fn any_value(key: &Key) -> BoxedStrategy<Toml> {
    match key.path.as_str() {
        "name" => "[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}"
            .prop_map(Toml::String)
            .boxed(),
        "hooks.measures" => subsequence(KNOWN.to_vec(), 1..=KNOWN.len())
            .prop_map(Toml::from)
            .boxed(),
        _ => any_of(&key.kind, key.range),
    }
}

fn any_of(kind: &Kind, range: Range) -> BoxedStrategy<Toml> {
    match kind {
        Kind::Boolean => any::<bool>().prop_map(Toml::from).boxed(),
        Kind::Text => "[a-z]{1,8}".prop_map(Toml::String).boxed(),
        // Small numbers divide each other now and then.
        Kind::Count => prop_oneof![1..9_i64, 1..1_000_000_i64]
            .prop_map(Toml::from)
            .boxed(),
        Kind::Whole => prop_oneof![0..9_i64, 0..=i64::MAX]
            .prop_map(Toml::from)
            .boxed(),
        Kind::Names => vec("[a-z]{1,8}", 1..3).prop_map(Toml::from).boxed(),
        Kind::Class => (0..=255_i64).prop_map(Toml::from).boxed(),
        Kind::Real => any_real(range).prop_map(Toml::from).boxed(),
        Kind::Word(words) => select(*words).prop_map(Toml::from).boxed(),
        Kind::List(item) => vec(any_of(item, range), 0..4).prop_map(Toml::from).boxed(),
        Kind::Either(kinds) => {
            let one = select(kinds.clone());
            one.prop_flat_map(move |kind| any_of(&kind, range)).boxed()
        }
    }
}

fn any_real(range: Range) -> BoxedStrategy<f64> {
    // Numbers above 0 that f32 holds, and their products with a double below 1 too.
    let positive = (-45.0..80.0_f64).prop_map(f64::exp);
    prop_oneof![0.0..=0.9999_f64, positive]
        .prop_filter("in range", move |value| range.contains(*value))
        .boxed()
}

/// [`PLAIN`] and more keys; of hooks, those of the first.
fn document(keys: impl IntoIterator<Item = (&'static str, Toml)>) -> Document {
    let mut document = Document::parse(PLAIN, "x.toml").unwrap();
    for (path, value) in keys {
        let place = match path.split_once('.') {
            Some((array, name)) if KEYS.is_array(array) == Some(true) => {
                if document.get(array).is_none() {
                    let item = Toml::Table(toml::Table::new());
                    document.put(array, vec![item].into(), "").unwrap();
                }
                format!("{array}.0.{name}")
            }
            _ => path.to_owned(),
        };
        document.put(&place, value, "").unwrap();
    }
    document
}

/// A document made of some of the declared keys, of which others may exclude some.
fn any_document() -> impl Strategy<Value = Document> {
    let written = |key: &'static Key| {
        // A kind decides which keys apply, so every one of them is seen often.
        let is_kind = key.path.ends_with(".kind");
        let probability = if is_kind { 0.7 } else { 0.15 };
        let value = proptest::option::weighted(probability, any_value(key));
        value.prop_map(|value| value.map(|value| (key.path.as_str(), value)))
    };
    let written: Vec<_> = KEYS.list.iter().map(written).collect();
    written.prop_map(|written| document(written.into_iter().flatten()))
}

/// Any config that keeps all rules: what a document breaks is left out of it, key by key.
pub(crate) fn any_config() -> impl Strategy<Value = Config> {
    any_document().prop_filter_map("keeps the rules", |mut document| {
        for _ in 0..40 {
            match checked(document.clone(), "x", KNOWN) {
                Ok(config) => return Some(config),
                Err(ConfigError::Rule { key, .. }) => {
                    let path = key.path.as_str();
                    let table = path.split('.').next().unwrap_or_default();
                    // A table goes with a key that it lacks.
                    let is_whole = table == "hooks" || document.get(path).is_none();
                    let place = if is_whole { table } else { path };
                    document.get(place)?;
                    document.remove(place, "");
                }
                Err(error) => panic!("{error}"),
            }
        }
        None
    })
}

/// A document in which every key is written, and which no check would accept.
pub(crate) fn every_key() -> String {
    let keys = KEYS.list.iter();
    let keys = keys.map(|key| (key.path.as_str(), one_of(&key.kind)));
    toml::to_string(&document(keys).root).unwrap()
}

fn one_of(kind: &Kind) -> Toml {
    match kind {
        Kind::Boolean => true.into(),
        Kind::Text | Kind::Names => "x".into(),
        Kind::Count | Kind::Whole | Kind::Class => 1.into(),
        Kind::Real => 0.5.into(),
        Kind::Word(words) => words[0].into(),
        Kind::List(item) => Toml::Array(vec![one_of(item)]),
        Kind::Either(kinds) => one_of(&kinds[0]),
    }
}
