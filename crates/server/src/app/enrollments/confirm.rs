//! Confirming: proof of possession, and what it brings.

use std::sync::Arc;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorKind, AuthenticatorState, BackupCode, Enrollment, EnrollmentId, EnrollmentState, Event,
    EventKind, Proof, ProofKind, Session, Timestamp, Trust,
};
use store::{Change, ConfirmEnrollment, Effect, Raise, Used};
use vault_proto::Secret;

use super::super::factors::{Against, Judgement, NewSet, Right, new_set};
use super::super::proof::Given;
use super::super::telling::With;
use super::super::{Actor, App, Error};
use super::trust::{room, trusted_enough};

/// What is said before there is anything to confirm.
const NOT_HANDED_OVER: Error = Error::Conflict("nothing was handed over yet: ask for the view first");

/// What confirming an enrollment yields.
#[derive(Debug)]
pub(crate) struct Confirmed {
    /// The enrollment.
    pub(crate) enrollment: Enrollment,
    /// The authenticator, active.
    pub(crate) authenticator: Authenticator,
    /// Backup codes, shown once, if the user had none.
    pub(crate) backup_codes: Option<Vec<Secret>>,
    /// The session, raised.
    pub(crate) session: Session,
}

impl App {
    /// Proof of possession. Runs to its end once begun, so that a wrong code is always counted (T-03).
    pub(crate) async fn confirm_enrollment(
        self: Arc<Self>,
        actor: Actor,
        id: EnrollmentId,
        given: Given,
    ) -> Result<Confirmed, Error> {
        let to_the_end = async move {
            let about = About { enrollment_id: Some(id), ..About::default() };
            let confirmed = self.confirm_to_the_end(&actor, id, &given).await;
            self.or_told(&actor, about, confirmed).await
        };
        tokio::spawn(to_the_end).await.map_err(|error| Error::Internal(format!("confirming ended early: {error}")))?
    }

    async fn confirm_to_the_end(&self, actor: &Actor, id: EnrollmentId, given: &Given) -> Result<Confirmed, Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let now = self.now();
        match enrollment.state_at(now) {
            EnrollmentState::Viewed => {}
            EnrollmentState::Started => return Err(NOT_HANDED_OVER),
            _ => return Err(Error::EnrollmentOver),
        }
        // Started over between the two reads: the key that was shown is forgotten, and the next one is not made yet.
        if authenticator.sealed.as_ref().is_some_and(|sealed| sealed.blob.is_empty()) {
            return Err(NOT_HANDED_OVER);
        }
        let session = self.session_in_hand(actor, enrollment.session_id).await?;
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let trust = self.may_bind(&enrollment, &session).await?;
        let prompt = self.prompt_answered(given, |prompt| prompt.enrollment_id == Some(id), now).await?;
        if given.kind(prompt.as_ref()) != ProofKind::of(authenticator.kind) {
            return Err(Error::invalid("/code", "the proof of the new authenticator is wanted"));
        }
        let against =
            Against { authenticators: &[&authenticator], backup_codes: &[], prompt: prompt.as_ref(), claims: None };
        let right = match self.judge(given, &against).await? {
            Judgement::Right(right) => right,
            Judgement::Wrong(reason) => {
                let event = self.told_of(EventKind::EnrollmentRejected, actor, &enrollment, &authenticator);
                self.commit(Change::RejectEnrollment { id, at: now }, event.with("reason", reason)).await?;
                self.tell_if_held(authenticator.id, enrollment.user_id).await?;
                return Err(Error::ProofRejected);
            }
        };
        self.activate(actor, enrollment, authenticator, (session, trust), right, now).await
    }

    /// Whether an enrollment that was granted may still bind its authenticator, judged as it was at the start: where the user
    /// has got another one since, it has to be proved in this session too, or whoever began first with a password alone would
    /// end with a factor (P-06, T-09, T-10).
    async fn may_bind(&self, enrollment: &Enrollment, session: &Session) -> Result<Trust, Error> {
        self.active_user(enrollment.user_id).await?;
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        let trust = trusted_enough(self, session, &existing, enrollment.created_at)?;
        room(&existing, enrollment.kind, enrollment.replaces)?;
        Ok(trust)
    }

    async fn activate(
        &self,
        actor: &Actor,
        mut enrollment: Enrollment,
        mut authenticator: Authenticator,
        (mut session, trust): (Session, Trust),
        right: Right,
        now: Timestamp,
    ) -> Result<Confirmed, Error> {
        let proof = Proof {
            authenticator_id: authenticator.id,
            kind: authenticator.kind,
            verified_at: now,
            quality: right.quality,
        };
        let (step, prompt_id) = match right.used {
            Used::Step(step) => (step, None),
            Used::Prompt(prompt, step) => (step.unwrap_or(0), Some(prompt)),
            Used::BackupCode(_) => return Err(Error::Internal("a backup code confirmed an enrollment".to_owned())),
        };
        if let Some(replaced) = enrollment.replaces {
            session.forget(replaced);
        }
        let (proofs, aal) = session.raised_by(proof.clone());
        let mut events = vec![
            self.told_of(EventKind::EnrollmentConfirmed, actor, &enrollment, &authenticator).with("aal", aal.number()),
            self.told_of(EventKind::AuthenticatorActivated, actor, &enrollment, &authenticator)
                .with("kind", authenticator.kind.name()),
        ];
        if let Some(replaced) = enrollment.replaces {
            let about =
                About { user_id: Some(enrollment.user_id), authenticator_id: Some(replaced), ..About::default() };
            events.push(self.event(EventKind::AuthenticatorRevoked, Some(actor), about).with("reason", "replaced"));
        }
        let (set, codes) = self.first_backup_codes(&enrollment).await?.unzip();
        let mut confirm = ConfirmEnrollment {
            id: enrollment.id,
            user_id: enrollment.user_id,
            trust,
            authenticator_id: authenticator.id,
            generation: authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation),
            step,
            at: now,
            credential: right.credential.clone(),
            prompt_id,
            replaces: enrollment.replaces,
            backup_codes: set,
            raise: Some(Raise { session_id: session.id, proof, aal }),
        };
        let mut backup_codes = codes;
        let with_codes = |events: &[Event], set: &Option<(Authenticator, Vec<BackupCode>)>| {
            let mut events = events.to_vec();
            if let Some((set, _)) = set {
                let event = self.told_of(EventKind::AuthenticatorActivated, actor, &enrollment, set);
                events.push(event.with("kind", set.kind.name()));
            }
            events
        };
        let all = with_codes(&events, &confirm.backup_codes);
        let mut effect = self.commit(Change::ConfirmEnrollment(Box::new(confirm.clone())), all).await?;
        if effect == Effect::Refused && confirm.backup_codes.take().is_some() {
            // The user may have got backup codes by another enrollment just now: then without.
            backup_codes = None;
            effect = self.commit(Change::ConfirmEnrollment(Box::new(confirm)), events).await?;
        }
        if effect != Effect::Applied {
            return Err(Error::EnrollmentOver);
        }
        enrollment.state = EnrollmentState::Confirmed;
        authenticator.state = AuthenticatorState::Active;
        authenticator.activated_at = Some(now);
        authenticator.last_used_at = Some(now);
        authenticator.credential = right.credential.or(authenticator.credential);
        (session.proofs, session.aal) = (proofs, aal);
        Ok(Confirmed { enrollment, authenticator, backup_codes, session })
    }

    /// A set of backup codes for a user who has none (I-05), and the codes in the clear.
    async fn first_backup_codes(&self, enrollment: &Enrollment) -> Result<Option<NewSet>, Error> {
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        if existing.iter().any(|a| a.kind == AuthenticatorKind::BackupCodes && a.is_bound()) {
            return Ok(None);
        }
        new_set(self, enrollment.user_id).await
    }
}
