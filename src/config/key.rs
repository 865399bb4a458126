//! The declared keys, as a list: what each can be, its default, which kind of network or optimizer it
//! belongs to, and what it means. Every section declares its own; nothing is written down twice.

use toml::Value as Toml;

use super::document::at;
use super::error::Violation;
use super::kind::{Kind, Range, Value, quoted};
use crate::nearest::nearest;

/// What holds where a key is not written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Absent {
    /// It must be written.
    Required(&'static str),
    /// It has this value.
    Default(Toml),
    /// It has no value, or one that follows from other keys, in words.
    Described(&'static str),
}

impl Absent {
    /// What holds by default; an empty `Option` is unset.
    pub(super) fn default<T: Value>(value: &T) -> Self {
        Toml::try_from(value).map_or(Self::Described("unset"), Self::Default)
    }
}

/// A key that a config can have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    /// Its path: `optimizer.momentum`; `hooks.every` for a key of each item of `[[hooks]]`.
    pub path: String,
    /// The type of its value.
    pub kind: Kind,
    /// What numbers are confined to.
    pub range: Range,
    /// What holds without it.
    pub absent: Absent,
    /// What must be so for the key to apply; all of them.
    pub owners: Vec<Owner>,
    /// What it means.
    pub doc: &'static str,
}

/// The words of another key for which a key applies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owner {
    /// The path of the other key.
    pub key: String,
    /// The words.
    pub words: Vec<&'static str>,
}

/// A list of keys under construction, and afterwards.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// The keys. A path stands here more than once where the key means something else, or has another
    /// default, for another owner.
    pub list: Vec<Key>,
    tables: Vec<(&'static str, bool)>,
    table: Option<&'static str>,
    owners: Vec<Owner>,
}

impl Keys {
    /// Adds a key of the table being described, which holds values of type `T`.
    pub(super) fn push<T: Value>(
        &mut self,
        name: &str,
        range: Range,
        absent: Absent,
        doc: &'static str,
    ) {
        let key = Key {
            path: self.path(name),
            kind: T::kind(),
            range,
            absent,
            owners: self.owners.clone(),
            doc,
        };
        let Some(twin) = self.list.iter_mut().find(|other| other.is_twin(&key)) else {
            return self.list.push(key);
        };
        for (owner, other) in twin.owners.iter_mut().zip(key.owners) {
            let all = owner.words.iter().copied().chain(other.words);
            owner.words = distinct(all);
        }
    }

    /// Describes what stands in a table, or in each table of an array.
    pub(super) fn within(
        &mut self,
        table: &'static str,
        is_array: bool,
        describe: impl FnOnce(&mut Self),
    ) {
        self.tables.push((table, is_array));
        let outer = self.table.replace(table);
        describe(self);
        self.table = outer;
    }

    /// Describes what applies for some words of another key; its path is seen from the table being
    /// described.
    pub(super) fn owned(
        &mut self,
        key: &str,
        words: &[&'static str],
        describe: impl FnOnce(&mut Self),
    ) {
        self.owners.push(Owner {
            key: self.path(key),
            words: words.to_vec(),
        });
        describe(self);
        self.owners.pop();
    }

    /// The path of a key, which may already be one.
    fn path(&self, name: &str) -> String {
        match self.table {
            Some(table) if !name.contains('.') => format!("{table}.{name}"),
            _ => name.to_owned(),
        }
    }

    /// Whether a name at the top level, if it is that of a table, stands for an array of tables.
    pub(super) fn is_array(&self, name: &str) -> Option<bool> {
        let mut tables = self.tables.iter();
        let (_, is_array) = tables.find(|(table, _)| *table == name)?;
        Some(*is_array)
    }

    /// The entries of the key at a place of a document: `hooks.every` of `hooks.0.every`.
    fn entries(&self, place: &str) -> impl Iterator<Item = &Key> {
        let path = declared(place);
        self.list.iter().filter(move |key| key.path == path)
    }

    /// The names that are allowed in a table, or at the top level.
    pub(super) fn names(&self, table: Option<&str>) -> Vec<&str> {
        distinct(
            self.list
                .iter()
                .filter_map(|key| match (table, key.path.split_once('.')) {
                    (None, None) => Some(key.path.as_str()),
                    (None, Some((table, _))) => Some(table),
                    (Some(table), Some((of, name))) if of == table => Some(name),
                    _ => None,
                }),
        )
    }

    /// The paths of all keys; an array of tables counts as one.
    pub(super) fn paths(&self) -> Vec<&str> {
        distinct(self.list.iter().map(|key| match key.path.split_once('.') {
            Some((table, _)) if self.is_array(table) == Some(true) => table,
            _ => &key.path,
        }))
    }

    /// The full path of the key that was probably meant by an unknown one in a table, or at the top
    /// level: a well-known abbreviation, the same key of another table, or the nearest key of this one.
    pub(super) fn nearest(&self, table: Option<&str>, found: &str) -> Option<String> {
        let synonym = SYNONYMS.iter().find(|(short, _)| *short == found);
        let leaf = synonym.map_or(found, |(_, key)| key);
        let allowed = self.names(table);
        let in_table = |key: &str| match table {
            Some(table) => format!("{table}.{key}"),
            None => key.to_owned(),
        };
        if allowed.contains(&leaf) {
            return Some(in_table(leaf));
        }
        let paths = self.paths();
        let elsewhere = |path: &&&str| path.rsplit_once('.').is_some_and(|(_, key)| key == leaf);
        match paths.iter().find(elsewhere) {
            Some(path) => Some((*path).to_owned()),
            None => nearest(found, &allowed).map(in_table),
        }
    }

    /// The word that a key has as seen from a table, written or by default; none that is not its own.
    pub(super) fn word<'a>(&'a self, root: &'a Toml, key: &str, here: &str) -> Option<&'a str> {
        let place = beside(key, here);
        let Some(found) = at(root, &place) else {
            return match &self.applicable(root, &place)?.absent {
                Absent::Default(word) => word.as_str(),
                _ => None,
            };
        };
        let is_known = |word: &&str| {
            let is_one = |key: &Key| matches!(&key.kind, Kind::Word(words) if words.contains(word));
            self.entries(&place).any(is_one)
        };
        found.as_str().filter(is_known)
    }

    /// The first condition of a key that does not hold. Where the other key has no word of its own,
    /// that is what is wrong, not this.
    fn broken<'k>(&self, root: &Toml, key: &'k Key, place: &str) -> Option<&'k Owner> {
        key.owners.iter().find(|owner| {
            let word = self.word(root, &owner.key, table_of(place));
            word.is_some_and(|word| !owner.words.contains(&word))
        })
    }

    /// The declaration that applies at a place of a document, if one does.
    pub(super) fn applicable(&self, root: &Toml, place: &str) -> Option<&Key> {
        let mut entries = self.entries(place);
        entries.find(|key| self.broken(root, key, place).is_none())
    }

    /// Refuses a key that belongs to another kind of network, optimizer or data than the document's.
    pub(super) fn check_owner(&self, root: &Toml, place: &str) -> Result<(), Violation> {
        let broken = self.entries(place).map(|key| self.broken(root, key, place));
        let Some(owners) = broken.collect::<Option<Vec<&Owner>>>() else {
            return Ok(());
        };
        let Some(Owner { key, .. }) = owners.first() else {
            return Ok(());
        };
        let same = owners.iter().filter(|owner| owner.key == *key);
        let words: Vec<&str> = same.flat_map(|owner| owner.words.iter().copied()).collect();
        let found = self.word(root, key, table_of(place)).unwrap_or_default();
        let other = beside(key, table_of(place));
        let condition = self.condition(key, &words);
        let rule = format!("only applies to {other} {condition}; this config has {found:?}");
        Err(Violation::new(place, rule).against(other))
    }
}

impl Keys {
    /// The words that another key must be one of, or the one that it must not be where that is shorter.
    pub(super) fn condition(&self, key: &str, words: &[&str]) -> String {
        let all = self.entries(key).find_map(|key| match &key.kind {
            Kind::Word(words) => Some(*words),
            _ => None,
        });
        let others = all.unwrap_or_default().iter().copied();
        let others: Vec<&str> = others.filter(|word| !words.contains(word)).collect();
        match others[..] {
            [other] if words.len() > 2 => format!("other than {other:?}"),
            _ => format!("= {}", quoted(words, " or ")),
        }
    }
}

impl Key {
    /// Whether the key is another one but for the words of its owners.
    fn is_twin(&self, other: &Self) -> bool {
        let without_words = |key: &Self| {
            let mut key = key.clone();
            key.owners.iter_mut().for_each(|owner| owner.words.clear());
            key
        };
        without_words(self) == without_words(other)
    }
}

/// Abbreviations people try, and the key each stands for.
const SYNONYMS: [(&str, &str); 6] = [
    ("lr", "learning_rate"),
    ("wd", "weight_decay"),
    ("bs", "batch_size"),
    ("betas", "beta1"),
    ("eps", "epsilon"),
    ("optim", "optimizer"),
];

/// Each once, in the order in which they first come.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// The declared path of a place in a document: `hooks.every` of `hooks.0.every`.
pub(super) fn declared(place: &str) -> String {
    let parts = place.split('.');
    let names: Vec<&str> = parts
        .filter(|part| part.parse::<usize>().is_err())
        .collect();
    names.join(".")
}

/// The table in which a key stands.
fn table_of(place: &str) -> &str {
    place.rsplit_once('.').map_or("", |(table, _)| table)
}

/// The place of another declared key as seen from a table: in the same item of an array, if it is one
/// of its keys.
fn beside(key: &str, here: &str) -> String {
    match key.rsplit_once('.') {
        Some((table, name)) if declared(here) == table => format!("{here}.{name}"),
        _ => key.to_owned(),
    }
}
