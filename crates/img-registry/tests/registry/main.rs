//! The client against registries: a real one, and one that does what it should not.

mod download;
mod support;
mod upload;
