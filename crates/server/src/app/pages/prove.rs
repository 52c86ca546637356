//! Proving on a page: the application's challenge, or what comes before an enrollment.

use std::sync::Arc;
use std::time::Duration;

use domain::{Challenge, ChallengeId, ChallengeState, HostedPage, PagePurpose, PageState};
use serde_json::Map;

use super::super::challenges::{Ask, Whom};
use super::super::enrollments::Lacks;
use super::super::proof::Given;
use super::super::{App, Error, Made};
use super::task::challenge_to_decide;
use super::{ENROLL_ACTION, Seen, Step, TWICE, Visit, Visitor};

impl App {
    /// Verifies a proof. For a challenge the page is done with it; before an enrollment it goes on.
    pub(crate) async fn prove_on_page(self: Arc<Self>, visitor: &Visitor, given: Given) -> Result<Seen, Error> {
        let mut visit = self.visit_open(visitor).await?;
        match visit.page.purpose {
            PagePurpose::Challenge => {
                let id = visit.page.challenge_id.ok_or(Error::PageOver)?;
                Arc::clone(&self).verify(visit.actor.clone(), id, given, None).await?;
                self.finish(&mut visit, PageState::Proved).await?;
                Ok(visit.seen(Step::Done))
            }
            PagePurpose::Task => {
                let id = challenge_to_decide(&visit, matches!(given, Given::Browser(..)))?;
                Arc::clone(&self).verify(visit.actor.clone(), id, given, None).await?;
                self.look(visit).await
            }
            PagePurpose::SignIn => self.sign_in_on_page(visit, visitor.user_agent.clone(), given).await,
            PagePurpose::Enroll | PagePurpose::Security => {
                let id = self.proof_wanted(&mut visit).await?;
                Arc::clone(&self).verify(visit.actor.clone(), id, given, None).await?;
                self.after_proof(visit).await
            }
        }
    }

    /// The challenge that is proved before something of the account is changed, if the session has to prove something now.
    pub(super) async fn proof_wanted(&self, visit: &mut Visit) -> Result<ChallengeId, Error> {
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        if self.lacks_to_enroll(&session).await? != Lacks::Proof {
            return Err(Error::Conflict("no proof is wanted here now"));
        }
        self.proof_before_enrolling(visit).await
    }

    /// The challenge that is proved before an enrollment: one for each page until it is proved, so that a page stands no more guesses
    /// than a challenge does, however often it is tried.
    async fn proof_before_enrolling(&self, visit: &mut Visit) -> Result<ChallengeId, Error> {
        if let Some(challenge) = self.challenge_of(visit).await?
            && challenge.state != ChallengeState::Satisfied
        {
            return Ok(challenge.id);
        }
        let left = u64::try_from(visit.page.expires_at.unix_millis() - self.now().unix_millis()).unwrap_or(0);
        let user = visit.page.user_id.ok_or(Error::PageOver)?;
        let ask = Ask {
            whom: Whom::Session(visit.session_id()?),
            action: ENROLL_ACTION.to_owned(),
            context: Map::new(),
            shown: Vec::new(),
            required: self.required_to_enroll(user).await?,
            lifetime: Duration::from_millis(left),
        };
        let Made::New(Challenge { id, .. }) = self.create_challenge(&visit.actor, ask, None).await? else {
            return Err(Error::Internal("a challenge without an idempotency key was made before".to_owned()));
        };
        let next = HostedPage { challenge_id: Some(id), ..visit.page.clone() };
        if !self.advance(visit, next).await? {
            self.cancel_challenge(&visit.actor, id).await?;
            return Err(TWICE);
        }
        Ok(id)
    }
}
