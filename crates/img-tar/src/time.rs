//! Times as PAX writes them: seconds in decimal, with an optional sign and fraction.
//!
//! Source: POSIX.1-2017, `pax`, "pax Extended Header File Times".

use crate::Timestamp;

const NANOSECONDS: i128 = 1_000_000_000;

/// Returns the text of a time; the fraction is without trailing zeros.
pub(crate) fn decimal(time: Timestamp) -> String {
    if time.nanoseconds == 0 {
        return time.seconds.to_string();
    }
    let total = i128::from(time.seconds) * NANOSECONDS + i128::from(time.nanoseconds);
    let sign = if total < 0 { "-" } else { "" };
    let (seconds, nanoseconds) = (total.abs() / NANOSECONDS, total.abs() % NANOSECONDS);
    let text = format!("{sign}{seconds}.{nanoseconds:09}");
    text.trim_end_matches('0').to_owned()
}

/// Returns the time of a text; digits after nanoseconds are dropped, as Go does.
pub(crate) fn parse(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole: i128 = whole.parse::<u64>().ok()?.into();
    let fraction: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let total = sign * (whole * NANOSECONDS + fraction);
    Some(Timestamp {
        seconds: total.div_euclid(NANOSECONDS).try_into().ok()?,
        nanoseconds: total.rem_euclid(NANOSECONDS).try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_towards_the_past() {
        let check = |text: &str, expected: Option<(i64, u32)>| {
            let found = parse(text.as_bytes()).map(|t| (t.seconds, t.nanoseconds));
            assert_eq!(found, expected, "{text}");
        };
        check("1350244992.023960108", Some((1_350_244_992, 23_960_108)));
        check("1.", Some((1, 0)));
        check("1.5", Some((1, 500_000_000)));
        check("-1.5", Some((-2, 500_000_000)));
        check("-0.5", Some((-1, 500_000_000)));
        check("-3", Some((-3, 0)));
        check("1.0000000009", Some((1, 0)));
        check("9223372036854775807.5", Some((i64::MAX, 500_000_000)));
        check("-9223372036854775808", Some((i64::MIN, 0)));
        for wrong in [
            "",
            "-",
            ".5",
            "nan",
            "1e3",
            "+1",
            "9223372036854775808",
            "-9223372036854775808.1",
            "99999999999999999999",
            "1.x",
            "1.0000000000x",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn times_before_1970_keep_their_fraction() {
        let time = |seconds, nanoseconds| {
            decimal(Timestamp {
                seconds,
                nanoseconds,
            })
        };
        assert_eq!(time(-2, 500_000_000), "-1.5");
        assert_eq!(time(1, 20_000_000), "1.02");
        assert_eq!(time(-3, 0), "-3");
    }

    #[test]
    fn every_time_is_read_as_it_was_written() {
        for seconds in [i64::MIN, -2, -1, 0, 1, i64::MAX] {
            for nanoseconds in [0, 1, 500_000_000, 999_999_999] {
                let time = Timestamp {
                    seconds,
                    nanoseconds,
                };
                assert_eq!(parse(decimal(time).as_bytes()), Some(time));
            }
        }
    }
}
