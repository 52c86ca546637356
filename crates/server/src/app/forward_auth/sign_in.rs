//! How a browser comes to be signed in at a site: the site sends it to the login, which registers the session and makes a link; the browser
//! that was sent, and no other, is signed in by it (T-12).

use domain::event::About;
use domain::{Event, EventKind, ReturnUrl, SessionId, SignIn, SignInId, TokenHash};
use store::{Change, Effect, FinishSignIn};

use super::super::pages::Token;
use super::super::telling::With;
use super::super::{Actor, App, Error, Made, Once};
use super::Visitor;
use crate::sites::{PREFIX, Site};

/// A link to make.
#[derive(Debug)]
pub(crate) struct NewSignIn {
    /// The session that the person has just now been given.
    pub(crate) session_id: SessionId,
    /// Where the browser wants to go: at a site of this application's.
    pub(crate) return_url: ReturnUrl,
    /// What the site said when it sent the browser.
    pub(crate) state: TokenHash,
    /// The user's groups.
    pub(crate) groups: Vec<String>,
}

/// A link, for the one answer that shows it.
#[derive(Debug)]
pub(crate) struct ShownSignIn {
    pub(crate) sign_in: SignIn,
    /// Where to send the browser.
    pub(crate) url: zeroize::Zeroizing<String>,
}

impl App {
    /// Makes a link that signs a browser in at a site.
    pub(crate) async fn create_sign_in(
        &self,
        actor: &Actor,
        new: NewSignIn,
        once: Option<&Once>,
    ) -> Result<Made<ShownSignIn>, Error> {
        let site = self.settings.sites.at(new.return_url.origin()).filter(|site| site.is_of(&actor.application));
        let site = site.ok_or_else(|| {
            let why = "leads to no site of this application: each is a table [forward_auth.NAME] of the configuration";
            Error::invalid("/return_to", why)
        })?;
        let session = self.own_session(actor, new.session_id).await?;
        if session.cnf.is_some() {
            return Err(Error::Conflict(
                "the session is bound to a key, which browsers at a site behind a proxy cannot show",
            ));
        }
        let now = self.now();
        let code = Token::random(&*self.entropy);
        let origin = new.return_url.origin();
        let url = zeroize::Zeroizing::new(format!("{origin}{PREFIX}/enter?code={}", *code.text()));
        let sign_in = SignIn {
            id: SignInId::generate(now, &*self.entropy),
            application_id: actor.application.id,
            user_id: session.user_id,
            session_id: session.id,
            site: site.name.clone(),
            groups: new.groups,
            return_url: new.return_url,
            code: code.hash(),
            state: new.state,
            browser: None,
            seen_at: now,
            created_at: now,
            expires_at: now.plus(SignIn::LINK_LIFETIME),
        };
        let event = self.sign_in_event(EventKind::SignInCreated, Some(actor), &sign_in).detailed(self.origin(actor));
        let record = Once::record(once, actor, sign_in.id, now);
        let effect = self.commit_once(Change::CreateSignIn(Box::new(sign_in.clone())), event, record).await?;
        Once::made(once, effect, ShownSignIn { sign_in, url }, Error::SessionOver)
    }

    /// Signs a browser in. Answers what it keeps from now on, and where it goes.
    pub(crate) async fn finish_sign_in(
        &self,
        site: &Site,
        visitor: &Visitor,
        code: &Token,
        state: Option<&Token>,
    ) -> Result<(Token, SignIn), Error> {
        let found = self.store.sign_in_by_code(code.hash()).await?;
        let mut sign_in = found.filter(|found| found.site == site.name).ok_or(Error::PageOver)?;
        let now = self.now();
        if sign_in.browser.is_some() || now >= sign_in.expires_at {
            return Err(Error::PageOver);
        }
        let Some(state) = state.map(Token::hash).filter(|state| *state == sign_in.state) else {
            return self.refuse_sign_in(visitor, &sign_in).await;
        };
        let session = self.store.session(sign_in.session_id).await?.ok_or(Error::SessionOver)?;
        let browser = Token::random(&*self.entropy);
        let (hash, until) = (browser.hash(), session.expires_at);
        let finish = FinishSignIn { id: sign_in.id, state, browser: hash, at: now, expires_at: until };
        let event = self.sign_in_event(EventKind::SignInFinished, None, &sign_in);
        let event = event.detailed(self.details(visitor.address.map(|address| ("address", address.to_string()))));
        match self.commit(Change::FinishSignIn(Box::new(finish)), event).await? {
            Effect::Applied => {
                (sign_in.browser, sign_in.expires_at) = (Some(hash), until);
                Ok((browser, sign_in))
            }
            _ => Err(Error::PageOver),
        }
    }

    /// Ends a link with which another browser came, and tells of it.
    async fn refuse_sign_in<T>(&self, visitor: &Visitor, sign_in: &SignIn) -> Result<T, Error> {
        let event = self.sign_in_event(EventKind::SignInRefused, None, sign_in);
        let event = event.detailed(self.details(visitor.address.map(|address| ("address", address.to_string()))));
        self.commit(Change::RefuseSignIn { id: sign_in.id, at: self.now() }, event).await?;
        Err(Error::PageElsewhere)
    }

    fn sign_in_event(&self, kind: EventKind, actor: Option<&Actor>, sign_in: &SignIn) -> Event {
        let about = About { user_id: Some(sign_in.user_id), session_id: Some(sign_in.session_id), ..About::default() };
        let mut event = self.event(kind, actor, about);
        event.application_id = Some(sign_in.application_id);
        event.with("sign_in", sign_in.id.to_string()).with("site", sign_in.site.as_str())
    }
}
