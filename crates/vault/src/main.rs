//! The vault's program: see the `vault` library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vault::run(std::env::args_os().skip(1))
}
