//! Go's `fmt`: how values are printed.

pub(crate) mod characters;
mod float;
mod integer;
mod print;
mod printf;
mod quote;

use crate::budget::LONGEST_TEXT;
use crate::error::Problem;
use crate::value::Value;

use characters::count;

/// What stands between `%` and its verb.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
struct Flags {
    sharp: bool,
    zero: bool,
    plus: bool,
    minus: bool,
    space: bool,
    /// `%#v`: as Go writes the value.
    go_syntax: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// A text in the making, and how its next part is formatted.
#[derive(Default)]
struct Printer {
    text: Vec<u8>,
    is_too_long: bool,
    flags: Flags,
}

impl Printer {
    fn push(&mut self, bytes: &[u8]) {
        if self.text.len() + bytes.len() > LONGEST_TEXT {
            self.is_too_long = true;
        } else {
            self.text.extend_from_slice(bytes);
        }
    }

    fn push_str(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    fn finish(self) -> Result<Vec<u8>, Problem> {
        if self.is_too_long {
            return Err(Problem::TooLong);
        }
        Ok(self.text)
    }

    /// Adds bytes, padded to the width.
    fn pad(&mut self, bytes: &[u8]) {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(count(bytes));
        if self.flags.minus {
            self.push(bytes);
            self.push_padding(missing);
        } else {
            self.push_padding(missing);
            self.push(bytes);
        }
    }

    fn push_padding(&mut self, length: usize) {
        let is_zero = self.flags.zero && !self.flags.minus;
        self.push(&vec![if is_zero { b'0' } else { b' ' }; length]);
    }

    /// Does as [`Printer::pad`], but with spaces.
    fn pad_with_spaces(&mut self, bytes: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(bytes);
        self.flags.zero = zero;
    }
}

/// Prints values one after another; between two that are no texts stands a space.
pub(crate) fn print(values: &[Value]) -> Result<Vec<u8>, Problem> {
    let mut printer = Printer::default();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !after_text {
            printer.push(b" ");
        }
        printer.print(value, 'v');
        after_text = is_text;
    }
    printer.finish()
}

/// Prints values with spaces between them and a line break after them.
pub(crate) fn println(values: &[Value]) -> Result<Vec<u8>, Problem> {
    let mut printer = Printer::default();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.push(b" ");
        }
        printer.print(value, 'v');
    }
    printer.push(b"\n");
    printer.finish()
}

/// Prints values as the format says.
pub(crate) fn printf(format: &[u8], values: &[Value]) -> Result<Vec<u8>, Problem> {
    printf::printf(format, values)
}

/// Prints values as an action prints them: what is not there as `<no value>`.
pub(crate) fn printable(values: &[Value]) -> Result<Vec<u8>, Problem> {
    let shown = values.iter().map(|value| match value {
        Value::NoValue | Value::Null => Value::text("<no value>"),
        value => value.clone(),
    });
    print(&shown.collect::<Vec<Value>>())
}
