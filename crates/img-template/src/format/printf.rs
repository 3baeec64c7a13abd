//! Formats of `printf`, and what is printed for those that are wrong.

use super::characters::decode;
use super::{Flags, Printer};
use crate::error::Problem;
use crate::value::Value;

/// Larger widths and precisions do not count.
const LARGEST_NUMBER: usize = 1_000_000;

/// Prints values as the format says.
pub(super) fn printf(format: &[u8], values: &[Value]) -> Result<Vec<u8>, Problem> {
    let mut reader = Reader {
        format,
        position: 0,
        values,
        next: 0,
        is_reordered: false,
        is_good_index: true,
        after_index: false,
        printer: Printer::default(),
    };
    while reader.text() && !reader.printer.is_too_long {
        reader.directive()?;
    }
    if !reader.is_reordered && reader.next < values.len() {
        reader.surplus();
    }
    reader.printer.finish()
}

/// A format that is being read, and the arguments that it takes.
struct Reader<'f> {
    format: &'f [u8],
    position: usize,
    values: &'f [Value],
    /// Which argument is next.
    next: usize,
    /// Whether an argument was named by its number.
    is_reordered: bool,
    is_good_index: bool,
    /// Whether such a number is what was read last.
    after_index: bool,
    printer: Printer,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.position).copied()
    }

    /// Prints text up to a `%`, and passes it; returns whether there is one.
    fn text(&mut self) -> bool {
        let rest = &self.format[self.position..];
        let length = rest.iter().position(|byte| *byte == b'%');
        self.printer.push(&rest[..length.unwrap_or(rest.len())]);
        self.position += length.map_or(rest.len(), |length| length + 1);
        length.is_some()
    }

    /// Prints what follows a `%`.
    fn directive(&mut self) -> Result<(), Problem> {
        self.is_good_index = true;
        self.after_index = false;
        self.flags();
        self.index();
        self.width();
        self.precision();
        if !self.after_index {
            self.index();
        }
        let (verb, length) = decode(&self.format[self.position..]);
        if length == 0 {
            self.printer.push(b"%!(NOVERB)");
            return Ok(());
        }
        self.position += length;
        self.verb(verb.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn flags(&mut self) {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.position += 1;
        }
        self.printer.flags = flags;
    }

    fn width(&mut self) {
        if self.peek() == Some(b'*') {
            self.position += 1;
            let width = self.number_argument();
            if width.is_none() {
                self.printer.push(b"%!(BADWIDTH)");
            }
            let flags = &mut self.printer.flags;
            flags.width = width.map(|width| usize::try_from(width.abs()).unwrap_or(0));
            if width.is_some_and(|width| width < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            self.after_index = false;
            return;
        }
        self.printer.flags.width = self.number();
        if self.after_index && self.printer.flags.width.is_some() {
            self.is_good_index = false;
        }
    }

    fn precision(&mut self) {
        if self.peek() != Some(b'.') || self.position + 1 >= self.format.len() {
            return;
        }
        self.position += 1;
        if self.after_index {
            self.is_good_index = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.position += 1;
            let precision = self.number_argument();
            self.printer.flags.precision = precision.and_then(|value| usize::try_from(value).ok());
            if self.printer.flags.precision.is_none() {
                self.printer.push(b"%!(BADPREC)");
            }
            self.after_index = false;
        } else {
            self.printer.flags.precision = Some(self.number().unwrap_or(0));
        }
    }

    /// Reads digits; what is too large ends the format.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let value = number.unwrap_or(0);
            if value > LARGEST_NUMBER {
                self.position = self.format.len();
                return None;
            }
            number = Some(value * 10 + usize::from(digit - b'0'));
            self.position += 1;
        }
        number
    }

    /// Takes an argument for a width or a precision.
    fn number_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Integer(number) => *number,
            Value::Byte(number) => i64::from(*number),
            _ => return None,
        };
        let is_small = number.unsigned_abs() <= LARGEST_NUMBER as u64;
        is_small.then_some(number)
    }

    /// Reads the number of the next argument, `[1]`.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.is_reordered = true;
        let rest = &self.format[self.position..];
        let end = rest.iter().position(|byte| *byte == b']');
        let end = end.filter(|_| rest.len() > 2);
        let index = end.and_then(|end| parse_index(&rest[1..end]));
        self.position += end.map_or(1, |end| end + 1);
        self.after_index = index.is_some();
        match index.and_then(|index| index.checked_sub(1)) {
            Some(index) if index < self.values.len() => self.next = index,
            _ => self.is_good_index = false,
        }
    }

    fn verb(&mut self, verb: char) -> Result<(), Problem> {
        let value = self.values.get(self.next);
        match (verb, value) {
            ('%', _) => self.printer.push(b"%"),
            _ if !self.is_good_index => self.printer.push_str(&format!("%!{verb}(BADINDEX)")),
            (verb, None) => self.printer.push_str(&format!("%!{verb}(MISSING)")),
            ('p', Some(Value::List(_) | Value::Texts(_) | Value::Map(_))) => {
                return Err(Problem::call("printf", "%p: values have no addresses"));
            }
            (verb, Some(value)) => {
                self.next += 1;
                self.value(value, verb);
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, verb: char) {
        let flags = &mut self.printer.flags;
        if matches!(verb, 'v' | 'w') {
            // There, both flags ask for a syntax, not for signs and prefixes.
            flags.go_syntax = std::mem::take(&mut flags.sharp);
            flags.plus = false;
        }
        self.printer.print(value, verb);
    }

    /// Prints arguments that the format does not take.
    fn surplus(&mut self) {
        self.printer.flags = Flags::default();
        self.printer.push(b"%!(EXTRA ");
        for (index, value) in self.values[self.next..].iter().enumerate() {
            if index > 0 {
                self.printer.push(b", ");
            }
            if value.is_nothing() {
                self.printer.push(b"<nil>");
            } else {
                self.printer.push_str(value.type_name());
                self.printer.push(b"=");
                self.printer.print(value, 'v');
            }
        }
        self.printer.push(b")");
    }
}

fn parse_index(digits: &[u8]) -> Option<usize> {
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() || number > LARGEST_NUMBER {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    (!digits.is_empty()).then_some(number)
}
