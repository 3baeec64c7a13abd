//! `index`, `slice` and `len`.

use std::sync::Arc;

use crate::budget::Budget;
use crate::error::Problem;
use crate::value::Value;

/// Returns the element at the first index of the element at the second, and so on.
pub(super) fn index(value: &Value, indexes: &[Value]) -> Result<Value, Problem> {
    let mut element = value.clone();
    if element.is_nothing() {
        return Err(cannot("index", "take an element of", &element));
    }
    for index in indexes {
        element = one_element(&element, index)?;
    }
    Ok(element)
}

fn one_element(value: &Value, index: &Value) -> Result<Value, Problem> {
    match value {
        Value::Map(fields) => match index {
            // What is not there is null here, not even in Go an error.
            Value::Text(name) => Ok(std::str::from_utf8(name)
                .ok()
                .and_then(|name| fields.get(name))
                .cloned()
                .unwrap_or_default()),
            other => Err(wrong_index("index", other, "a text")),
        },
        Value::Text(text) => Ok(Value::Byte(text[position("index", index, text.len(), 1)?])),
        Value::List(values) => Ok(values[position("index", index, values.len(), 1)?].clone()),
        Value::Texts(texts) => {
            let at = position("index", index, texts.len(), 1)?;
            Ok(Value::Text(Arc::clone(&texts[at])))
        }
        other => Err(cannot("index", "take an element of", other)),
    }
}

/// Returns an index as a position in what has so many elements, of which `taken` are needed from there.
fn position(
    function: &'static str,
    index: &Value,
    length: usize,
    taken: usize,
) -> Result<usize, Problem> {
    let number = match index {
        Value::Integer(number) => *number,
        Value::Byte(number) => i64::from(*number),
        other => return Err(wrong_index(function, other, "an integer")),
    };
    let found = usize::try_from(number).ok();
    found
        .filter(|at| at.saturating_add(taken) <= length)
        .ok_or_else(|| {
            let reason = format!("index {number} is out of range, the length is {length}");
            Problem::call(function, reason)
        })
}

fn wrong_index(function: &'static str, index: &Value, expected: &str) -> Problem {
    let reason = format!("the index is {}, expected {expected}", index.description());
    Problem::call(function, reason)
}

fn cannot(function: &'static str, action: &str, value: &Value) -> Problem {
    Problem::call(function, format!("cannot {action} {}", value.description()))
}

/// Returns a part of a text or a list: from the first index to before the second.
pub(super) fn slice(
    value: &Value,
    indexes: &[Value],
    budget: &mut Budget,
) -> Result<Value, Problem> {
    let most = match value {
        Value::Text(_) => 2,
        Value::List(_) | Value::Texts(_) => 3,
        other => return Err(cannot("slice", "take a part of", other)),
    };
    if indexes.len() > most {
        let reason = format!("{} indexes, expected at most {most}", indexes.len());
        return Err(Problem::call("slice", reason));
    }
    let length = length(value).unwrap_or(0);
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position("slice", index, length, 0)?;
    }
    if !bounds.is_sorted() {
        return Err(Problem::call("slice", "its end lies before its start"));
    }
    let range = bounds[0]..bounds[1];
    Ok(match value {
        Value::Text(text) => {
            budget.step(range.len())?;
            Value::Text(text[range].into())
        }
        Value::List(values) => {
            budget.elements(range.len())?;
            Value::List(values[range].into())
        }
        Value::Texts(texts) => {
            budget.elements(range.len())?;
            Value::Texts(texts[range].into())
        }
        other => other.clone(),
    })
}

/// Returns how many elements or bytes there are.
pub(super) fn len(value: &Value) -> Result<Value, Problem> {
    let length = length(value).ok_or_else(|| cannot("len", "count the elements of", value))?;
    Ok(Value::Integer(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Text(text) => Some(text.len()),
        Value::List(values) => Some(values.len()),
        Value::Texts(texts) => Some(texts.len()),
        Value::Map(fields) => Some(fields.len()),
        _ => None,
    }
}
