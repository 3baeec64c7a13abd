//! Literals of Go: what numbers, characters and texts in quotation marks are worth.

use crate::error::{Problem, TokenProblem};
use crate::node::Number;

/// Returns what is between the quotation marks of a literal, without escapes.
pub(crate) fn unquote(literal: &str) -> Result<Vec<u8>, Problem> {
    let inner = &literal[1..literal.len() - 1];
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (item, after) = item(rest, '"').ok_or_else(|| malformed(literal))?;
        match item {
            Item::Byte(byte) => bytes.push(byte),
            Item::Character(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
        rest = after;
    }
    Ok(bytes)
}

/// Returns what is between backquotes; carriage returns do not count.
pub(crate) fn unquote_raw(literal: &str) -> Vec<u8> {
    let inner = &literal[1..literal.len() - 1];
    inner.bytes().filter(|byte| *byte != b'\r').collect()
}

/// Returns the code point of a character in quotation marks.
pub(crate) fn character(literal: &str) -> Result<i64, Problem> {
    let inner = &literal[1..literal.len() - 1];
    match item(inner, '\'') {
        Some((Item::Byte(byte), "")) => Ok(i64::from(byte)),
        Some((Item::Character(c), "")) => Ok(i64::from(u32::from(c))),
        _ => Err(malformed(literal)),
    }
}

fn malformed(literal: &str) -> Problem {
    let text = literal.to_owned();
    Problem::Token(TokenProblem::Literal { text })
}

enum Item {
    Byte(u8),
    Character(char),
}

/// Returns the first character or escape, and what follows it.
fn item(text: &str, mark: char) -> Option<(Item, &str)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first != '\\' {
        let is_allowed = first != mark && first != '\n';
        return is_allowed.then_some((Item::Character(first), characters.as_str()));
    }
    let escape = characters.next()?;
    let rest = characters.as_str();
    let simple = |c| Some((Item::Character(c), rest));
    match escape {
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\x0b'),
        '\\' => simple('\\'),
        c if c == mark => simple(mark),
        'x' => byte(rest, 2, 16),
        '0'..='7' => byte(&text[1..], 3, 8),
        'u' => code_point(rest, 4),
        'U' => code_point(rest, 8),
        _ => None,
    }
}

fn byte(text: &str, length: usize, base: u32) -> Option<(Item, &str)> {
    let (value, rest) = digits(text, length, base)?;
    Some((Item::Byte(u8::try_from(value).ok()?), rest))
}

fn code_point(text: &str, length: usize) -> Option<(Item, &str)> {
    let (value, rest) = digits(text, length, 16)?;
    Some((Item::Character(char::from_u32(value)?), rest))
}

fn digits(text: &str, length: usize, base: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(length)?;
    let is_digits = digits.chars().all(|c| c.is_digit(base));
    let value = u32::from_str_radix(digits, base).ok()?;
    is_digits.then_some((value, rest))
}

/// Returns what a number is worth.
pub(crate) fn number(text: &str) -> Result<Number, Problem> {
    let wrong = |reason| Problem::Number {
        text: text.to_owned(),
        reason,
    };
    let looks_like_fraction = text.contains(['.', 'e', 'E', 'p', 'P']);
    match integer(text) {
        // A sign before `0x` makes Go take the digit `e` for an exponent, and the number for a float.
        #[allow(clippy::cast_precision_loss)]
        Some(Ok(value)) if looks_like_fraction && !is_hexadecimal(text) => {
            Ok(Number::Float(value as f64))
        }
        Some(Ok(value)) => Ok(Number::Integer(value)),
        Some(Err(TooLarge)) => Ok(Number::TooLarge(text.to_owned())),
        None if looks_like_fraction => float(text)
            .map(Number::Float)
            .ok_or_else(|| wrong("expected an integer or a fraction")),
        None if float(text).is_some() => Err(wrong("it is too large or has wrong digits")),
        None => Err(wrong("expected an integer or a fraction")),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let has_prefix = text.starts_with("0x") || text.starts_with("0X");
    has_prefix && text.len() > 2 && !text.contains(['p', 'P'])
}

/// An integer that has no room in 64 bits with a sign, but in as many without one.
struct TooLarge;

fn integer(text: &str) -> Option<Result<i64, TooLarge>> {
    let (is_negative, magnitude) = split_sign(text);
    let (base, digits) = split_base(magnitude);
    let digits = without_underscores(magnitude, digits)?;
    if !digits.starts_with(|c: char| c.is_digit(base)) {
        return None;
    }
    let value = u64::from_str_radix(&digits, base).ok()?;
    let value = i128::from(value) * if is_negative { -1 } else { 1 };
    match i64::try_from(value) {
        Ok(value) => Some(Ok(value)),
        Err(_) if magnitude.len() == text.len() => Some(Err(TooLarge)),
        Err(_) => None,
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Returns the base that a number is written in, and its digits.
fn split_base(text: &str) -> (u32, &str) {
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ];
    for (prefix, base) in prefixes {
        if let Some(digits) = text.strip_prefix(prefix) {
            return (base, digits);
        }
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => (8, digits),
        _ => (10, text),
    }
}

/// Returns digits without underscores, which stand only between digits or after a prefix.
fn without_underscores(number: &str, digits: &str) -> Option<String> {
    let has_prefix = number.len() > digits.len();
    let is_hexadecimal = number.starts_with("0x") || number.starts_with("0X");
    let is_digit = |c: char| c.is_digit(if is_hexadecimal { 16 } else { 10 });
    let mut before = if has_prefix { '0' } else { '.' };
    for c in digits.chars().chain(['.']) {
        let is_wrong = match (before, c) {
            ('_', c) => !is_digit(c),
            (before, '_') => !is_digit(before),
            _ => false,
        };
        if is_wrong {
            return None;
        }
        before = c;
    }
    Some(digits.replace('_', ""))
}

fn float(text: &str) -> Option<f64> {
    let (is_negative, magnitude) = split_sign(text);
    let lower = magnitude.to_lowercase();
    let value = match lower.strip_prefix("0x") {
        Some(digits) => hexadecimal_float(&without_underscores(&lower, digits)?)?,
        None => decimal_float(&lower)?,
    };
    let value = if is_negative { -value } else { value };
    value.is_finite().then_some(value)
}

fn decimal_float(text: &str) -> Option<f64> {
    let digits = without_underscores(text, text)?;
    let (mantissa, _) = digits.split_once('e').unwrap_or((&digits, ""));
    mantissa
        .contains(|c: char| c.is_ascii_digit())
        .then_some(())?;
    digits.parse().ok()
}

/// Returns the worth of `1.8p3`: digits, and the power of two that has to follow them.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // More than 13 digits may have to be rounded; nobody writes them.
    let value = (digits.len() <= 13).then(|| u64::from_str_radix(&digits, 16).ok())??;
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    #[allow(clippy::cast_precision_loss)]
    Some(value as f64 * f64::powi(2.0, shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_worth_what_go_makes_of_them() {
        let check = |text: &str, expected: Option<Number>| {
            assert_eq!(number(text).ok(), expected, "{text}");
        };
        check("0x1e", Some(Number::Integer(30)));
        check("-0x1e", Some(Number::Float(-30.0)));
        check("0755", Some(Number::Integer(493)));
        check("1_000", Some(Number::Integer(1000)));
        check("1__0", None);
        check("_1", None);
        check("089", None);
        check("0x1p-2", Some(Number::Float(0.25)));
        check("0x1.8p1", Some(Number::Float(3.0)));
        check("1e400", None);
        check(
            "9223372036854775808",
            Some(Number::TooLarge("9223372036854775808".to_owned())),
        );
        check("-9223372036854775809", None);
        check(".5", Some(Number::Float(0.5)));
        check(".", None);
    }

    #[test]
    fn escapes_are_those_of_go() {
        let check = |literal: &str, expected: Option<&[u8]>| {
            assert_eq!(unquote(literal).ok().as_deref(), expected, "{literal}");
        };
        check(r#""\x41\101\u00e9\n""#, Some("AA\u{e9}\n".as_bytes()));
        check(r#""\xff""#, Some(b"\xff"));
        check(r#""\'""#, None);
        check(r#""\ud800""#, None);
        check(r#""\400""#, None);
        assert_eq!(character(r"'\''").ok(), Some(39));
        assert_eq!(character("'ab'").ok(), None);
        assert_eq!(unquote_raw("`a\r\nb`"), b"a\nb");
    }
}
