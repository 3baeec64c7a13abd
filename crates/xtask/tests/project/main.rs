//! Tests of the project as a whole: what no single crate, rule or document can hold.
#![allow(clippy::unwrap_used, reason = "what tests share is part of them")]

mod dependencies;
mod documents;
mod project;
mod sources;
mod tiers;
mod wire;
