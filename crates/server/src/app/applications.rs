//! API clients and their keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use domain::event::About;
use domain::{
    ApiKey, ApiKeyId, Application, ApplicationId, CertificateFingerprint, Event, EventKind, KeyHash, ReturnOrigin,
    Scope,
};
use store::{Change, Effect};

use super::telling::With;
use super::{Actor, App, Error, Made, Once};

/// What an API key begins with.
const KEY_PREFIX: &str = "csk_";
/// The length of a whole API key: prefix, 32 hex digits, `_`, 43 of base64url.
const KEY_LENGTH: usize = KEY_PREFIX.len() + 32 + 1 + 43;

/// An API key in the clear, for the one answer that shows it.
pub(crate) struct ShownKey {
    /// What is stored of it.
    pub(crate) kept: ApiKey,
    /// The key.
    pub(crate) text: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for ShownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShownKey({})", self.kept.id)
    }
}

/// An API client to make.
#[derive(Debug)]
pub(crate) struct NewApplication {
    pub(crate) name: String,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) certificates: BTreeSet<CertificateFingerprint>,
    pub(crate) return_origins: BTreeSet<ReturnOrigin>,
}

/// What to change of an application; `None` leaves as it is.
#[derive(Debug, Default)]
pub(crate) struct ApplicationPatch {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<BTreeSet<Scope>>,
    pub(crate) certificates: Option<BTreeSet<CertificateFingerprint>>,
    pub(crate) return_origins: Option<BTreeSet<ReturnOrigin>>,
}

/// What a request shows of who asks: enough to ask again later, and no secret.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential {
    /// An API key, by its hash.
    Key(KeyHash),
    /// A client certificate that the connection has proved.
    Certificate(CertificateFingerprint),
}

impl Credential {
    /// An API key, if the text can be one at all.
    pub(crate) fn key(text: &str) -> Option<Self> {
        (text.len() == KEY_LENGTH && text.starts_with(KEY_PREFIX)).then(|| Self::Key(hash(text)))
    }
}

/// Whether an application has a scope, or all of them.
pub(crate) fn has(application: &Application, scope: Scope) -> bool {
    application.scopes.contains(&scope) || application.scopes.contains(&Scope::Admin)
}

/// What an event tells of an application that was made or changed.
pub(super) fn told_of(event: Event, application: &Application) -> Event {
    let origins: Vec<_> = application.return_origins.iter().map(ReturnOrigin::as_str).collect();
    event
        .with("scopes", application.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>())
        .with("return_origins", origins)
}

fn hash(text: &str) -> KeyHash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    KeyHash(bytes)
}

impl App {
    /// Who a key or certificate stands for, if it is valid now.
    pub(crate) async fn authenticate(&self, credential: Credential) -> Result<Option<Arc<Application>>, Error> {
        let now = self.now();
        let caller = match credential {
            Credential::Key(hash) => self.store.caller(hash).await?,
            Credential::Certificate(fingerprint) => self.store.caller_by_certificate(fingerprint).await?,
        };
        let valid = caller.filter(|caller| caller.expires_at.is_none_or(|end| now < end));
        Ok(valid.map(|caller| caller.application))
    }

    /// Makes an API client and its first key. `actor` is `None` at first start.
    pub(crate) async fn create_application(
        &self,
        actor: Option<&Actor>,
        new: NewApplication,
        once: Option<&Once>,
    ) -> Result<Made<(Application, ShownKey)>, Error> {
        let now = self.now();
        let id = ApplicationId::generate(now, &*self.entropy);
        let NewApplication { name, scopes, certificates, return_origins } = new;
        let application = Application { id, name, scopes, certificates, return_origins, version: 1, created_at: now };
        let key = self.new_key(id);
        let events = [
            self.event(EventKind::ApplicationCreated, actor, About::default())
                .with("application", id.to_string())
                .with("scopes", application.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>()),
            self.event(EventKind::ApiKeyCreated, actor, About::default())
                .with("application", id.to_string())
                .with("api_key", key.kept.id.to_string()),
        ];
        let record = actor.and_then(|actor| Once::record(once, actor, id, now));
        let change = Change::CreateApplication(application.clone(), key.kept.clone());
        let effect = self.commit_once(change, events, record).await?;
        Once::made(
            once,
            effect,
            (application, key),
            Error::Exists("there is an application with this name or certificate already"),
        )
    }

    pub(super) fn new_key(&self, application_id: ApplicationId) -> ShownKey {
        let now = self.now();
        let id = ApiKeyId::generate(now, &*self.entropy);
        let secret = zeroize::Zeroizing::new(self.random::<32>());
        let text = format!("{KEY_PREFIX}{}_{}", id.uuid().simple(), BASE64URL_NOPAD.encode(&*secret));
        let kept = ApiKey { id, application_id, hash: hash(&text), created_at: now, expires_at: None };
        ShownKey { kept, text: zeroize::Zeroizing::new(text) }
    }

    /// Every API client, oldest first.
    pub(crate) async fn applications(&self) -> Result<Vec<Application>, Error> {
        Ok(self.store.applications().await?)
    }

    /// An API client.
    pub(crate) async fn application(&self, id: ApplicationId) -> Result<Application, Error> {
        self.store.application(id).await?.ok_or(Error::NotFound("application"))
    }

    /// Changes an API client, as it was seen: where somebody else changed it meanwhile, nothing of it is written, or a scope that
    /// was just taken away would come back with another one's new name.
    pub(crate) async fn update_application(
        &self,
        actor: &Actor,
        id: ApplicationId,
        patch: ApplicationPatch,
    ) -> Result<Application, Error> {
        let mut application = self.application(id).await?;
        let loses_admin = application.scopes.contains(&Scope::Admin)
            && patch.scopes.as_ref().is_some_and(|scopes| !scopes.contains(&Scope::Admin));
        if loses_admin && id == actor.application.id {
            return Err(Error::Conflict("an administrator cannot take the admin scope from itself: let another do it"));
        }
        application.name = patch.name.unwrap_or(application.name);
        application.scopes = patch.scopes.unwrap_or(application.scopes);
        application.certificates = patch.certificates.unwrap_or(application.certificates);
        application.return_origins = patch.return_origins.unwrap_or(application.return_origins);
        let event = self
            .event(EventKind::ApplicationUpdated, Some(actor), About::default())
            .with("application", id.to_string());
        let event = told_of(event, &application);
        let change = Change::UpdateApplication { application: application.clone(), at: self.now() };
        match self.commit(change, event).await? {
            Effect::Applied => Ok(application),
            Effect::Exists => Err(Error::Exists("another application has this name or certificate")),
            _ if self.application(id).await?.version == application.version => Err(Error::LastAdministrator),
            _ => Err(Error::Conflict("it was changed by somebody else just now: look at it and send the change again")),
        }
    }

    /// Deletes an API client with its keys.
    pub(crate) async fn delete_application(&self, actor: &Actor, id: ApplicationId) -> Result<(), Error> {
        self.application(id).await?;
        let event = self
            .event(EventKind::ApplicationDeleted, Some(actor), About::default())
            .with("application", id.to_string());
        match self.commit(Change::DeleteApplication { id, at: self.now() }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::LastAdministrator),
        }
    }

    /// An API client's keys, oldest first.
    pub(crate) async fn api_keys(&self, id: ApplicationId) -> Result<Vec<ApiKey>, Error> {
        self.application(id).await?;
        Ok(self.store.api_keys(id).await?)
    }

    /// A further key; the others end after `overlap`, if that is given.
    pub(crate) async fn create_api_key(
        &self,
        actor: &Actor,
        id: ApplicationId,
        overlap: Option<Duration>,
        once: Option<&Once>,
    ) -> Result<Made<ShownKey>, Error> {
        let now = self.now();
        let key = self.new_key(id);
        let others_expire_at = overlap.map(|overlap| now.plus(overlap));
        let mut event = self
            .event(EventKind::ApiKeyCreated, Some(actor), About::default())
            .with("application", id.to_string())
            .with("api_key", key.kept.id.to_string());
        if let Some(end) = others_expire_at {
            event = event.with("others_expire_at", end.to_string());
        }
        let record = Once::record(once, actor, key.kept.id, now);
        let change = Change::CreateApiKey { key: key.kept.clone(), others_expire_at };
        let effect = self.commit_once(change, event, record).await?;
        Once::made(once, effect, key, Error::NotFound("application"))
    }

    /// Ends a key at once.
    pub(crate) async fn revoke_api_key(&self, actor: &Actor, id: ApplicationId, key: ApiKeyId) -> Result<(), Error> {
        let keys = self.api_keys(id).await?;
        if !keys.iter().any(|kept| kept.id == key) {
            return Err(Error::NotFound("API key"));
        }
        let event = self
            .event(EventKind::ApiKeyRevoked, Some(actor), About::default())
            .with("application", id.to_string())
            .with("api_key", key.to_string());
        match self.commit(Change::RevokeApiKey { id: key, at: self.now() }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::LastAdministrator),
        }
    }
}
