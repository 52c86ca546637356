//! Remembering a browser on the page on which something was just proved in it (T-25).

use std::time::Duration;

use domain::event::About;
use domain::{
    Aal, Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, ChallengeState, EventKind, PagePurpose,
    PageState, Timestamp,
};
use store::{Change, Effect, RememberBrowser};

use super::super::factors::{BrowserKey, browser_lifetime, remembered};
use super::super::telling::With;
use super::super::{App, Error};
use super::{Visit, Visitor};

/// What a page needs to know so that it can have its browser remembered.
#[derive(Debug)]
pub(crate) struct Remember {
    /// For how long.
    pub(crate) lifetime: Duration,
    /// The user's browsers that are.
    pub(crate) browsers: Vec<AuthenticatorId>,
}

/// A browser that is remembered now.
#[derive(Debug)]
pub(crate) struct Remembered {
    /// By what it is known.
    pub(crate) authenticator_id: AuthenticatorId,
    /// Until when.
    pub(crate) expires_at: Timestamp,
}

impl App {
    /// What there is to say of it on a page of a session, if browsers are remembered here. On any other page there is nothing: it would
    /// tell who is known (T-19).
    pub(super) async fn remember(&self, visit: &Visit) -> Result<Option<Remember>, Error> {
        let (Some(lifetime), Some(user), Some(_)) = (browser_lifetime(self), visit.page.user_id, visit.page.session_id)
        else {
            return Ok(None);
        };
        let now = self.now();
        let is_remembered = |it: &Authenticator| {
            it.kind == AuthenticatorKind::Browser && it.state == AuthenticatorState::Active && !it.has_expired(now)
        };
        let theirs = self.store.authenticators_of(user).await?;
        let browsers = theirs.iter().filter(|it| is_remembered(it)).map(|it| it.id).collect();
        Ok(Some(Remember { lifetime, browsers }))
    }

    /// Remembers the browser of a page on which a challenge was proved, by more than being remembered.
    pub(crate) async fn remember_on_page(
        &self,
        visitor: &Visitor,
        key: BrowserKey,
        label: String,
    ) -> Result<Remembered, Error> {
        let visit = self.visit(visitor).await?;
        let lifetime = browser_lifetime(self).ok_or(Error::Conflict("browsers are not remembered here"))?;
        let (PagePurpose::Challenge, PageState::Proved, Some(session_id)) =
            (visit.page.purpose, visit.page.state, visit.page.session_id)
        else {
            return Err(Error::Conflict("a browser is remembered after a proof for a session"));
        };
        let challenge = self.challenge_of(&visit).await?.ok_or(Error::PageOver)?;
        let satisfied = challenge.satisfied.filter(|_| challenge.state == ChallengeState::Satisfied);
        let proved = satisfied
            .filter(|proof| proof.kind.is_binding() && proof.aal >= Aal::Aal2)
            .ok_or(Error::Conflict("a browser is remembered after a proof that is strong enough"))?;
        if !key.is_of_page(&visitor.token.text()) {
            return Err(Error::invalid("/signature", "is not this key's, over this page"));
        }
        let session = self.own_session(&visit.actor, session_id).await?;
        let browser = remembered(self, &session, &key, label, lifetime);
        let expires_at = browser.created_at.plus(lifetime);
        let about = About {
            user_id: Some(session.user_id),
            device_id: session.device_id,
            authenticator_id: Some(browser.id),
            session_id: Some(session_id),
            challenge_id: Some(challenge.id),
            ..About::default()
        };
        let event = self
            .event(EventKind::BrowserRemembered, Some(&visit.actor), about)
            .with("proved_by", proved.kind.name())
            .with("expires_at", expires_at.to_string())
            .detailed(self.origin(&visit.actor));
        let (authenticator_id, at) = (browser.id, browser.created_at);
        let proved = proved.authenticator_id;
        let wish = RememberBrowser { browser, session_id, challenge_id: challenge.id, proved, at };
        match self.commit(Change::RememberBrowser(Box::new(wish)), event).await? {
            Effect::Applied => Ok(Remembered { authenticator_id, expires_at }),
            _ => Err(Error::Conflict(
                "this browser cannot be remembered: there are ten others, or what was proved is gone",
            )),
        }
    }
}
