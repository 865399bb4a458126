//! A config as it is written: a tree of values, and beside it where each was written, on a line of the
//! file or in a flag. Overrides change both; errors look places up.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value as Toml;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place, Violation};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// On this line of the file, from 1.
    Line(usize),
    /// In this flag, quoted as the user may write it.
    Flag(String),
}

/// Where the values of a config were written. That makes two configs no different, so that all are
/// equal.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    file: String,
    /// By the path of the value, where its key is. What is within a value from a flag has no entry.
    origins: BTreeMap<String, Origin>,
}

/// A config as it is written.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub root: Toml,
    pub provenance: Provenance,
}

impl PartialEq for Provenance {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Provenance {
    /// Where the value at a path was written; none where the file has no such value.
    pub(super) fn of(&self, path: &str) -> Option<&Origin> {
        let flag = |(end, _)| match self.origins.get(&path[..end]) {
            flag @ Some(Origin::Flag(_)) => flag,
            _ => None,
        };
        let written = self.origins.get(path);
        written.or_else(|| path.match_indices('.').find_map(flag))
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> &Path {
        Path::new(&self.file).parent().unwrap_or(Path::new(""))
    }

    /// Whether the value at a path was written in a flag.
    pub(super) fn is_flag(&self, path: &str) -> bool {
        matches!(self.of(path), Some(Origin::Flag(_)))
    }

    /// The file or flag a key was written in, and its line.
    pub(super) fn locate(&self, path: &str) -> (String, Place) {
        let (origin, line) = match self.of(path) {
            Some(Origin::Flag(flag)) => (flag, None),
            Some(Origin::Line(line)) => (&self.file, Some(*line)),
            None => (&self.file, None),
        };
        let path = path.to_owned();
        (origin.clone(), Place { path, line })
    }

    /// The error about a broken rule. Of two keys that collide, the one given as a flag is to blame,
    /// since the file may be right without it.
    pub(super) fn blame(&self, violation: Violation) -> ConfigError {
        let (mut origin, mut key) = self.locate(&violation.key);
        if let Some(Origin::Flag(flag)) = violation.other.and_then(|other| self.of(&other))
            && origin == self.file
        {
            origin = flag.clone();
            key.line = None;
        }
        ConfigError::Rule {
            origin,
            key,
            rule: violation.rule,
        }
    }
}

impl Document {
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
        let mut provenance = Provenance {
            file: file.to_owned(),
            ..Provenance::default()
        };
        let mut meet = |path: &str, offset| {
            let line = Origin::Line(line_at(text, offset));
            provenance.origins.insert(path.to_owned(), line);
        };
        let read = read(&DeValue::Table(table.into_inner()), "", &mut meet);
        match read {
            Ok(root) => Ok(Self { root, provenance }),
            Err(violation) => Err(provenance.blame(violation)),
        }
    }

    /// The value at a path, if there is one.
    pub fn get(&self, path: &str) -> Option<&Toml> {
        at(&self.root, path)
    }

    /// Puts a value from a flag at a path, into tables that are made where there are none and are the flag's then.
    ///
    /// # Errors
    ///
    /// Why there is no such place.
    pub fn put(&mut self, path: &str, value: Toml, flag: &str) -> Result<(), String> {
        let mut node = &mut self.root;
        let mut parts = path.split('.').peekable();
        let mut here: Vec<&str> = Vec::new();
        let mut made = None;
        while let Some(part) = parts.next() {
            // An index into an array that is absent: the array is empty.
            let is_index = |next: &&str| next.parse::<usize>().is_ok();
            let is_array = parts.peek().is_some_and(is_index);
            node = match node {
                Toml::Table(entries) => entries.entry(part).or_insert_with(|| {
                    made.get_or_insert(here.len());
                    match is_array {
                        true => Toml::Array(Vec::new()),
                        false => Toml::Table(toml::Table::new()),
                    }
                }),
                Toml::Array(items) => {
                    let has = match items.len() {
                        0 => "it is empty".to_owned(),
                        1 => "it has only item 0".to_owned(),
                        length => format!("it has items 0 to {}", length - 1),
                    };
                    let item = part.parse().ok().and_then(|at: usize| items.get_mut(at));
                    item.ok_or_else(|| format!("`{}` has no item {part}: {has}", here.join(".")))?
                }
                _ => {
                    let here = here.join(".");
                    return Err(format!(
                        "`{here}` is not a table, so nothing can be set in it"
                    ));
                }
            };
            here.push(part);
        }
        *node = value;
        let written = made.unwrap_or(here.len() - 1);
        self.written(&here[..=written].join("."), flag);
        Ok(())
    }

    /// Takes the entry or item at a path out, if there is one. An array is another one then, from `flag`.
    pub fn remove(&mut self, path: &str, flag: &str) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        match at_mut(&mut self.root, parent) {
            Some(Toml::Table(entries)) => {
                entries.remove(name);
                self.forget(path);
            }
            Some(Toml::Array(items)) => {
                if let Some(index) = name.parse().ok().filter(|&index| index < items.len()) {
                    items.remove(index);
                    self.written(parent, flag);
                }
            }
            _ => {}
        }
    }

    /// Notes that what is at a path was written in a flag.
    fn written(&mut self, path: &str, flag: &str) {
        self.forget(path);
        let flag = Origin::Flag(flag.to_owned());
        self.provenance.origins.insert(path.to_owned(), flag);
    }

    /// Forgets where what is at a path was written.
    fn forget(&mut self, path: &str) {
        let path = format!("{path}.");
        let origins = &mut self.provenance.origins;
        origins.retain(|place, _| !format!("{place}.").starts_with(&path));
    }
}

/// The value at a path of a tree; the tree itself at the empty one.
pub(super) fn at<'a>(root: &'a Toml, path: &str) -> Option<&'a Toml> {
    let mut parts = path.split('.').filter(|part| !part.is_empty());
    parts.try_fold(root, |value, part| {
        let entry = value.get(part);
        entry.or_else(|| value.get(part.parse::<usize>().ok()?))
    })
}

fn at_mut<'a>(root: &'a mut Toml, path: &str) -> Option<&'a mut Toml> {
    let mut parts = path.split('.').filter(|part| !part.is_empty());
    parts.try_fold(root, |value, part| match value {
        Toml::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        value => value.get_mut(part),
    })
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

/// A parsed value at a path as a plain one; `meet` is told the path of each value within and the offset
/// of its key or of the item.
///
/// # Errors
///
/// An integer that TOML cannot hold.
pub(super) fn read(
    value: &DeValue<'_>,
    path: &str,
    meet: &mut impl FnMut(&str, usize),
) -> Result<Toml, Violation> {
    let under = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    Ok(match value {
        DeValue::String(text) => Toml::String(text.to_string()),
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            Toml::Integer(read.map_err(|_| {
                let (least, most) = (i64::MIN, i64::MAX);
                let rule = format!("must be an integer from {least} to {most}, found {number}");
                Violation::new(path, rule)
            })?)
        }
        DeValue::Float(number) => Toml::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Toml::Boolean(*value),
        DeValue::Datetime(date) => Toml::Datetime(*date),
        DeValue::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                let path = under(&index.to_string());
                meet(&path, item.span().start);
                read(item.get_ref(), &path, meet)
            });
            Toml::Array(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let path = under(key.get_ref());
                meet(&path, key.span().start);
                Ok((
                    key.get_ref().to_string(),
                    read(value.get_ref(), &path, meet)?,
                ))
            });
            Toml::Table(entries.collect::<Result<_, _>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "name = \"x\"\n\n[train]\nepochs = 3\n\n[[hooks]]\nevery = 1\n[[hooks]]\nmeasures = [\n \"a\",\n \"b\",\n]\n";
        let document = Document::parse(text, "x.toml").unwrap();
        let line = |path: &str| document.provenance.of(path).cloned();
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
        let document = Document::parse(text, "x.toml").unwrap();
        let integers = [1000, 5, 255, 3].map(Toml::Integer);
        let floats = [10.5, 1000.0, f64::NEG_INFINITY].map(Toml::Float);
        let values = Toml::Array([&integers[..], &floats[..]].concat());
        assert_eq!(document.get("a"), Some(&values));
    }

    #[test]
    fn a_syntax_error_has_its_line_and_column() {
        let error = Document::parse("seed = 1\nname = \"x\n", "x.toml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.toml: line 2, column 10: invalid basic string, expected `\"`"
        );
    }

    #[test]
    fn an_array_without_an_item_is_from_the_flag_that_took_it_out() {
        let mut document = Document::parse("a = [1,\n2,\n3]\nb = 4", "x.toml").unwrap();
        document.remove("a.1", "--set a.1=");
        assert_eq!(document.get("a.1"), Some(&Toml::Integer(3)));
        let flag = Origin::Flag("--set a.1=".to_owned());
        assert_eq!(document.provenance.of("a.1"), Some(&flag));
        assert_eq!(document.provenance.of("b"), Some(&Origin::Line(4)));
    }
}
