//! Numbers with a fraction.

use super::Printer;

impl Printer {
    /// Prints a number; returns whether the verb is one for such numbers.
    pub(super) fn print_float(&mut self, value: f64, verb: char) -> bool {
        let (verb, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'e' | 'E' => (verb, Some(6)),
            'f' | 'F' => ('f', Some(6)),
            _ => return false,
        };
        let precision = self.flags.precision.or(precision);
        let sign = self.float_sign(value);
        if !value.is_finite() {
            let name = if value.is_nan() { "NaN" } else { "Inf" };
            let sign = if sign.is_empty() && !value.is_nan() {
                "+"
            } else {
                sign
            };
            self.pad_with_spaces((sign.to_owned() + name).as_bytes());
            return true;
        }
        let mut text = magnitude(value.abs(), verb, precision);
        if self.flags.sharp && verb != 'b' {
            text = with_point(&text, verb, precision);
        }
        self.pad_number(sign, &text);
        true
    }

    fn float_sign(&self, value: f64) -> &'static str {
        match &self.flags {
            _ if value.is_sign_negative() && !value.is_nan() => "-",
            flags if flags.plus => "+",
            flags if flags.space => " ",
            _ => "",
        }
    }

    /// Pads a number; zeros go between its sign and its digits.
    fn pad_number(&mut self, sign: &str, digits: &str) {
        let flags = &self.flags;
        let width = flags.width.unwrap_or(0);
        let length = sign.len() + digits.len();
        if flags.zero && !flags.minus && !sign.is_empty() && width > length {
            self.push_str(sign);
            self.push_padding(width - length);
            self.push_str(digits);
            return;
        }
        self.pad((sign.to_owned() + digits).as_bytes());
    }
}

fn magnitude(value: f64, verb: char, precision: Option<usize>) -> String {
    match verb {
        'b' => binary(value),
        'x' | 'X' => hexadecimal(value, verb, precision),
        'e' | 'E' => exponential(value, verb, precision),
        'f' => match precision {
            Some(precision) => format!("{value:.precision$}"),
            None => format!("{value}"),
        },
        _ => general(value, verb, precision),
    }
}

/// Returns `1.5e+06`: Go's exponents have a sign and two digits.
fn exponential(value: f64, verb: char, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = split_exponent(&text);
    let e = if verb.is_uppercase() { 'E' } else { 'e' };
    format!("{mantissa}{e}{}", signed(exponent))
}

/// Returns an exponent with its sign and two digits.
fn signed(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

fn split_exponent(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// Returns the shorter of both forms: that with an exponent for numbers that are very large or small.
fn general(value: f64, verb: char, precision: Option<usize>) -> String {
    let digits = precision.map(|precision| precision.max(1));
    let text = match digits {
        Some(digits) => format!("{value:.*e}", digits - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = split_exponent(&text);
    // Zeros at the end do not count as digits.
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    let limit = i32::try_from(precision.unwrap_or(6).max(1)).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        let e = if verb.is_uppercase() { 'E' } else { 'e' };
        return format!("{}{e}{}", with_whole_digits(digits, 1), signed(exponent));
    }
    if let Ok(exponent) = usize::try_from(exponent) {
        return with_whole_digits(digits, exponent + 1);
    }
    let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    with_whole_digits(&("0".repeat(zeros) + digits), 1)
}

/// Returns digits with a point after so many of them, if there are more.
fn with_whole_digits(digits: &str, whole: usize) -> String {
    match digits.split_at_checked(whole) {
        Some((digits, "")) => digits.to_owned(),
        Some((before, after)) => format!("{before}.{after}"),
        None => format!("{digits:0<whole$}"),
    }
}

const MANTISSA_BITS: i32 = 52;
const EXPONENT_BIAS: i32 = 1023;

/// Returns the 53 bits of the mantissa, and the power of two that they are multiplied with.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    // Eleven bits fit.
    let exponent = i32::try_from(bits >> MANTISSA_BITS & 0x7ff).unwrap_or(0);
    match exponent {
        0 => (fraction, 1 - EXPONENT_BIAS - MANTISSA_BITS),
        exponent => (
            fraction | 1 << MANTISSA_BITS,
            exponent - EXPONENT_BIAS - MANTISSA_BITS,
        ),
    }
}

fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}p{sign}{}", exponent.unsigned_abs())
}

fn hexadecimal(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mantissa, exponent) = parts(value);
    let (digits, exponent) = match mantissa {
        0 => (0, 0),
        mantissa => {
            let shift = mantissa.leading_zeros() - 3;
            let moved = 8 - i32::try_from(shift).unwrap_or(0);
            (mantissa << shift, exponent + MANTISSA_BITS + moved)
        }
    };
    let (digits, exponent) = round_digits(digits, exponent, precision);
    let mut fraction = format!("{:015x}", digits & ((1 << 60) - 1));
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(precision) if precision <= 15 => fraction.truncate(precision),
        Some(precision) => fraction += &"0".repeat(precision - 15),
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let text = format!("0x{}{point}{fraction}p{}", digits >> 60, signed(exponent));
    if verb == 'X' {
        text.to_uppercase()
    } else {
        text
    }
}

/// Rounds a mantissa with four bits before its point and 60 after it to so many hexadecimal digits, to
/// even if it lies in the middle.
fn round_digits(digits: u64, exponent: i32, precision: Option<usize>) -> (u64, i32) {
    let Some(precision) = precision.filter(|precision| *precision < 15) else {
        return (digits, exponent);
    };
    let dropped = 60 - 4 * precision;
    let (kept, rest) = (digits >> dropped, digits & ((1 << dropped) - 1));
    let half = 1 << (dropped - 1);
    let is_up = rest > half || (rest == half && kept & 1 == 1);
    let rounded = (kept + u64::from(is_up)) << dropped;
    // All digits were ones: the number has one more.
    if rounded >> 61 == 1 {
        return (rounded >> 1, exponent + 1);
    }
    (rounded, exponent)
}

/// Adds the point and the zeros at the end that `#` asks for.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let is_hexadecimal = matches!(verb, 'x' | 'X');
    let marks: &[char] = if is_hexadecimal {
        &['p', 'P']
    } else {
        &['e', 'E']
    };
    let (number, tail) = text.split_at(text.find(marks).unwrap_or(text.len()));
    let wanted: usize = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    // The `x` of a prefix counts as a digit; so it is in Go.
    let digits = number.chars().filter(|c| *c != '.');
    let significant = digits.skip_while(|c| *c == '0').count();
    let zero = usize::from(number == "0");
    let zeros = "0".repeat(wanted.saturating_sub(significant + zero));
    let point = if number.contains('.') { "" } else { "." };
    format!("{number}{point}{zeros}{tail}")
}
