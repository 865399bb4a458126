//! Reads a value tree into serde types, with faults that carry their key path.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::{Node, Value};
use super::fault::{Fault, FaultAt};

/// Reads `node` as a `T`.
pub(super) fn deserialize<T: DeserializeOwned>(node: &Node) -> Result<T, FaultAt> {
    T::deserialize(NodeDeserializer(node)).map_err(FaultAt::with_nearest)
}

struct NodeDeserializer<'a>(&'a Node);

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = FaultAt;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FaultAt> {
        match &self.0.value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => Err(FaultAt::invalid_type(
                    Unexpected::Other(&value.to_string()),
                    &visitor,
                )),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_str(text),
            Value::Date(date) => {
                let found = format!("{date} (date)");
                Err(FaultAt::invalid_type(Unexpected::Other(&found), &visitor))
            }
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.iter(),
                index: 0,
            }),
            Value::Table(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FaultAt> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FaultAt> {
        match &self.0.value {
            Value::Array(_) => self.deserialize_any(visitor),
            other => Err(FaultAt::invalid_type(unexpected(other), &"an array")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FaultAt> {
        match &self.0.value {
            Value::Table(_) => self.deserialize_any(visitor),
            other => Err(FaultAt::invalid_type(unexpected(other), &"a table")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FaultAt> {
        match &self.0.value {
            Value::String(word) => {
                let word: StrDeserializer<'_, FaultAt> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            other => {
                let fault = FaultAt::invalid_type(unexpected(other), &"a word").fault;
                let found = match fault {
                    Fault::WrongValue { found, .. } => found,
                    _ => String::new(),
                };
                Err(FaultAt::new(Fault::UnknownWord {
                    found,
                    nearest: None,
                    allowed: words,
                }))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct tuple tuple_struct map identifier ignored_any
    }
}

/// A value as serde names it in errors.
fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Boolean(value) => Unexpected::Bool(*value),
        Value::Integer(value) => i64::try_from(*value).map_or(
            Unexpected::Other("an integer out of range"),
            Unexpected::Signed,
        ),
        Value::Float(value) => Unexpected::Float(*value),
        Value::String(text) => Unexpected::Str(text),
        Value::Date(_) => Unexpected::Other("a date"),
        Value::Array(_) => Unexpected::Seq,
        Value::Table(_) => Unexpected::Map,
    }
}

/// The items of an array; faults inside an item get its index.
struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = FaultAt;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, FaultAt> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        let item = seed.deserialize(NodeDeserializer(node));
        item.map(Some)
            .map_err(|fault| fault.under(index.to_string()))
    }
}

/// The entries of a table; faults inside an entry get its key.
struct Entries<'a> {
    entries: std::slice::Iter<'a, (String, Node)>,
    value: Option<&'a (String, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = FaultAt;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FaultAt> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, FaultAt> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, FaultAt> {
        let Some((key, node)) = self.value.take() else {
            return Err(FaultAt::custom("a value was read before its key"));
        };
        seed.deserialize(NodeDeserializer(node))
            .map_err(|fault| fault.under(key))
    }
}
