//! The gateway crate from outside: against stand-ins on loopback that check what they are sent, and can fail, delay and lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::format_push_string,
    reason = "a test that cannot go on has failed; it may measure, wait and tell"
)]

mod outside;
mod push;
mod setting;
mod sms;
mod smtp;
mod stand_in;
mod subscriber;
