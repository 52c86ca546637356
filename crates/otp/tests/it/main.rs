//! The published vectors, two independent implementations, and round trips.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod counted;
mod oathtool;
mod round_trips;
mod second_opinion;
mod vectors;
