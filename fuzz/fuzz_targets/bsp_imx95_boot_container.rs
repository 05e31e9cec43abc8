#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracle::bsp_imx95::boot_container(data));
