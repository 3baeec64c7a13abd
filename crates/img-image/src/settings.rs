//! What the rule's attributes set in the config, on top of base and fragment.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use img_oci::{ImageConfig, RuntimeConfig};
use img_wire::INHERIT;
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::ConfigError;
use crate::healthcheck::Healthcheck;

/// What the attributes of the rule set; an absent value keeps that of base and fragment.
#[derive(Clone, Debug, Default)]
pub struct ConfigSettings {
    /// Fields that lose what base and fragment say before anything is set.
    pub cleared: BTreeSet<ConfigField>,
    /// User and optionally group.
    pub user: Option<String>,
    /// Environment variables, in the order to append new ones.
    pub env: BTreeMap<String, String>,
    /// Entrypoint; also clears the command unless that is set too. [`INHERIT`] stands for the base's.
    pub entrypoint: Option<Vec<String>>,
    /// Command; [`INHERIT`] stands for the base's.
    pub cmd: Option<Vec<String>>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Labels to add or replace.
    pub labels: BTreeMap<String, String>,
    /// Signal that stops the container.
    pub stop_signal: Option<String>,
    /// Ports to add, such as `80/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// Mount points to add.
    pub volumes: BTreeSet<String>,
    /// How to find out whether a container is well.
    pub healthcheck: Option<Healthcheck>,
    /// Shell of commands that are one text.
    pub shell: Option<Vec<String>>,
    /// Instructions for images that a Dockerfile builds on this one.
    pub on_build: Option<Vec<String>>,
    /// Who made the image.
    pub author: Option<String>,
    /// When the image was made, RFC 3339.
    pub created: Option<String>,
}

/// A field of the config that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigField {
    /// User and group.
    User,
    /// Entrypoint.
    Entrypoint,
    /// Command.
    Cmd,
    /// Working directory.
    WorkingDir,
    /// Signal that stops the container.
    StopSignal,
}

/// A name that no field has which can be cleared.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` cannot be cleared: expected user, entrypoint, cmd, working_dir or stop_signal", .0.escape_debug())]
pub struct ParseFieldError(String);

impl FromStr for ConfigField {
    type Err = ParseFieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "user" => Ok(Self::User),
            "entrypoint" => Ok(Self::Entrypoint),
            "cmd" => Ok(Self::Cmd),
            "working_dir" => Ok(Self::WorkingDir),
            "stop_signal" => Ok(Self::StopSignal),
            _ => Err(ParseFieldError(text.to_owned())),
        }
    }
}

impl ConfigSettings {
    /// Lays what is set over the config.
    pub(crate) fn apply(&self, config: &mut ImageConfig) -> Result<(), ConfigError> {
        self.clear(&mut config.config);
        self.set_texts(&mut config.config);
        self.set_command(&mut config.config);
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(ConfigError::EnvName { name: name.clone() });
            }
            set_env(&mut config.config.env, name, value);
        }
        config.config.labels.extend(self.labels.clone());
        let keys = |names: &BTreeSet<String>| -> Vec<(String, Value)> {
            names.iter().map(|name| (name.clone(), json!({}))).collect()
        };
        config
            .config
            .exposed_ports
            .extend(keys(&self.exposed_ports));
        config.config.volumes.extend(keys(&self.volumes));
        self.set_docker_fields(&mut config.config);
        if self.author.is_some() {
            config.author.clone_from(&self.author);
        }
        if let Some(text) = &self.created {
            config.created = Some(time(text)?);
        }
        Ok(())
    }

    fn clear(&self, config: &mut RuntimeConfig) {
        for field in &self.cleared {
            match field {
                ConfigField::User => config.user.clear(),
                ConfigField::Entrypoint => config.entrypoint = None,
                ConfigField::Cmd => config.cmd = None,
                ConfigField::WorkingDir => config.working_dir.clear(),
                ConfigField::StopSignal => config.stop_signal.clear(),
            }
        }
    }

    fn set_texts(&self, config: &mut RuntimeConfig) {
        let texts = [
            (&mut config.user, &self.user),
            (&mut config.working_dir, &self.working_dir),
            (&mut config.stop_signal, &self.stop_signal),
        ];
        for (field, value) in texts {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                field.clone_from(value);
            }
        }
    }

    fn set_command(&self, config: &mut RuntimeConfig) {
        let inherited = config.cmd.take();
        if let Some(entrypoint) = &self.entrypoint {
            config.entrypoint = Some(spliced(entrypoint, config.entrypoint.as_ref()));
        } else {
            config.cmd.clone_from(&inherited);
        }
        if let Some(cmd) = &self.cmd {
            config.cmd = Some(spliced(cmd, inherited.as_ref()));
        }
    }

    /// Sets what Docker knows and OCI does not.
    fn set_docker_fields(&self, config: &mut RuntimeConfig) {
        let fields = [
            (
                "Healthcheck",
                self.healthcheck.as_ref().map(Healthcheck::to_value),
            ),
            ("Shell", self.shell.as_ref().map(|shell| json!(shell))),
            ("OnBuild", self.on_build.as_ref().map(|lines| json!(lines))),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                config.extra.insert(name.to_owned(), value);
            }
        }
    }
}

/// Returns a list in which [`INHERIT`] is replaced by what there was.
fn spliced(list: &[String], inherited: Option<&Vec<String>>) -> Vec<String> {
    let inherited = inherited.map(Vec::as_slice).unwrap_or_default();
    let parts = list.iter().map(|part| match part.as_str() {
        INHERIT => inherited,
        _ => std::slice::from_ref(part),
    });
    parts.flatten().cloned().collect()
}

fn time(text: &str) -> Result<String, ConfigError> {
    let text = text.trim().to_owned();
    match text.parse::<jiff::Timestamp>() {
        Ok(_) => Ok(text),
        Err(_) => Err(ConfigError::Created { text }),
    }
}

/// Replaces a variable where it stands, or appends it.
pub(crate) fn set_env(env: &mut Vec<String>, name: &str, value: &str) {
    let variable = format!("{name}={value}");
    let is_same =
        |other: &&mut String| other.split_once('=').map_or(other.as_str(), |(n, _)| n) == name;
    match env.iter_mut().find(is_same) {
        Some(present) => *present = variable,
        None => env.push(variable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(settings: &ConfigSettings) -> String {
        let base = r#"{"architecture":"amd64","os":"linux","config":{"User":"u","Entrypoint":["/e"],"Cmd":["c"],"ExposedPorts":{"80/tcp":{}},"WorkingDir":"/w","StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let mut config: ImageConfig = img_oci::parse_json(base.as_bytes()).unwrap();
        settings.apply(&mut config).unwrap();
        serde_json::to_string(&config.config).unwrap()
    }

    fn list(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn what_there_was_is_kept_cleared_or_spliced() {
        let clear = |fields: &[&str]| ConfigSettings {
            cleared: fields.iter().map(|field| field.parse().unwrap()).collect(),
            ..ConfigSettings::default()
        };
        assert_eq!(
            applied(&clear(&["user", "working_dir", "stop_signal", "cmd"])),
            r#"{"ExposedPorts":{"80/tcp":{}},"Entrypoint":["/e"]}"#
        );
        let inherits = ConfigSettings {
            entrypoint: Some(list(&["/init", INHERIT])),
            cmd: Some(list(&[INHERIT, "-v", INHERIT])),
            ..clear(&["user", "working_dir", "stop_signal"])
        };
        assert_eq!(
            applied(&inherits),
            r#"{"ExposedPorts":{"80/tcp":{}},"Entrypoint":["/init","/e"],"Cmd":["c","-v","c"]}"#
        );
        let cleared = ConfigSettings {
            cmd: Some(list(&[INHERIT])),
            ..clear(&["user", "working_dir", "stop_signal", "cmd", "entrypoint"])
        };
        assert_eq!(applied(&cleared), r#"{"ExposedPorts":{"80/tcp":{}}}"#);
        assert!("env".parse::<ConfigField>().is_err());
    }

    #[test]
    fn ports_and_volumes_are_added_and_docker_fields_set() {
        let settings = ConfigSettings {
            exposed_ports: BTreeSet::from(["443/tcp".to_owned()]),
            volumes: BTreeSet::from(["/data".to_owned()]),
            healthcheck: Some(Healthcheck::parse(br#"{"test":["NONE"]}"#).unwrap()),
            shell: Some(list(&["/bin/bash", "-c"])),
            on_build: Some(list(&["RUN true"])),
            ..ConfigSettings::default()
        };
        assert_eq!(
            applied(&settings),
            r#"{"User":"u","ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Entrypoint":["/e"],"Cmd":["c"],"Volumes":{"/data":{}},"WorkingDir":"/w","StopSignal":"SIGINT","Healthcheck":{"Test":["NONE"]},"OnBuild":["RUN true"],"Shell":["/bin/bash","-c"]}"#
        );
    }
}
