//! The messages of Bazel's `worker_protocol.proto`, for both encodings.

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A file that belongs to the action, or that of another one in its tree.
#[derive(Clone, PartialEq, Eq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Input {
    /// Path as it stands in the arguments.
    #[prost(string, tag = "1")]
    pub path: String,
    /// Hex digits of its digest; Bazel knows of which function.
    #[prost(bytes = "vec", tag = "2")]
    #[serde(deserialize_with = "digest_in_json")]
    pub digest: Vec<u8>,
}

/// A request: what to do, or that it need not be done any more.
#[derive(Clone, PartialEq, Eq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkRequest {
    /// The lines of the action's parameter file.
    #[prost(string, repeated, tag = "1")]
    pub arguments: Vec<String>,
    /// The inputs of the action.
    #[prost(message, repeated, tag = "2")]
    pub inputs: Vec<Input>,
    /// Tells the request from others at the same time; 0 where there are none.
    #[prost(int32, tag = "3")]
    pub request_id: i32,
    /// Whether this cancels the request of the same ID.
    #[prost(bool, tag = "4")]
    pub cancel: bool,
    /// How much to tell; above 0 with `--worker_verbose`.
    #[prost(int32, tag = "5")]
    pub verbosity: i32,
    /// Directory, below that of the worker, that all paths are relative to; may be empty.
    #[prost(string, tag = "6")]
    pub sandbox_dir: String,
}

/// The response to a request.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkResponse {
    /// 0 if the outputs are there.
    #[prost(int32, tag = "1")]
    pub exit_code: i32,
    /// What to show the user.
    #[prost(string, tag = "2")]
    pub output: String,
    /// ID of the request.
    #[prost(int32, tag = "3")]
    pub request_id: i32,
    /// Whether the request was stopped because it was cancelled.
    #[prost(bool, tag = "4")]
    pub was_cancelled: bool,
}

/// Reads a digest from JSON: the base64 of its hex digits, as Bazel writes fields of bytes, or the
/// digits themselves, as its documentation has it.
fn digest_in_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(&text);
    Ok(match decoded {
        Ok(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit) => digits,
        _ => text.into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_hex_in_whatever_way_json_has_them() {
        let hex = "0123456789abcdef".repeat(4);
        let base64 = base64::engine::general_purpose::STANDARD.encode(&hex);
        for text in [&hex, &base64] {
            let json = format!(r#"{{"path":"a","digest":"{text}","new":[1]}}"#);
            let input: Input = serde_json::from_str(&json).unwrap();
            assert_eq!(input.digest, hex.as_bytes());
        }
        let input: Input = serde_json::from_str(r#"{"path":"a"}"#).unwrap();
        assert!(input.digest.is_empty());
    }
}
