#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracle::ostree_objects::tombstone(data));
