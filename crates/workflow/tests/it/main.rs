//! The crate from outside: files in, mistakes, runs and effects out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod generated;
mod machine;
mod mistakes;
mod support;
mod tests_in_files;
