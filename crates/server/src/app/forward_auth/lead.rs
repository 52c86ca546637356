//! Leading a browser on from a site: to a page of ours, and back. The site's proxy hands on to us what the browser asks there, so that we
//! see its cookie, as an application sees its own ([ADR 14]).
//!
//! [ADR 14]: ../../../../../docs/adr/0014-the-application-sees-the-browser-first.md

use domain::{ChallengeId, PageId, PageState, ReturnUrl};

use super::super::pages::{Code, NewPage, Subject, Token, Whose};
use super::super::risk::Source;
use super::super::{App, Error, Made};
use super::SignedIn;

/// A page that a browser is led to.
#[derive(Debug)]
pub(crate) struct Led {
    pub(crate) purpose: domain::PagePurpose,
    pub(crate) token: Token,
}

/// What came of a page, for a browser that is back from it.
#[derive(Debug)]
pub(crate) enum Came {
    /// It was done; a challenge that was proved can serve one decision.
    Done(Option<ChallengeId>),
    /// The person did not want to.
    Not,
}

impl App {
    /// Makes a page on which what was asked for is proved, or something is enrolled, that leads back to `back`.
    pub(crate) async fn lead_to_page(
        &self,
        signed_in: &SignedIn,
        challenge: Option<ChallengeId>,
        back: ReturnUrl,
        source: Source,
    ) -> Result<Led, Error> {
        let session = self.session_of(signed_in).await?.ok_or(Error::SessionOver)?;
        let subject = match challenge {
            None => Subject::Enroll(session.id),
            Some(id) => {
                let challenge = self.challenge(&signed_in.actor, id).await?;
                if challenge.session_id != Some(session.id) {
                    return Err(Error::NotFound("challenge"));
                }
                if !self.was_asked_here(session.id, id, source).await? {
                    return Err(Error::ChallengeOver);
                }
                Subject::Challenge(id)
            }
        };
        let new = NewPage { subject, return_url: back, carried: None, code_challenge: None, source };
        match self.create_page(&signed_in.actor, new, None).await? {
            Made::New(shown) => Ok(Led { purpose: shown.page.purpose, token: shown.token }),
            Made::Before(_) => Err(Error::Internal("a page without an idempotency key was made before".to_owned())),
        }
    }

    /// Redeems the code of a page in the browser that is signed in at the site.
    pub(crate) async fn redeem_at_site(&self, signed_in: &SignedIn, page: PageId, code: Code) -> Result<Led, Error> {
        let whose = Whose::new(Some(signed_in.sign_in.session_id), None);
        let (page, token) = self.redeem_page(&signed_in.actor, page, code, whose).await?;
        Ok(Led { purpose: page.purpose, token })
    }

    /// What came of a page.
    pub(crate) async fn came_of(&self, signed_in: &SignedIn, page: PageId) -> Result<Came, Error> {
        let page = self.page(&signed_in.actor, page).await?;
        if page.session_id != Some(signed_in.sign_in.session_id) {
            return Err(Error::NotFound("page"));
        }
        Ok(match page.state {
            PageState::Proved => Came::Done(page.challenge_id),
            PageState::Enrolled | PageState::Left => Came::Done(None),
            PageState::Open | PageState::Cancelled | PageState::Refused | PageState::Approved | PageState::Rejected => {
                Came::Not
            }
        })
    }
}
