//! Web Push: a `POST` to where the browser's push service waits (RFC 8030), encrypted (RFC 8291), and signed so that the
//! service knows whom to complain to (RFC 8292).

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use domain::Timestamp;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Note, PushServices, SubscriptionKeys, encrypt};
use crate::outside::{Outside, OutsideError, Request};
use crate::{Breaker, Failure, FailureKind, Fault, Secret};

/// How long a signature is good: half of what is allowed (RFC 8292 §2).
const GOOD_FOR: Duration = Duration::from_hours(12);

/// How long one is used: the service's clock may be off.
const USED_FOR: Duration = Duration::from_hours(11);

/// Push services whose signatures are kept. Browsers know a handful; a subscription may claim any.
const MOST_KEPT: usize = 64;

/// Who signs for the program: the key is elsewhere.
pub trait Vapid: Send + Sync {
    /// The public key: an uncompressed point of P-256.
    ///
    /// # Errors
    ///
    /// Why it is not known, in words.
    fn public_key(&self) -> BoxFuture<'_, Result<[u8; 65], String>>;

    /// These claims as a JSON Web Token in its compact form, ES256.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn sign<'a>(&'a self, claims: &'a VapidClaims<'a>) -> BoxFuture<'a, Result<String, String>>;
}

/// What a push service is told of who sends (RFC 8292 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VapidClaims<'a> {
    /// `aud`: the origin of the push service.
    pub audience: &'a str,
    /// `sub`: whom it can turn to, `mailto:` or `https:`.
    pub subject: &'a str,
    /// `exp`: seconds since the Unix epoch.
    pub expires_at: i64,
}

/// Where one browser waits, and the keys that it reads with. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The URL. Whoever has it can send, so it is kept like a secret.
    pub endpoint: Secret,
    /// The keys.
    pub keys: SubscriptionKeys,
}

/// The sender.
pub struct WebPush {
    vapid: Box<dyn Vapid>,
    contact: String,
    services: PushServices,
    signed: Mutex<BTreeMap<String, (Secret, Timestamp)>>,
    /// One for each push service. It counts only what makes us wait: whoever subscribes can bring about every other answer.
    breakers: std::sync::Mutex<BTreeMap<String, Breaker>>,
}

impl WebPush {
    /// A sender to `services` alone that signs by `vapid`, and whom they reach at `contact`: `mailto:` or `https:`.
    pub fn new(vapid: Box<dyn Vapid>, contact: impl Into<String>, services: PushServices) -> Self {
        let (signed, breakers) = (Mutex::default(), std::sync::Mutex::default());
        Self { vapid, contact: contact.into(), services, signed, breakers }
    }

    pub(crate) async fn send(
        &self,
        outside: &Outside,
        to: &Subscription,
        note: &Note,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let no_endpoint = |_| Failure::new(FailureKind::Recipient(Fault::Unknown), "the subscription has no address");
        let request = Request::post(to.endpoint.expose()).map_err(no_endpoint)?;
        // Before anything is signed for it: an address that a browser's page made up may lead anywhere.
        outside.check(request.url()).map_err(|error| of_error(&error))?;
        if !self.services.permit(to.endpoint.expose()) {
            let why = "the subscription is at no push service that is allowed";
            return Err(Failure::new(FailureKind::Recipient(Fault::Unknown), why));
        }
        let plain = Value::Object(note.data.clone()).to_string();
        if plain.len() > encrypt::LONGEST {
            return Err(Failure::new(FailureKind::Recipient(Fault::TooLarge), "the note is too large to be pushed"));
        }
        let sealed = to.keys.seal(plain.as_bytes());
        let sealed = sealed.map_err(|_| Failure::new(FailureKind::Refused, "the note cannot be encrypted"))?;
        let origin = request.url().origin().ascii_serialization();
        let token = self.token(&origin, now).await?;
        let key = self.vapid.public_key().await.map_err(|why| unsigned(&why))?;
        let key = BASE64URL_NOPAD.encode(&key);
        let mut request = request
            .header("authorization", &format!("vapid t={}, k={key}", token.expose()))?
            .header("content-encoding", "aes128gcm")?
            .header("content-type", "application/octet-stream")?
            .header("ttl", &note.useful.as_secs().to_string())?
            .header("urgency", "high")?;
        if let Some(topic) = note.topic() {
            request = request.header("topic", topic)?;
        }
        if !self.breaker(&origin, |breaker| breaker.admits(now)) {
            return Err(Failure::new(
                FailureKind::Unable,
                "the push service did not answer, and is left alone for a while",
            ));
        }
        let answer = outside.send(request.body(sealed)).await.map_err(|error| of_error(&error));
        let is_slow = |failure: &Failure| matches!(failure.kind, FailureKind::Unreachable | FailureKind::TimedOut);
        self.breaker(&origin, |breaker| match &answer {
            Err(failure) if is_slow(failure) => breaker.failed(now),
            _ => breaker.succeeded(),
        });
        let answer = answer?;
        if matches!(answer.status, 401 | 403) {
            self.signed.lock().await.remove(&origin);
        }
        of_status(answer.status)
    }

    fn breaker<T>(&self, origin: &str, with: impl FnOnce(&mut Breaker) -> T) -> T {
        // Nothing in there can be left half done.
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if breakers.len() >= MOST_KEPT && !breakers.contains_key(origin) {
            breakers.clear();
        }
        with(breakers.entry(origin.to_owned()).or_default())
    }

    async fn token(&self, origin: &str, now: Timestamp) -> Result<Secret, Failure> {
        let mut signed = self.signed.lock().await;
        if let Some((token, until)) = signed.get(origin)
            && now < *until
        {
            return Ok(token.clone());
        }
        let expires_at = now.plus(GOOD_FOR).unix_seconds();
        let claims = VapidClaims { audience: origin, subject: &self.contact, expires_at };
        let token = self.vapid.sign(&claims).await.map(Secret::new).map_err(|why| unsigned(&why))?;
        if signed.len() >= MOST_KEPT {
            signed.clear();
        }
        signed.insert(origin.to_owned(), (token.clone(), now.plus(USED_FOR)));
        Ok(token)
    }
}

fn unsigned(why: &str) -> Failure {
    Failure::new(FailureKind::Refused, format!("the note cannot be signed: {why}"))
}

fn of_error(error: &OutsideError) -> Failure {
    match error {
        // The address is the subscription's: whoever subscribed chose it.
        OutsideError::Inside { .. }
        | OutsideError::Port { .. }
        | OutsideError::Url(_)
        | OutsideError::Redirected(_) => {
            Failure::new(FailureKind::Recipient(Fault::Unknown), format!("the subscription leads nowhere: {error}"))
        }
        other => Failure::from(other.clone()),
    }
}

fn of_status(status: u16) -> Result<Option<String>, Failure> {
    match status {
        200..=299 => Ok(None),
        404 | 410 => Err(Failure::new(FailureKind::Recipient(Fault::Gone), "the subscription is no more")),
        413 => Err(Failure::new(
            FailureKind::Recipient(Fault::TooLarge),
            "the push service says that the note is too large",
        )),
        _ => Err(Failure::of_status(status, "the push service")),
    }
}
