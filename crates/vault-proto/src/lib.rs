//! What may be asked of the vault, and the client that asks.
//!
//! Law 1: a key is in the clear only inside the vault. So there is no verb here that exports a key, and none
//! that computes the code that a person is asked for from one.
//!
//! Questions and answers travel as [frames](frame) on a stream socket, many in flight at once and in any order.
//! How a process gets that socket is in [`control`].

mod bytes;
pub mod control;
pub mod frame;
mod token_file;
mod verb;
pub mod wrapped;

#[cfg(feature = "client")]
mod client;

pub use token_file::{TokenFile, TokenFormat, Unlock};
pub use verb::*;
pub use wrapped::wrapped_root_key_id;

#[cfg(feature = "client")]
pub use client::{Client, Connector, Error};
