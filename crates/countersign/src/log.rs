//! The log: on standard error, text or one JSON object a line.

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::Log;

/// The library that judges attestation statements logs what it works on. What came of it is said by those who asked.
const WEBAUTHN: &str = "webauthn_rs_core=off,webauthn_attestation_ca=off,crypto_glue=off";

/// From here on events go to standard error.
pub(crate) fn start(log: &Log) {
    // The database library logs each statement at `debug`, values and all; those never belong in a log.
    let filter = format!("{},sqlx=warn,hyper=warn,h2=warn,rustls=warn,{}", log.level, WEBAUTHN);
    let builder = fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr).with_target(false);
    // A log on a full disk is no reason to fail: complaining of it on standard error would fail likewise, by a panic.
    let builder = builder.log_internal_errors(false);
    // Only a second start in one process could fail, and then the first one stands.
    let _ = if log.json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
}
