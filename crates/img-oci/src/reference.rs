//! Image references: `registry/repository:tag@digest`, parsed into parts that are valid each.
//!
//! Source: OCI distribution-spec v1.1.1, "Pulling manifests" (grammar of `<name>` and
//! `<reference>`); the rules for a missing registry are Docker's.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::Digest;

/// Docker Hub as users write it.
const DOCKER_HUB: &str = "docker.io";

/// A part of a reference that is outside its grammar.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseReferenceError {
    /// Not `host` or `host:port`.
    #[error("`{}` is not a registry: expected a host name or address with an optional port, such as ghcr.io or localhost:5000, without a scheme or a path", .0.escape_debug())]
    Registry(String),
    /// Not a repository name.
    #[error("`{}` is not a repository: expected lower-case letters and digits, separated by `.`, `_`, `__` or `-`, in components separated by `/`, such as acme/app", .0.escape_debug())]
    Repository(String),
    /// Not a tag.
    #[error("`{}` is not a tag: expected 1 to 128 letters, digits, `_`, `.` or `-`, not beginning with `.` or `-`", .0.escape_debug())]
    Tag(String),
    /// Not a digest.
    #[error(transparent)]
    Digest(#[from] crate::ParseDigestError),
}

/// A registry's host and optional port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Returns `host` or `host:port` as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host without the port, and without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        match self
            .0
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((address, _)) => address,
            None => self
                .0
                .rsplit_once(':')
                .map_or(self.0.as_str(), |(host, _)| host),
        }
    }

    /// Tells whether this is Docker Hub, under any of its names.
    pub fn is_docker_hub(&self) -> bool {
        matches!(
            self.0.as_str(),
            DOCKER_HUB | "index.docker.io" | "registry-1.docker.io"
        )
    }

    /// Returns the host and port that serve the registry's API.
    pub fn api_host(&self) -> &str {
        if self.is_docker_hub() {
            "registry-1.docker.io"
        } else {
            &self.0
        }
    }

    /// Tells whether the registry is on this machine, so that plain HTTP is what it speaks.
    pub fn is_local(&self) -> bool {
        let host = self.host();
        let top_level = host.rsplit('.').next().unwrap_or(host);
        // `local` alone is a name like any other.
        let local_name = top_level == "localhost" || (top_level == "local" && host != top_level);
        local_name
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for RegistryHost {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseReferenceError::Registry(text.to_owned());
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or_else(bad)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            match after.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None if after.is_empty() => (address, None),
                None => return Err(bad()),
            }
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let label = |label: &str| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            if !host.split('.').all(label) {
                return Err(bad());
            }
            (host, port)
        };
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        if port.is_some_and(|port| !digits(port) || port.parse::<u16>().is_err()) {
            return Err(bad());
        }
        if host.len() > 253 {
            Err(bad())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// A repository's name within its registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

impl Repository {
    /// The most characters a name may have.
    pub const MAX_LEN: usize = 255;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Repository {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= Self::MAX_LEN && text.split('/').all(is_path_component) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseReferenceError::Repository(text.to_owned()))
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_well = |b: Option<&u8>| b.is_some_and(|b| alphanumeric(*b));
    if !ends_well(bytes.first()) || !ends_well(bytes.last()) {
        return false;
    }
    bytes
        .split(|b| alphanumeric(*b))
        .all(|run| matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-'))
}

/// A tag's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let bytes = text.as_bytes();
        let valid = bytes.first().is_some_and(|b| word(*b))
            && bytes.len() <= 128
            && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseReferenceError::Tag(text.to_owned()))
        }
    }
}

/// What selects a manifest within a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagOrDigest {
    /// By name; may move.
    Tag(Tag),
    /// By content; cannot move.
    Digest(Digest),
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(&tag.0),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Where an image is: registry, repository, and what selects a manifest in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository in the registry.
    pub repository: Repository,
    /// The tag, if one is named.
    pub tag: Option<Tag>,
    /// The digest, if one is named; it wins over the tag.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Returns what selects the manifest: the digest, else the tag, else the tag `latest`.
    pub fn selector(&self) -> TagOrDigest {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => TagOrDigest::Digest(digest.clone()),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag(Tag("latest".to_owned())),
        }
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (text, None),
        };
        let looks_like_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (registry, rest) = match name.split_once('/') {
            Some((first, rest)) if looks_like_host(first) => (first, rest.to_owned()),
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("library/{name}")),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest.as_str(), None),
        };
        Ok(Self {
            registry: registry.parse()?,
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

macro_rules! display_as_text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

display_as_text!(RegistryHost, Repository, Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_fill_in_what_docker_fills_in() {
        let check = |text: &str, shown: &str| {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), shown);
        };
        check("busybox", "docker.io/library/busybox");
        check("acme/app:v1", "docker.io/acme/app:v1");
        check("localhost/app", "localhost/app");
        check("localhost:5000/a/b:v1", "localhost:5000/a/b:v1");
        check("[::1]:5000/a", "[::1]:5000/a");
        let digest = Digest::sha256(b"").to_string();
        check(
            &format!("ghcr.io/a/b:v1@{digest}"),
            &format!("ghcr.io/a/b:v1@{digest}"),
        );
    }

    #[test]
    fn repositories_follow_the_grammar() {
        for good in ["a", "a/b/c", "a.b", "a_b", "a__b", "a---b", "0/9"] {
            assert!(good.parse::<Repository>().is_ok(), "{good}");
        }
        let long = "a".repeat(256);
        for bad in [
            "", "/a", "a/", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", "a b", "../a", "a:b",
            &long,
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_follow_the_grammar() {
        let longest = "a".repeat(128);
        for good in ["v1", "_x", "V1.2-rc_3", &longest] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", ".x", "-x", "a/b", "a:b", "a b", "a\n", "ä", &long] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn registries_are_hosts_with_ports() {
        for good in [
            "ghcr.io",
            "localhost",
            "127.0.0.1:5000",
            "[::1]:80",
            "a-b.c:65535",
        ] {
            assert!(good.parse::<RegistryHost>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://a",
            "a/b",
            "a:",
            "a:x",
            "a:65536",
            "a:+80",
            "-a",
            "a..b",
            "[::1",
            "a@b",
            "a\r\nb",
            "a:80:80",
        ] {
            assert!(bad.parse::<RegistryHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn local_registries_speak_plain_http() {
        let check = |text: &str, local: bool| {
            assert_eq!(
                text.parse::<RegistryHost>().unwrap().is_local(),
                local,
                "{text}"
            );
        };
        check("localhost:5000", true);
        check("127.0.0.1:5000", true);
        check("[::1]:5000", true);
        check("nas.local", true);
        check("localhost.example.com", false);
        check("10.0.0.1:5000", false);
        check("127.example.com", false);
    }
}
