//! The real vault process, asked over its sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed; it may measure, wait and tell"
)]

mod attacks;
mod counted;
mod hardening;
mod harness;
mod root_keys;
mod sent_codes;
mod throughput;
mod tokens;
mod verbs;
mod views;
mod wire;
