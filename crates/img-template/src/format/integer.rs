//! Integers in their bases, and as characters.

use super::Printer;
use super::characters::is_printable;
use super::quote::character;

/// An integer as its size and its sign.
#[derive(Clone, Copy)]
pub(super) struct Integer {
    magnitude: u64,
    is_negative: bool,
    /// Whether its type has no sign.
    is_unsigned: bool,
}

impl Integer {
    pub(super) fn signed(value: i64) -> Self {
        Self {
            magnitude: value.unsigned_abs(),
            is_negative: value < 0,
            is_unsigned: false,
        }
    }

    pub(super) fn unsigned(value: u8) -> Self {
        Self {
            magnitude: u64::from(value),
            is_negative: false,
            is_unsigned: true,
        }
    }

    /// Returns what Go sees where it expects no sign.
    fn as_code_point(self) -> u64 {
        if self.is_negative {
            self.magnitude.wrapping_neg()
        } else {
            self.magnitude
        }
    }
}

impl Printer {
    /// Prints an integer; returns whether the verb is one for integers.
    pub(super) fn print_integer(&mut self, integer: Integer, verb: char) -> bool {
        match verb {
            'v' if self.flags.go_syntax && integer.is_unsigned => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.print_in_base(integer, 'x');
                self.flags.sharp = sharp;
            }
            'v' => self.print_in_base(integer, 'd'),
            'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.print_in_base(integer, verb),
            'c' => {
                let c = character(integer.as_code_point());
                self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            'q' => self.print_quoted_character(integer.as_code_point()),
            'U' => self.print_unicode(integer.as_code_point()),
            _ => return false,
        }
        true
    }

    fn print_in_base(&mut self, integer: Integer, verb: char) {
        if self.flags.precision == Some(0) && integer.magnitude == 0 {
            // Nothing but padding.
            let width = self.flags.width.unwrap_or(0);
            let zero = std::mem::take(&mut self.flags.zero);
            self.push_padding(width);
            self.flags.zero = zero;
            return;
        }
        let digits = digits(integer.magnitude, verb);
        let missing = self.least_digits(integer).saturating_sub(digits.len());
        let digits = "0".repeat(missing) + &digits;
        let text = self.sign(integer).to_owned() + self.prefix(verb, &digits) + &digits;
        self.pad_with_spaces(text.as_bytes());
    }

    /// Returns how many digits have to stand there.
    fn least_digits(&self, integer: Integer) -> usize {
        let flags = &self.flags;
        match (flags.precision, flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => {
                let has_sign = integer.is_negative || flags.plus || flags.space;
                width.saturating_sub(usize::from(has_sign))
            }
            _ => 0,
        }
    }

    fn sign(&self, integer: Integer) -> &'static str {
        match &self.flags {
            _ if integer.is_negative => "-",
            flags if flags.plus => "+",
            flags if flags.space => " ",
            _ => "",
        }
    }

    fn prefix(&self, verb: char, digits: &str) -> &'static str {
        match verb {
            'O' if self.flags.sharp && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            _ if !self.flags.sharp => "",
            'b' => "0b",
            'o' if !digits.starts_with('0') => "0",
            'x' => "0x",
            'X' => "0X",
            _ => "",
        }
    }

    /// Prints `U+0061`, with `#` also the character.
    fn print_unicode(&mut self, code_point: u64) {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code_point:0digits$X}");
        let c = u32::try_from(code_point).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && is_printable(*c)) {
            text.extend([' ', '\'', c, '\'']);
        }
        self.pad_with_spaces(text.as_bytes());
    }
}

fn digits(value: u64, verb: char) -> String {
    match verb {
        'b' => format!("{value:b}"),
        'o' | 'O' => format!("{value:o}"),
        'x' => format!("{value:x}"),
        'X' => format!("{value:X}"),
        _ => value.to_string(),
    }
}
