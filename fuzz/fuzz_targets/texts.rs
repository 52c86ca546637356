//! API keys, codes and cursors.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| server::fuzz::texts(text));
