//! What templates compute with.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A text, as Go has it: bytes, mostly UTF-8.
pub(crate) type Text = Arc<[u8]>;

/// A value of a template. Copies share their content.
///
/// Numbers from JSON are floats, whatever they look like; integers come from templates alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// What a variable is that is not there; not even `null`.
    NoValue,
    /// JSON's `null`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that a template states or counts.
    Integer(i64),
    /// One byte of a text.
    Byte(u8),
    /// A number with a fraction, or any number of JSON.
    Float(f64),
    /// A text.
    Text(Arc<[u8]>),
    /// Values in an order.
    List(Arc<[Value]>),
    /// Texts in an order, as `split` returns them.
    Texts(Arc<[Arc<[u8]>]>),
    /// Values by name.
    Map(Arc<BTreeMap<String, Value>>),
}

impl Value {
    /// Returns the text's value.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// Returns the name of the value's type in Go, as `%T` prints it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::NoValue | Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Texts(_) => "[]string",
            Self::Map(_) => "map[string]interface {}",
        }
    }

    /// Returns what the value is, in words for messages.
    pub(crate) fn description(&self) -> &'static str {
        match self {
            Self::NoValue => "no value",
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Byte(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) | Self::Texts(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Tells whether the value is not the empty one of its type.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::NoValue | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Integer(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(value) => !value.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Texts(values) => !values.is_empty(),
            Self::Map(values) => !values.is_empty(),
        }
    }

    /// Tells whether there is nothing: `null`, or not even that.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::NoValue | Self::Null)
    }

    /// Returns what a pipeline hands on: there, `null` is no value.
    pub(crate) fn out_of_pipeline(self) -> Self {
        match self {
            Self::Null => Self::NoValue,
            value => value,
        }
    }

    /// Returns how many bytes of text the value is, if it is one.
    pub(crate) fn text_length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            // Without arbitrary precision every number is a float as well.
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::text(text),
            Json::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Json::Object(fields) => fields.into_iter().collect(),
        }
    }
}

impl<V: Into<Value>> FromIterator<(String, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(fields: I) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name, value.into()));
        Self::Map(Arc::new(fields.collect()))
    }
}
