//! Digests: `algorithm:hex`, parsed strictly before any use as a path or URL.
//!
//! Source: OCI image-spec v1.1.1, descriptor.md, "Digests".

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use sha2::digest::common::hazmat::SerializableState as _;
use thiserror::Error;

/// A hash algorithm registered by the OCI image-spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 64 hex digits.
    Sha256,
    /// SHA-512, 128 hex digits.
    Sha512,
}

impl Algorithm {
    /// Returns the name used before the colon of a digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hex digits of a digest.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for Algorithm {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(ParseDigestError(text.to_owned())),
        }
    }
}

/// The digest of a blob: an algorithm and lower-case hex digits of exactly its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

/// A text that is not a digest of a supported algorithm.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` is not a digest: expected `sha256:` and 64, or `sha512:` and 128, lower-case hex digits", .0.escape_debug())]
pub struct ParseDigestError(pub String);

impl Digest {
    /// Returns the digest with this algorithm and hex part.
    pub fn new(algorithm: Algorithm, hex: &str) -> Result<Self, ParseDigestError> {
        let is_hex = hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex.len() == algorithm.hex_len() && is_hex {
            Ok(Self {
                algorithm,
                hex: hex.into(),
            })
        } else {
            Err(ParseDigestError(format!("{}:{hex}", algorithm.name())))
        }
    }

    /// Returns the digest with this SHA-256 hash.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        Self::from_raw(Algorithm::Sha256, &hash)
    }

    /// Returns the SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// Returns the digest of `bytes` by `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the hash algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the hex digits after the colon.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Returns the first twelve hex digits, for display.
    pub fn short(&self) -> &str {
        &self.hex[..12]
    }

    /// Returns the raw hash bytes: 32 for SHA-256, 64 for SHA-512.
    pub fn to_bytes(&self) -> Vec<u8> {
        let nibble = |b: u8| {
            if b.is_ascii_digit() {
                b - b'0'
            } else {
                b - b'a' + 10
            }
        };
        self.hex
            .as_bytes()
            .chunks_exact(2)
            .map(|p| (nibble(p[0]) << 4) | nibble(p[1]))
            .collect()
    }

    fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(raw.len() * 2);
        for byte in raw {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self {
            algorithm,
            hex: hex.into(),
        }
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseDigestError(text.to_owned());
        let (algorithm, hex) = text.split_once(':').ok_or_else(malformed)?;
        let algorithm = algorithm.parse().map_err(|_| malformed())?;
        Self::new(algorithm, hex).map_err(|_| malformed())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A running hash that ends in a [`Digest`].
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Returns a hasher that has seen no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Adds `bytes` to what has been seen.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns what a SHA-256 hasher needs to go on elsewhere; nothing for another algorithm.
    ///
    /// The bytes mean something to [`Hasher::resume`] of the same release alone.
    pub fn save(&self) -> Option<Vec<u8>> {
        match &self.0 {
            State::Sha256(hash) => Some(hash.serialize().to_vec()),
            State::Sha512(_) => None,
        }
    }

    /// Returns the hasher that [`Hasher::save`] saved; nothing if the bytes are not its.
    pub fn resume(saved: &[u8]) -> Option<Self> {
        let saved = saved.try_into().ok()?;
        let hash = sha2::Sha256::deserialize(saved).ok()?;
        Some(Self(State::Sha256(hash)))
    }

    /// Returns the digest of all bytes seen.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hash) => Digest::from_raw(Algorithm::Sha256, &hash.finalize()),
            State::Sha512(hash) => Digest::from_raw(Algorithm::Sha512, &hash.finalize()),
        }
    }
}

/// Adds what is written to what has been seen; never fails.
impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A running SHA-256 hash that ends in its 32 bytes, for those who make very many.
#[derive(Clone, Debug, Default)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// Returns a hasher that has seen no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the hash of `bytes`.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(bytes).into()
    }

    /// Adds `bytes` to what has been seen.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of all bytes seen.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Adds what is written to what has been seen; never fails.
impl Write for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_saved_hasher_goes_on_where_it_was() {
        for cut in [0, 1, 63, 64, 65, 200] {
            let bytes = [7; 300];
            let mut hasher = Hasher::new(Algorithm::Sha256);
            hasher.update(&bytes[..cut]);
            let mut resumed = Hasher::resume(&hasher.save().unwrap()).unwrap();
            resumed.update(&bytes[cut..]);
            assert_eq!(resumed.finish(), Digest::sha256(&bytes), "{cut}");
        }
        assert!(Hasher::new(Algorithm::Sha512).save().is_none());
        assert!(Hasher::resume(b"short").is_none());
    }

    #[test]
    fn digest_of_nothing_is_the_known_one() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(Digest::of(Algorithm::Sha512, b"").hex().len(), 128);
        assert_eq!(Digest::sha256(b"").to_bytes().len(), 32);
        assert_eq!(Digest::sha256(b"").to_bytes()[..2], [0xe3, 0xb0]);
    }

    #[test]
    fn grammar_is_strict() {
        let hex = &EMPTY[7..];
        let bad = [
            String::new(),
            hex.to_owned(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("SHA256:{hex}"),
            format!("sha256: {hex}"),
            format!("sha256:{hex} "),
            format!("sha256:{hex}\n"),
            format!("md5:{hex}"),
            format!("sha512:{hex}"),
            format!("sha256:../{}", &hex[3..]),
            format!("sha256::{}", &hex[1..]),
            format!("sha256+b64:{hex}"),
            format!("sha256:{}\0", &hex[1..]),
            "sha256:".to_owned(),
        ];
        for text in bad {
            assert_eq!(text.parse::<Digest>(), Err(ParseDigestError(text.clone())));
        }
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::sha256(b""));
    }
}
