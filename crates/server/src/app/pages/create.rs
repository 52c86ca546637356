//! Making a page, with the link that leads to it.

use domain::{
    ChallengeId, ChallengeState, Deciding, EventKind, HostedPage, PageId, PagePurpose, PageState, ReturnUrl, Session,
    SessionId, TaskId, Timestamp, TokenHash, Wanted,
};
use store::Change;

use super::super::enrollments::{LOG_IN_AGAIN, Lacks};
use super::super::risk::Source;
use super::super::{Actor, App, Error, Made, Once};
use super::open::Token;

const STRANGE_PLACE: Error = Error::StepUpNeeded(
    "the session is used elsewhere than it began: ask for a decision with this address and user_agent, and have its challenge proved there",
);

/// A page to make.
#[derive(Debug)]
pub(crate) struct NewPage {
    /// What it is for.
    pub(crate) subject: Subject,
    /// Where it leads back to.
    pub(crate) return_url: ReturnUrl,
    /// What is given back as it is.
    pub(crate) carried: Option<String>,
    /// What the application knows the browser by, where it has no session with us.
    pub(crate) code_challenge: Option<TokenHash>,
    /// From where it is asked for.
    pub(crate) source: Source,
}

/// What a page is for.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// Proving this challenge.
    Challenge(ChallengeId),
    /// Enrolling an authenticator in this session.
    Enroll(SessionId),
    /// Looking at what the user of this session has.
    Security(SessionId),
    /// Deciding this task in this session, with these roles.
    Task(SessionId, TaskId, Vec<String>),
}

/// A page with the token in its link, for the one answer that shows it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// What is kept of it.
    pub(crate) page: HostedPage,
    /// The token.
    pub(crate) token: Token,
}

impl App {
    /// Makes a page.
    pub(crate) async fn create_page(
        &self,
        actor: &Actor,
        new: NewPage,
        once: Option<&Once>,
    ) -> Result<Made<Shown>, Error> {
        if !actor.application.return_origins.contains(new.return_url.origin()) {
            return Err(Error::invalid(
                "/return_url",
                format!(
                    "leads to {}, which is not among the application's return_origins: an administrator adds it with \
                     PATCH /v1/applications/{}",
                    new.return_url.origin(),
                    actor.application.id
                ),
            ));
        }
        let token = Token::new(self.random());
        let page = self.page_for(actor, new, &token).await?;
        let event = self.page_event(EventKind::PageCreated, actor, &page);
        let record = Once::record(once, actor, page.id, page.created_at);
        let effect = self.commit_once(Change::CreatePage(Box::new(page.clone())), event, record).await?;
        Once::made(once, effect, Shown { page, token }, Error::SessionOver)
    }

    async fn page_for(&self, actor: &Actor, new: NewPage, token: &Token) -> Result<HostedPage, Error> {
        let now = self.now();
        let mut page = HostedPage {
            id: PageId::generate(now, &*self.entropy),
            application_id: actor.application.id,
            purpose: PagePurpose::Enroll,
            state: PageState::Open,
            token: token.hash(),
            browser: None,
            code_challenge: new.code_challenge,
            redeemed_at: None,
            user_id: None,
            session_id: None,
            challenge_id: None,
            enrollment_id: None,
            wanted: None,
            return_url: new.return_url,
            carried: new.carried,
            refused: 0,
            created_at: now,
            expires_at: now.plus(HostedPage::LIFETIME),
        };
        match new.subject {
            // Also for a challenge that is for nobody: or else who is known would show here (T-19).
            Subject::Challenge(id) => {
                let challenge = self.challenge(actor, id).await?;
                if challenge.state_at(now) != ChallengeState::Open {
                    return Err(Error::ChallengeOver);
                }
                page.purpose = PagePurpose::Challenge;
                (page.user_id, page.session_id) = (challenge.user_id, challenge.session_id);
                (page.challenge_id, page.expires_at) = (Some(id), challenge.expires_at);
            }
            Subject::Security(id) => {
                let session = self.session_in_hand(actor, id).await?;
                if !session.is_live(now) {
                    return Err(Error::SessionOver);
                }
                self.is_no_strange_place(&session, new.source, now).await?;
                page.purpose = PagePurpose::Security;
                (page.user_id, page.session_id) = (Some(session.user_id), Some(id));
            }
            Subject::Task(id, task_id, roles) => {
                let session = self.session_in_hand(actor, id).await?;
                self.is_no_strange_place(&session, new.source, now).await?;
                let deciding = Deciding { task_id, roles, approves: None, evidence: Vec::new(), reason: None };
                self.decides(&mut page, &session, deciding).await?;
            }
            Subject::Enroll(id) => {
                let session = self.session_in_hand(actor, id).await?;
                self.is_no_strange_place(&session, new.source, now).await?;
                // Proof can be given on the page; another log-in cannot.
                if self.lacks_to_enroll(&session).await? == Lacks::FreshLogIn {
                    return Err(LOG_IN_AGAIN);
                }
                (page.user_id, page.session_id) = (Some(session.user_id), Some(id));
            }
        }
        if page.session_id.is_none() && page.code_challenge.is_none() {
            return Err(Error::invalid(
                "/code_challenge",
                "is wanted where there is no session: without it nothing would say whose browser opens the page (T-12)",
            ));
        }
        Ok(page)
    }

    /// Has a page be for deciding, by the user of a session.
    async fn decides(&self, page: &mut HostedPage, session: &Session, deciding: Deciding) -> Result<(), Error> {
        if !session.is_live(page.created_at) {
            return Err(Error::SessionOver);
        }
        let task = self.may_decide_on_page(&deciding, session.user_id).await?;
        page.purpose = PagePurpose::Task;
        (page.user_id, page.session_id) = (Some(session.user_id), Some(session.id));
        page.expires_at = page.expires_at.min(task.expires_at);
        page.wanted = Some(Wanted::Decide(deciding));
        Ok(())
    }

    /// Whoever has a session's cookie elsewhere has nothing of what its owner proved: there is no page there on which that would count (S-09).
    async fn is_no_strange_place(&self, session: &Session, source: Source, now: Timestamp) -> Result<(), Error> {
        if self.noticed(session, source, now).await?.is_strange {
            return Err(STRANGE_PLACE);
        }
        Ok(())
    }

    /// A page of this application's.
    pub(crate) async fn page(&self, actor: &Actor, id: PageId) -> Result<HostedPage, Error> {
        let page = self.store.page(id).await?;
        page.filter(|page| page.application_id == actor.application.id).ok_or(Error::NotFound("page"))
    }
}
