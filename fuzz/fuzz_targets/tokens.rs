//! Files of hardware tokens, as the vault opens them: containers of XML, and lines of values.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vault::fuzz_tokens(bytes));
