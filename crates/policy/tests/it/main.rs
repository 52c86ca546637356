//! The crate from outside: files in, verdicts and mistakes out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod adversarial;
mod decisions;
mod enforcement;
mod guide;
mod mistakes;
mod presets;
mod replayed;
mod settings;
mod strictest;
mod support;
