//! Passkeys of the members: registered beforehand, and asserted as a browser does.
//!
//! What signs is the load test itself. So that this is not measured with the server, assertions are signed between being asked for
//! and being given: the challenge in each is the server's own all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use software_authenticator::{Authenticator, Kind, Lies, Unusable};
use tokio::time::Instant;

use super::drive::Job;
use super::fleet::Fleet;
use super::jobs::{HasId, Places, challenge, keep, kept};
use super::wire::Wire;

/// Who the server is to authenticators.
pub(crate) const RP_ID: &str = "bench.example";
/// The page on which they are used.
pub(crate) const ORIGIN: &str = "https://login.bench.example";

/// One authenticator for each member.
pub(crate) struct Passkeys(Vec<Mutex<Authenticator>>);

impl Passkeys {
    /// Without credentials yet.
    pub(crate) fn new(members: usize) -> Arc<Self> {
        // P-256, as nearly all that are in use.
        let passkey = || Mutex::new(Authenticator { kinds: vec![Kind::Es256], ..Authenticator::passkey() });
        Arc::new(Self(std::iter::repeat_with(passkey).take(members).collect()))
    }

    /// Has a member's do something.
    fn with(
        &self,
        member: usize,
        answer: impl FnOnce(&mut Authenticator) -> Result<Value, Unusable>,
    ) -> Result<Value, String> {
        let authenticator = self.0.get(member).ok_or("nobody is enrolled")?;
        let mut authenticator = authenticator.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&mut authenticator).map_err(|error| format!("the options cannot be answered: {error}"))
    }
}

#[derive(Deserialize)]
struct Handed<'a> {
    #[serde(borrow)]
    enrollment: HasId<'a>,
    view: Viewed<'a>,
}

#[derive(Deserialize)]
struct Viewed<'a> {
    #[serde(borrow)]
    prompt: Asking<'a>,
}

#[derive(Deserialize)]
struct Asking<'a> {
    id: &'a str,
    webauthn: Value,
}

/// A passkey for a member.
pub(crate) struct Register {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) passkeys: Arc<Passkeys>,
}

impl Job for Register {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (number, member) = self.fleet.member(index)?;
        let session = member.session.get().map_or("", String::as_str);
        let wish = format!(r#"{{"session_id":"{session}","kind":"webauthn","view":"inline"}}"#);
        let started = Instant::now();
        let answer = wire.post("/v1/enrollments", wish).await?.expect(201)?;
        let Handed { enrollment, view: Viewed { prompt } } = answer.json()?;
        let made = self.passkeys.with(number, |one| one.create(&prompt.webauthn, ORIGIN, &Lies::default()))?;
        let path = format!("/v1/enrollments/{}/confirm", enrollment.id);
        wire.post(&path, json!({ "webauthn": made, "prompt_id": prompt.id }).to_string()).await?.expect(200)?;
        Ok(started.elapsed())
    }
}

/// What a browser was asked for.
pub(crate) struct Asked {
    member: usize,
    challenge: String,
    prompt: String,
    options: Value,
}

/// A challenge, and the options for the browser.
pub(crate) struct Ask {
    pub(crate) fleet: Arc<Fleet>,
    /// The index that this run begins at.
    pub(crate) base: u64,
    pub(crate) asked: Places<Asked>,
}

impl Job for Ask {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (member, _) = self.fleet.member(self.base + index)?;
        let (asking, challenge) = challenge(&self.fleet, self.base + index, wire).await?;
        let started = Instant::now();
        let path = format!("/v1/challenges/{challenge}/prompts");
        let answer = wire.post(&path, r#"{"kind":"webauthn"}"#.to_owned()).await?;
        let took = asking + started.elapsed();
        let answer = answer.expect(201)?;
        let Asking { id, webauthn: options } = answer.json()?;
        keep(&self.asked, index, Asked { member, challenge, prompt: id.to_owned(), options });
        Ok(took)
    }
}

/// A proof that is ready to be given: where to, and what.
pub(crate) type Proof = (String, String);

/// An assertion is signed. Nobody is asked anything.
pub(crate) struct Sign {
    pub(crate) passkeys: Arc<Passkeys>,
    pub(crate) asked: Places<Asked>,
    pub(crate) proofs: Places<Proof>,
}

impl Job for Sign {
    async fn one(&self, index: u64, _wire: &mut Wire) -> Result<Duration, String> {
        // What was wrong about asking is counted there.
        let Some(asked) = kept(&self.asked, index) else { return Ok(Duration::ZERO) };
        let started = Instant::now();
        let signed = self.passkeys.with(asked.member, |one| one.get(&asked.options, ORIGIN, &Lies::default()))?;
        let path = format!("/v1/challenges/{}/verify", asked.challenge);
        keep(&self.proofs, index, (path, json!({ "webauthn": signed, "prompt_id": asked.prompt }).to_string()));
        Ok(started.elapsed())
    }
}

/// An assertion that is ready, which has to be accepted.
pub(crate) struct Assert {
    pub(crate) proofs: Places<Proof>,
}

impl Job for Assert {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (path, body) = kept(&self.proofs, index).ok_or("nothing was signed")?;
        let body = body.clone();
        let started = Instant::now();
        let answer = wire.post(path, body).await?;
        let took = started.elapsed();
        answer.expect(200).map(|_| took).map_err(|reason| format!("a right assertion was not accepted: {reason}"))
    }
}
