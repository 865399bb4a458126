//! A config as a tree of values in which every value knows where it was written: on a line of the
//! file or in a flag. Overrides change this tree; errors look places up in it.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// On this line of the file, from 1.
    Line(usize),
    /// In this flag, quoted as the user may write it.
    Flag(Arc<str>),
}

/// A value and where it was written; an entry of a table counts as written where its key is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub origin: Origin,
    pub value: Value,
}

/// A TOML value. Tables keep the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i128),
    Float(f64),
    String(String),
    Date(String),
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Reads a TOML document; `file` is what errors call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let table = DeTable::parse(text).map_err(|error| {
            let before = text
                .get(..error.span().map_or(0, |span| span.start))
                .unwrap_or(text);
            ConfigError::Syntax {
                file: file.to_owned(),
                line: line_at(text, before.len()),
                column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
                message: one_line(error.message()),
            }
        })?;
        let origin_at = |offset| Origin::Line(line_at(text, offset));
        Ok(Self {
            origin: Origin::Line(1),
            value: table_value(table.get_ref(), &origin_at),
        })
    }

    /// A value all of which was written in one flag.
    pub fn from_flag(value: &DeValue<'_>, flag: &Arc<str>) -> Self {
        let origin = Origin::Flag(Arc::clone(flag));
        Self {
            value: convert(value, &|_| origin.clone()),
            origin,
        }
    }

    /// A value built by the program, as if it had been written at `origin`.
    pub fn from_toml(value: &toml::Value, origin: &Origin) -> Self {
        let value = match value {
            toml::Value::String(text) => Value::String(text.clone()),
            toml::Value::Integer(value) => Value::Integer((*value).into()),
            toml::Value::Float(value) => Value::Float(*value),
            toml::Value::Boolean(value) => Value::Boolean(*value),
            toml::Value::Datetime(date) => Value::Date(date.to_string()),
            toml::Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| Self::from_toml(item, origin))
                    .collect(),
            ),
            toml::Value::Table(table) => {
                let entries = table.iter();
                let read =
                    |(key, value): (&String, _)| (key.clone(), Self::from_toml(value, origin));
                Value::Table(entries.map(read).collect())
            }
        };
        Self {
            origin: origin.clone(),
            value,
        }
    }

    /// The value under a key path, if there is one.
    pub fn get<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Self> {
        path.into_iter()
            .try_fold(self, |node, segment| match &node.value {
                Value::Table(entries) => entries.iter().find(|(k, _)| k == segment).map(|(_, n)| n),
                Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
                _ => None,
            })
    }

    /// Adds an entry to a table, as if it had been written on its first line.
    pub fn insert(&mut self, key: &str, value: Value) {
        let origin = self.origin.clone();
        if let Value::Table(entries) = &mut self.value {
            entries.push((key.to_owned(), Self { origin, value }));
        }
    }

    /// Takes the entry or item at a path out of the tree, if there is one.
    pub fn remove(&mut self, path: &[String]) {
        let Some((last, path)) = path.split_last() else {
            return;
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match self.get_mut(&path).map(|node| &mut node.value) {
            Some(Value::Table(entries)) => entries.retain(|(key, _)| key != last),
            Some(Value::Array(items)) => {
                if let Some(index) = last.parse().ok().filter(|&index| index < items.len()) {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }

    /// Like [`Node::get`], for changing the value.
    pub fn get_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        path.iter()
            .try_fold(self, |node, segment| match &mut node.value {
                Value::Table(entries) => entries
                    .iter_mut()
                    .find(|(k, _)| k == segment)
                    .map(|(_, n)| n),
                Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
                _ => None,
            })
    }
}

/// Text on one line, whatever a library put into its message.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line of a byte offset, from 1.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|&byte| byte == b'\n')
        .count()
        + 1
}

fn table_value(table: &DeTable<'_>, origin_at: &dyn Fn(usize) -> Origin) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let origin = origin_at(key.span().start);
        let value = convert(value.get_ref(), origin_at);
        (key.get_ref().to_string(), Node { origin, value })
    });
    Value::Table(entries.collect())
}

fn convert(value: &DeValue<'_>, origin_at: &dyn Fn(usize) -> Origin) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(integer) => Value::Integer(integer),
                // Far beyond every allowed integer: kept as a float, to be refused by its key.
                Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
            }
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| Node {
                origin: origin_at(item.span().start),
                value: convert(item.get_ref(), origin_at),
            });
            Value::Array(items.collect())
        }
        DeValue::Table(table) => table_value(table, origin_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "name = \"x\"\n\n[train]\nepochs = 3\n\n[[hooks]]\nevery = 1\n[[hooks]]\nmeasures = [\n \"a\",\n \"b\",\n]\n";
        let root = Node::parse(text, "x.toml").unwrap();
        let line = |path: &str| root.get(path.split('.')).map(|node| node.origin.clone());
        assert_eq!(line("name"), Some(Origin::Line(1)));
        assert_eq!(line("train"), Some(Origin::Line(3)));
        assert_eq!(line("train.epochs"), Some(Origin::Line(4)));
        assert_eq!(line("hooks.1"), Some(Origin::Line(8)));
        assert_eq!(line("hooks.1.measures.1"), Some(Origin::Line(11)));
        assert_eq!(line("train.steps"), None);
    }

    #[test]
    fn every_spelling_of_a_number_is_read() {
        let text = "a = [1_000, +5, 0xff, 0b11, 1_0.5, 1e3, -inf]";
        let root = Node::parse(text, "x.toml").unwrap();
        let values: Vec<Value> = match &root.get(["a"]).unwrap().value {
            Value::Array(items) => items.iter().map(|item| item.value.clone()).collect(),
            other => panic!("{other:?}"),
        };
        let integers = [1000, 5, 255, 3].map(Value::Integer);
        let floats = [10.5, 1000.0, f64::NEG_INFINITY].map(Value::Float);
        assert_eq!(values, [&integers[..], &floats[..]].concat());
    }

    #[test]
    fn a_syntax_error_has_its_line_and_column() {
        let error = Node::parse("seed = 1\nname = \"x\n", "x.toml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.toml: line 2, column 10: invalid basic string, expected `\"`"
        );
    }
}
