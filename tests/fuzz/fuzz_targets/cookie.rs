//! Runs [`typed_sessions_fuzz::cookie`] on whatever libFuzzer thinks of.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| typed_sessions_fuzz::cookie(data));
