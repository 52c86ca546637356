//! Whose browser it is. The link of a page can be copied, forwarded and looked at by whatever stands on its way; the browser that
//! opens it first gets a secret of its own, and with any other the page is not gone on with (T-12). Whether it is the browser that the
//! page was made for, the application says: [`super::redeem`].

use std::net::IpAddr;

use data_encoding::BASE64URL_NOPAD;
use domain::{EventKind, PagePurpose, PageRefusal, PageState, Scope, Timestamp, TokenHash};
use gateway::messages::Language;
use store::{Change, Effect};

use super::super::telling::With;
use super::super::{Actor, App, Error, Possession};
use super::{Code, Seen, Step, Visit, hash};

/// The secret in the link of a page, or the one that a browser keeps: 32 random bytes.
#[derive(Clone)]
pub(crate) struct Token(zeroize::Zeroizing<[u8; 32]>);

impl Token {
    pub(in crate::app) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// A new one.
    pub(crate) fn random(entropy: &dyn domain::Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self::new(bytes)
    }

    /// Reads 43 characters of base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = zeroize::Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        bytes.as_slice().try_into().ok().map(Self::new)
    }

    /// As it is shown.
    pub(crate) fn text(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(BASE64URL_NOPAD.encode(&*self.0))
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> TokenHash {
        hash(self.bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Who asks for a page.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// The token in the link.
    pub(crate) token: Token,
    /// What this browser keeps for it, if it opened it.
    pub(crate) browser: Option<Token>,
    /// Where the request came from.
    pub(crate) address: Option<IpAddr>,
    /// What its person reads.
    pub(crate) language: Option<Language>,
    /// What it is.
    pub(crate) user_agent: Option<String>,
}

/// A page that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// As its browser sees it; also where there is nothing to be done any more the browser is known, and may go back.
    pub(crate) seen: Result<Seen, Error>,
    /// What the browser is to keep, if it opened it only now.
    pub(crate) browser: Option<Token>,
    /// When the page is over.
    pub(crate) expires_at: Timestamp,
}

impl App {
    /// Opens a page: binds it to this browser, or finds that it is bound to it already.
    pub(crate) async fn open_page(&self, visitor: &Visitor) -> Result<Opened, Error> {
        let mut visit = self.found(visitor).await?;
        let now = self.now();
        if !visit.page.is_open(now) {
            let is_done = visit.page.state != PageState::Open;
            let reason = if is_done { PageRefusal::Finished } else { PageRefusal::Expired };
            return self.refuse(&visit, reason, Error::PageOver).await;
        }
        if visit.page.browser.is_some() {
            let (visit, code) = self.same_browser(visitor, visit).await?;
            let expires_at = visit.page.expires_at;
            let seen = match visit.page.redeemed_at {
                Some(_) => self.look(visit).await,
                None => Ok(visit.seen(Step::Redeem(code))),
            };
            return Ok(Opened { seen, browser: None, expires_at });
        }
        let browser = Token::new(self.random());
        let code = Code::of(&visitor.token, &browser);
        let event = self.page_event(EventKind::PageOpened, &visit.actor, &visit.page);
        let change = Change::OpenPage { id: visit.page.id, browser: code.hash(), at: now };
        if self.commit(change, event).await? != Effect::Applied {
            return self.refuse(&visit, PageRefusal::OpenedElsewhere, Error::PageElsewhere).await;
        }
        visit.page.browser = Some(code.hash());
        let expires_at = visit.page.expires_at;
        Ok(Opened { seen: Ok(visit.seen(Step::Redeem(code))), browser: Some(browser), expires_at })
    }

    /// The page, if this is its browser and the application said so: finished or not, but in its time. Once redeemed a page stays so, so
    /// that what is done on it may rely on what was read here.
    pub(super) async fn visit(&self, visitor: &Visitor) -> Result<Visit, Error> {
        let visit = self.found(visitor).await?;
        let (visit, _) = self.same_browser(visitor, visit).await?;
        if self.now() >= visit.page.expires_at {
            return self.refuse(&visit, PageRefusal::Expired, Error::PageOver).await;
        }
        if visit.page.redeemed_at.is_none() {
            let is_over = visit.page.state != PageState::Open;
            return Err(if is_over { Error::PageOver } else { NOT_REDEEMED });
        }
        Ok(visit)
    }

    /// The same, with something left to do.
    pub(super) async fn visit_open(&self, visitor: &Visitor) -> Result<Visit, Error> {
        let visit = self.visit(visitor).await?;
        if visit.page.state == PageState::Open { Ok(visit) } else { Err(Error::PageOver) }
    }

    /// The page that a link leads to, with the application that it is of: as that is now, not as it was when the page was made.
    async fn found(&self, visitor: &Visitor) -> Result<Visit, Error> {
        let page = self.store.page_by_token(visitor.token.hash()).await?.ok_or(Error::PageOver)?;
        let application = self.store.application(page.application_id).await?.ok_or(Error::PageOver)?;
        let has = |scope: &Scope| application.scopes.contains(scope);
        if !has(&Scope::Admin) && !scopes(page.purpose).iter().all(has) {
            return Err(Error::PageOver);
        }
        let actor = Actor {
            application: application.into(),
            address: visitor.address,
            language: visitor.language,
            // It was shown where the page was made.
            possession: Possession::Established,
        };
        Ok(Visit { actor, page })
    }

    /// The page with the code that its browser takes to the application, if this is that browser.
    async fn same_browser(&self, visitor: &Visitor, visit: Visit) -> Result<(Visit, Code), Error> {
        let code = visitor.browser.as_ref().map(|browser| Code::of(&visitor.token, browser));
        if let Some(code) = code.filter(|code| visit.page.browser == Some(code.hash())) {
            return Ok((visit, code));
        }
        self.refuse(&visit, PageRefusal::OpenedElsewhere, Error::PageElsewhere).await
    }

    /// Says no, and tells of it, once for each page and reason: whoever has an old link may ask as often as they like (T-33).
    async fn refuse<T>(&self, visit: &Visit, reason: PageRefusal, error: Error) -> Result<T, Error> {
        if visit.page.refused & reason.bit() == 0 {
            let event =
                self.page_event(EventKind::PageRefused, &visit.actor, &visit.page).with("reason", reason.name());
            self.commit(Change::RefusePage { id: visit.page.id, reason }, event).await?;
        }
        Err(error)
    }
}

/// What is said on a page before the application redeemed its code.
const NOT_REDEEMED: Error =
    Error::Conflict("the application has not redeemed this page's code yet: open the page again to get it");

/// What an application needs to make a page for something, and for as long as the page is there: what it would need to see and do by
/// itself what is seen and done there.
pub(crate) const fn scopes(purpose: PagePurpose) -> &'static [Scope] {
    match purpose {
        PagePurpose::Challenge => &[Scope::Challenges],
        PagePurpose::Enroll => &[Scope::Enrollments],
        // As for saying it by the API.
        PagePurpose::Task => &[Scope::WorkflowsWrite, Scope::Challenges],
        // What the site needs besides to lead on who is signed in.
        PagePurpose::SignIn => &[Scope::Sessions, Scope::Challenges, Scope::Enrollments],
        PagePurpose::Security => {
            &[Scope::Enrollments, Scope::Sessions, Scope::AuthenticatorsRead, Scope::AuthenticatorsWrite]
        }
    }
}
