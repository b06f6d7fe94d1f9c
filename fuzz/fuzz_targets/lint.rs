#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meshwright_tests::fuzz::lint(data));
