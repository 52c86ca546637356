//! The crate from outside: files in, mistakes, runs and effects out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod alerts;
mod bounds;
mod generated;
mod machine;
mod mistakes;
mod reference;
mod round_trip;
mod secret_inputs;
mod support;
mod tests_in_files;
