//! Signals against databases that are made here and one that is real, histories of any kind, and whole scenarios.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it measured"
)]

mod geo;
mod learning;
mod mmdb;
mod play;
mod properties;
mod real;
mod scenarios;
mod signals;
