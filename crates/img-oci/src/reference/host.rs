//! Host names as a URL takes them: what passes here is the host of a URL as it stands.
//!
//! Sources: RFC 1123, section 2.1; RFC 3492 (Punycode); the WHATWG URL standard, "host parsing",
//! where a name that ends in a number is an address or nothing.

use std::net::Ipv4Addr;

/// The most characters a name may have.
const MAX_LEN: usize = 253;

/// Tells whether a lower-case text is a host name or an IPv4 address.
pub(super) fn is_name_or_ipv4(host: &str) -> bool {
    if ends_in_number(host) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= MAX_LEN && host.split('.').all(is_label)
}

fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    (!last.is_empty() && digits(last)) || last.strip_prefix("0x").is_some_and(hexadecimal)
}

fn is_label(label: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty()
        && label.bytes().all(known)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.strip_prefix("xn--").is_none_or(is_punycode)
}

/// Tells whether Punycode decodes to text that has to be written so.
fn is_punycode(text: &str) -> bool {
    let (basic, extended) = text.rsplit_once('-').unwrap_or(("", text));
    !extended.is_empty() && decode(basic, extended).is_some()
}

/// Decodes Punycode; only whether that goes well is of interest.
fn decode(basic: &str, extended: &str) -> Option<()> {
    let mut digits = extended.bytes();
    let mut length = u32::try_from(basic.len()).ok()?;
    let (mut code, mut place, mut bias) = (128_u32, 0_u32, 72_u32);
    while digits.len() > 0 {
        let is_first = place == 0 && code == 128;
        let delta = delta(&mut digits, bias)?;
        length += 1;
        bias = adapted(delta, length, is_first);
        place = place.checked_add(delta)?;
        code = code.checked_add(place / length)?;
        char::from_u32(code)?;
        place = place % length + 1;
    }
    Some(())
}

/// Reads a number of variable length.
fn delta(digits: &mut std::str::Bytes<'_>, bias: u32) -> Option<u32> {
    let (mut delta, mut weight, mut position) = (0_u32, 1_u32, 36_u32);
    loop {
        let digit = match digits.next()? {
            letter @ b'a'..=b'z' => u32::from(letter - b'a'),
            number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
            _ => return None,
        };
        delta = delta.checked_add(digit.checked_mul(weight)?)?;
        let threshold = position.saturating_sub(bias).clamp(1, 26);
        if digit < threshold {
            return Some(delta);
        }
        weight = weight.checked_mul(36 - threshold)?;
        position += 36;
    }
}

fn adapted(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut bias = 0;
    while delta > 455 {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_url() {
        for good in [
            "ghcr.io",
            "a",
            "1a.2b",
            "10.0.0.1",
            "0x.io",
            "0xg",
            "xn--bcher-kva.example",
            "xn--p1ai",
            "xn--3e0b707e",
            "xn--wgv71a119e.jp",
        ] {
            assert!(is_name_or_ipv4(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            "256.256.256.256",
            "1.2.3",
            "5000",
            "foo.0x1",
            "0x",
            "a.01",
            "010.0.0.1",
            "xn--0.io",
            "xn--",
            "xn--a-",
            "xn--99999999",
            "a_b",
        ] {
            assert!(!is_name_or_ipv4(bad), "{bad}");
        }
    }
}
