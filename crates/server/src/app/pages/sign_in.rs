//! Signing in on a page of ours, at a site behind a proxy that has no login of its own (S-08): with a passkey, and with nothing else.
//!
//! Nobody is asked for a name. The passkey says whose it is, so there is nothing to be learned about who is known and who has one (T-19);
//! and it looks who is there, so it is two factors in one. What is given is verified like any proof, by [`App::verify_beginning`]: its
//! session begins in the commit that uses it up. From there on we are a login like another: a link leads the browser back, which works
//! only in the browser that the site sent here ([`super::super::forward_auth`]).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{
    Aal, AuthenticatorKind, Challenge, ChallengeId, ChallengeState, EventKind, HostedPage, PageId, PagePurpose,
    PageState, Requirement, ReturnUrl, Session, TokenHash, UserId,
};
use gateway::messages::Language;
use serde_json::{Map, Value};
use store::{Change, NameChallenge};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::challenges::{Ask, Whom, action_hash};
use super::super::factors::whose_passkey;
use super::super::forward_auth::NewSignIn;
use super::super::proof::Given;
use super::super::sessions::Beginning;
use super::super::telling::With;
use super::super::{Actor, App, Error, Made, Possession, slot};
use super::{Code, Seen, Step, TWICE, Token, Visit, Way};
use crate::sites::Site;

/// What is proved, as the page and the events call it.
const ACTION: &str = "sign_in";
/// How often a page asks for one challenge. A person who cancels as often as that begins again.
const MOST_ASKED: usize = 16;
/// What the person is shown: where they sign in.
const SITE: &str = "site";

/// A browser that a site sent here to sign in.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Where at the site it wants to go.
    pub(crate) return_url: ReturnUrl,
    /// What the site knows it by.
    pub(crate) state: TokenHash,
    /// Where it comes from.
    pub(crate) address: Option<IpAddr>,
    /// What its person reads.
    pub(crate) language: Option<Language>,
}

/// A page for it, which belongs to it from the beginning.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// As it sees it.
    pub(crate) seen: Seen,
    /// What the page is asked for by.
    pub(crate) token: Token,
    /// What the browser is to keep.
    pub(crate) browser: Token,
}

impl App {
    /// Makes a page for a browser that comes to sign in.
    pub(crate) async fn arrive(&self, arrival: Arrival) -> Result<Arrived, Error> {
        let site = self.settings.sites.at(arrival.return_url.origin()).filter(|site| site.login.is_none());
        let site = site.ok_or_else(|| Error::invalid("/return_to", "leads to no site whose login this is"))?;
        let now = self.now();
        if !self.arrivals.let_in(arrival.address, now) {
            return Err(Error::TooManyArrivals);
        }
        let actor = Actor {
            application: self.application_of(site).await?.into(),
            address: arrival.address,
            language: arrival.language,
            possession: Possession::Established,
        };
        let (token, browser) = (Token::random(&*self.entropy), Token::random(&*self.entropy));
        let page = HostedPage {
            id: PageId::generate(now, &*self.entropy),
            application_id: actor.application.id,
            purpose: PagePurpose::SignIn,
            state: PageState::Open,
            token: token.hash(),
            browser: Some(Code::of(&token, &browser).hash()),
            code_challenge: Some(arrival.state),
            redeemed_at: Some(now),
            user_id: None,
            session_id: None,
            challenge_id: None,
            enrollment_id: None,
            wanted: None,
            return_url: arrival.return_url,
            carried: None,
            refused: 0,
            created_at: now,
            expires_at: now.plus(HostedPage::LIFETIME),
        };
        let event = self.page_event(EventKind::PageCreated, &actor, &page).with("site", site.name.as_str());
        self.commit(Change::CreatePage(Box::new(page.clone())), event).await?;
        let visit = Visit { actor, page };
        let step = self.step_of_sign_in(&visit).await?;
        Ok(Arrived { seen: visit.seen(step), token, browser })
    }

    async fn application_of(&self, site: &Site) -> Result<domain::Application, Error> {
        let all = self.store.applications().await?;
        let application = all.into_iter().find(|application| site.is_of(application));
        let application = application.ok_or(Error::Conflict("the application of this site is not there"))?;
        let has = |scope: &domain::Scope| application.scopes.contains(scope);
        if !has(&domain::Scope::Admin) && !super::scopes(PagePurpose::SignIn).iter().all(has) {
            return Err(Error::Conflict(
                "the application of this site needs the scopes sessions, challenges and enrollments",
            ));
        }
        Ok(application)
    }

    pub(super) async fn step_of_sign_in(&self, visit: &Visit) -> Result<Step, Error> {
        Ok(Step::Prove {
            action: ACTION.to_owned(),
            shown: context(&visit.page),
            ways: vec![Way { kind: AuthenticatorKind::Webauthn, authenticator: None }],
            prompt: self.asked_on_page(visit).await?.map(Box::new),
            remember: None,
        })
    }

    /// The challenge that is proved: one for each person that a passkey names, who is named once.
    pub(super) async fn challenge_to_sign_in(&self, visit: &mut Visit) -> Result<ChallengeId, Error> {
        let now = self.now();
        // Each time that a browser asks is written down, too.
        if !self.arrivals.let_in(visit.actor.address, now) {
            return Err(Error::TooManyArrivals);
        }
        if let Some(challenge) = self.challenge_of(visit).await?
            && challenge.user_id.is_none()
            && challenge.state_at(now) == ChallengeState::Open
        {
            let asked = self.store.prompts_of_challenge(challenge.id).await?.len();
            return if asked < MOST_ASKED { Ok(challenge.id) } else { Err(Error::TooManyArrivals) };
        }
        let left = u64::try_from(visit.page.expires_at.unix_millis() - now.unix_millis()).unwrap_or(0);
        let ask = Ask {
            whom: Whom::Anybody,
            action: ACTION.to_owned(),
            context: context(&visit.page),
            shown: vec![SITE.to_owned()],
            required: Some(required()),
            lifetime: Duration::from_millis(left),
        };
        let Made::New(Challenge { id, .. }) = self.create_challenge(&visit.actor, ask, None).await? else {
            return Err(Error::Internal("a challenge without an idempotency key was made before".to_owned()));
        };
        let next = HostedPage { challenge_id: Some(id), ..visit.page.clone() };
        if self.advance(visit, next).await? { Ok(id) } else { Err(TWICE) }
    }

    /// Verifies a passkey, which says whose it is. With it a session begins, and the page leads back by a link that signs in.
    pub(super) async fn sign_in_on_page(
        self: Arc<Self>,
        mut visit: Visit,
        user_agent: Option<String>,
        given: Given,
    ) -> Result<Seen, Error> {
        let begun = Instant::now();
        let id = visit.page.challenge_id.ok_or(NOT_ASKED)?;
        self.name_challenge(&visit, id, &given).await?;
        let beginning = Beginning { lifetime: Session::LIFETIME, user_agent };
        let verified = Arc::clone(&self).verify_beginning(visit.actor.clone(), id, given, beginning).await;
        if matches!(verified, Err(Error::ProofRejected)) {
            // That somebody was named took its time, too.
            slot::end(begun, slot::SLOT).await;
        }
        let (session, state) = verified?.session.zip(visit.page.code_challenge).ok_or(Error::SessionOver)?;
        let (session_id, return_url) = (session.id, visit.page.return_url.clone());
        let new = NewSignIn { session_id, return_url, state, groups: Vec::new() };
        let Made::New(link) = self.create_sign_in(&visit.actor, new, None).await? else {
            return Err(Error::Internal("a link without an idempotency key was made before".to_owned()));
        };
        self.finish(&mut visit, PageState::Proved).await?;
        Ok(visit.seen(Step::SignedIn(link.url)))
    }

    /// Makes the challenge that of the user whom the passkey says. Where that is nobody, or somebody else was named before, it stays as it is,
    /// and is proved by nobody.
    async fn name_challenge(&self, visit: &Visit, id: ChallengeId, given: &Given) -> Result<(), Error> {
        // Nobody is looked for as well as somebody.
        let user_id = whose_passkey(given).unwrap_or_else(|| UserId::from_uuid(Uuid::nil()));
        let action_hash = action_hash(id, user_id, None, ACTION, context(&visit.page));
        let name = NameChallenge { id, page_id: visit.page.id, user_id, action_hash, at: self.now() };
        let about = domain::event::About { user_id: Some(user_id), challenge_id: Some(id), ..Default::default() };
        let event = self
            .event(EventKind::ChallengeNamed, Some(&visit.actor), about)
            .with("action", ACTION)
            .detailed(self.origin(&visit.actor));
        self.commit(Change::NameChallenge(Box::new(name)), event).await?;
        Ok(())
    }
}

/// What is said before anything was asked.
const NOT_ASKED: Error = Error::Conflict("nothing was asked on this page yet: have it ask for a passkey first");

/// What a proof is bound to, and what is shown of it: the site.
fn context(page: &HostedPage) -> Map<String, Value> {
    Map::from_iter([(SITE.to_owned(), Value::String(page.return_url.origin().to_string()))])
}

/// A passkey whose device looked who is there: nothing less is two factors, and there is no other.
fn required() -> Requirement {
    Requirement { aal: Some(Aal::Aal2), kinds: [AuthenticatorKind::Webauthn].into(), phishing_resistant: true }
}
