//! Lazily pullable layers: blobs, and the JSON of a table of contents alone.

#![no_main]

use img_fuzz::toc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| toc::check(bytes));
