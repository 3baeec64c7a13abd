//! How a runtime finds out whether a container is well: Docker's `Healthcheck`, which OCI does not know.
//!
//! Source: Docker Image Specification v1.2, "Healthcheck"; `StartInterval` came with Docker 25.

use img_oci::{ParseJsonError, parse_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// Durations that Docker takes are zero, which inherits, or at least this many nanoseconds.
const SHORTEST: u64 = 1_000_000;

/// A healthcheck as Docker reads it; durations are in nanoseconds, and zero stands for the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `NONE`, or `CMD` or `CMD-SHELL` and what to run.
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: u64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: u64,
    #[serde(skip_serializing_if = "is_zero")]
    start_interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: u64,
}

/// Why a healthcheck cannot be used.
#[derive(Debug, Error)]
pub enum HealthcheckError {
    /// It is not the JSON that `healthcheck()` makes.
    #[error(transparent)]
    Json(#[from] ParseJsonError),
    /// It does not say how to run the test.
    #[error("the test begins with `{}`, expected NONE, CMD or CMD-SHELL", found.escape_debug())]
    Kind {
        /// The first word.
        found: String,
    },
    /// There is nothing to run, too much, or something although there is no test.
    #[error("the test {kind} has {found} arguments, expected {expected}")]
    Arguments {
        /// NONE, CMD or CMD-SHELL.
        kind: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        expected: &'static str,
    },
    /// A duration that cannot be read, or is too short for Docker.
    #[error("{field} is `{}`, expected a duration of 1ms or more, such as 1m30s", found.escape_debug())]
    Duration {
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
    },
}

/// What `healthcheck()` of the rules writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthcheckJson {
    test: Vec<String>,
    #[serde(default)]
    interval: String,
    #[serde(default)]
    timeout: String,
    #[serde(default)]
    start_period: String,
    #[serde(default)]
    start_interval: String,
    #[serde(default)]
    retries: u32,
}

impl Healthcheck {
    /// Parses the JSON of `healthcheck()`: `{"test": ["CMD", …], "interval": "30s", …, "retries": 3}`.
    ///
    /// # Errors
    /// Other fields, another kind of test than `NONE`, `CMD` and `CMD-SHELL`, or a duration under 1 ms.
    pub fn parse(bytes: &[u8]) -> Result<Self, HealthcheckError> {
        let json: HealthcheckJson = parse_json(bytes)?;
        check_test(&json.test)?;
        Ok(Self {
            interval: nanoseconds("interval", &json.interval)?,
            timeout: nanoseconds("timeout", &json.timeout)?,
            start_period: nanoseconds("start_period", &json.start_period)?,
            start_interval: nanoseconds("start_interval", &json.start_interval)?,
            retries: u64::from(json.retries),
            test: json.test,
        })
    }

    /// Returns the value of the config's field `Healthcheck`.
    pub(crate) fn to_value(&self) -> Value {
        // Infallible: texts and numbers.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn check_test(test: &[String]) -> Result<(), HealthcheckError> {
    let kind = test.first().map(String::as_str).unwrap_or_default();
    let found = test.len().saturating_sub(1);
    let (expected, is_right) = match kind {
        "NONE" => ("none", found == 0),
        "CMD" => ("one or more", found >= 1),
        "CMD-SHELL" => ("one", found == 1),
        _ => {
            let found = kind.to_owned();
            return Err(HealthcheckError::Kind { found });
        }
    };
    if is_right {
        return Ok(());
    }
    Err(HealthcheckError::Arguments {
        kind: kind.to_owned(),
        found,
        expected,
    })
}

/// Returns the nanoseconds of a duration such as `1m30s`; zero if there is none.
fn nanoseconds(field: &'static str, text: &str) -> Result<u64, HealthcheckError> {
    if text.is_empty() {
        return Ok(0);
    }
    let duration = text.parse::<jiff::SignedDuration>().ok();
    let nanoseconds = duration.and_then(|duration| u64::try_from(duration.as_nanos()).ok());
    nanoseconds
        .filter(|nanoseconds| *nanoseconds >= SHORTEST && i64::try_from(*nanoseconds).is_ok())
        .ok_or_else(|| HealthcheckError::Duration {
            field,
            found: text.to_owned(),
        })
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_nanoseconds() {
        let text = br#"{"test":["CMD","/ok","-q"],"interval":"1m30s","timeout":"500ms","start_period":"2h","retries":3}"#;
        assert_eq!(
            Healthcheck::parse(text).unwrap().to_value().to_string(),
            r#"{"Interval":90000000000,"Retries":3,"StartPeriod":7200000000000,"Test":["CMD","/ok","-q"],"Timeout":500000000}"#
        );
        let none = Healthcheck::parse(br#"{"test":["NONE"]}"#).unwrap();
        assert_eq!(none.to_value().to_string(), r#"{"Test":["NONE"]}"#);
    }

    #[test]
    fn what_docker_would_refuse_is_refused() {
        let check = |text: &str, message: &str| {
            let error = Healthcheck::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        check(r#"{"test":[]}"#, "begins with ``");
        check(r#"{"test":["RUN","x"]}"#, "begins with `RUN`");
        check(
            r#"{"test":["NONE","x"]}"#,
            "NONE has 1 arguments, expected none",
        );
        check(r#"{"test":["CMD"]}"#, "CMD has 0 arguments");
        check(r#"{"test":["CMD-SHELL","a","b"]}"#, "expected one");
        check(r#"{"test":["NONE"],"x":1}"#, "unknown field");
        for wrong in ["1", "x", "10us", "-5s", "300y"] {
            let text = format!(r#"{{"test":["NONE"],"timeout":"{wrong}"}}"#);
            check(&text, &format!("timeout is `{wrong}`"));
        }
    }
}
