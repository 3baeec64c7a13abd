//! Streams of zstd frames.

#![no_main]

use img_compress::Format;
use img_fuzz::stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| stream::check(bytes, Format::Zstd));
