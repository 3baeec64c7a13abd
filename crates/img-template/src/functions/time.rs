//! Times of the Gregorian calendar, in UTC.

const DAY: i64 = 24 * 60 * 60;

/// Days from the first of March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// 400 years, after which the calendar begins again, in days.
const CYCLE: i64 = 146_097;

/// Returns seconds since 1970 as RFC 3339 writes a time, if the year has four digits.
pub(super) fn rfc3339(seconds: i64) -> Option<String> {
    let (year, month, day) = date(seconds.div_euclid(DAY).checked_add(DAYS_TO_1970)?);
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    (0..=9999)
        .contains(&year)
        .then(|| format!("{date}T{time}Z"))
}

/// Returns year, month and day. Years are counted from March, so that a leap day is their last day, and
/// months have 153 days in every five.
fn date(days: i64) -> (i64, i64, i64) {
    let (cycle, of_cycle) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let leap_days = of_cycle / 1460 - of_cycle / 36_524 + of_cycle / (CYCLE - 1);
    let year = (of_cycle - leap_days) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let month = if is_next_year { month - 9 } else { month + 3 };
    (cycle * 400 + year + i64::from(is_next_year), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let check = |seconds: i64, expected: Option<&str>| {
            assert_eq!(rfc3339(seconds).as_deref(), expected);
        };
        check(0, Some("1970-01-01T00:00:00Z"));
        check(-1, Some("1969-12-31T23:59:59Z"));
        check(951_782_400, Some("2000-02-29T00:00:00Z"));
        check(1_709_164_800, Some("2024-02-29T00:00:00Z"));
        check(4_107_542_400, Some("2100-03-01T00:00:00Z"));
        check(253_402_300_799, Some("9999-12-31T23:59:59Z"));
        check(253_402_300_800, None);
        check(-62_167_219_200, Some("0000-01-01T00:00:00Z"));
        check(-62_167_219_201, None);
        check(i64::MAX, None);
        check(i64::MIN, None);
    }
}
