#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracle::container_spec::archive(data));
