//! What may be asked of the vault, and the client that asks.
//!
//! Law 1: a key is in the clear only inside the vault. So there is no verb here that exports a key, and none
//! that computes the code that a person is asked for from one.

mod verb;

#[cfg(feature = "client")]
mod client;

pub use verb::*;

#[cfg(feature = "client")]
pub use client::{Client, Connector, Error};
