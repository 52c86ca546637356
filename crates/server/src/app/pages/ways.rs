//! Which ways there are to prove something on a page, and what was asked on it.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, ChallengeState, PagePurpose, PageState,
    Prompt, PromptState, UserId,
};

use vault_proto::Qr;

use super::super::factors::{Shown, push};
use super::super::prompts::PromptSeen;
use super::super::proof::Given;
use super::super::{App, Error};
use super::task::challenge_to_decide;
use super::{Seen, Step, Visit, Visitor};

/// How long a browser that waits is kept waiting, and how often is looked meanwhile.
const PATIENCE: Duration = Duration::from_secs(25);
const LOOK: Duration = Duration::from_secs(2);
/// Requests that wait on a page at a time: a page has one browser, and that asks once, and perhaps again before we know that it has left.
const MOST_WAITING: usize = 2;

/// A way to prove something.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// By this kind of authenticator.
    pub(crate) kind: AuthenticatorKind,
    /// By this one, where the page may tell what the user has.
    pub(crate) authenticator: Option<Authenticator>,
}

impl App {
    /// The ways to prove something on a page. On one of a session, which has given a first factor: what the user has, the one used last
    /// first. On any other: what is offered, the same for everybody (T-19).
    pub(super) async fn ways(&self, visit: &Visit) -> Result<Vec<Way>, Error> {
        let required = self.challenge_of(visit).await?.and_then(|challenge| challenge.required).unwrap_or_default();
        let counts = |kind: AuthenticatorKind| required.can_be_met_by(kind);
        let (Some(user), Some(_)) = (visit.page.user_id, visit.page.session_id) else {
            let offered = self.offered().filter(|kind| counts(*kind));
            return Ok(offered.map(|kind| Way { kind, authenticator: None }).collect());
        };
        let mut usable: Vec<Authenticator> = self.store.authenticators_of(user).await?;
        // What does not count for who has something better (T-16) is not offered.
        let falls_back =
            self.settings.fall_back || !usable.iter().any(|a| a.is_bound() && a.kind.is_phishing_resistant());
        // Browsers that are remembered stand apart: only the browser itself knows whether it is one.
        usable.retain(|authenticator| {
            authenticator.state == AuthenticatorState::Active && authenticator.kind != AuthenticatorKind::Browser
        });
        usable.retain(|authenticator| {
            let is_sent = matches!(authenticator.kind, AuthenticatorKind::Sms | AuthenticatorKind::Email);
            counts(authenticator.kind) && (falls_back || !is_sent)
        });
        // Backup codes are for when there is nothing else.
        usable.sort_by_key(|authenticator| {
            (authenticator.kind == AuthenticatorKind::BackupCodes, std::cmp::Reverse(authenticator.last_used_at))
        });
        let mut ways: Vec<Way> = Vec::new();
        for authenticator in usable {
            // Of what is proved without being asked, one entry stands for all of the kind; and any passkey answers for each.
            let alone = matches!(
                authenticator.kind,
                AuthenticatorKind::Sms | AuthenticatorKind::Email | AuthenticatorKind::Push
            );
            if alone || ways.iter().all(|way| way.kind != authenticator.kind) {
                ways.push(Way { kind: authenticator.kind, authenticator: Some(authenticator) });
            }
        }
        Ok(ways)
    }

    /// What waits for an answer on a page, or was denied last.
    pub(super) async fn asked_on_page(&self, visit: &Visit) -> Result<Option<PromptSeen>, Error> {
        let asked = match (visit.page.purpose, visit.page.enrollment_id, visit.page.challenge_id) {
            (PagePurpose::Enroll | PagePurpose::Security, Some(id), _) => self.store.prompts_of_enrollment(id).await?,
            (_, _, Some(id)) => self.store.prompts_of_challenge(id).await?,
            _ => Vec::new(),
        };
        let now = self.now();
        let newest = asked.into_iter().next();
        let newest = newest.filter(|prompt| prompt.is_open(now) || prompt.state == PromptState::Denied);
        Ok(newest.map(|prompt| {
            let shown = if prompt.kind == AuthenticatorKind::Push { push::shown(&prompt) } else { Shown::default() };
            PromptSeen { prompt, shown }
        }))
    }

    /// Has something sent or asked, so that it can be proved on a page.
    pub(crate) async fn prompt_on_page(
        &self,
        visitor: &Visitor,
        kind: AuthenticatorKind,
        of: Option<AuthenticatorId>,
    ) -> Result<Seen, Error> {
        let mut visit = self.visit_open(visitor).await?;
        if let Some(Step::View(mut enrolling)) = self.enrolling(&visit).await?
            && let Some(id) = visit.page.enrollment_id
        {
            // A code that is to confirm an enrollment, once more.
            enrolling.view = Some(self.view_enrollment(&visit.actor, id, Qr::None).await?);
            return Ok(visit.seen(Step::View(enrolling)));
        }
        let challenge = match visit.page.purpose {
            PagePurpose::Challenge => visit.page.challenge_id.ok_or(Error::PageOver)?,
            PagePurpose::SignIn if kind == AuthenticatorKind::Webauthn => self.challenge_to_sign_in(&mut visit).await?,
            PagePurpose::SignIn => return Err(Error::Conflict("here only a passkey signs in")),
            PagePurpose::Enroll | PagePurpose::Security if kind == AuthenticatorKind::Browser => {
                return Err(Error::Conflict("being remembered is not enough to change something of the account"));
            }
            PagePurpose::Enroll | PagePurpose::Security => self.proof_wanted(&mut visit).await?,
            PagePurpose::Task => challenge_to_decide(&visit, kind == AuthenticatorKind::Browser)?,
        };
        let prompted = self.prompt(&visit.actor, challenge, kind, of, visitor.address).await?;
        // What was done meanwhile finishes the page. Before something is enrolled or changed, the proof is what there is to do.
        let mut seen = match visit.page.purpose {
            PagePurpose::Challenge | PagePurpose::SignIn | PagePurpose::Task => self.look(visit).await?,
            PagePurpose::Enroll | PagePurpose::Security => {
                let step = self.step_of_proof(&visit).await?;
                visit.seen(step)
            }
        };
        if let Step::Prove { prompt, .. } = &mut seen.step {
            *prompt = Some(Box::new(prompted));
        }
        Ok(seen)
    }

    /// Waits until something on the page has changed without its doing, by a phone say, or for a while. An app that was given the right
    /// number is what an enrollment waited for: it is confirmed here, by the browser that began it.
    pub(crate) async fn wait_on_page(self: Arc<Self>, visitor: &Visitor) -> Result<Seen, Error> {
        let patience = tokio::time::Instant::now() + PATIENCE;
        let visit = self.visit_open(visitor).await?;
        // From here on nothing is missed. A page for somebody who is not known waits all the same.
        let page = visit.page.id.uuid();
        let sleeper = self.wake.join(visit.page.user_id.unwrap_or_else(|| UserId::from_uuid(page)), page, MOST_WAITING);
        let before = self.asked_on_page(&visit).await?.map(|seen| seen.prompt);
        loop {
            let visit = self.visit(visitor).await?;
            let asked = self.asked_on_page(&visit).await?.map(|seen| seen.prompt);
            if let Some(prompt) = asked.as_ref().filter(|prompt| prompt.enrollment_id.is_some())
                && prompt.is_open(self.now())
                && push::is_approved(&self, prompt)
            {
                return self.confirm_on_page(visitor, Given::Approved(prompt.id)).await;
            }
            // Between its link and its number, an app is about to be asked.
            let is_coming = asked.is_none() && before.as_ref().is_some_and(|before| before.enrollment_id.is_some());
            // Denied: with that its enrollment ends, one commit later.
            let is_denied =
                asked.as_ref().is_some_and(|prompt| prompt.enrollment_id.is_some() && !prompt.is_open(self.now()));
            let is_ending = is_denied && matches!(self.enrolling(&visit).await?, Some(Step::View(_)));
            let is_other = !is_coming && !is_ending && is_another(before.as_ref(), asked.as_ref());
            let changed = is_other || self.has_moved_on(&visit).await?;
            if changed || sleeper.is_replaced() || tokio::time::Instant::now() >= patience {
                return self.look(visit).await;
            }
            sleeper.sleep(LOOK).await;
        }
    }

    /// Whether what the page is for was done, or is over, without its doing.
    async fn has_moved_on(&self, visit: &Visit) -> Result<bool, Error> {
        if visit.page.state != PageState::Open {
            return Ok(true);
        }
        match (visit.page.purpose, visit.page.challenge_id) {
            (PagePurpose::Challenge | PagePurpose::Task, Some(id)) => {
                let challenge = self.challenge(&visit.actor, id).await?;
                Ok(challenge.state_at(self.now()) != ChallengeState::Open)
            }
            (PagePurpose::Enroll | PagePurpose::Security, _) => {
                Ok(!matches!(self.enrolling(visit).await?, Some(Step::View(_)) | None))
            }
            (PagePurpose::Challenge | PagePurpose::Task, None) | (PagePurpose::SignIn, _) => Ok(false),
        }
    }
}

fn is_another(before: Option<&Prompt>, now: Option<&Prompt>) -> bool {
    before.map(|prompt| (prompt.id, prompt.state)) != now.map(|prompt| (prompt.id, prompt.state))
}
