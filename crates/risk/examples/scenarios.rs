//! Prints the table of false alarms and misses, for docs/guide/risk.md: `cargo run -p risk --example scenarios`.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    reason = "it is the tests' player, which fails by panicking"
)]

#[path = "../tests/it/mmdb.rs"]
mod mmdb;
#[path = "../tests/it/play.rs"]
mod play;

fn main() {
    print!("{}", play::table());
}
