//! The command line as a person or a script meets it: what is typed, what is printed, how it ends.
//!
//! What needs both programs together is tested in `tests/` at the top of the repository.
#![allow(clippy::unwrap_used, reason = "all of this is test: what is not as expected is to fail it")]

mod configuration;
mod help;
mod paper;
mod shell;
mod without_server;
mod workflows;
