//! Everything that leaves the machine towards people: SMS, mail and push, each by several gateways of which one may be down.
//!
//! This crate knows no users, no store and no HTTP server. What it is handed is a number or an address and a text; what it
//! answers is what became of that. Whoever asks decides whom to tell what, and keeps what must last.

pub mod outside;
mod secret;

pub use secret::Secret;
