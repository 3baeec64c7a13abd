//! Docker's `config.json`, as far as credentials go; Podman's `auth.json` has the same format.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Credential, CredentialError, key};
use crate::Secret;

/// The user name that stands for an identity token in the password's place.
pub(super) const TOKEN_USER: &str = "<token>";

/// A config file that was read.
#[derive(Debug)]
pub(super) struct DockerConfig {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Secret,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    identitytoken: Secret,
    #[serde(default)]
    registrytoken: Secret,
}

impl DockerConfig {
    /// Reads a config file.
    pub(super) fn read(path: PathBuf) -> Result<Self, CredentialError> {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(CredentialError::Read { path, source }),
        };
        match serde_json::from_slice(&bytes) {
            Ok(content) => Ok(Self { path, content }),
            Err(error) => Err(CredentialError::Parse {
                path,
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    /// Returns the helper that is in charge of the first of `keys` that has one.
    pub(super) fn helper(&self, keys: &[String]) -> Option<&str> {
        let helpers = self.content.cred_helpers.as_ref();
        let special = helpers.and_then(|helpers| lookup(helpers, keys).into_iter().next());
        let general = self.content.creds_store.as_ref();
        special
            .map(|(_, helper)| helper)
            .or(general)
            .map(String::as_str)
            .filter(|h| !h.is_empty())
    }

    /// Returns the credentials written in the file for the first of `keys` that has any.
    pub(super) fn entry(&self, keys: &[String]) -> Result<Option<Credential>, CredentialError> {
        let Some(auths) = &self.content.auths else {
            return Ok(None);
        };
        for (key, entry) in lookup(auths, keys) {
            let Some(entry) = entry else { continue };
            let credential = entry
                .credential()
                .map_err(|Malformed| CredentialError::Entry {
                    path: self.path.clone(),
                    key: key.clone(),
                })?;
            if credential.is_some() {
                return Ok(credential);
            }
        }
        Ok(None)
    }
}

/// Returns the entries for `keys`, most special first.
///
/// Of two spellings of one key, the one with a scheme is first: it is what Docker itself writes.
fn lookup<'a, T>(map: &'a BTreeMap<String, T>, keys: &[String]) -> Vec<(&'a String, &'a T)> {
    let matching = |wanted: &String| {
        let wanted = wanted.clone();
        map.iter()
            .rev()
            .filter(move |(key, _)| key::normalize(key) == wanted)
    };
    keys.iter().flat_map(matching).collect()
}

/// An entry that cannot be decoded.
struct Malformed;

impl Entry {
    /// Returns the credentials, if the entry holds any.
    fn credential(&self) -> Result<Option<Credential>, Malformed> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::RegistryToken(self.registrytoken.clone())));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::IdentityToken(self.identitytoken.clone())));
        }
        let (username, password) = match self.auth.expose().trim() {
            "" => (self.username.clone(), self.password.clone()),
            auth => decode(auth).ok_or(Malformed)?,
        };
        if username.is_empty() && password.is_empty() {
            return Ok(None);
        }
        Ok(Some(Credential::of_user(username, password)))
    }
}

impl Credential {
    /// Returns the credential that a user name and a password stand for.
    pub(super) fn of_user(username: String, password: Secret) -> Self {
        if username == TOKEN_USER {
            return Self::IdentityToken(password);
        }
        Self::Basic { username, password }
    }
}

fn decode(auth: &str) -> Option<(String, Secret)> {
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((
        username.to_owned(),
        Secret::new(password.trim_end_matches('\0')),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_prints_without_its_secrets() {
        let config = r#"{"auths":{"r.io":{"auth":"canary","username":"u","password":"canary",
            "identitytoken":"canary","registrytoken":"canary"}}}"#;
        let content: Content = serde_json::from_str(config).unwrap();
        let shown = format!("{content:?}");
        assert!(shown.contains("r.io") && shown.contains("***"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
