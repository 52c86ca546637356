//! Who we are to an authenticator.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use serde::Serialize;
use url::Url;
use webauthn_rs_core::WebauthnCore;

use crate::{Conveyance, Policy};

/// How many origins may be listed: a browser gives up on more than five names anyway, and some of those may have
/// several ports.
const MAX_ORIGINS: usize = 32;

/// How many ids may be listed.
const MAX_IDS: usize = 8;

/// What a relying party is made of.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What people are shown.
    pub name: String,
    /// The ids ([§5.1.2](https://www.w3.org/TR/webauthn-3/#rp-id)): domains. Credentials are registered under the
    /// first; those that were registered under another one that is listed go on working.
    pub ids: Vec<String>,
    /// The origins of the pages on which ceremonies take place, as browsers write them: `https://login.example.org`.
    /// Also those of apps: `android:apk-key-hash:…`.
    pub origins: Vec<String>,
    /// What is asked of authenticators.
    pub policy: Policy,
}

/// Settings that no relying party can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRelyingParty {
    /// There is no name.
    #[error("the relying party has no name")]
    Name,
    /// There is no id, or there are too many.
    #[error("there have to be between one and {MAX_IDS} relying party ids")]
    Ids,
    /// An id is no domain in small letters.
    #[error(
        "'{0}' is no relying party id: it takes a domain in small letters, like example.org, without scheme and port"
    )]
    Id(String),
    /// There is no origin, or there are too many.
    #[error("there have to be between one and {MAX_ORIGINS} origins")]
    Origins,
    /// An origin is not as browsers write it.
    #[error(
        "'{0}' is no origin: it takes one like https://login.example.org, with the port where it is not 443 and nothing behind it; http is for localhost alone"
    )]
    Origin(String),
    /// No origin belongs to this id.
    #[error("no origin is at {0} or below, so no browser would use that relying party id")]
    Unused(String),
    /// A list of allowed models that nothing can be compared with.
    #[error(
        "a list of allowed models takes attestation and FIDO's metadata: without them each authenticator could say that it is one of them"
    )]
    Unprovable,
}

/// A relying party: the ceremonies are its functions.
#[derive(Clone)]
pub struct RelyingParty {
    pub(crate) name: String,
    pub(crate) ids: Vec<Id>,
    origins: Vec<String>,
    pub(crate) policy: Policy,
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelyingParty").field("id", &self.id()).field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// One of the ids of a relying party.
#[derive(Clone)]
pub(crate) struct Id {
    pub(crate) id: String,
    pub(crate) hash: [u8; 32],
    /// The library's view of the same, which judges attestation statements.
    pub(crate) library: WebauthnCore,
}

/// `/.well-known/webauthn` ([§5.11](https://www.w3.org/TR/webauthn-3/#sctn-related-origins)): on which pages of other
/// domains the id may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelatedOrigins {
    /// The origins.
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// A relying party of these settings.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(settings: Settings) -> Result<RelyingParty, InvalidRelyingParty> {
        let Settings { name, mut ids, mut origins, policy } = settings;
        keep_first(&mut ids);
        keep_first(&mut origins);
        if name.trim().is_empty() {
            return Err(InvalidRelyingParty::Name);
        }
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Err(InvalidRelyingParty::Ids);
        }
        if origins.is_empty() || origins.len() > MAX_ORIGINS {
            return Err(InvalidRelyingParty::Origins);
        }
        if let Some(wrong) = ids.iter().find(|id| !is_domain(id)) {
            return Err(InvalidRelyingParty::Id(wrong.clone()));
        }
        if let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) {
            return Err(InvalidRelyingParty::Origin(wrong.clone()));
        }
        if let Some(unused) = ids.iter().find(|id| !origins.iter().any(|origin| belongs(origin, id))) {
            return Err(InvalidRelyingParty::Unused(unused.clone()));
        }
        if !policy.allow.is_empty() && (policy.attestation == Conveyance::None || policy.metadata.is_none()) {
            return Err(InvalidRelyingParty::Unprovable);
        }
        let urls: Vec<Url> = origins.iter().filter_map(|origin| Url::parse(origin).ok()).collect();
        let ids = ids.into_iter().map(|id| Id::new(&name, id, &urls)).collect();
        Ok(RelyingParty { name, ids, origins, policy })
    }

    /// What is asked of authenticators.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The id under which credentials are registered.
    pub fn id(&self) -> &str {
        self.ids.first().map_or("", |id| &id.id)
    }

    /// What is served at `/.well-known/webauthn` of each id: all origins that pages have.
    pub fn related_origins(&self) -> RelatedOrigins {
        let pages = self.origins.iter().filter(|origin| !origin.starts_with("android:"));
        RelatedOrigins { origins: pages.cloned().collect() }
    }

    pub(crate) fn expects(&self, origin: &str) -> bool {
        self.origins.iter().any(|expected| expected == origin)
    }

    /// The id of this name, if it is still one of ours.
    pub(crate) fn known(&self, id: &str) -> Option<&Id> {
        self.ids.iter().find(|known| known.id == id)
    }
}

impl Id {
    fn new(name: &str, id: String, origins: &[Url]) -> Id {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, id.as_bytes()).as_ref());
        // The time-out goes into options alone, which are made here; subdomains and other ports are other origins.
        let library = WebauthnCore::new_unsafe_experts_only(
            name,
            &id,
            origins.to_vec(),
            Duration::from_mins(1),
            Some(false),
            Some(false),
        );
        Id { id, hash, library }
    }
}

/// What stands there twice stands there once.
fn keep_first(texts: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}

/// The id and the origin that pages at this URL have by themselves; `None` where browsers know no WebAuthn: at addresses, and over
/// plain HTTP but on localhost.
pub fn id_and_origin(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    let (id, origin) = (url.host_str()?.to_owned(), url.origin().ascii_serialization());
    (is_domain(&id) && is_origin(&origin)).then_some((id, origin))
}

/// Whether it is a valid domain string, as a browser would take it for an id.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    // A last label of digits makes an address of it.
    let named = text.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_lowercase()));
    text.len() <= 253 && named && text.parse::<IpAddr>().is_err() && text.split('.').all(label)
}

/// Whether it is an origin, written as browsers write it in client data.
fn is_origin(text: &str) -> bool {
    if let Some(hash) = text.strip_prefix("android:apk-key-hash:") {
        return !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    }
    let Ok(url) = Url::parse(text) else { return false };
    let secure = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost")),
        _ => false,
    };
    // WebAuthn knows no pages at addresses.
    secure && url.host_str().is_some_and(is_domain) && url.origin().ascii_serialization() == text
}

/// Whether pages of this origin may use this id without being asked about in `/.well-known/webauthn`.
fn belongs(origin: &str, id: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    url.host_str()
        .is_some_and(|host| host.strip_suffix(id).is_some_and(|front| front.is_empty() || front.ends_with('.')))
}
