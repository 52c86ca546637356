//! Phones with an authenticator app, as docs/push-protocol.md describes one: enrolled, connected all at once, and approving.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use domain::AuthenticatorId;
use domain::push::Answer;
use domain::push::signed::{Answered, Enroll, Request};
use hyper::body::Incoming;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::drive::{Job, Measured};
use super::fleet::Fleet;
use super::gauge::Memory;
use super::jobs::{HasId, challenge};
use super::wire::{Target, Wire, each_block, named};

/// How long a phone waits for what it has to be told.
const PATIENCE: Duration = Duration::from_secs(30);
/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;

/// What became of connecting them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connected {
    /// How many follow their prompts.
    pub(crate) apps: u64,
    /// How many were to.
    pub(crate) wanted: u64,
    /// How many files this process may open, where that was too few.
    pub(crate) files: Option<u64>,
    /// Memory before they came, and after.
    pub(crate) memory: Option<(Memory, Memory)>,
}

/// How many connections more this process can open beside `others`, and of how many files in all: as many as it may at the very most.
pub(crate) fn room(others: u64) -> (u64, u64) {
    let limit = getrlimit(Resource::Nofile);
    // Refused it stays as it is, and is read again below.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (files.saturating_sub(others + OTHER_FILES), files)
}

/// One phone for each member.
pub(crate) struct Phones {
    target: Target,
    of: Vec<Phone>,
}

#[derive(Default)]
struct Phone {
    account: OnceLock<Account>,
    told: tokio::sync::Mutex<Option<UnboundedReceiver<Told>>>,
    following: OnceLock<AbortHandle>,
}

/// The app's side of an authenticator.
struct Account {
    id: AuthenticatorId,
    /// What comes before `/authenticator` in the link.
    server: String,
    key: EcdsaKeyPair,
}

/// What came on a phone's stream.
enum Told {
    /// A prompt, when, and as the text that is signed.
    Prompt(Instant, String),
    /// A prompt is over.
    Over(String),
    /// Nothing more comes.
    Ended(String),
}

impl Phones {
    /// Without accounts yet.
    pub(crate) fn new(target: Target, members: usize) -> Arc<Self> {
        Arc::new(Self { target, of: std::iter::repeat_with(Phone::default).take(members).collect() })
    }

    fn phone(&self, member: usize) -> Result<&Phone, String> {
        self.of.get(member).ok_or_else(|| "nobody is enrolled".to_owned())
    }

    fn account(&self, member: usize) -> Result<&Account, String> {
        self.phone(member)?.account.get().ok_or_else(|| "the app has no account".to_owned())
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.of.iter().filter_map(|phone| phone.following.get()).for_each(AbortHandle::abort);
    }
}

impl Account {
    fn sign(&self, message: &[u8]) -> Result<String, String> {
        sign(&self.key, message)
    }

    /// The header of a request.
    fn header(&self, method: &str, path: &str, body: &[u8], fleet: &Fleet) -> Result<String, String> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        let (nonce, at) = (BASE64URL_NOPAD.encode(&nonce), fleet.time.now());
        let request = Request {
            server: &self.server,
            method,
            path,
            body_hash: &sha256(body),
            authenticator: self.id,
            at,
            nonce: &nonce,
        };
        let signature = self.sign(&request.bytes())?;
        Ok(format!("{};t={};n={nonce};s={signature}", self.id, at.unix_millis()))
    }

    /// The body that approves a prompt with this text.
    fn approval(&self, text: &str, number: &str) -> Result<String, String> {
        let prompt: HasId<'_> = serde_json::from_str(text).map_err(|_| "a prompt is not as described".to_owned())?;
        let answer = Answer::Approve(number);
        let answered = Answered { server: &self.server, prompt_hash: &sha256(text.as_bytes()), answer };
        let signature = self.sign(&answered.bytes())?;
        let body = json!({ "prompt_id": prompt.id, "answer": "approve", "number": number, "signature": signature });
        Ok(body.to_string())
    }

    async fn post(
        &self,
        path: &str,
        body: String,
        fleet: &Fleet,
        wire: &mut Wire,
    ) -> Result<super::wire::Answer, String> {
        let header = self.header("POST", path, body.as_bytes(), fleet)?;
        wire.ask_signed(path, &header, body.into_bytes()).await?.expect(200)
    }
}

fn sign(key: &EcdsaKeyPair, message: &[u8]) -> Result<String, String> {
    let signature = key.sign(&SystemRandom::new(), message).map_err(|_| "nothing could be signed".to_owned())?;
    Ok(BASE64URL_NOPAD.encode(signature.as_ref()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[derive(Deserialize)]
struct Handed<'a> {
    #[serde(borrow)]
    enrollment: HasId<'a>,
    view: Link,
}

#[derive(Deserialize)]
struct Link {
    link: String,
}

#[derive(Deserialize)]
struct Came {
    authenticator_id: AuthenticatorId,
}

#[derive(Deserialize)]
struct View<'a> {
    #[serde(borrow)]
    prompt: Prompted<'a>,
}

#[derive(Deserialize)]
struct Prompted<'a> {
    id: &'a str,
    number: &'a str,
}

#[derive(Deserialize)]
struct Pending {
    prompts: Vec<String>,
}

/// An app for a member: it comes by a link, and is given the number.
pub(crate) struct Install {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) phones: Arc<Phones>,
}

impl Job for Install {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (number, member) = self.fleet.member(index)?;
        let session = member.session.get().map_or("", String::as_str);
        let wish = format!(r#"{{"session_id":"{session}","kind":"push","view":"inline"}}"#);
        let started = Instant::now();
        let answer = wire.post("/v1/enrollments", wish).await?.expect(201)?;
        let Handed { enrollment, view } = answer.json()?;
        let account = came(&view.link, wire).await?;
        let seen = wire.get(&format!("/v1/enrollments/{}/view", enrollment.id)).await?.expect(200)?;
        let View { prompt } = seen.json()?;
        let waits = account.post("/push/pending", "{}".to_owned(), &self.fleet, wire).await?;
        let Pending { prompts } = waits.json()?;
        let approval = account.approval(prompts.first().ok_or("the app is asked nothing")?, prompt.number)?;
        account.post("/push/answer", approval, &self.fleet, wire).await?;
        let path = format!("/v1/enrollments/{}/confirm", enrollment.id);
        wire.post(&path, format!(r#"{{"prompt_id":"{}"}}"#, prompt.id)).await?.expect(200)?;
        let _ = self.phones.phone(number)?.account.set(account);
        Ok(started.elapsed())
    }
}

/// An app comes by its link.
async fn came(link: &str, wire: &mut Wire) -> Result<Account, String> {
    let (server, token) = link.split_once("/authenticator#enroll=").ok_or("the link is not as described")?;
    let key =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| "no key could be made".to_owned())?;
    let point = key.public_key().as_ref().try_into().map_err(|_| "the key is no point".to_owned())?;
    let (token_hash, name) = (sha256(token.as_bytes()), "bench");
    let signed = Enroll { server, token_hash: &token_hash, public_key: point, name };
    let signature = sign(&key, &signed.bytes())?;
    let body =
        json!({ "token": token, "public_key": BASE64URL_NOPAD.encode(point), "name": name, "signature": signature });
    let answer = wire.ask_signed("/push/enroll", "", body.to_string().into_bytes()).await?.expect(200)?;
    let Came { authenticator_id } = answer.json()?;
    Ok(Account { id: authenticator_id, server: server.to_owned(), key })
}

/// An app connects, and stays.
pub(crate) struct Follow {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) phones: Arc<Phones>,
}

const STREAM: &str = "/push/stream";

impl Job for Follow {
    async fn one(&self, index: u64, _wire: &mut Wire) -> Result<Duration, String> {
        let (number, _) = self.fleet.member(index)?;
        let phone = self.phones.phone(number)?;
        let started = Instant::now();
        let stream = follow(&self.phones, &self.fleet, number).await?;
        let took = started.elapsed();
        let (tell, told) = unbounded_channel();
        *phone.told.lock().await = Some(told);
        // Phones end it when they go; it must not keep them from going.
        let (phones, fleet) = (Arc::downgrade(&self.phones), Arc::clone(&self.fleet));
        let reading = tokio::spawn(async move {
            let mut stream = stream;
            loop {
                if let Err(reason) = read(stream, &tell).await {
                    let _ = tell.send(Told::Ended(reason));
                    return;
                }
                // The server ends a stream after its time, and has it opened anew.
                let Some(phones) = phones.upgrade() else { return };
                stream = match follow(&phones, &fleet, number).await {
                    Ok(stream) => stream,
                    Err(reason) => {
                        let _ = tell.send(Told::Ended(reason));
                        return;
                    }
                };
            }
        });
        let _ = phone.following.set(reading.abort_handle());
        Ok(took)
    }
}

async fn follow(phones: &Phones, fleet: &Fleet, member: usize) -> Result<Incoming, String> {
    let header = phones.account(member)?.header("GET", STREAM, b"", fleet)?;
    let wire = Wire::open(&phones.target).await.map_err(|failure| failure.message)?;
    wire.follow_signed(STREAM, &header).await
}

/// Reads a stream to its end.
async fn read(stream: Incoming, tell: &UnboundedSender<Told>) -> Result<(), String> {
    each_block(stream, |block, now| match event(block, now) {
        Some(told) => tell.send(told).map_err(|_| "nobody listens".to_owned()),
        None => Ok(()),
    })
    .await
}

/// What an event says; nothing where it is a sign of life.
fn event(block: &str, now: Instant) -> Option<Told> {
    let (name, data) = named(block)?;
    match name {
        "prompt" => Some(Told::Prompt(now, data.to_owned())),
        "over" => Some(Told::Over(data.to_owned())),
        _ => None,
    }
}

#[derive(Deserialize)]
struct HasState<'a> {
    state: &'a str,
}

#[derive(Deserialize)]
struct Text<'a> {
    id: &'a str,
    authenticator_id: AuthenticatorId,
}

/// Asking, the prompt on the phone's stream, the number and the signature, and the challenge that is satisfied by them.
pub(crate) struct RoundTrip {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) phones: Arc<Phones>,
    /// How many phones are connected: the first ones.
    pub(crate) connected: u64,
    /// From asking to the event on the stream.
    pub(crate) arrivals: Arc<Mutex<Measured>>,
}

impl Job for RoundTrip {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let number = self.fleet.hold(index % self.connected.max(1)).await?;
        let took = self.asked(number, wire).await;
        self.fleet.release(number);
        took
    }
}

impl RoundTrip {
    async fn asked(&self, member: usize, wire: &mut Wire) -> Result<Duration, String> {
        let account = self.phones.account(member)?;
        let mut told = self.phones.phone(member)?.told.lock().await;
        let told = told.as_mut().ok_or("the app is not connected")?;
        let (asking, id) = challenge(&self.fleet, u64::try_from(member).unwrap_or(0), wire).await?;
        let asked = Instant::now();
        let path = format!("/v1/challenges/{id}/prompts");
        let answer = wire.post(&path, r#"{"kind":"push"}"#.to_owned()).await?.expect(201)?;
        let prompt: Prompted<'_> = answer.json()?;
        let (at, text) = arrived(told, prompt.id, account.id).await?;
        let arrived = Instant::now();
        let approval = account.approval(&text, prompt.number)?;
        let header = account.header("POST", "/push/answer", approval.as_bytes(), &self.fleet)?;
        let signed = Instant::now();
        let answer = wire.ask_signed("/push/answer", &header, approval.into_bytes()).await?.expect(200)?;
        let approved = answer.json::<HasState<'_>>()?.state == "approved";
        let answer = wire.get(&format!("/v1/challenges/{id}")).await?.expect(200)?;
        let took = asking + (arrived - asked) + signed.elapsed();
        if !approved || answer.json::<HasState<'_>>()?.state != "satisfied" {
            return Err("a right number with the right signature did not satisfy the challenge".to_owned());
        }
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).right(at.saturating_duration_since(asked));
        Ok(took)
    }
}

/// Waits for this prompt on the phone's stream. What it was told before must have ended well.
async fn arrived(
    told: &mut UnboundedReceiver<Told>,
    prompt: &str,
    own: AuthenticatorId,
) -> Result<(Instant, String), String> {
    let waiting = async {
        loop {
            match told.recv().await {
                Some(Told::Prompt(at, text)) => {
                    let said: Text<'_> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                    if said.authenticator_id != own {
                        return Err("a phone was told of somebody else's prompt".to_owned());
                    }
                    if said.id == prompt {
                        return Ok((at, text));
                    }
                    return Err("a phone was told twice of a prompt".to_owned());
                }
                Some(Told::Over(data)) => {
                    let ended = serde_json::from_str::<HasState<'_>>(&data).is_ok_and(|over| over.state == "approved");
                    if !ended {
                        return Err(format!("a prompt ended in another way: {data}"));
                    }
                }
                Some(Told::Ended(reason)) => return Err(reason),
                None => return Err("the app is not connected any more".to_owned()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| "a prompt did not arrive on the phone".to_owned())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_is_documented() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../docs/push-protocol/vectors.json")).unwrap();
        let d = BASE64URL_NOPAD.decode(vectors["private_key"]["d"].as_str().unwrap().as_bytes()).unwrap();
        let point = BASE64URL_NOPAD.decode(vectors["public_key"].as_str().unwrap().as_bytes()).unwrap();
        let key = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &point).unwrap();
        let prompt: serde_json::Value = serde_json::from_str(vectors["prompt"]["text"].as_str().unwrap()).unwrap();
        let account = Account {
            id: prompt["authenticator_id"].as_str().unwrap().parse().unwrap(),
            server: vectors["server"].as_str().unwrap().to_owned(),
            key,
        };
        let approval = account.approval(vectors["prompt"]["text"].as_str().unwrap(), "42").unwrap();
        let approval: serde_json::Value = serde_json::from_str(&approval).unwrap();
        assert_eq!(approval["prompt_id"], prompt["id"]);
        let signature = BASE64URL_NOPAD.decode(approval["signature"].as_str().unwrap().as_bytes()).unwrap();
        let message =
            data_encoding::HEXLOWER.decode(vectors["answers"][0]["signed"].as_str().unwrap().as_bytes()).unwrap();
        let public = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
            point.as_slice(),
        );
        public.verify(&message, &signature).unwrap();
    }

    #[tokio::test]
    async fn a_prompt_that_is_somebody_elses_or_comes_twice_is_found() {
        let id = |last: u8| format!("ath_0197a3c05f1e7d3a8b2c4d5e6f70819{last}").parse::<AuthenticatorId>().unwrap();
        let (own, other) = (id(1), id(2));
        let told = |id: &str, of: AuthenticatorId| {
            let (tell, told) = unbounded_channel();
            let data = format!(r#"{{"id":"{id}","authenticator_id":"{of}"}}"#);
            let block = format!("event: prompt\ndata: {data}");
            assert!(event(":", Instant::now()).is_none());
            tell.send(event(&block, Instant::now()).unwrap()).unwrap();
            told
        };
        assert!(arrived(&mut told("prm_1", own), "prm_1", own).await.is_ok());
        assert!(arrived(&mut told("prm_1", other), "prm_1", own).await.unwrap_err().contains("somebody else"));
        assert!(arrived(&mut told("prm_0", own), "prm_1", own).await.unwrap_err().contains("twice"));
    }
}
