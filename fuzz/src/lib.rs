//! What holds for every input; the targets say which.

pub mod archive;
pub mod stream;
pub mod toc;
