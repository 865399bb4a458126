//! The declared keys, as a list: what each can be, its default, which kind of network or optimizer it
//! belongs to, and what it means. Every section declares its own; nothing is written down twice.

use std::sync::LazyLock;

use super::kind::{Kind, Range};
use super::section::Section;
use super::whole::Config;

/// What holds where a key is not written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Absent {
    /// It must be written.
    Required(&'static str),
    /// It has this value.
    Default(toml::Value),
    /// It has no value, or one that follows from other keys, in words.
    Described(&'static str),
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
    /// Whether the run computes with it in its precision, so that f32 must be able to hold it.
    pub in_run: bool,
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

/// All keys, in the order of the documents.
pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut keys = Keys::default();
    Config::describe(&mut keys);
    keys
});

/// The paths of all keys, each once; `hooks` stands for the whole array.
pub(super) static PATHS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut paths: Vec<&'static str> = Vec::new();
    for key in &KEYS.list {
        let path = match key.path.split_once('.') {
            Some((table, _)) if KEYS.is_array(table) => table,
            _ => key.path.as_str(),
        };
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
});

/// A list of keys under construction, and afterwards.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// The keys. A path stands here more than once where the key means something else, or has another
    /// default, for another owner.
    pub list: Vec<Key>,
    tables: Vec<(&'static str, bool)>,
    optional_tables: Vec<&'static str>,
    table: Option<&'static str>,
    owners: Vec<Owner>,
}

impl Keys {
    /// Adds a key of the table being described.
    pub(super) fn push(
        &mut self,
        name: &str,
        kind: Kind,
        (range, in_run): (Range, bool),
        absent: Absent,
        doc: &'static str,
    ) {
        let key = Key {
            path: self.path(name),
            kind,
            range,
            in_run,
            absent,
            owners: self.owners.clone(),
            doc,
        };
        if let Some(twin) = self.list.iter_mut().find(|other| other.is_twin(&key)) {
            for (owner, other) in twin.owners.iter_mut().zip(key.owners) {
                let new = |word: &&str| !owner.words.contains(word);
                let words: Vec<&str> = other.words.into_iter().filter(new).collect();
                owner.words.extend(words);
            }
        } else {
            self.list.push(key);
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

    /// Describes what stands in a table whose keys are required only where it is there.
    pub(super) fn within_optional(
        &mut self,
        table: &'static str,
        describe: impl FnOnce(&mut Self),
    ) {
        self.optional_tables.push(table);
        self.within(table, false, describe);
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

    /// Whether a name at the top level is that of a table, or of an array of tables.
    pub(super) fn is_table(&self, name: &str) -> bool {
        self.tables.iter().any(|(table, _)| *table == name)
    }

    /// Whether a name at the top level is that of an array of tables.
    pub(super) fn is_array(&self, name: &str) -> bool {
        self.tables
            .iter()
            .any(|(table, is_array)| *table == name && *is_array)
    }

    /// Whether a table need not be there, and nothing in it is required then.
    pub(super) fn is_optional(&self, table: &str) -> bool {
        self.optional_tables.contains(&table)
    }

    /// The entries of a path.
    pub(super) fn entries(&self, path: &str) -> impl Iterator<Item = &Key> {
        self.list.iter().filter(move |key| key.path == path)
    }

    /// The names that are allowed in a table, or at the top level; each once.
    pub(super) fn names(&self, table: Option<&str>) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for key in &self.list {
            let name = match (table, key.path.split_once('.')) {
                (None, Some((table, _))) => table,
                (None, None) => &key.path,
                (Some(table), Some((of, name))) if of == table => name,
                _ => continue,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Key {
    /// Whether the key is another one but for the words of its owners.
    fn is_twin(&self, other: &Self) -> bool {
        let keys = |key: &Self| -> Vec<String> {
            key.owners.iter().map(|owner| owner.key.clone()).collect()
        };
        self.path == other.path
            && self.kind == other.kind
            && self.range == other.range
            && self.in_run == other.in_run
            && self.absent == other.absent
            && self.doc == other.doc
            && keys(self) == keys(other)
    }
}
