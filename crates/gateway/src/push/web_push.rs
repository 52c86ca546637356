//! Web Push: a `POST` to where the browser's push service waits (RFC 8030), encrypted (RFC 8291), and signed so that the
//! service knows whom to complain to (RFC 8292).

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use domain::Timestamp;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{Note, SubscriptionKeys, encrypt};
use crate::outside::{Outside, OutsideError, Request};
use crate::{Failure, FailureKind, Fault, Secret};

/// How long a signature is good: half of what is allowed (RFC 8292 §2).
const GOOD_FOR: Duration = Duration::from_hours(12);

/// How long one is used: the service's clock may be off.
const USED_FOR: Duration = Duration::from_hours(11);

/// Push services whose signatures are kept. Browsers know a handful; a subscription may claim any.
const MOST_KEPT: usize = 64;

/// Who signs for the program: the key is elsewhere.
pub trait Vapid: Send + Sync {
    /// The public key: an uncompressed point of P-256.
    fn public_key(&self) -> [u8; 65];

    /// These claims (JSON) as a JSON Web Token in its compact form, `{"typ":"JWT","alg":"ES256"}` in its header.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn sign<'a>(&'a self, claims: &'a str) -> BoxFuture<'a, Result<String, String>>;
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
    signed: Mutex<BTreeMap<String, (Secret, Timestamp)>>,
}

impl WebPush {
    /// A sender that signs by `vapid`, and whom push services reach at `contact`: `mailto:` or `https:`.
    pub fn new(vapid: Box<dyn Vapid>, contact: impl Into<String>) -> Self {
        Self { vapid, contact: contact.into(), signed: Mutex::new(BTreeMap::new()) }
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
        let plain = note.json().to_string();
        if plain.len() > encrypt::LONGEST {
            return Err(Failure::new(FailureKind::Recipient(Fault::TooLarge), "the note is too large to be pushed"));
        }
        let sealed = to.keys.seal(plain.as_bytes());
        let sealed = sealed.map_err(|_| Failure::new(FailureKind::Refused, "the note cannot be encrypted"))?;
        let origin = request.url().origin().ascii_serialization();
        let token = self.token(&origin, now).await?;
        let key = BASE64URL_NOPAD.encode(&self.vapid.public_key());
        let mut request = request
            .header("authorization", &format!("vapid t={}, k={key}", token.expose()))?
            .header("content-encoding", "aes128gcm")?
            .header("content-type", "application/octet-stream")?
            .header("ttl", &note.useful.as_secs().to_string())?
            .header("urgency", "high")?;
        if let Some(topic) = note.topic() {
            request = request.header("topic", topic)?;
        }
        let answer = outside.send(request.body(sealed)).await.map_err(|error| of_error(&error))?;
        if matches!(answer.status, 401 | 403) {
            self.signed.lock().await.remove(&origin);
        }
        of_status(answer.status)
    }

    async fn token(&self, origin: &str, now: Timestamp) -> Result<Secret, Failure> {
        let mut signed = self.signed.lock().await;
        if let Some((token, until)) = signed.get(origin)
            && now < *until
        {
            return Ok(token.clone());
        }
        let expires = now.plus(GOOD_FOR).unix_seconds();
        let claims = serde_json::json!({ "aud": origin, "exp": expires, "sub": self.contact }).to_string();
        let token = self.vapid.sign(&claims).await.map(Secret::new);
        let token =
            token.map_err(|why| Failure::new(FailureKind::Refused, format!("the note cannot be signed: {why}")))?;
        if signed.len() >= MOST_KEPT {
            signed.clear();
        }
        signed.insert(origin.to_owned(), (token.clone(), now.plus(USED_FOR)));
        Ok(token)
    }
}

fn of_error(error: &OutsideError) -> Failure {
    match error {
        // The address is the subscription's: whoever subscribed chose it.
        OutsideError::Inside { .. } | OutsideError::Url(_) | OutsideError::Redirected(_) => {
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
