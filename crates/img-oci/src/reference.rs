//! Image references: `registry/repository:tag@digest`, parsed into parts that are valid each.
//!
//! Source: OCI distribution-spec v1.1.1, "Pulling manifests" (grammar of `<name>` and
//! `<reference>`); the rules for a missing registry are Docker's.

mod host;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::Digest;

/// Docker Hub as users write it.
const DOCKER_HUB: &str = "docker.io";

/// Where Docker Hub's API is.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Where Docker Hub's API was; a name that configs still have.
const DOCKER_HUB_INDEX: &str = "index.docker.io";

/// Where Docker Hub has the images whose names have one component.
const OFFICIAL_IMAGES: &str = "library";

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

/// A registry's host and optional port, in lower case; Docker Hub has one name of its several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Returns `host` or `host:port`.
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

    /// Tells whether this is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// Returns the host and port that serve the registry's API.
    pub fn api_host(&self) -> &str {
        if self.is_docker_hub() {
            DOCKER_HUB_API
        } else {
            &self.0
        }
    }

    /// Tells whether plain HTTP is what the registry speaks: on this machine, and on those that
    /// multicast DNS finds (`*.local`).
    ///
    /// That says nothing of whether a password may go there; see [`Self::is_loopback`].
    pub fn is_local(&self) -> bool {
        // `local` alone is a name like any other.
        let top_level = self.host().rsplit_once('.').map(|(_, label)| label);
        self.is_loopback() || top_level == Some("local")
    }

    /// Tells whether the registry is on this machine, so that nobody listens on the way to it.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for RegistryHost {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseReferenceError::Registry(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let port = if let Some(rest) = lower.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or_else(bad)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            match after.strip_prefix(':') {
                None if !after.is_empty() => return Err(bad()),
                port => port,
            }
        } else {
            let (host, port) = match lower.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (lower.as_str(), None),
            };
            if !host::is_name_or_ipv4(host) {
                return Err(bad());
            }
            port
        };
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        if port.is_some_and(|port| !digits(port) || port.parse::<u16>().is_err()) {
            return Err(bad());
        }
        Ok(match lower.as_str() {
            DOCKER_HUB_API | DOCKER_HUB_INDEX => Self(DOCKER_HUB.to_owned()),
            _ => Self(lower),
        })
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
        let looks_like_host =
            |part: &str| part.contains(['.', ':']) || part.eq_ignore_ascii_case("localhost");
        let (registry, rest) = match name.split_once('/') {
            Some((first, rest)) if looks_like_host(first) => (first, rest),
            _ => (DOCKER_HUB, name),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        let registry: RegistryHost = registry.parse()?;
        let mut repository: Repository = repository.parse()?;
        if registry.is_docker_hub() && !repository.0.contains('/') {
            repository = format!("{OFFICIAL_IMAGES}/{repository}").parse()?;
        }
        Ok(Self {
            registry,
            repository,
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
        check("docker.io/busybox:1", "docker.io/library/busybox:1");
        check("index.docker.io/busybox", "docker.io/library/busybox");
        check("Registry-1.Docker.IO/acme/app", "docker.io/acme/app");
        check("acme/app:v1", "docker.io/acme/app:v1");
        check("GHCR.io/app", "ghcr.io/app");
        check("LocalHost/app", "localhost/app");
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
            "256.256.256.256",
            "foo.0X1:80",
            "XN--0.io",
        ] {
            assert!(bad.parse::<RegistryHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn docker_hub_is_one_registry() {
        let hub: RegistryHost = "docker.io".parse().unwrap();
        assert_eq!(hub.api_host(), "registry-1.docker.io");
        for name in ["index.docker.io", "registry-1.docker.io", "Docker.io"] {
            assert_eq!(name.parse::<RegistryHost>().unwrap(), hub, "{name}");
        }
        assert_ne!("docker.io:443".parse::<RegistryHost>().unwrap(), hub);
    }

    #[test]
    fn local_registries_speak_plain_http() {
        let check = |text: &str, local: bool, loopback: bool| {
            let host: RegistryHost = text.parse().unwrap();
            let found = (host.is_local(), host.is_loopback());
            assert_eq!(found, (local, loopback), "{text}");
        };
        check("localhost:5000", true, true);
        check("a.LocalHost", true, true);
        check("127.0.0.1:5000", true, true);
        check("[::1]:5000", true, true);
        check("nas.local", true, false);
        check("local", false, false);
        check("localhost.example.com", false, false);
        check("10.0.0.1:5000", false, false);
        check("127.example.com", false, false);
    }
}
