//! Compression as a sequence of members, each compressed on its own.
//!
//! A compressed stream is the concatenation of its members: gzip members (RFC 1952, section 2.2)
//! or zstd frames (RFC 8878, section 3). Where one member ends and the next begins is decided by
//! the caller; the bytes of a member depend on its content, the format and the level alone. So
//! members compress in parallel, and the number of threads never shows in the output.

mod buffer;
mod checkpoint;
mod container;
mod decode;
mod format;
mod frames;
mod member;
mod parallel;
mod part;
mod pipeline;
pub mod stargz;
mod store;
mod writer;

pub use checkpoint::Checkpoint;
pub use decode::{Decoder, sniff};
pub use format::{Compression, Format, Members, ParseFormatError, ParseLevelError};
pub use member::MemberEncoder;
pub use parallel::{EncodeError, Encoded, EncoderOptions, ParallelEncoder};
pub use part::{Part, WrittenPart};
pub use store::{MemberKey, MemberStore};
pub use writer::PrefixWriter;
