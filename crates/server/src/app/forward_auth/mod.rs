//! Forward-auth: a proxy asks about each request to a site, and lets through what is allowed (S-08).
//!
//! Here we act as the site's application: whose browser it is says what the browser keeps, what the request is called says the site, and
//! whether it may pass says [`App::decide`], as for everybody. The proxy decides nothing, and nor does this.

mod identity;
mod lead;
mod sign_in;
mod target;

use std::net::IpAddr;
use std::sync::Arc;

use domain::{Application, AuthenticatorKind, ChallengeId, Scope, Session, SignIn};
use gateway::messages::Language;
use policy::{Facts, Outcome, ResourceFacts};
use serde_json::{Map, Value, json};
use store::{Change, Commit};

use super::decide::{Decision, Question};
use super::pages::Token;
use super::risk::Source;
use super::{Actor, App, Error, Possession};
use crate::sites::Site;
pub(crate) use identity::Request;
pub(crate) use lead::{Came, Led};
pub(crate) use sign_in::NewSignIn;
pub(crate) use target::Target;

/// The longest query that rules can look at; of a longer one the proof is bound to its hash.
const LONGEST_QUERY: usize = 1024;
/// The longest query that people are shown as a whole; of a longer one they see this much, and how long it is.
const LONGEST_SHOWN: usize = 256;

/// A browser at a site, as the site's proxy tells of it.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// What it keeps that is signed in.
    pub(crate) browser: Option<Token>,
    /// Where it comes from.
    pub(crate) address: Option<IpAddr>,
    /// What it is.
    pub(crate) user_agent: Option<String>,
    /// What its person reads.
    pub(crate) language: Option<Language>,
}

/// A request that a proxy asks about.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Whose.
    pub(crate) visitor: Visitor,
    /// What is done.
    pub(crate) request: Request,
    /// With what.
    pub(crate) target: Target,
    /// What was proved on a page a moment ago: perhaps for this.
    pub(crate) proved: Option<ChallengeId>,
}

/// What a proxy is to do.
#[derive(Debug)]
pub(crate) enum Checked {
    /// Let it through: nobody is asked about this.
    Open,
    /// Have the person log in.
    NotSignedIn,
    /// What was decided.
    Decided(Box<Decided>),
}

/// A decision, and whom it is about.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The decision; its assertion is an identity.
    pub(crate) decision: Decision,
    /// The user's groups.
    pub(crate) groups: Vec<String>,
}

/// A browser that is signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// As the site's application.
    pub(crate) actor: Actor,
    pub(crate) sign_in: SignIn,
}

impl App {
    /// Whether a request may pass.
    pub(crate) async fn check_request(&self, site: &Site, asked: Asked) -> Result<Checked, Error> {
        if site.is_open(&asked.target) {
            return Ok(Checked::Open);
        }
        let Some(signed_in) = self.signed_in(site, &asked.visitor).await? else { return Ok(Checked::NotSignedIn) };
        let mut decided = self.decide(&signed_in.actor, question(site, &asked, &signed_in.sign_in, asked.proved)).await;
        if asked.proved.is_some() && is_about_the_challenge(&decided) {
            // It was proved for something else: then it is as if nothing was.
            decided = self.decide(&signed_in.actor, question(site, &asked, &signed_in.sign_in, None)).await;
        }
        let decision = match decided {
            Ok(decision) => decision,
            Err(Error::SessionOver | Error::NotFound("session")) => return Ok(Checked::NotSignedIn),
            Err(error) => return Err(error),
        };
        // Or else asking twice would do where somebody has to be there.
        if decision.verdict.outcome == Outcome::Allow {
            self.note_that_it_was_seen(&signed_in.sign_in);
        }
        Ok(Checked::Decided(Box::new(Decided { decision, groups: signed_in.sign_in.groups })))
    }

    /// Who a browser is at a site, by what it keeps. Whether the session still counts for anything is looked at by whatever is done.
    pub(crate) async fn signed_in(&self, site: &Site, visitor: &Visitor) -> Result<Option<SignedIn>, Error> {
        let Some(browser) = &visitor.browser else { return Ok(None) };
        let found = self.store.signed_in(browser.hash()).await?;
        let here = |(sign_in, application): &(SignIn, Application)| {
            sign_in.site == site.name && site.is_of(application) && self.now() < sign_in.expires_at
        };
        let Some((sign_in, application)) = found.filter(here) else { return Ok(None) };
        if !may_ask(&application) {
            return Err(LACKS_SCOPES);
        }
        if site.login.is_none() && !self.is_still_proved(&sign_in).await? {
            return Ok(None);
        }
        let (address, language) = (visitor.address, visitor.language);
        // What a browser keeps at a site is no key: sessions that are bound to one are of no use there.
        let actor = Actor { application: Arc::new(application), address, language, possession: Possession::None };
        Ok(Some(SignedIn { actor, sign_in }))
    }

    /// Whether a session that began with a passkey still rests on one. There is no other first factor: whose passkey was lost or removed is
    /// nobody here, until they sign in again.
    async fn is_still_proved(&self, sign_in: &SignIn) -> Result<bool, Error> {
        let session = self.store.session(sign_in.session_id).await?;
        Ok(session.is_some_and(|session| session.proofs.iter().any(|proof| proof.kind == AuthenticatorKind::Webauthn)))
    }

    /// The session of a browser that is signed in, if that is live.
    pub(crate) async fn session_of(&self, signed_in: &SignedIn) -> Result<Option<Session>, Error> {
        let session = self.store.session(signed_in.sign_in.session_id).await?;
        Ok(session.filter(|session| session.is_live(self.now())))
    }

    /// For policies that ask again after a while in which nothing was done. Nobody waits for it.
    fn note_that_it_was_seen(&self, sign_in: &SignIn) {
        let at = self.now();
        if at.since(sign_in.seen_at) < SignIn::NOTED_EACH {
            return;
        }
        let (store, change) = (self.store.clone(), Change::SeeSignIn { id: sign_in.id, at });
        tokio::spawn(async move {
            let noted = store.commit(Commit { change, events: Vec::new(), idempotency: None }).await;
            if let Err(error) = noted {
                tracing::debug!(%error, "it was not noted that a browser asked for something");
            }
        });
    }
}

/// What the application of a site needs: asking for proof, and pages to give it on and to enroll on.
const SCOPES: [Scope; 2] = [Scope::Challenges, Scope::Enrollments];

const LACKS_SCOPES: Error = Error::Conflict("the application of this site needs the scopes challenges and enrollments");

fn may_ask(application: &Application) -> bool {
    application.scopes.contains(&Scope::Admin) || SCOPES.iter().all(|scope| application.scopes.contains(scope))
}

/// Whether nothing was decided because of the challenge that was named.
fn is_about_the_challenge(decided: &Result<Decision, Error>) -> bool {
    matches!(decided, Err(Error::Conflict(_) | Error::ChallengeOver | Error::NotFound("challenge")))
}

/// What is asked about a request. The person is shown what the proof is bound to: method, URL and query.
fn question(site: &Site, asked: &Asked, sign_in: &SignIn, challenge_id: Option<ChallengeId>) -> Question {
    let Asked { request, target, visitor, .. } = asked;
    let mut properties = Map::new();
    properties.insert(METHOD.to_owned(), json!(request.method));
    properties.insert("host".to_owned(), json!(host(request)));
    match target.query() {
        Some(query) if query.len() <= LONGEST_QUERY => {
            properties.insert(QUERY.to_owned(), json!(query));
        }
        Some(query) => {
            properties.insert("query_hash".to_owned(), json!(hash_of(query)));
        }
        None => {}
    }
    let mut context = Map::new();
    context.insert(METHOD.to_owned(), Value::String(request.method.clone()));
    context.insert(URL.to_owned(), Value::String(request.url.clone()));
    if let Some(query) = target.query().filter(|query| !query.is_empty()) {
        context.insert(QUERY.to_owned(), Value::String(as_shown(query)));
    }
    let shown = context.keys().cloned().collect();
    // As a backend may read it that makes no difference between letters; the proof is bound to the URL as it is.
    let id = target.path().to_lowercase();
    Question {
        session_id: sign_in.session_id,
        action: site.action(&request.method, target).to_owned(),
        resource: Some(ResourceFacts { kind: URL.to_owned(), id, properties }),
        context,
        shown,
        groups: sign_in.groups.clone(),
        last_active_at: Some(sign_in.seen_at),
        signals: Vec::new(),
        source: Source::new(visitor.address, visitor.user_agent.as_deref()),
        challenge_id,
        wanted: None,
        cnf: None,
        identity: Some(request.clone()),
    }
}

/// Facts as they are kept: queries hold what was meant for the site alone, links that let somebody in among it (T-18).
pub(super) fn for_the_record(facts: &Facts) -> Facts {
    let mut kept = facts.clone();
    kept.context.remove(QUERY);
    if let Some(resource) = &mut kept.resource
        && let Some(query) = resource.properties.remove(QUERY)
    {
        resource.properties.insert("query_hash".to_owned(), json!(hash_of(query.as_str().unwrap_or_default())));
    }
    kept
}

/// What resources of this type are called, and what people are shown of a request.
const URL: &str = "url";
const METHOD: &str = "method";
const QUERY: &str = "query";

/// A query for people: as it was written, which is in signs that show nothing else than they are, and bounded. What stands beyond that is
/// bound all the same.
fn as_shown(query: &str) -> String {
    match query.get(..LONGEST_SHOWN) {
        Some(start) if query.len() > LONGEST_SHOWN => format!("{start}… ({} characters)", query.len()),
        _ => query.to_owned(),
    }
}

fn hash_of(text: &str) -> String {
    data_encoding::HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

fn host(request: &Request) -> &str {
    request.origin.as_str().split_once("://").map_or("", |(_, host)| host)
}
