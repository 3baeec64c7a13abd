//! Archives as they come, and with checksums that are right.

#![no_main]

use img_fuzz::archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    archive::check(bytes);
    archive::check(&archive::repair(bytes));
});
