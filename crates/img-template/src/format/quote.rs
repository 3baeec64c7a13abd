//! `%q`: texts and characters as Go writes them.

use std::fmt::Write as _;

use super::Printer;
use super::characters::{characters, is_printable};

/// Which characters stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unescaped {
    Printable,
    Ascii,
}

impl Printer {
    /// Prints a text in quotation marks.
    pub(super) fn print_quoted(&mut self, text: &[u8]) {
        let text = self.truncate(text);
        if self.flags.sharp && can_be_raw(text) {
            let raw = [b"`", text, b"`"].concat();
            self.pad(&raw);
            return;
        }
        let mut quoted = String::from("\"");
        for (c, bytes) in characters(text) {
            match c {
                Some(c) => push_escaped(&mut quoted, c, '"', self.unescaped()),
                None => {
                    let _ = write!(quoted, "\\x{:02x}", bytes[0]);
                }
            }
        }
        quoted.push('"');
        self.pad(quoted.as_bytes());
    }

    /// Prints a code point in quotation marks.
    pub(super) fn print_quoted_character(&mut self, code_point: u64) {
        let mut quoted = String::from("'");
        push_escaped(&mut quoted, character(code_point), '\'', self.unescaped());
        quoted.push('\'');
        self.pad(quoted.as_bytes());
    }

    fn unescaped(&self) -> Unescaped {
        if self.flags.plus {
            Unescaped::Ascii
        } else {
            Unescaped::Printable
        }
    }

    /// Returns as many characters as the precision allows.
    pub(super) fn truncate<'b>(&self, text: &'b [u8]) -> &'b [u8] {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        let taken = characters(text).take(precision);
        &text[..taken.map(|(_, bytes)| bytes.len()).sum()]
    }
}

/// Returns the character of a code point, or what stands for one that is none.
pub(super) fn character(code_point: u64) -> char {
    let character = u32::try_from(code_point).ok().and_then(char::from_u32);
    character.unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn can_be_raw(text: &[u8]) -> bool {
    characters(text).all(|(c, _)| match c {
        Some('\t') => true,
        Some(c) => c >= ' ' && !matches!(c, '`' | '\x7f' | '\u{feff}'),
        None => false,
    })
}

fn push_escaped(text: &mut String, c: char, mark: char, unescaped: Unescaped) {
    let escape = match c {
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0c' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x0b' => 'v',
        c if c == mark || c == '\\' => c,
        c if is_printable(c) && (c.is_ascii() || unescaped == Unescaped::Printable) => {
            text.push(c);
            return;
        }
        c => {
            push_code_point(text, u32::from(c));
            return;
        }
    };
    text.extend(['\\', escape]);
}

fn push_code_point(text: &mut String, code_point: u32) {
    // Writing to a string cannot fail.
    let _ = match code_point {
        0..0x20 | 0x7f => write!(text, "\\x{code_point:02x}"),
        0..0x1_0000 => write!(text, "\\u{code_point:04x}"),
        _ => write!(text, "\\U{code_point:08x}"),
    };
}
