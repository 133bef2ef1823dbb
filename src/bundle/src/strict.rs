//! A TOML reader whose errors are data: which field, and whether it is unknown, missing or wrong.
//!
//! `toml::from_str` reports everything as prose. Messages to an operator must name the field and the remedy, so the parsed
//! document is handed to serde through a small deserialiser with an error type of its own.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use toml::Value;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrictError {
    /// Dotted path of the field, for example `decoders[1].sha256`.
    pub(crate) field: String,
    /// Kind of fault.
    pub(crate) problem: Problem,
}

/// Kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A field that the schema does not know, with the ones it does.
    Unknown { known: String },
    /// A field that must be there.
    Missing,
    /// A value of the wrong type or outside its range.
    Invalid { message: String },
}

impl StrictError {
    fn new(field: &str, problem: Problem) -> Self {
        Self { field: field.to_owned(), problem }
    }

    /// Prefixes the path with the key or index it was found under.
    fn under(mut self, parent: &str) -> Self {
        if self.field.is_empty() {
            parent.clone_into(&mut self.field);
        } else if self.field.starts_with('[') {
            self.field.insert_str(0, parent);
        } else {
            self.field = format!("{parent}.{}", self.field);
        }
        self
    }
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unknown { known } => write!(f, "unknown field `{}` (known: {known})", self.field),
            Problem::Missing => write!(f, "missing field `{}`", self.field),
            Problem::Invalid { message } => write!(f, "`{}`: {message}", self.field),
        }
    }
}

impl std::error::Error for StrictError {}

impl de::Error for StrictError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("", Problem::Invalid { message: message.to_string() })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(field, Problem::Unknown { known: expected.join(", ") })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(field, Problem::Missing)
    }
}

/// Reads `T` from a parsed document.
pub(crate) fn read<T: de::DeserializeOwned>(table: toml::Table) -> Result<T, StrictError> {
    T::deserialize(Node(Value::Table(table)))
}

/// One value on its way into serde.
struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = StrictError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StrictError> {
        match self.0 {
            Value::String(value) => visitor.visit_string(value),
            Value::Integer(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Datetime(value) => {
                Err(de::Error::invalid_type(de::Unexpected::Other(&format!("date {value}")), &visitor))
            }
            Value::Array(values) => visitor.visit_seq(Items { values: values.into_iter(), index: 0 }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StrictError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, StrictError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StrictError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(IntoDeserializer::<StrictError>::into_deserializer(name)),
            other => Err(de::Error::invalid_type(de::Unexpected::Other(other.type_str()), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items {
    values: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = StrictError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, StrictError> {
        let Some(value) = self.values.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Node(value)).map(Some).map_err(|error| error.under(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct Entries {
    entries: toml::map::IntoIter<String, Value>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = StrictError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, StrictError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key.clone(), value));
        seed.deserialize(IntoDeserializer::<StrictError>::into_deserializer(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, StrictError> {
        let (key, value) = self.value.take().ok_or_else(|| de::Error::custom("value asked for before its key"))?;
        seed.deserialize(Node(value)).map_err(|error| error.under(&key))
    }
}
