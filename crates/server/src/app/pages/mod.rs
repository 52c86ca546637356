//! Hosted pages: a person's browser enrolls an authenticator or proves a challenge, and goes back to the application.
//!
//! A page decides nothing: it calls the use cases that an application calls, as the application that made it, and
//! what is proved is judged where everything is ([`super::proof`]). What it adds is whose browser it is (T-12, T-13): [`open`] and
//! [`redeem`].

mod create;
mod enroll;
mod open;
mod prove;
mod redeem;
mod remember;
mod security;
mod sign_in;
mod task;
mod ways;

use domain::event::About;
use domain::{
    AuthenticatorId, AuthenticatorKind, Challenge, ChallengeState, EnrollmentState, Event, EventKind, HostedPage,
    PagePurpose, PageState, SessionId, Timestamp, TokenHash,
};
use serde_json::{Map, Value};
use store::{Change, Effect};
use vault_proto::Secret;

use super::enrollments::{Lacks, View};
use super::prompts::PromptSeen;
use super::telling::With;
use super::{Actor, App, Error};
pub(crate) use create::{NewPage, Subject};
pub(crate) use enroll::Begin;
pub(crate) use open::{Token, Visitor, scopes};
pub(crate) use redeem::{Code, Whose};
pub(crate) use remember::{Remember, Remembered};
pub(crate) use security::Overview;
pub(crate) use sign_in::Arrival;
pub(crate) use task::{Asked, Said};
pub(crate) use ways::Way;

/// What is asked for before an enrollment, as the page and the events call it.
pub(crate) const ENROLL_ACTION: &str = "enroll";

/// A page as its browser sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The page.
    pub(crate) page: HostedPage,
    /// What people know the application by.
    pub(crate) application: String,
    /// What is to be done.
    pub(crate) step: Step,
}

/// What is to be done on a page.
#[derive(Debug)]
pub(crate) enum Step {
    /// The browser is to take this code to the application first, which says whether it is the one that the page was made for.
    Redeem(Code),
    /// Proof is wanted.
    Prove {
        /// What for.
        action: String,
        /// What the person is shown of it.
        shown: Map<String, Value>,
        /// By which ways it can be given, the first to be offered first.
        ways: Vec<Way>,
        /// What was sent or asked.
        prompt: Option<Box<PromptSeen>>,
        /// Whether the browser can be remembered, and which are.
        remember: Option<Box<Remember>>,
    },
    /// A factor is to be chosen.
    Choose,
    /// What was handed over is to be put to use, and proof of it is wanted: a code from the app that has the key, say.
    View(Box<Enrolling>),
    /// What somebody has, to be looked at and changed.
    Overview(Box<Overview>),
    /// Backup codes are shown, this once.
    BackupCodes(Vec<Secret>),
    /// Something of this kind was enrolled, and there is something stronger to be had (I-08).
    Stronger(AuthenticatorKind),
    /// What a run asks is to be decided, or was, by others.
    Decide(Box<Asked>),
    /// The browser may go back.
    Done,
    /// The browser may go to the site, by this link: it signs in, once.
    SignedIn(zeroize::Zeroizing<String>),
}

/// What is being enrolled on a page.
#[derive(Debug)]
pub(crate) struct Enrolling {
    /// Its kind.
    pub(crate) kind: AuthenticatorKind,
    /// The authenticator, which a sealed view is bound to.
    pub(crate) authenticator_id: AuthenticatorId,
    /// What was handed over; `None` where that was a key that is shown no more, or nothing that waits.
    pub(crate) view: Option<View>,
    /// The browser puts a key away then.
    pub(crate) expires_at: Timestamp,
}

/// A page, and for whom things are done on it.
#[derive(Debug, Clone)]
struct Visit {
    actor: Actor,
    page: HostedPage,
}

impl Visit {
    /// What the browser sees next.
    fn seen(self, step: Step) -> Seen {
        Seen { application: self.actor.application.name.clone(), page: self.page, step }
    }

    /// The session that is enrolled in.
    fn session_id(&self) -> Result<SessionId, Error> {
        self.page.session_id.ok_or_else(|| Error::Internal("a page of a user has no session".to_owned()))
    }
}

impl App {
    /// What there is to do. What was done already, by whichever way, finishes the page.
    async fn look(&self, mut visit: Visit) -> Result<Seen, Error> {
        if visit.page.state != PageState::Open {
            return Ok(visit.seen(Step::Done));
        }
        let step = match visit.page.purpose {
            PagePurpose::Challenge => self.step_of_challenge(&visit).await?,
            PagePurpose::Enroll => self.step_of_enrollment(&visit).await?,
            PagePurpose::Security => self.step_of_security(&visit).await?,
            PagePurpose::SignIn => self.step_of_sign_in(&visit).await?,
            PagePurpose::Task => self.step_of_task(&mut visit).await?,
        };
        if matches!(step, Step::Done) {
            let to = match visit.page.purpose {
                PagePurpose::Challenge | PagePurpose::SignIn => PageState::Proved,
                PagePurpose::Enroll => PageState::Enrolled,
                PagePurpose::Security => PageState::Left,
                PagePurpose::Task => self.outcome_of_task(&visit).await?,
            };
            self.finish(&mut visit, to).await?;
        }
        Ok(visit.seen(step))
    }

    /// Something is to be proved, by whichever of the ways.
    async fn to_prove(
        &self,
        visit: &Visit,
        action: String,
        shown: Map<String, Value>,
        remember: Option<Remember>,
    ) -> Result<Step, Error> {
        let ways = self.ways(visit).await?;
        let prompt = self.asked_on_page(visit).await?.map(Box::new);
        Ok(Step::Prove { action, shown, ways, prompt, remember: remember.map(Box::new) })
    }

    async fn step_of_challenge(&self, visit: &Visit) -> Result<Step, Error> {
        let challenge = self.challenge_of(visit).await?.ok_or(Error::PageOver)?;
        match challenge.state_at(self.now()) {
            ChallengeState::Open => {
                let remember = self.remember(visit).await?;
                self.to_prove(visit, challenge.action, challenge.shown, remember).await
            }
            ChallengeState::Satisfied => Ok(Step::Done),
            ChallengeState::Failed | ChallengeState::Expired | ChallengeState::Cancelled => Err(Error::ChallengeOver),
        }
    }

    async fn step_of_enrollment(&self, visit: &Visit) -> Result<Step, Error> {
        if let Some(enrolling) = self.enrolling(visit).await? {
            return Ok(enrolling);
        }
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        match self.lacks_to_enroll(&session).await? {
            Lacks::Nothing(_) => Ok(Step::Choose),
            Lacks::Proof => self.step_of_proof(visit).await,
            Lacks::FreshLogIn => Err(super::enrollments::LOG_IN_AGAIN),
        }
    }

    /// What is being enrolled on a page, or was.
    async fn enrolling(&self, visit: &Visit) -> Result<Option<Step>, Error> {
        let Some(id) = visit.page.enrollment_id else { return Ok(None) };
        let (enrollment, _) = self.enrollment(&visit.actor, id).await?;
        Ok(match enrollment.state_at(self.now()) {
            EnrollmentState::Confirmed if visit.page.purpose == PagePurpose::Enroll => {
                let stronger = !self.stronger(enrollment.kind).is_empty();
                Some(if stronger { Step::Stronger(enrollment.kind) } else { Step::Done })
            }
            // A key was shown; whoever did not keep it begins again.
            EnrollmentState::Viewed => {
                let asked = self.asked_on_page(visit).await?;
                Some(Step::View(Box::new(Enrolling {
                    kind: enrollment.kind,
                    authenticator_id: enrollment.authenticator_id,
                    view: asked.map(|seen| View::Prompt(Box::new(seen.prompt), seen.shown)),
                    expires_at: enrollment.view_expires_at,
                })))
            }
            _ => None,
        })
    }

    /// What is proved before something of the account is changed.
    async fn step_of_proof(&self, visit: &Visit) -> Result<Step, Error> {
        // Being remembered is not enough to change something of the account.
        self.to_prove(visit, ENROLL_ACTION.to_owned(), Map::new(), None).await
    }

    async fn challenge_of(&self, visit: &Visit) -> Result<Option<Challenge>, Error> {
        match visit.page.challenge_id {
            Some(id) => self.challenge(&visit.actor, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Ends a page. Where it has ended already, what came of it then stays.
    async fn finish(&self, visit: &mut Visit, to: PageState) -> Result<(), Error> {
        let event = self.page_event(EventKind::PageFinished, &visit.actor, &visit.page).with("outcome", to.name());
        match self.commit(Change::FinishPage { id: visit.page.id, to }, event).await? {
            Effect::Applied => visit.page.state = to,
            _ => visit.page = self.store.page(visit.page.id).await?.ok_or(Error::PageOver)?,
        }
        Ok(())
    }

    /// That a page is finished by a verdict.
    pub(in crate::app) fn page_decided(&self, actor: &Actor, page: &HostedPage, approves: bool) -> Event {
        let to = if approves { PageState::Approved } else { PageState::Rejected };
        self.page_event(EventKind::PageFinished, actor, page).with("outcome", to.name())
    }

    /// Has a page go on with what was begun on it, or is wanted. `false` where something else was begun at the same time.
    async fn advance(&self, visit: &mut Visit, next: HostedPage) -> Result<bool, Error> {
        let seen = Box::new(visit.page.clone());
        let event = self.page_event(EventKind::PageAdvanced, &visit.actor, &next);
        let change = Change::AdvancePage { seen, next: Box::new(next.clone()), at: self.now() };
        let applied = self.commit(change, event).await? == Effect::Applied;
        if applied {
            visit.page = next;
        }
        Ok(applied)
    }

    /// The same, where nothing else may have been begun.
    async fn go_on(&self, visit: &mut Visit, next: HostedPage) -> Result<(), Error> {
        if self.advance(visit, next).await? { Ok(()) } else { Err(TWICE) }
    }

    /// The browser goes back: everything is done, and backup codes were read.
    pub(crate) async fn leave_page(&self, visitor: &Visitor) -> Result<Seen, Error> {
        let visit = self.visit(visitor).await?;
        if visit.page.purpose == PagePurpose::Security && visit.page.state == PageState::Open {
            let mut visit = visit;
            self.finish(&mut visit, PageState::Left).await?;
            return Ok(visit.seen(Step::Done));
        }
        if matches!(self.enrolling(&visit).await?, Some(Step::Stronger(_))) && visit.page.state == PageState::Open {
            // What is there is enough for the person.
            let mut visit = visit;
            self.finish(&mut visit, PageState::Enrolled).await?;
            return Ok(visit.seen(Step::Done));
        }
        match self.look(visit).await? {
            seen @ Seen { step: Step::Done, .. } => Ok(seen),
            _ => Err(Error::Conflict("there is something left to do on this page; cancel it to go back without")),
        }
    }

    /// The browser goes back because the person does not want to.
    pub(crate) async fn cancel_page(&self, visitor: &Visitor) -> Result<Seen, Error> {
        let mut visit = self.visit(visitor).await?;
        if visit.page.purpose == PagePurpose::Security && visit.page.state == PageState::Open {
            return self.leave_what_was_begun(visit).await;
        }
        if visit.page.state == PageState::Open {
            self.finish(&mut visit, PageState::Cancelled).await?;
            self.take_back(&visit).await?;
        }
        Ok(visit.seen(Step::Done))
    }

    /// Takes back what was begun on a page that was cancelled: who does not want to is not to be asked the same again by a link
    /// that still works.
    async fn take_back(&self, visit: &Visit) -> Result<(), Error> {
        if let Some(id) = visit.page.challenge_id {
            over_is_fine(self.cancel_challenge(&visit.actor, id).await)?;
        }
        if let Some(id) = visit.page.enrollment_id {
            over_is_fine(self.cancel_enrollment(&visit.actor, id).await)?;
        }
        Ok(())
    }

    /// An event of a page.
    fn page_event(&self, kind: EventKind, actor: &Actor, page: &HostedPage) -> Event {
        let about = About {
            user_id: page.user_id,
            session_id: page.session_id,
            challenge_id: page.challenge_id,
            enrollment_id: page.enrollment_id,
            ..About::default()
        };
        self.event(kind, Some(actor), about)
            .with("page", page.id.to_string())
            .with("purpose", page.purpose.name())
            .detailed(self.origin(actor))
    }
}

/// What is said to the slower of two that are at it on one page.
const TWICE: Error = Error::Conflict("this page was used in two places at once: try again");

/// What is over already, or gone, needs no taking back.
fn over_is_fine(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::ChallengeOver | Error::EnrollmentOver | Error::NotFound(_)) => Ok(()),
        other => other,
    }
}

/// SHA-256 of a secret.
fn hash(secret: &[u8]) -> TokenHash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret).as_ref());
    TokenHash(bytes)
}
