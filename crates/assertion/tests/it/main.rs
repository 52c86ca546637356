//! Assertions and proofs of possession, each part changed in turn (T-21).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test"
)]

mod anything;
mod assertions;
mod possession;
mod signer;
