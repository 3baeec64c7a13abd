//! Values by their types.

use super::Printer;
use super::integer::Integer;
use crate::value::Value;

impl Printer {
    /// Prints a value that is an argument itself.
    pub(super) fn print(&mut self, value: &Value, verb: char) {
        match verb {
            'T' => self.pad_truncated(value),
            'v' if value.is_nothing() => self.pad(b"<nil>"),
            _ if value.is_nothing() => self.print_wrong_verb(value, verb),
            // Addresses are refused where the format is read.
            'p' => self.print_wrong_verb(value, verb),
            _ => self.print_value(value, verb),
        }
    }

    /// Prints the type, which a precision may shorten unless there is none.
    fn pad_truncated(&mut self, value: &Value) {
        let name = value.type_name().as_bytes();
        let name = if value.is_nothing() {
            name
        } else {
            self.truncate(name)
        };
        self.pad(name);
    }

    /// Prints a value that is an argument or an element of one.
    fn print_value(&mut self, value: &Value, verb: char) {
        match value {
            // Whatever the verb.
            Value::NoValue | Value::Null if self.flags.go_syntax => {
                self.push(b"interface {}(nil)");
            }
            Value::NoValue | Value::Null => self.push(b"<nil>"),
            Value::List(values) => self.print_list(value, values, verb, Self::print_value),
            Value::Texts(texts) => self.print_list(value, texts, verb, |printer, text, verb| {
                printer.print_value(&Value::Text(text.clone()), verb);
            }),
            Value::Map(fields) => {
                let fields: Vec<(&String, &Value)> = fields.iter().collect();
                self.print_list(value, &fields, verb, |printer, (name, value), verb| {
                    printer.print_value(&Value::text(name), verb);
                    printer.push(b":");
                    printer.print_value(value, verb);
                });
            }
            scalar => self.print_scalar(scalar, verb),
        }
    }

    fn print_scalar(&mut self, value: &Value, verb: char) {
        let is_known = match value {
            Value::Bool(value) => self.print_bool(*value, verb),
            Value::Integer(value) => self.print_integer(Integer::signed(*value), verb),
            Value::Byte(value) => self.print_integer(Integer::unsigned(*value), verb),
            Value::Float(value) => self.print_float(*value, verb),
            Value::Text(text) => self.print_text(text, verb),
            _ => true,
        };
        if !is_known {
            self.print_wrong_verb(value, verb);
        }
    }

    /// Prints what elements come to, between the brackets of the type.
    fn print_list<T>(
        &mut self,
        whole: &Value,
        elements: &[T],
        verb: char,
        print: impl Fn(&mut Self, &T, char),
    ) {
        let is_map = matches!(whole, Value::Map(_));
        let (start, separator, end) = match (self.flags.go_syntax, is_map) {
            (true, _) => ("{", ", ", "}"),
            (false, true) => ("map[", " ", "]"),
            (false, false) => ("[", " ", "]"),
        };
        if self.flags.go_syntax {
            self.push_str(whole.type_name());
        }
        self.push_str(start);
        for (index, element) in elements.iter().enumerate() {
            if self.is_too_long {
                return;
            }
            if index > 0 {
                self.push_str(separator);
            }
            print(self, element, verb);
        }
        self.push_str(end);
    }

    fn print_bool(&mut self, value: bool, verb: char) -> bool {
        let is_known = matches!(verb, 't' | 'v');
        if is_known {
            self.pad(if value { b"true" } else { b"false" });
        }
        is_known
    }

    fn print_text(&mut self, text: &[u8], verb: char) -> bool {
        match verb {
            'v' if self.flags.go_syntax => self.print_quoted(text),
            'v' | 's' => {
                let text = self.truncate(text);
                self.pad(text);
            }
            'q' => self.print_quoted(text),
            'x' | 'X' => self.print_bytes(text, verb),
            _ => return false,
        }
        true
    }

    /// Prints bytes as hexadecimal digits.
    fn print_bytes(&mut self, text: &[u8], verb: char) {
        let text = &text[..self.flags.precision.unwrap_or(text.len()).min(text.len())];
        let byte = |byte: &u8| match verb {
            'X' => format!("{byte:02X}"),
            _ => format!("{byte:02x}"),
        };
        let prefix = match (self.flags.sharp && !text.is_empty(), verb) {
            (false, _) => "",
            (true, 'X') => "0X",
            (true, _) => "0x",
        };
        let bytes: Vec<String> = text.iter().map(byte).collect();
        let digits = if self.flags.space {
            bytes.join(&format!(" {prefix}"))
        } else {
            bytes.concat()
        };
        self.pad(format!("{prefix}{digits}").as_bytes());
    }

    /// Prints `%!d(string=x)`.
    pub(super) fn print_wrong_verb(&mut self, value: &Value, verb: char) {
        self.push_str(&format!("%!{verb}("));
        if value.is_nothing() {
            self.push(b"<nil>");
        } else {
            self.push_str(value.type_name());
            self.push(b"=");
            self.print(value, 'v');
        }
        self.push(b")");
    }
}
