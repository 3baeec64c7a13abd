//! Ports that a container listens on.

use thiserror::Error;

/// A text that names no port.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` is not a port: expected a number from 1 to 65535 or a range of them, and /tcp, /udp or /sctp unless it is TCP", .0.escape_debug())]
pub struct ParsePortError(String);

/// Returns the keys of `ExposedPorts` for `80`, `53/udp` or `8000-8010/tcp`.
///
/// Source: OCI image-spec v1.1.1, config.md, "Properties": `port/tcp`, `port/udp` or `port`.
///
/// # Errors
/// Another protocol, a number that is no port, or a range that runs backwards.
pub fn parse_ports(text: &str) -> Result<Vec<String>, ParsePortError> {
    let malformed = || ParsePortError(text.to_owned());
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(malformed());
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (number(first), number(last));
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Ok((first..=last)
            .map(|port| format!("{port}/{protocol}"))
            .collect()),
        _ => Err(malformed()),
    }
}

fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|_| is_plain);
    port.filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_one_spelling() {
        assert_eq!(parse_ports("80").unwrap(), ["80/tcp"]);
        assert_eq!(parse_ports("0053/udp").unwrap(), ["53/udp"]);
        assert_eq!(
            parse_ports("8000-8002/sctp").unwrap(),
            ["8000/sctp", "8001/sctp", "8002/sctp"]
        );
        for wrong in ["", "0", "65536", "+1", "80/icmp", "80/", "9-8", "1-", "80 "] {
            assert!(parse_ports(wrong).is_err(), "{wrong}");
        }
    }
}
