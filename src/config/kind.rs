//! What the value of a key can be: its type and its range, as data. The check of a file, the table of
//! keys, the JSON schema and the generators of tests all read the same declaration.

use serde_json::{Value as Json, json};

use super::document::{Node, Value};
use super::fault::{Fault, FaultAt};
use super::nearest::nearest;

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
    /// The number of a class, from 0 to 9.
    Class,
    /// A finite number, written as an integer or with a decimal point.
    Real,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An array of such values.
    List(Box<Kind>),
}

impl Kind {
    /// What is allowed, as a phrase.
    pub fn expected(&self) -> String {
        match self {
            Self::Boolean => "a boolean".to_owned(),
            Self::Text => "a string".to_owned(),
            Self::Count => "a positive integer".to_owned(),
            Self::Whole => format!("an integer from 0 to {}", i64::MAX),
            Self::Class => "a class from 0 to 9".to_owned(),
            Self::Real => "a finite number".to_owned(),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                let of = if words.len() > 1 { "one of " } else { "" };
                format!("{of}{}", words.join(", "))
            }
            Self::List(_) => "an array".to_owned(),
        }
    }

    /// Refuses a value of another type.
    pub(super) fn check(&self, node: &Node) -> Result<(), FaultAt> {
        match (self, &node.value) {
            (Self::Boolean, Value::Boolean(_)) | (Self::Text, Value::String(_)) => Ok(()),
            (Self::Count | Self::Whole | Self::Class, Value::Integer(found)) => {
                let range = match self {
                    Self::Count => 1..=i64::MAX,
                    Self::Class => 0..=9,
                    _ => 0..=i64::MAX,
                };
                let is_allowed = i64::try_from(*found).is_ok_and(|found| range.contains(&found));
                if is_allowed {
                    Ok(())
                } else {
                    Err(self.wrong(found.to_string()))
                }
            }
            (Self::Real, Value::Integer(_)) => Ok(()),
            (Self::Real, Value::Float(found)) if found.is_finite() => Ok(()),
            (Self::Real, Value::Float(found)) => Err(self.wrong(format!("{found:?}"))),
            (Self::Word(words), Value::String(found)) => {
                if words.contains(&found.as_str()) {
                    return Ok(());
                }
                Err(FaultAt::new(Fault::WrongValue {
                    found: format!("{found:?}"),
                    expected: self.expected(),
                    nearest: nearest(found, words).map(str::to_owned),
                }))
            }
            (Self::List(item), Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(index, node)| {
                    item.check(node)
                        .map_err(|fault| fault.under(index.to_string()))
                })
            }
            (_, found) => Err(self.wrong(with_type(found))),
        }
    }

    fn wrong(&self, found: String) -> FaultAt {
        FaultAt::new(Fault::WrongValue {
            found,
            expected: self.expected(),
            nearest: None,
        })
    }

    /// The type in the table of keys.
    pub fn name(&self) -> String {
        match self {
            Self::Boolean => "true or false".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Count => "1, 2, …".to_owned(),
            Self::Whole => "0, 1, …".to_owned(),
            Self::Class => "0 to 9".to_owned(),
            Self::Real => "number".to_owned(),
            Self::Word(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                words.join(", ")
            }
            Self::List(item) => format!("list of {}", item.name()),
        }
    }

    /// The JSON schema of such a value.
    pub(super) fn schema(&self, range: Range) -> Json {
        match self {
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Text => json!({ "type": "string" }),
            Self::Count => json!({ "type": "integer", "minimum": 1 }),
            Self::Whole => json!({ "type": "integer", "minimum": 0 }),
            Self::Class => json!({ "type": "integer", "minimum": 0, "maximum": 9 }),
            Self::Real => range.schema(),
            Self::Word(words) => json!({ "enum": words }),
            Self::List(item) => json!({ "type": "array", "items": item.schema(range) }),
        }
    }
}

/// A found value as the user would write it, with its type where the text does not tell.
pub(super) fn with_type(value: &Value) -> String {
    match value {
        Value::Boolean(value) => format!("{value} (boolean)"),
        // Far beyond every integer that TOML can hold there is no doubt about the type.
        Value::Integer(value) if i64::try_from(*value).is_err() => value.to_string(),
        Value::Integer(value) => format!("{value} (integer)"),
        Value::Float(value) => format!("{value:?} (number)"),
        Value::String(text) => format!("{text:?} (string)"),
        Value::Date(date) => format!("{date} (date)"),
        Value::Array(_) => "an array".to_owned(),
        Value::Table(_) => "a table".to_owned(),
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
}

impl Range {
    /// Whether a finite number lies in it.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::Any => true,
            Self::AboveZero => value > 0.0,
            Self::AtLeastZero => value >= 0.0,
            Self::AboveOne => value > 1.0,
            Self::Fraction => (0.0..=1.0).contains(&value),
            Self::BelowOne => (0.0..1.0).contains(&value),
            Self::Factor => value > 0.0 && value <= 1.0,
        }
    }

    /// The range as a phrase that follows "must be".
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::AboveZero => "above 0",
            Self::AtLeastZero => "at least 0",
            Self::AboveOne => "above 1",
            Self::Fraction => "in [0, 1]",
            Self::BelowOne => "in [0, 1)",
            Self::Factor => "in (0, 1]",
        }
    }

    fn schema(self) -> Json {
        match self {
            Self::Any => json!({ "type": "number" }),
            Self::AboveZero => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Self::AtLeastZero => json!({ "type": "number", "minimum": 0 }),
            Self::AboveOne => json!({ "type": "number", "exclusiveMinimum": 1 }),
            Self::Fraction => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
            Self::BelowOne => json!({ "type": "number", "minimum": 0, "exclusiveMaximum": 1 }),
            Self::Factor => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }),
        }
    }
}

impl Range {
    /// The numbers from which the distance means something: to a decay rate of 0.999999999, what is
    /// left to 1 is everything.
    fn limits(self) -> &'static [f64] {
        match self {
            Self::Any => &[],
            Self::AboveZero | Self::AtLeastZero => &[0.0],
            Self::AboveOne => &[1.0],
            Self::Fraction | Self::BelowOne | Self::Factor => &[0.0, 1.0],
        }
    }

    /// The limit of the range from which f32 puts a number at another distance, if there is one.
    pub(super) fn lost_in_f32(self, found: f64) -> Option<f64> {
        let kept = in_f32(found);
        let is_lost = |limit: &&f64| {
            let (distance, left) = (found - **limit, kept - **limit);
            (left - distance).abs() > CHANGE * distance.abs() || left.is_nan()
        };
        self.limits().iter().find(is_lost).copied()
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
