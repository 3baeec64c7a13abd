//! What images add to Go's functions: texts, lists of `KEY=VALUE`, and times.

use super::{Function, text_of, text_value, texts_of, time};
use crate::budget::{Budget, LONGEST_TEXT};
use crate::error::Problem;
use crate::format::characters::decode;
use crate::value::{Text, Value};

/// Calls one of these functions.
pub(super) fn call(
    function: Function,
    arguments: &[Value],
    budget: &mut Budget,
) -> Result<Value, Problem> {
    let first = &arguments[0];
    let text = text_of(first);
    let last = arguments.last().map_or(&[][..], text_of);
    Ok(match function {
        Function::Hasprefix => Value::Bool(text.starts_with(last)),
        Function::Hassuffix => Value::Bool(text.ends_with(last)),
        Function::Trimprefix => Value::text(text.strip_prefix(last).unwrap_or(text)),
        Function::Trimsuffix => Value::text(text.strip_suffix(last).unwrap_or(text)),
        Function::Split => Value::Texts(split(text, last, budget)?.into()),
        Function::Join => text_value(join(&texts_of(function, first)?, last)?),
        Function::Rfc3339 => rfc3339(first)?,
        _ => text_value(key_value(function, arguments)?),
    })
}

/// Returns the value of a key in a list of `KEY=VALUE`, with what is put before or after it. A key that
/// is not there has an empty value; of a key that stands twice the first value counts.
fn key_value(function: Function, arguments: &[Value]) -> Result<Vec<u8>, Problem> {
    let list = texts_of(function, &arguments[0])?;
    let key = text_of(&arguments[1]);
    let value = list.iter().find_map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=')?;
        (&pair[..end] == key).then(|| pair[end + 1..].to_vec())
    });
    let value = value.unwrap_or_default();
    let addition = arguments.get(2).map_or(&[][..], text_of);
    Ok(match function {
        Function::Appendkv => [&value, addition].concat(),
        Function::Prependkv => [addition, &value].concat(),
        _ => value,
    })
}

/// Returns the parts between separators; between all characters, if it is empty.
fn split(text: &[u8], separator: &[u8], budget: &mut Budget) -> Result<Vec<Text>, Problem> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() || !separator.is_empty() {
        budget.elements(1)?;
        let (length, skipped) = match separator.len() {
            0 => (decode(rest).1, 0),
            length => (find(rest, separator).unwrap_or(rest.len()), length),
        };
        parts.push(rest[..length].into());
        match rest.get(length + skipped..) {
            Some(after) => rest = after,
            None => break,
        }
    }
    Ok(parts)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn join(texts: &[Text], separator: &[u8]) -> Result<Vec<u8>, Problem> {
    let separators = texts
        .len()
        .saturating_sub(1)
        .saturating_mul(separator.len());
    let length = texts.iter().map(|text| text.len()).sum::<usize>();
    if length.saturating_add(separators) > LONGEST_TEXT {
        return Err(Problem::TooLong);
    }
    Ok(texts.join(separator))
}

/// Returns seconds since 1970 as RFC 3339 writes a time; nothing stays nothing.
fn rfc3339(value: &Value) -> Result<Value, Problem> {
    let seconds = match value {
        Value::Integer(seconds) => Some(*seconds),
        Value::Text(text) if text.is_empty() => return Ok(Value::text("")),
        Value::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok()),
        Value::Float(value) => whole(*value),
        _ => None,
    };
    match seconds.and_then(time::rfc3339) {
        Some(time) => Ok(Value::text(time)),
        None => Err(Problem::call(
            "rfc3339",
            "expected seconds since 1970, in the years 0 to 9999",
        )),
    }
}

fn whole(value: f64) -> Option<i64> {
    let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
    #[allow(clippy::cast_possible_truncation)]
    is_whole.then_some(value as i64)
}
