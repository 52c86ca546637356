//! Who an app is: by the signature on each of its requests.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::push::DeviceHeader;
use domain::push::signed::Request;
use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Credential, Timestamp, UserId};

use super::kept::question;
use super::key::AppKey;
use super::sha256;
use crate::app::{App, Error};

/// What an app signs a request over.
pub(crate) struct Signed<'a> {
    /// In capitals.
    pub(crate) method: &'a str,
    /// As in the request's first line.
    pub(crate) path: &'a str,
    /// Its bytes.
    pub(crate) body: &'a [u8],
    /// Whether the very same request may come twice: where it counts once by itself.
    pub(crate) repeatable: bool,
    /// Where it came from.
    pub(crate) address: Option<IpAddr>,
}

/// Proof that a request is this app's.
#[derive(Clone)]
pub(crate) struct AppDevice {
    /// Its authenticator, in use or about to be.
    pub(super) authenticator: Authenticator,
    pub(super) key: AppKey,
    pub(super) signed_at: Timestamp,
    pub(super) address: Option<IpAddr>,
}

/// Which app it is, and whose, without what its requests are checked with: for those that follow, of whom there are many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower {
    pub(super) authenticator: AuthenticatorId,
    pub(super) user: UserId,
}

impl AppDevice {
    /// What is kept of it while it follows.
    pub(crate) fn follower(&self) -> Follower {
        Follower { authenticator: self.id(), user: self.user_id() }
    }

    /// Which authenticator it is.
    pub(crate) fn id(&self) -> AuthenticatorId {
        self.authenticator.id
    }

    /// Whose it is.
    pub(crate) fn user_id(&self) -> UserId {
        self.authenticator.user_id
    }
}

impl App {
    /// Finds out whose request it is. Whatever is wrong is the same, but for the time, which only the app's own signature brings up.
    pub(crate) async fn app_device(&self, header: &str, signed: &Signed<'_>) -> Result<AppDevice, Error> {
        let header = DeviceHeader::parse(header).map_err(|_| Error::DeviceUnknown)?;
        let authenticator = self.store.authenticator(header.authenticator).await?.ok_or(Error::DeviceUnknown)?;
        let key = self.key_of(&authenticator).await?.ok_or(Error::DeviceUnknown)?;
        let message = Request {
            server: self.push_server(),
            method: signed.method,
            path: signed.path,
            body_hash: &sha256(signed.body),
            authenticator: header.authenticator,
            at: header.at,
            nonce: header.nonce,
        };
        if !key.signed(&message.bytes(), header.signature) {
            return Err(Error::DeviceUnknown);
        }
        let now = self.now();
        if !header.is_fresh(now) {
            return Err(Error::DeviceClock);
        }
        if !signed.repeatable && !self.nonces.take(header.authenticator, header.nonce, now) {
            return Err(Error::RequestRepeated);
        }
        Ok(AppDevice { authenticator, key, signed_at: header.at, address: signed.address })
    }

    /// Whether the app may still be told what its user is asked.
    pub(crate) async fn is_still(&self, follower: Follower) -> bool {
        let found = self.store.authenticator(follower.authenticator).await;
        found.is_ok_and(|found| found.is_some_and(|found| is_usable(&found)))
    }

    /// The key of an authenticator; of one that is pending, the key of the app that came by its link.
    async fn key_of(&self, authenticator: &Authenticator) -> Result<Option<AppKey>, Error> {
        if authenticator.kind != AuthenticatorKind::Push || !is_usable(authenticator) {
            return Ok(None);
        }
        if let Some(Credential::Push(credential)) = &authenticator.credential {
            return Ok(AppKey::from_text(&credential.public_key));
        }
        let since = authenticator.created_at;
        let asked = self.store.prompts_of_user(authenticator.user_id, AuthenticatorKind::Push, since).await?;
        let own = asked.iter().filter(|prompt| prompt.authenticator_id == Some(authenticator.id));
        let app = own.filter_map(question).find_map(|question| question.app);
        Ok(app.and_then(|app| AppKey::from_text(&app.public_key)))
    }
}

fn is_usable(authenticator: &Authenticator) -> bool {
    matches!(authenticator.state, AuthenticatorState::Active | AuthenticatorState::Pending)
}

/// The nonces of the last minutes. Of several servers each knows its own: what reads alone can be repeated on another one for as long as
/// its time is right, and what changes something is guarded where it is written (ADR 17).
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    since: Timestamp,
    young: HashSet<(AuthenticatorId, String)>,
    old: HashSet<(AuthenticatorId, String)>,
}

impl Nonces {
    /// The most that are kept of each of two generations.
    const MOST: usize = 200_000;

    /// Whether it was not used before. It is from now on.
    fn take(&self, of: AuthenticatorId, nonce: &str, now: Timestamp) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A request is good for a minute before and after its time: one that was made two minutes ago never is any more.
        let age = now.since(kept.since);
        if age >= DeviceHeader::WINDOW * 2 || kept.young.len() >= Self::MOST {
            kept.old = std::mem::take(&mut kept.young);
            kept.since = now;
        }
        let used = (of, nonce.to_owned());
        !kept.old.contains(&used) && kept.young.insert(used)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_nonce_is_good_once_for_as_long_as_its_time_is_right() {
        let nonces = Nonces::default();
        let (ann, bob) = (AuthenticatorId::from_uuid(uuid::Uuid::nil()), AuthenticatorId::from_uuid(uuid::Uuid::max()));
        let start = Timestamp::from_unix_millis(1_000_000);
        assert!(nonces.take(ann, "a", start));
        assert!(nonces.take(bob, "a", start));
        for seconds in [0, 30, 119, 120, 121, 200] {
            assert!(!nonces.take(ann, "a", start.plus(Duration::from_secs(seconds))), "{seconds}");
        }
        assert!(nonces.take(ann, "a", start.plus(Duration::from_mins(6))), "forgotten");
    }
}
