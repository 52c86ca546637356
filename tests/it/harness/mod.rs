//! Countersign as its users meet it: a program that is started, asked over HTTP, killed and started again.

mod api;
mod binaries;
mod carriers;
mod database;
mod noise;
mod people;
mod processes;
mod proxies;
mod server;
mod token;

pub(crate) use api::{Answer, Api, SCOPES, millis};
pub(crate) use binaries::Binaries;
pub(crate) use carriers::{Mailboxes, SmsApi, detour};
pub(crate) use database::{Database, Postgres};
pub(crate) use noise::Noise;
pub(crate) use people::{Enrolled, Phone, Started, id};
pub(crate) use processes::{Signal, alive, children, name_of, signal};
pub(crate) use proxies::{Backend, HOST, Places, Proxy, ProxyKind, got, shipped};
pub(crate) use server::{Pids, Server, Setup, free_port};
pub(crate) use token::Token;

/// Whether the long forms of the tests are asked for.
#[allow(clippy::disallowed_methods, reason = "how long to test is said by whoever starts the tests")]
pub(crate) fn soak() -> bool {
    std::env::var("COUNTERSIGN_SOAK").is_ok_and(|value| value == "1")
}

/// `short`, or `long` where the long forms are asked for.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if soak() { long } else { short }
}

/// The real time, milliseconds since the Unix epoch: that of a server whose clock was not moved.
#[allow(clippy::disallowed_methods, reason = "an authenticator app has the real time")]
pub(crate) fn real_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
