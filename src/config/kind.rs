//! What the value of a key can be: its type and its range, as data. The check of a file, the table of
//! keys, the JSON schema and the generators of tests all read the same declaration.

use std::ops::{Bound, RangeBounds};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value as Json, json};
use toml::Value as Toml;

use super::error::Violation;
use crate::nearest::nearest;
use crate::words::Word;

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A string.
    Text,
    /// A positive integer.
    Count,
    /// An integer of at least 0 that TOML can hold: at most 2⁶³ − 1.
    Whole,
    /// A string, or an array of them.
    Names,
    /// The number of a class, from 0 to 255.
    Class,
    /// A finite number, written as an integer or with a decimal point.
    Real,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An array of such values.
    List(Box<Kind>),
    /// One of these.
    Either(Vec<Kind>),
}

/// A Rust type that a key can have; its values are read and written by serde.
pub(crate) trait Value: Serialize + DeserializeOwned {
    /// The type as data.
    fn kind() -> Kind;
}

impl<T: Word + Serialize + DeserializeOwned> Value for T {
    fn kind() -> Kind {
        Kind::Word(Self::WORDS)
    }
}

/// A key that need not be set and has no default.
impl<T: Value> Value for Option<T> {
    fn kind() -> Kind {
        T::kind()
    }
}

impl<T: Value> Value for Vec<T> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }
}

/// Names of something, one as a string, several as an array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [name] => name.serialize(serializer),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Several(Vec<String>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(name) => vec![name],
            Written::Several(names) => names,
        }))
    }
}

macro_rules! values {
    ($($name:ty = $kind:ident),+) => {$(
        impl Value for $name {
            fn kind() -> Kind {
                Kind::$kind
            }
        }
    )+};
}

values!(
    bool = Boolean,
    String = Text,
    Names = Names,
    usize = Count,
    u64 = Whole,
    u8 = Class,
    f64 = Real
);

impl Kind {
    /// What is said of a type whose numbers are confined to a range: what is allowed, in messages; its
    /// name in the table of keys; its JSON schema.
    pub(super) fn said(&self, range: Range) -> (String, String, Json) {
        let said = |expected: &str, name: &str, schema| (expected.into(), name.into(), schema);
        let integer = |least: i64| json!({ "type": "integer", "minimum": least });
        let most = i64::MAX;
        match self {
            Self::Boolean => said("a boolean", "true or false", json!({ "type": "boolean" })),
            Self::Text => said("a string", "text", json!({ "type": "string" })),
            Self::Names => {
                let names = json!({ "type": "array", "items": { "type": "string" } });
                let either = json!({ "anyOf": [{ "type": "string" }, names] });
                said(
                    "a string or an array of strings",
                    "text or list of text",
                    either,
                )
            }
            Self::Count => said("a positive integer", "1, 2, …", integer(1)),
            Self::Whole => said(
                &format!("an integer from 0 to {most}"),
                "0, 1, …",
                integer(0),
            ),
            Self::Class => {
                let class = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
                said("a class from 0 to 255", "0 to 255", class)
            }
            Self::Real => said("a finite number", "number", range.schema()),
            Self::Word(words) => {
                let of = if words.len() > 1 { "one of " } else { "" };
                let name = quoted(words, ", ");
                (format!("{of}{name}"), name, json!({ "enum": words }))
            }
            Self::List(item) => {
                let (_, name, schema) = item.said(range);
                let schema = json!({ "type": "array", "items": schema });
                said("an array", &format!("list of {name}"), schema)
            }
            Self::Either(kinds) => {
                let all: Vec<_> = kinds.iter().map(|kind| kind.said(range)).collect();
                let expected: Vec<&str> = all.iter().map(|said| said.0.as_str()).collect();
                let names: Vec<&str> = all.iter().map(|said| said.1.as_str()).collect();
                let schemas: Vec<&Json> = all.iter().map(|said| &said.2).collect();
                let schema = json!({ "anyOf": schemas });
                said(&expected.join(", or "), &names.join(", or "), schema)
            }
        }
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// Refuses a value of another type; `place` is where it stands.
    pub(super) fn check(&self, place: &str, found: &Toml) -> Result<(), Violation> {
        let is_allowed = match (self, found) {
            (Self::Boolean, Toml::Boolean(_))
            | (Self::Text | Self::Names, Toml::String(_))
            | (Self::Real, Toml::Integer(_)) => true,
            (Self::Count, Toml::Integer(number)) => *number > 0,
            (Self::Whole, Toml::Integer(number)) => *number >= 0,
            (Self::Class, Toml::Integer(number)) => (0..=255).contains(number),
            (Self::Real, Toml::Float(number)) => number.is_finite(),
            (Self::Word(words), Toml::String(word)) => words.contains(&word.as_str()),
            (Self::Names, Toml::Array(_)) => {
                return Self::List(Box::new(Self::Text)).check(place, found);
            }
            (Self::List(item), Toml::Array(items)) => {
                let mut items = items.iter().enumerate();
                return items
                    .try_for_each(|(index, found)| item.check(&format!("{place}.{index}"), found));
            }
            (Self::Either(kinds), found) => {
                // What is wrong with an item says more than that it is no such array.
                if let (Some(list), Toml::Array(_)) =
                    (kinds.iter().find(|kind| kind.is_list()), found)
                {
                    return list.check(place, found);
                }
                kinds.iter().any(|kind| kind.check(place, found).is_ok())
            }
            _ => return Err(wrong_type(place, &self.said(Range::Any).0, found)),
        };
        if is_allowed {
            return Ok(());
        }
        let meant = match (self, found) {
            (Self::Word(words), Toml::String(word)) => nearest(word, words),
            _ => None,
        };
        let hint = meant.map_or_else(String::new, |word| format!("; did you mean {word:?}?"));
        let (expected, (found, _)) = (self.said(Range::Any).0, written(found));
        let rule = format!("must be {expected}, found {found}{hint}");
        Err(Violation::new(place, rule))
    }
}

/// Refuses a list that names something twice.
pub(super) fn each_once<T: Value + PartialEq>(
    place: &str,
    of: &str,
    items: &[T],
) -> Result<(), Violation> {
    let is_again = |&index: &usize| items[..index].contains(&items[index]);
    let Some(index) = (0..items.len()).find(is_again) else {
        return Ok(());
    };
    let found = Toml::try_from(&items[index]).map_or_else(|_| String::new(), |it| it.to_string());
    let rule = format!("must name each {of} once, found {found} again");
    Err(Violation::new(format!("{place}.{index}"), rule))
}

/// Words in quotes.
pub(super) fn quoted(words: &[&str], between: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    words.join(between)
}

/// The violation of a type; what was found is named with its own.
pub(super) fn wrong_type(place: &str, expected: &str, found: &Toml) -> Violation {
    let (found, of) = written(found);
    let of = of.map_or_else(String::new, |of| format!(" ({of})"));
    Violation::new(place, format!("must be {expected}, found {found}{of}"))
}

/// A value as the user would write it, and its type where the text does not tell.
fn written(value: &Toml) -> (String, Option<&'static str>) {
    match value {
        Toml::Boolean(value) => (value.to_string(), Some("boolean")),
        Toml::Integer(value) => (value.to_string(), Some("integer")),
        Toml::Float(value) => (format!("{value:?}"), Some("number")),
        Toml::String(text) => (format!("{text:?}"), Some("string")),
        Toml::Datetime(date) => (date.to_string(), Some("date")),
        Toml::Array(_) => ("an array".to_owned(), None),
        Toml::Table(_) => ("a table".to_owned(), None),
    }
}

/// What a number is confined to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Nothing beyond its type.
    #[default]
    Any,
    /// (0, ∞)
    AboveZero,
    /// [0, ∞)
    AtLeastZero,
    /// (1, ∞)
    AboveOne,
    /// [0, 1]
    Fraction,
    /// [0, 1)
    BelowOne,
    /// (0, 1]
    Factor,
    /// (0, 1)
    OpenFraction,
}

impl Range {
    /// As a phrase that follows "must be", and as bounds.
    fn limits(self) -> (&'static str, (Bound<f64>, Bound<f64>)) {
        use Bound::{Excluded, Included, Unbounded};
        match self {
            Self::Any => ("any", (Unbounded, Unbounded)),
            Self::AboveZero => ("above 0", (Excluded(0.0), Unbounded)),
            Self::AtLeastZero => ("at least 0", (Included(0.0), Unbounded)),
            Self::AboveOne => ("above 1", (Excluded(1.0), Unbounded)),
            Self::Fraction => ("in [0, 1]", (Included(0.0), Included(1.0))),
            Self::BelowOne => ("in [0, 1)", (Included(0.0), Excluded(1.0))),
            Self::Factor => ("in (0, 1]", (Excluded(0.0), Included(1.0))),
            Self::OpenFraction => ("in (0, 1)", (Excluded(0.0), Excluded(1.0))),
        }
    }

    /// Whether a finite number lies in it.
    pub fn contains(self, value: f64) -> bool {
        self.limits().1.contains(&value)
    }

    /// The range as a phrase that follows "must be".
    pub fn phrase(self) -> &'static str {
        self.limits().0
    }

    fn schema(self) -> Json {
        let mut schema = json!({ "type": "number" });
        let (_, (low, high)) = self.limits();
        for (bound, included, excluded) in [
            (low, "minimum", "exclusiveMinimum"),
            (high, "maximum", "exclusiveMaximum"),
        ] {
            match bound {
                Bound::Included(limit) => schema[included] = limit.into(),
                Bound::Excluded(limit) => schema[excluded] = limit.into(),
                Bound::Unbounded => {}
            }
        }
        schema
    }

    /// Refuses a number outside the range, and, where the run computes with it in f32, one that f32
    /// makes another of.
    pub(super) fn check(self, place: &str, found: f64, is_f32: bool) -> Result<(), Violation> {
        if !self.contains(found) {
            let rule = format!("must be {}, found {found:?}", self.phrase());
            return Err(Violation::new(place, rule));
        }
        let Some(limit) = self.lost_in_f32(found).filter(|_| is_f32) else {
            return Ok(());
        };
        let instead = if limit == 1.0 {
            "of at most 0.9999997"
        } else {
            "from 1.2e-38 to 3.4e38"
        };
        let kept = in_f32(found);
        let rule = format!(
            "= {found:?} cannot be held in f32, which makes {kept:?} of it: give one {instead}, or set precision = \"f64\""
        );
        Err(Violation::new(place, rule))
    }

    /// The end of the range from which f32 puts a number at another distance, if there is one: to a
    /// decay rate of 0.999999999, what is left to 1 is everything.
    fn lost_in_f32(self, found: f64) -> Option<f64> {
        let kept = in_f32(found);
        let is_lost = |limit: &f64| {
            let (distance, left) = (found - limit, kept - limit);
            (left - distance).abs() > CHANGE * distance.abs() || left.is_nan()
        };
        let (_, (low, high)) = self.limits();
        let limit = |bound| match bound {
            Bound::Included(limit) | Bound::Excluded(limit) => Some(limit),
            Bound::Unbounded => None,
        };
        [low, high].into_iter().filter_map(limit).find(is_lost)
    }
}

/// The share of a number's distance from a limit that rounding may change.
const CHANGE: f64 = 0.1;

/// What f32 makes of a number. What it holds with fewer digits than usual counts as 0, which graphics
/// cards make of it.
pub(super) fn in_f32(value: f64) -> f64 {
    let rounded = value as f32;
    f64::from(if rounded.is_subnormal() { 0.0 } else { rounded })
}
