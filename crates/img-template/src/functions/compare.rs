//! Comparisons, which Go allows between values of one kind alone.

use std::cmp::Ordering;

use super::Function;
use crate::error::Problem;
use crate::value::Value;

/// What a value can be compared as.
#[derive(Clone, Copy)]
enum Basic<'v> {
    Bool(bool),
    /// Integers of all types.
    Integer(i64),
    Float(f64),
    Text(&'v [u8]),
}

fn basic(value: &Value) -> Option<Basic<'_>> {
    match value {
        Value::Bool(value) => Some(Basic::Bool(*value)),
        Value::Integer(value) => Some(Basic::Integer(*value)),
        Value::Byte(value) => Some(Basic::Integer(i64::from(*value))),
        Value::Float(value) => Some(Basic::Float(*value)),
        Value::Text(text) => Some(Basic::Text(text)),
        _ => None,
    }
}

/// Tells whether the value equals one of the others.
pub(super) fn equal_to_any(value: &Value, others: &[Value]) -> Result<bool, Problem> {
    if others.is_empty() {
        return Err(Problem::call("eq", "nothing to compare with"));
    }
    for other in others {
        if equal(Function::Eq, value, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Applies `ne`, `lt`, `le`, `gt` or `ge`. As in Go, each is made of `lt` and `eq`: that matters for what
/// is no number.
pub(super) fn compare(function: Function, left: &Value, right: &Value) -> Result<bool, Problem> {
    let less = || less(function, left, right);
    let equal = || equal(function, left, right);
    match function {
        Function::Ne => Ok(!equal()?),
        Function::Lt => less(),
        Function::Ge => Ok(!less()?),
        Function::Le => Ok(less()? || equal()?),
        _ => Ok(!(less()? || equal()?)),
    }
}

fn equal(function: Function, left: &Value, right: &Value) -> Result<bool, Problem> {
    #[allow(clippy::float_cmp)]
    match (basic(left), basic(right)) {
        (Some(Basic::Bool(left)), Some(Basic::Bool(right))) => Ok(left == right),
        (Some(Basic::Integer(left)), Some(Basic::Integer(right))) => Ok(left == right),
        (Some(Basic::Float(left)), Some(Basic::Float(right))) => Ok(left == right),
        (Some(Basic::Text(left)), Some(Basic::Text(right))) => Ok(left == right),
        _ if left.is_nothing() || right.is_nothing() => Ok(left.is_nothing() && right.is_nothing()),
        _ => Err(incomparable(function, left, right)),
    }
}

fn less(function: Function, left: &Value, right: &Value) -> Result<bool, Problem> {
    let ordering = match (basic(left), basic(right)) {
        (Some(Basic::Integer(left)), Some(Basic::Integer(right))) => Some(left.cmp(&right)),
        (Some(Basic::Float(left)), Some(Basic::Float(right))) => left.partial_cmp(&right),
        (Some(Basic::Text(left)), Some(Basic::Text(right))) => Some(left.cmp(right)),
        _ => return Err(incomparable(function, left, right)),
    };
    Ok(ordering == Some(Ordering::Less))
}

fn incomparable(function: Function, left: &Value, right: &Value) -> Problem {
    let (left_name, right_name) = (left.description(), right.description());
    let hint = match (left, right) {
        (Value::Float(_), Value::Integer(_)) | (Value::Integer(_), Value::Float(_)) => {
            " (numbers from JSON have a fraction: write `1.0`)"
        }
        _ => "",
    };
    let reason = format!("cannot compare {left_name} with {right_name}{hint}");
    Problem::call(function.name(), reason)
}
