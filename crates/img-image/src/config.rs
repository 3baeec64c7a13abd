//! The image config: base, then fragment, then the rule's attributes.

use img_oci::{ImageConfig, Platform, RuntimeConfig};
use thiserror::Error;

use crate::fragment::ConfigFragment;
use crate::platform::runs_on;
use crate::settings::{ConfigSettings, set_env};

/// Parts of a config that contradict one another.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The base runs on another platform.
    #[error("the base is for {base}, expected one that runs on {expected}")]
    BasePlatform {
        /// The base's platform.
        base: Box<Platform>,
        /// The image's.
        expected: Box<Platform>,
    },
    /// The fragment names another platform.
    #[error("the config fragment says {field} is `{found}`, expected `{expected}`")]
    FragmentPlatform {
        /// The field of the fragment.
        field: &'static str,
        /// What it says.
        found: String,
        /// What the image is for.
        expected: String,
    },
    /// The time of making is not RFC 3339.
    #[error("created is `{text}`, expected a time such as 2026-01-31T12:00:00Z")]
    Created {
        /// The text given.
        text: String,
    },
    /// The name of an environment variable is empty or holds `=`.
    #[error("`{name}` cannot be the name of an environment variable")]
    EnvName {
        /// The name given.
        name: String,
    },
}

impl ConfigError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::BasePlatform { .. } => Some(
                "build for the base's platform (`platform`, or `platforms` of the index), or choose a base that has this one",
            ),
            Self::FragmentPlatform { .. } => {
                Some("remove the field from the config fragment: the platform decides")
            }
            Self::Created { .. } | Self::EnvName { .. } => None,
        }
    }
}

/// Returns the config of an image, without its layers' diff IDs and history.
pub(crate) fn merge(
    platform: &Platform,
    base: Option<&ImageConfig>,
    fragment: &ConfigFragment,
    settings: &ConfigSettings,
) -> Result<ImageConfig, ConfigError> {
    let platform = platform.clone().normalized();
    let mut config = from_base(&platform, base)?;
    add_fragment(&mut config, fragment)?;
    settings.apply(&mut config)?;
    Ok(config)
}

fn from_base(platform: &Platform, base: Option<&ImageConfig>) -> Result<ImageConfig, ConfigError> {
    let mut config = base.cloned().unwrap_or_default();
    if let Some(base) = base
        && !runs_on(&base.platform(), platform)
    {
        return Err(ConfigError::BasePlatform {
            base: Box::new(base.platform()),
            expected: Box::new(platform.clone()),
        });
    }
    // The base was made at another time by somebody else.
    (config.created, config.author) = (None, None);
    config.architecture.clone_from(&platform.architecture);
    config.os.clone_from(&platform.os);
    config.variant.clone_from(&platform.variant);
    Ok(config)
}

fn add_fragment(config: &mut ImageConfig, fragment: &ConfigFragment) -> Result<(), ConfigError> {
    let fields = [
        (
            "architecture",
            &fragment.architecture,
            Some(&config.architecture),
        ),
        ("os", &fragment.os, Some(&config.os)),
        ("variant", &fragment.variant, config.variant.as_ref()),
    ];
    for (field, found, expected) in fields {
        match found {
            Some(found) if !found.is_empty() && expected != Some(found) => {
                return Err(ConfigError::FragmentPlatform {
                    field,
                    found: found.clone(),
                    expected: expected.cloned().unwrap_or_default(),
                });
            }
            _ => {}
        }
    }
    if fragment.os_version.is_some() {
        config.os_version.clone_from(&fragment.os_version);
    }
    if !fragment.os_features.is_empty() {
        config.os_features.clone_from(&fragment.os_features);
    }
    for (field, value) in [
        (&mut config.created, &fragment.created),
        (&mut config.author, &fragment.author),
    ] {
        if value.is_some() {
            field.clone_from(value);
        }
    }
    config.history.extend(fragment.history.iter().cloned());
    config.extra.extend(fragment.extra.clone());
    add_runtime(&mut config.config, &fragment.config);
    Ok(())
}

fn add_runtime(config: &mut RuntimeConfig, fragment: &RuntimeConfig) {
    let texts = [
        (&mut config.user, &fragment.user),
        (&mut config.working_dir, &fragment.working_dir),
        (&mut config.stop_signal, &fragment.stop_signal),
    ];
    for (field, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
        field.clone_from(value);
    }
    for (field, value) in [
        (&mut config.exposed_ports, &fragment.exposed_ports),
        (&mut config.volumes, &fragment.volumes),
    ] {
        if !value.is_empty() {
            field.clone_from(value);
        }
    }
    for (field, value) in [
        (&mut config.entrypoint, &fragment.entrypoint),
        (&mut config.cmd, &fragment.cmd),
    ] {
        if value.is_some() {
            field.clone_from(value);
        }
    }
    for variable in &fragment.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        set_env(&mut config.env, name, value);
    }
    config.labels.extend(fragment.labels.clone());
    config.extra.extend(fragment.extra.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn merged(
        base: &str,
        fragment: &str,
        settings: &ConfigSettings,
    ) -> Result<String, ConfigError> {
        let base: Option<ImageConfig> = match base {
            "" => None,
            text => Some(img_oci::parse_json(text.as_bytes()).unwrap()),
        };
        let fragment = ConfigFragment::parse(fragment.as_bytes()).unwrap();
        let platform = Platform::new("linux", "arm64", None);
        let config = merge(&platform, base.as_ref(), &fragment, settings)?;
        Ok(serde_json::to_string(&config.config).unwrap())
    }

    const BASE: &str = r#"{"architecture":"arm64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"User":"u","Env":["B=1","A=1"],"Entrypoint":["/e"],"Cmd":["c"],"Labels":{"l":"1"},"Healthcheck":{"Test":["NONE"]}},"rootfs":{"type":"layers","diff_ids":[]}}"#;

    #[test]
    fn attributes_lie_over_the_fragment_and_that_over_the_base() {
        let check = |fragment: &str, settings: ConfigSettings, expected: &str| {
            assert_eq!(merged(BASE, fragment, &settings).unwrap(), expected);
        };
        let list = |text: &str| Some(vec![text.to_owned()]);
        check(
            "{}",
            ConfigSettings::default(),
            r#"{"User":"u","Env":["B=1","A=1"],"Entrypoint":["/e"],"Cmd":["c"],"Labels":{"l":"1"},"Healthcheck":{"Test":["NONE"]}}"#,
        );
        check(
            r#"{"config":{"Env":["A=2","Z=1","C=1"],"Cmd":[],"Labels":{"m":"2"},"ExposedPorts":{"80/tcp":{}}}}"#,
            ConfigSettings {
                env: BTreeMap::from([("B".into(), "3".into()), ("D".into(), "=".into())]),
                ..ConfigSettings::default()
            },
            r#"{"User":"u","ExposedPorts":{"80/tcp":{}},"Env":["B=3","A=2","Z=1","C=1","D=="],"Entrypoint":["/e"],"Labels":{"l":"1","m":"2"},"Healthcheck":{"Test":["NONE"]}}"#,
        );
        check(
            r#"{"config":{"User":"f"}}"#,
            ConfigSettings {
                entrypoint: list("/x"),
                ..ConfigSettings::default()
            },
            r#"{"User":"f","Env":["B=1","A=1"],"Entrypoint":["/x"],"Labels":{"l":"1"},"Healthcheck":{"Test":["NONE"]}}"#,
        );
        check(
            "{}",
            ConfigSettings {
                cmd: list("d"),
                user: Some("w".into()),
                ..ConfigSettings::default()
            },
            r#"{"User":"w","Env":["B=1","A=1"],"Entrypoint":["/e"],"Cmd":["d"],"Labels":{"l":"1"},"Healthcheck":{"Test":["NONE"]}}"#,
        );
    }

    #[test]
    fn contradictions_name_both_sides() {
        let check = |base: &str, fragment: &str, settings: ConfigSettings, message: &str| {
            assert_eq!(
                merged(base, fragment, &settings).unwrap_err().to_string(),
                message
            );
        };
        let amd64 = BASE.replace("arm64", "amd64");
        let none = ConfigSettings::default;
        check(
            &amd64,
            "{}",
            none(),
            "the base is for linux/amd64, expected one that runs on linux/arm64/v8",
        );
        check(
            "",
            r#"{"os":"windows"}"#,
            none(),
            "the config fragment says os is `windows`, expected `linux`",
        );
        check(
            "",
            r#"{"variant":"v9"}"#,
            none(),
            "the config fragment says variant is `v9`, expected `v8`",
        );
        let created = ConfigSettings {
            created: Some("today\n".into()),
            ..none()
        };
        check(
            "",
            "{}",
            created,
            "created is `today`, expected a time such as 2026-01-31T12:00:00Z",
        );
        let env = ConfigSettings {
            env: BTreeMap::from([("A=".into(), String::new())]),
            ..none()
        };
        check(
            "",
            "{}",
            env,
            "`A=` cannot be the name of an environment variable",
        );
    }
}
