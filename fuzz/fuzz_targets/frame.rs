#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rohrpost::net::fuzzing::frame(bytes));
