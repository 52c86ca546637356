//! Calls from outside that start runs: signed by Standard Webhooks, new, and each once.
//!
//! Whoever calls shows no key of ours. What is wrong with a call is told to nobody, not even whether there is such a workflow: all are refused
//! alike, after the same work. What came before is known by its id, which is written in the commit that starts the run.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE64;
use domain::event::About;
use domain::{EventKind, Timestamp};
use serde_json::{Map, Value};
use store::{BeginRuns, Change, WebhookCall};
use workflow::{Cause, TriggerKind};

use super::start::Started;
use super::{InForce, signing};
use crate::app::telling::With;
use crate::app::{App, Error};

/// How far the time of a call may be from ours, in seconds (Standard Webhooks: "some allowable tolerance").
const TOLERANCE: i64 = 5 * 60;
/// The longest id.
const LONGEST_ID: usize = 256;
/// The most signatures that are looked at: one for each secret of a sender that is changing its own.
const MOST_SIGNATURES: usize = 16;
/// What stands before a signature that we know.
const VERSION: &str = "v1,";
/// What calls are held against where there is no such workflow, so that it takes as long.
const NOBODYS: &str = "a key that signs nothing, and takes as long";
/// How many secrets each call is held against at least.
const AS_MANY: usize = 4;

/// A call, as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// `webhook-id`.
    pub(crate) id: &'a str,
    /// `webhook-timestamp`.
    pub(crate) timestamp: &'a str,
    /// `webhook-signature`.
    pub(crate) signature: &'a str,
    pub(crate) body: &'a [u8],
}

/// Why a call is refused: for our own eyes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// There is no such workflow, or nothing starts it by a call.
    Unknown,
    /// An id, a time or a signature is missing, or none.
    Unsigned,
    /// Its time is too far from ours.
    Old,
    /// It is signed with none of the secrets.
    Forged,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unsigned => "unsigned",
            Self::Old => "old",
            Self::Forged => "forged",
        }
    }
}

/// What is refused, counted: it is told of once a minute for each reason, however many call.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(String, Why), (i64, u64)>>);

impl Refusals {
    /// Counts one. Answers how many there were since that was told of last, where it is to be told of now.
    fn count(&self, workflow: &str, why: Why, now: Timestamp) -> Option<u64> {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.unix_millis().div_euclid(60_000);
        // Names are those of workflows in force, or none: there are only so many.
        let (told, count) = refusals.entry((workflow.to_owned(), why)).or_insert((i64::MIN, 0));
        *count += 1;
        if *told == minute {
            return None;
        }
        *told = minute;
        Some(std::mem::take(count))
    }
}

/// A call that counts: the workflow, and those of its triggers whose secret signed it.
pub(crate) struct Accepted {
    workflow: InForce,
    triggers: Vec<usize>,
    id: String,
}

impl App {
    /// Whether a call is what it has to be. What is not is told of, where nobody waits for that.
    pub(crate) fn accept_webhook(
        self: &Arc<Self>,
        name: &str,
        call: &Call<'_>,
        from: Option<IpAddr>,
    ) -> Result<Accepted, Error> {
        let now = self.now();
        let in_force = self.workflows.in_force();
        let found = in_force.get(name);
        let secrets = found.map(|found| self.webhook_secrets(found)).unwrap_or_default();
        match verified(&secrets, call, now) {
            Ok(triggers) => {
                // Whoever has got hold of a call that was signed can have it come again and again.
                if !self.workflows.signed.let_in(from, now) {
                    return Err(Error::TooManyCalls);
                }
                let workflow = found.cloned().ok_or(Error::WebhookRefused)?;
                Ok(Accepted { workflow, triggers, id: call.id.to_owned() })
            }
            Err(why) => {
                if !self.workflows.callers.let_in(from, now) {
                    return Err(Error::TooManyCalls);
                }
                let name = if why == Why::Unknown { "" } else { name };
                metrics::counter!("countersign_webhooks_refused_total", "reason" => why.name()).increment(1);
                if let Some(count) = self.workflows.refusals.count(name, why, now) {
                    self.tell_refused(name, why, count, from);
                }
                Err(Error::WebhookRefused)
            }
        }
    }

    /// The secrets of a workflow's triggers, each with the place of the trigger.
    fn webhook_secrets(&self, workflow: &InForce) -> Vec<(usize, &str)> {
        let triggers = workflow.definition.triggers().iter().enumerate();
        let secrets = triggers.filter_map(|(place, trigger)| match &trigger.kind {
            TriggerKind::Webhook(secret) => {
                let secret = self.workflows.secrets.get(secret.reference())?.as_str();
                // One that can be guessed is none.
                signing::is_long_enough(secret).then_some((place, secret))
            }
            _ => None,
        });
        secrets.collect()
    }

    fn tell_refused(self: &Arc<Self>, workflow: &str, why: Why, count: u64, from: Option<IpAddr>) {
        let event = self.event(EventKind::WebhookRefused, None, About::default());
        let event = event.with("reason", why.name()).with("count", count);
        let event = if workflow.is_empty() { event } else { event.with("workflow", workflow) };
        let event = event.detailed(self.details(from.map(|from| ("address", from.to_string()))));
        let app = Arc::clone(self);
        // How long a commit takes would tell that there was something to tell of.
        tokio::spawn(async move {
            if let Err(error) = app.commit(Change::Tell, event).await {
                tracing::warn!(%error, "it could not be told that calls are refused");
            }
        });
    }

    /// Starts what a call starts, unless it came before.
    pub(crate) async fn take_webhook(&self, accepted: Accepted, body: Map<String, Value>) -> Result<(), Error> {
        let Accepted { workflow, triggers, id } = accepted;
        let cause = Cause::Webhook(Value::Object(body)).taken().map_err(|why| Error::invalid("", why))?;
        // Whoever signed with one secret starts nothing by the trigger of another.
        let fired: Vec<Result<bool, String>> =
            triggers.iter().map(|place| workflow.definition.fires(*place, &cause)).collect();
        let started = match fired.iter().find(|fired| matches!(fired, Ok(true))) {
            Some(_) => Ok(true),
            None => fired.into_iter().collect::<Result<Vec<bool>, String>>().map(|_| false),
        };
        let new = match started {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let since = *self.store.head().borrow();
                self.new_run(&workflow, &Started::by(cause, 0), None, since)
            }
            Err(why) => Err(why),
        };
        let name = workflow.row.name.clone();
        let call = Some(WebhookCall { workflow: name.clone(), id, at: self.now() });
        let (runs, told) = match new {
            Ok(new) => (vec![new], Vec::new()),
            Err(why) => {
                tracing::error!(workflow = name, why, "a run was not started by a call");
                let failed = self.event(EventKind::RunFailed, None, About::default()).with("workflow", name.as_str());
                let failed = failed.with("reason", "trigger").with("depth", 0);
                (Vec::new(), vec![failed.detailed(self.details([("message", why)]))])
            }
        };
        // One that came before is as if it had gone well: it did.
        self.begin_runs(BeginRuns { call, runs, ..BeginRuns::default() }, told).await.map(drop)
    }
}

/// Which of the secrets signed a call that is new enough.
fn verified(secrets: &[(usize, &str)], call: &Call<'_>, now: Timestamp) -> Result<Vec<usize>, Why> {
    let read = Read::of(call);
    let tags = read.as_ref().map(|read| read.tags.as_slice()).unwrap_or_default();
    let signed = [call.id.as_bytes(), b".", call.timestamp.as_bytes(), b".", call.body].concat();
    let nobodys = [(usize::MAX, NOBODYS)];
    let held_against = if secrets.is_empty() { &nobodys } else { secrets };
    let mut by = Vec::new();
    for (place, secret) in held_against {
        let Ok(key) = signing::key(secret) else { continue };
        let wanted = hmac::sign(&key, &signed);
        // Each is held against each, in constant time, whichever fits.
        let fits = tags.iter().fold(false, |fits, tag| fits | verify_slices_are_equal(wanted.as_ref(), tag).is_ok());
        if fits {
            by.push(*place);
        }
    }
    // As much work for a name that nobody has as for one whose secret is being changed.
    for _ in held_against.len()..AS_MANY {
        std::hint::black_box(signing::key(NOBODYS).map(|key| hmac::sign(&key, &signed))).ok();
    }
    match read {
        _ if secrets.is_empty() => Err(Why::Unknown),
        None => Err(Why::Unsigned),
        Some(_) if by.is_empty() => Err(Why::Forged),
        Some(read) if (now.unix_seconds() - read.at).abs() > TOLERANCE => Err(Why::Old),
        Some(_) => Ok(by),
    }
}

/// What a call says of itself.
struct Read {
    at: i64,
    tags: Vec<Vec<u8>>,
}

impl Read {
    /// `None` where something is missing or not what it has to be. An id has no `.`: with one, the same signature would be good for another id,
    /// time and body.
    fn of(call: &Call<'_>) -> Option<Self> {
        let is_id = (1..=LONGEST_ID).contains(&call.id.len())
            && call.id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        let is_time = (1..=12).contains(&call.timestamp.len()) && call.timestamp.bytes().all(|b| b.is_ascii_digit());
        let at = call.timestamp.parse().ok().filter(|_| is_id && is_time)?;
        let signatures: Vec<&str> = call.signature.split_ascii_whitespace().take(MOST_SIGNATURES + 1).collect();
        if signatures.len() > MOST_SIGNATURES {
            return None;
        }
        // Those of other versions are somebody else's (`v1a`).
        let tags = signatures.iter().filter_map(|one| BASE64.decode(one.strip_prefix(VERSION)?.as_bytes()).ok());
        let tags: Vec<Vec<u8>> = tags.collect();
        (!tags.is_empty()).then_some(Self { at, tags })
    }
}

/// Reads a call of any bytes. For fuzzers.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(id: &str, timestamp: &str, signature: &str, body: &[u8]) {
    let call = Call { id, timestamp, signature, body };
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    assert!(verified(&[(0, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")], &call, now).is_err(), "nobody knows the key");
    assert!(verified(&[], &call, now).is_err());
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "another secret of 24 bytes or more";
    const AT: i64 = 1_614_265_330;

    fn now(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn signature(secret: &str, id: &str, at: &str, body: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        format!("v1,{}", BASE64.encode(hmac::sign(&signing::key(secret).unwrap(), &signed).as_ref()))
    }

    /// The example of the specification.
    const EXAMPLE: Call<'_> = Call {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: br#"{"test": 2432232314}"#,
    };

    #[test]
    fn a_call_of_the_specification_is_accepted_and_no_other() {
        let secrets = [(3, OTHER), (5, SECRET)];
        assert_eq!(verified(&secrets, &EXAMPLE, now(AT)), Ok(vec![5]));
        for (call, why) in [
            (Call { id: "msg_other", ..EXAMPLE }, Why::Forged),
            (Call { timestamp: "1614265331", ..EXAMPLE }, Why::Forged),
            (Call { body: br#"{"test": 2432232315}"#, ..EXAMPLE }, Why::Forged),
            (Call { signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", ..EXAMPLE }, Why::Unsigned),
            (Call { signature: "v1,", ..EXAMPLE }, Why::Forged),
            (Call { signature: "", ..EXAMPLE }, Why::Unsigned),
            (Call { signature: "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..EXAMPLE }, Why::Unsigned),
            (Call { id: "", ..EXAMPLE }, Why::Unsigned),
            (Call { timestamp: "", ..EXAMPLE }, Why::Unsigned),
            (Call { timestamp: "+1614265330", ..EXAMPLE }, Why::Unsigned),
            (Call { timestamp: "1614265330 ", ..EXAMPLE }, Why::Unsigned),
        ] {
            assert_eq!(verified(&secrets, &call, now(AT)), Err(why), "{call:?}");
        }
        assert_eq!(verified(&[(3, OTHER)], &EXAMPLE, now(AT)), Err(Why::Forged));
        assert_eq!(verified(&[], &EXAMPLE, now(AT)), Err(Why::Unknown));
    }

    #[test]
    fn a_call_is_good_for_five_minutes_either_way() {
        for (apart, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (86_400, false)] {
            assert_eq!(verified(&[(0, SECRET)], &EXAMPLE, now(AT + apart)).is_ok(), good, "{apart}");
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough_and_too_many_are_none() {
        let good = EXAMPLE.signature;
        let bad = format!("v1,{}", BASE64.encode(&[0; 32]));
        let several = format!("{bad} v1a,AAAA {good} v2,x");
        assert!(verified(&[(0, SECRET)], &Call { signature: &several, ..EXAMPLE }, now(AT)).is_ok());
        let many = format!("{}{good}", format!("{bad} ").repeat(MOST_SIGNATURES));
        assert_eq!(verified(&[(0, SECRET)], &Call { signature: &many, ..EXAMPLE }, now(AT)), Err(Why::Unsigned));
        // A sender that changes its secret signs with both, and a file that names both takes either.
        let body = b"{}";
        let (old, new) = (signature(SECRET, "a", "1614265330", body), signature(OTHER, "a", "1614265330", body));
        let call = |signature| Call { id: "a", timestamp: "1614265330", signature, body };
        let both = format!("{old} {new}");
        assert_eq!(verified(&[(0, SECRET), (1, OTHER)], &call(&both), now(AT)), Ok(vec![0, 1]));
        assert_eq!(verified(&[(0, SECRET), (1, OTHER)], &call(&new), now(AT)), Ok(vec![1]));
    }

    /// `id.time.body` is one text for several calls, if an id may have a `.` in it.
    #[test]
    fn a_signature_is_good_for_one_reading_alone() {
        let signature = signature(SECRET, "a", "1614265330", b"1614265331.{}");
        let good = Call { id: "a", timestamp: "1614265330", signature: &signature, body: b"1614265331.{}" };
        assert!(verified(&[(0, SECRET)], &good, now(AT)).is_ok());
        let other = Call { id: "a.1614265330", timestamp: "1614265331", signature: &signature, body: b"{}" };
        assert_eq!(verified(&[(0, SECRET)], &other, now(AT)), Err(Why::Unsigned));
    }

    #[test]
    fn refusals_are_told_of_once_a_minute_and_counted() {
        let refusals = Refusals::default();
        assert_eq!(refusals.count("w", Why::Forged, now(1)), Some(1));
        for _ in 0..1000 {
            assert_eq!(refusals.count("w", Why::Forged, now(59)), None);
        }
        assert_eq!(refusals.count("w", Why::Old, now(59)), Some(1));
        assert_eq!(refusals.count("w", Why::Forged, now(60)), Some(1001));
    }
}
