//! The client against registries: a real one, and one that does what it should not.

#![allow(clippy::unwrap_used, reason = "what tests share is part of them")]

mod download;
mod support;
mod upload;
