//! Who asks, and whether they may: the permission is the handler's argument type. A handler without one is public, and
//! one that has it cannot be reached without the scope.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::{Application, Scope};
use gateway::messages::Language;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use tokio::sync::OnceCell;

use crate::app::applications::{Credential, has};
use crate::app::possession::{Possession, Shown};
use crate::app::{Actor, App, Flaw};

use super::peer::Peer;
use super::problem::{CROSS_SITE, FORBIDDEN, Problem, UNAUTHENTICATED};

/// Proof that the request's application may do `P`.
pub(crate) struct May<P> {
    /// Who asks.
    pub(crate) actor: Actor,
    credential: Credential,
    permission: PhantomData<P>,
}

/// Something that takes a scope.
pub(crate) trait Permission {
    /// The scopes of which one is enough; none where any application may.
    const SCOPES: &'static [Scope];
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $scopes:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Permission for $name {
            const SCOPES: &'static [Scope] = &$scopes;
        }
    )*};
}

permissions! {
    /// Being an application at all.
    Ask = [];
    /// Administering: applications, keys, the vault.
    Administer = [Scope::Admin];
    /// Seeing users and devices.
    ReadUsers = [Scope::UsersRead];
    /// Changing users and devices.
    WriteUsers = [Scope::UsersWrite];
    /// Registering, seeing and ending sessions.
    UseSessions = [Scope::Sessions];
    /// Enrolling authenticators.
    Enroll = [Scope::Enrollments];
    /// Seeing authenticators.
    ReadAuthenticators = [Scope::AuthenticatorsRead];
    /// Changing authenticators.
    WriteAuthenticators = [Scope::AuthenticatorsWrite];
    /// Asking for proof and verifying it.
    Challenge = [Scope::Challenges];
    /// Asking what a session may do.
    Decide = [Scope::Challenges];
    /// Asking whether an assertion counts.
    Introspect = [Scope::Challenges];
    /// Seeing policies and what they would do.
    ReadPolicies = [Scope::PoliciesRead];
    /// Putting policies into force.
    WritePolicies = [Scope::PoliciesWrite];
    /// Seeing workflows and their runs.
    ReadWorkflows = [Scope::WorkflowsRead];
    /// Starting runs, and having them go on or end.
    RunWorkflows = [Scope::WorkflowsWrite];
    /// Seeing what recoveries hand out.
    HandOver = [Scope::Recovery];
    /// Making and seeing hosted pages; which of the two it takes depends on what the page is for ([`May::also`]).
    HostPages = [Scope::Challenges, Scope::Enrollments];
    /// Seeing, importing and removing hardware tokens.
    UseHardwareTokens = [Scope::HardwareTokens];
    /// Seeing events.
    ReadEvents = [Scope::EventsRead];
}

impl<P: Permission> FromRequestParts<Arc<App>> for May<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().copied();
        let credential = credential(parts, peer)?;
        if matches!(credential, Credential::Certificate(_)) && is_cross_site(&parts.headers, &app.settings.issuer) {
            return Err(Problem::of(&CROSS_SITE));
        }
        let found = app.authenticate(credential).await?;
        let application = found.ok_or_else(|| Problem::of(&UNAUTHENTICATED))?;
        if !has_one(&application, P::SCOPES) {
            return Err(lacking(P::SCOPES));
        }
        let address = peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies));
        let language = language(&parts.headers);
        let possession = possession(&parts.headers)?;
        let actor = Actor { application, address, language, possession };
        Ok(Self { actor, credential, permission: PhantomData })
    }
}

impl<P: Permission> May<P> {
    /// That the application has this scope, too.
    pub(crate) fn also(&self, scope: Scope) -> Result<(), Problem> {
        if has(&self.actor.application, scope) { Ok(()) } else { Err(lacking(&[scope])) }
    }

    /// Whether the application has this scope, too.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        has(&self.actor.application, scope)
    }

    /// What the request showed of who asks.
    pub(crate) fn credential(&self) -> Credential {
        self.credential
    }

    /// Whether it still holds, for what goes on for longer than a request: the key may have been revoked or have ended,
    /// the application have lost the scope or be gone. Where that cannot be found out it holds no more.
    pub(crate) async fn still_holds(&self, app: &App) -> bool {
        match app.authenticate(self.credential).await {
            Ok(Some(application)) => has_one(&application, P::SCOPES),
            Ok(None) | Err(_) => false,
        }
    }
}

/// Whether another site's page made a browser send this.
///
/// A browser shows a client certificate by itself, whoever's page asks it to send something; a POST without a body, or a form,
/// is sent across sites without asking this server first (CSRF, T-26). A key in `Authorization` is shown by nobody but its holder:
/// a page that wants to set the header has to ask first (CORS), and is never let. So this is asked where a certificate
/// speaks, and of every method, since looking at a key uses its one view up. Browsers say where a request comes from in
/// `Sec-Fetch-Site`, those before 2023 in `Origin`, and let no page write either; what says neither is no browser. `same-site` is
/// refused too: whoever has another host of the domain is not this server.
fn is_cross_site(headers: &HeaderMap, own: &str) -> bool {
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => false,
        Some(_) => true,
        None => headers.get(header::ORIGIN).is_some_and(|from| !is_origin_of(from.as_bytes(), own)),
    }
}

/// Whether an `Origin` (RFC 6454 §7) is that of a URL. The request's own `Host` is not asked: whoever leads a name to this server
/// has it say that name.
pub(super) fn is_origin_of(origin: &[u8], url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return false };
    origin.eq_ignore_ascii_case(format!("{scheme}://{authority}").as_bytes())
}

/// What the person reads whom a request is for: what their browser sends, or what an application hands on of that (RFC 9110 §12.5.4).
/// Pages are shown in the same language.
pub(super) fn language(headers: &HeaderMap) -> Option<Language> {
    headers.get(header::ACCEPT_LANGUAGE).and_then(|accepted| Language::of_accepted(accepted.to_str().ok()?))
}

/// What a browser says that it is, as far as that is looked at.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok())?;
    Some(agent.chars().take(LONGEST_AGENT).collect())
}

/// The most characters of a `User-Agent` that are looked at.
const LONGEST_AGENT: usize = 512;

/// The header in which an application hands on the proof of possession that its client sent with a request: the request's method and address, the
/// proof, and the hash of the token that it came with, if there was one.
pub(super) const CLIENT_PROOF: &str = "client-proof";

fn possession(headers: &HeaderMap) -> Result<Possession, Problem> {
    let mut values = headers.get_all(CLIENT_PROOF).iter();
    let Some(value) = values.next() else { return Ok(Possession::None) };
    let parts: Vec<&str> = value.to_str().unwrap_or_default().split(' ').collect();
    let (method, url, proof, ath) = match (parts.as_slice(), values.next()) {
        ([method, url, proof], None) => (method, url, proof, None),
        ([method, url, proof, ath], None) => (method, url, proof, Some((*ath).to_owned())),
        _ => {
            let detail =
                "must be a method, an address, a proof, and the hash of a token if there was one, with single spaces";
            return Err(Problem::invalid(vec![Flaw { pointer: CLIENT_PROOF.to_owned(), detail: detail.to_owned() }]));
        }
    };
    let [method, url, proof] = [method, url, proof].map(|part| (*part).to_owned());
    Ok(Possession::Shown(Arc::new(Shown { method, url, proof, ath, found: OnceCell::new() })))
}

fn has_one(application: &Application, scopes: &[Scope]) -> bool {
    scopes.is_empty() || scopes.iter().any(|scope| has(application, *scope))
}

fn lacking(scopes: &[Scope]) -> Problem {
    let names: Vec<String> = scopes.iter().map(|scope| format!("the scope `{}`", scope.name())).collect();
    Problem::new(&FORBIDDEN, format!("The application has not got {}.", names.join(" or ")))
}

fn credential(parts: &Parts, peer: Option<Peer>) -> Result<Credential, Problem> {
    let shown = match bearer(parts)? {
        Some(key) => Credential::key(key),
        None => peer.and_then(|peer| peer.certificate).map(Credential::Certificate),
    };
    shown.ok_or_else(|| Problem::of(&UNAUTHENTICATED))
}

/// The bearer token, if there is an `Authorization` header. One that is there but is no bearer token, or two of them,
/// is refused even where a certificate would do.
fn bearer(parts: &Parts) -> Result<Option<&str>, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match (token, values.next()) {
        (Some((scheme, token)), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Problem::of(&UNAUTHENTICATED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        is_cross_site(&map, "https://mfa.example.org/")
    }

    #[test]
    fn t26_what_another_sites_page_sends_is_known() {
        assert!(!is_refused(&[]));
        assert!(!is_refused(&[("sec-fetch-site", "none")]));
        assert!(!is_refused(&[("sec-fetch-site", "same-origin"), ("origin", "https://mfa.example.org")]));
        assert!(!is_refused(&[("origin", "https://MFA.example.org")]));
        for site in ["cross-site", "same-site", "", "something new"] {
            assert!(is_refused(&[("sec-fetch-site", site)]), "{site}");
        }
        for origin in
            ["null", "", "https://evil.example", "http://mfa.example.org", "https://mfa.example.org.evil.example"]
        {
            assert!(is_refused(&[("origin", origin), ("host", "evil.example")]), "{origin}");
        }
    }
}
