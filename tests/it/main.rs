//! Countersign from outside: real processes, crashes and attacks, and the arrows between the crates.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "all of this is test: what is not as expected is to fail it"
)]

mod alerts;
mod alike;
mod approver;
mod arrows;
mod assertions;
mod backup_codes;
mod browser;
mod configured;
mod crashes;
mod decisions;
mod enrolling;
mod failover;
mod flood;
mod forward_auth;
mod forward_auth_refused;
mod forward_auth_wire;
mod guessing;
mod hardware_tokens;
mod harness;
mod hotp;
mod lifecycle;
mod load;
mod lockout;
mod malformed;
mod messages;
// Databases of addresses are made as for the crate that reads them.
#[path = "../../crates/risk/tests/it/mmdb.rs"]
mod mmdb;
mod model;
mod oracle;
mod outages;
mod over;
mod own_sign_in;
mod own_sign_in_refused;
mod pages;
mod pages_handed_on;
mod pages_refused;
mod parallel;
mod permissions;
mod policies;
mod possession;
mod push;
mod readme;
mod recipient;
mod recovering;
mod refusals;
mod remembered;
mod replay;
mod resource_servers;
mod retention;
mod risk;
mod root_key;
mod schemathesis;
mod secrets;
mod security_page;
mod starts;
// Both are what the gateways are tried with by themselves.
mod site;
#[path = "../../crates/gateway/tests/it/stand_in/mod.rs"]
mod stand_in;
// Who signs is the same as where the checks are tried by themselves.
#[path = "../../crates/assertion/tests/it/signer.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod signer;
mod stream;
#[path = "../../crates/gateway/tests/it/subscriber.rs"]
mod subscriber;
mod transport;
mod view;
mod waking;
mod weak_sessions;
mod webauthn;
mod workflows;
