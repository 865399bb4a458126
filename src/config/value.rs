//! Rust types that a key's value is read into and written from.

use super::document::{Node, Value as Found};
use super::kind::Kind;
use crate::words::Word;

/// A type that a key can have.
pub(crate) trait Value: Sized {
    /// The type as data.
    fn kind() -> Kind;

    /// The value of a node of that type; `None` for any other node.
    fn read(node: &Node) -> Option<Self>;

    /// The value as TOML; `None` for one that is not set.
    fn write(&self) -> Option<toml::Value>;
}

impl<T: Word> Value for T {
    fn kind() -> Kind {
        Kind::Word(Self::WORDS)
    }

    fn read(node: &Node) -> Option<Self> {
        match &node.value {
            Found::String(word) => Self::of_word(word),
            _ => None,
        }
    }

    fn write(&self) -> Option<toml::Value> {
        let place = Self::CHOICES.iter().position(|choice| choice == self)?;
        Some(toml::Value::String(Self::WORDS[place].to_owned()))
    }
}

impl Value for bool {
    fn kind() -> Kind {
        Kind::Boolean
    }

    fn read(node: &Node) -> Option<Self> {
        match node.value {
            Found::Boolean(value) => Some(value),
            _ => None,
        }
    }

    fn write(&self) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*self))
    }
}

impl Value for String {
    fn kind() -> Kind {
        Kind::Text
    }

    fn read(node: &Node) -> Option<Self> {
        match &node.value {
            Found::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn write(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.clone()))
    }
}

impl Value for f64 {
    fn kind() -> Kind {
        Kind::Real
    }

    fn read(node: &Node) -> Option<Self> {
        match node.value {
            Found::Float(value) => Some(value),
            Found::Integer(value) => Some(value as f64),
            _ => None,
        }
    }

    fn write(&self) -> Option<toml::Value> {
        Some(toml::Value::Float(*self))
    }
}

/// Integers, each with the kind that its type stands for in a config.
macro_rules! integers {
    ($($name:ty = $kind:ident),+) => {$(
        impl Value for $name {
            fn kind() -> Kind {
                Kind::$kind
            }

            fn read(node: &Node) -> Option<Self> {
                match node.value {
                    Found::Integer(value) => value.try_into().ok(),
                    _ => None,
                }
            }

            fn write(&self) -> Option<toml::Value> {
                // What was read fits into TOML's integers.
                i64::try_from(*self).ok().map(toml::Value::Integer)
            }
        }
    )+};
}

integers!(usize = Count, u64 = Whole, u8 = Class);

impl<T: Value> Value for Vec<T> {
    fn kind() -> Kind {
        Kind::List(Box::new(T::kind()))
    }

    fn read(node: &Node) -> Option<Self> {
        match &node.value {
            Found::Array(items) => items.iter().map(T::read).collect(),
            _ => None,
        }
    }

    fn write(&self) -> Option<toml::Value> {
        Some(toml::Value::Array(
            self.iter().filter_map(T::write).collect(),
        ))
    }
}

/// A key that need not be set and has no default.
impl<T: Value> Value for Option<T> {
    fn kind() -> Kind {
        T::kind()
    }

    fn read(node: &Node) -> Option<Self> {
        T::read(node).map(Some)
    }

    fn write(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::write)
    }
}
