//! Doors for fuzzers to what reads input. Built for them alone (feature `fuzz`).

use domain::{ChallengeId, UserId};

use crate::app::applications::Credential;
use crate::app::proof::Given;
use crate::http;

/// Reads bytes as each of the bodies that a request may have.
pub fn bodies(bytes: &[u8]) {
    http::fuzz_bodies(bytes);
}

/// Reads bytes as a call that is to start a workflow: id, time and signature in lines, and the body behind them.
pub fn webhooks(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (id, timestamp, signature) = (text(), text(), text());
    let body = parts.next().unwrap_or_default();
    crate::app::workflows::fuzz(&id, &timestamp, &signature, body);
    http::fuzz_webhook_body(body);
}

/// Reads text as an API key, as a proof, and as the cursors of lists.
pub fn texts(text: &str) {
    let _ = Credential::key(text);
    let _ = Given::parse(text, None);
    let _ = http::fuzz_page::<UserId>(text);
    let _ = http::fuzz_page::<ChallengeId>(text);
    let _ = http::fuzz_page::<i64>(text);
}
