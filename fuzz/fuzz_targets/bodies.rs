//! The bodies of requests: each is read or refused with a problem of the caller's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| server::fuzz::bodies(bytes));
