//! What answers say, and whether it is what the model says.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::super::person::Session;
use super::{Ground, Step, Trouble};
use crate::harness::{Answer, millis};

/// That the status is as it should be. In a storm a refusal is right as well.
pub(super) fn hold(ground: &Ground, answer: &Answer, wanted: u16) -> Step<Value> {
    if answer.status == wanted {
        return Ok(answer.json());
    }
    if ground.storm.load(Ordering::SeqCst) && answer.status >= 400 {
        return Err(Trouble::Lost);
    }
    disagree(format!("the model says {wanted}, the program {answer}"))
}

pub(super) fn disagree<T>(what: String) -> Step<T> {
    Err(Trouble::Disagreement(what))
}

/// That a session is as the model has it: S-01.
pub(super) fn same(seen: &Value, session: &Session) -> Step {
    let proofs = |proofs: &mut dyn Iterator<Item = (String, String, i64)>| proofs.collect::<BTreeSet<_>>();
    let theirs = proofs(
        &mut seen["proofs"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|proof| (text(&proof["authenticator_id"]), text(&proof["kind"]), time(&proof["verified_at"]))),
    );
    let ours = proofs(
        &mut session
            .proofs
            .iter()
            .map(|proof| (proof.authenticator_id.clone(), proof.sort.kind().name().to_owned(), proof.at)),
    );
    let same = seen["id"] == session.id.as_str()
        && seen["aal"] == format!("aal{}", session.level())
        && time(&seen["authenticated_at"]) == session.login_at
        && theirs == ours;
    if same { Ok(()) } else { disagree(format!("the model has the session as {session:?}, the program as {seen}")) }
}

/// When a session proved something with an authenticator.
pub(super) fn newest(session: &Value, authenticator_id: &str) -> i64 {
    let proofs = session["proofs"].as_array().into_iter().flatten();
    let of = proofs.filter(|proof| proof["authenticator_id"] == authenticator_id);
    of.map(|proof| time(&proof["verified_at"])).max().unwrap_or(0)
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub(super) fn time(value: &Value) -> i64 {
    millis(value.as_str().unwrap_or_else(|| panic!("no time: {value}")))
}
