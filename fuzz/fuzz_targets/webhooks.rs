//! Calls from outside that start workflows: whoever has no secret is never let in, whatever the header and the body say.
//!
//! The input is id, time and signature in lines, and the body behind them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| server::fuzz::webhooks(bytes));
