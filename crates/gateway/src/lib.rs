//! Everything that leaves the machine towards people: SMS, mail and push, each by several gateways of which one may be down.
//!
//! This crate knows no users, no store and no HTTP server. What it is handed is a number or an address and a text; what it
//! answers is what became of that. Whoever asks decides whom to tell what, and keeps what must last.

mod breaker;
mod failure;
mod gateways;
pub mod mail;
pub mod messages;
mod number;
pub mod outside;
pub mod push;
pub mod radius;
mod secret;
pub mod sms;
mod toll;

pub use breaker::{Breaker, Change};
pub use failure::{Failure, FailureKind, Fault};
pub use gateways::{Attempt, Channel, Delivery, Gateways, Health, HealthChange, Outcome};
pub use number::{Countries, Country, InvalidCountry, InvalidNumber, Number};
pub use secret::Secret;
pub use toll::{Asking, Budget, Caps, Conversion, Recipient, Refused, State as TollState, TollGuard, Verdict, Why};
