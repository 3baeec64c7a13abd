//! Docker's credential helpers: `docker-credential-<name> get`, the server on stdin, JSON on stdout.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::Credential;
use crate::Secret;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256 << 10;

/// What helpers say, with a failing exit code, when they simply know no credentials.
const NOT_FOUND: [&str; 2] = [
    "credentials not found in native keychain",
    "no credentials server URL",
];

/// How a helper failed. What it printed may hold a secret and is never told.
#[derive(Debug, Error)]
pub enum HelperError {
    /// The name is not one of a program in `PATH`.
    #[error("`{}` cannot be part of a program's name", .0.escape_debug())]
    Name(String),
    /// The program could not be run.
    #[error("cannot run it")]
    Run(#[source] std::io::Error),
    /// The program took too long.
    #[error("it gave no answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// The program failed.
    #[error("it failed with {0}")]
    Exit(ExitStatus),
    /// The program printed more than a credential can be.
    #[error("its answer exceeds {MAX_ANSWER} bytes")]
    TooLong,
    /// The program printed something else.
    #[error("its answer is not the JSON of a credential")]
    Malformed,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: Secret,
}

/// Asks a helper for the credentials of a server.
pub(super) async fn run(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
    timeout: Duration,
) -> Result<Option<Credential>, HelperError> {
    if name.contains(['/', '\\', '\0']) {
        return Err(HelperError::Name(name.to_owned()));
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get").kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let child = command.spawn().map_err(HelperError::Run)?;
    let (status, answer) = tokio::time::timeout(timeout, converse(child, server))
        .await
        .map_err(|_| HelperError::Timeout(timeout))??;
    interpret(status, &answer)
}

async fn converse(mut child: Child, server: &str) -> Result<(ExitStatus, Vec<u8>), HelperError> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input is judged by its answer.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut limited = stdout.take(MAX_ANSWER + 1);
        limited
            .read_to_end(&mut answer)
            .await
            .map_err(HelperError::Run)?;
    }
    if answer.len() as u64 > MAX_ANSWER {
        return Err(HelperError::TooLong);
    }
    let status = child.wait().await.map_err(HelperError::Run)?;
    Ok((status, answer))
}

fn interpret(status: ExitStatus, answer: &[u8]) -> Result<Option<Credential>, HelperError> {
    if !status.success() {
        let text = String::from_utf8_lossy(answer);
        let unknown = NOT_FOUND.iter().any(|message| text.contains(message));
        return if unknown {
            Ok(None)
        } else {
            Err(HelperError::Exit(status))
        };
    }
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| HelperError::Malformed)?;
    if answer.username.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Credential::of_user(answer.username, answer.secret)))
}
