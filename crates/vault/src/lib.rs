//! The vault: keys in, answers out.
//!
//! A process of its own that makes keys, seals them, checks codes with them and signs. It has no network, no files
//! and no database; what is sealed is kept elsewhere. It hears of callers over its control socket, file
//! descriptor 3, and ends when that does.

mod args;
mod check;
mod clock;
mod codes;
mod crypto;
mod guard;
mod keyring;
mod log;
mod memory;
mod provision;
mod qr;
mod root_key;
mod run;
mod sandbox;
mod seal;
mod serve;
mod service;
mod sign;
mod tokens;

pub use run::run;
#[cfg(feature = "fuzz")]
pub use tokens::fuzz as fuzz_tokens;
