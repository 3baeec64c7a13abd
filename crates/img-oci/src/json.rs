//! Strict JSON: what two readers could read differently is an error.
//!
//! On top of what `serde_json` refuses (trailing data, a byte order mark, other encodings than
//! UTF-8, nesting deeper than 128), an object may not hold the same key twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// Why bytes are not the JSON document that was expected.
#[derive(Debug, Error)]
#[error("malformed JSON: {0}")]
pub struct ParseJsonError(#[from] serde_json::Error);

/// Parses `bytes` into `T`; an object with a repeated key is refused at any depth.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseJsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    UniqueKeys.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(serde_json::from_slice(bytes)?)
}

/// Reads a field whose `null` means the same as its absence, as Go's encoder writes it.
///
/// For serde's `deserialize_with`, beside `default`.
///
/// # Errors
/// The value is neither `null` nor a `T`.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Walks a document without keeping it and fails at a repeated key.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(UniqueKeys)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(UniqueKeys)?;
            if let Some(key) = seen.replace(key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], accepted: bool) {
        let parsed = parse_json::<serde_json::Value>(text);
        assert_eq!(
            parsed.is_ok(),
            accepted,
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        check(br#"{"a":1,"b":{"a":2}}"#, true);
        check(br#"{"a":1,"a":1}"#, false);
        check(br#"{"x":[{"a":1,"a":2}]}"#, false);
        check(br#"{"a":1,"\u0061":2}"#, false);
        check(b"{} {}", false);
        check(b"\xef\xbb\xbf{}", false);
        check(b"\xff\xfe{\0}\0", false);
        check("[".repeat(500_000).as_bytes(), false);
    }
}
