//! Confirming: proof of possession, and what it brings.

use std::sync::Arc;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, BackupCode, Enrollment, EnrollmentId,
    EnrollmentState, Event, EventKind, Proof, Session, Timestamp, Wait,
};
use store::{Change, ConfirmEnrollment, Effect, Raise, Used};
use vault_proto::{CodeOwner, Reply, Secret, Verb};

use super::super::proof::{Against, Given, Judgement};
use super::super::telling::With;
use super::super::vault::unexpected;
use super::super::{Actor, App, Error};
use super::trust::{room, trusted_enough};

/// Backup codes in a set (I-05).
const BACKUP_CODES: u8 = 10;

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
        typed: &str,
    ) -> Result<Confirmed, Error> {
        let given = Given::parse(typed)?;
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
            EnrollmentState::Started => {
                return Err(Error::Conflict("the key was not handed over yet: ask for the view first"));
            }
            _ => return Err(Error::EnrollmentOver),
        }
        let session = self.own_session(actor, enrollment.session_id).await?;
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        self.may_bind(&enrollment, &session).await?;
        if given.kind() != authenticator.kind {
            return Err(Error::invalid("/code", "the code of the new authenticator is wanted: 6 or 8 digits"));
        }
        let against = Against { authenticators: vec![&authenticator], backup_codes: &[], claims: None };
        let step = match self.judge(given, against).await? {
            Judgement::Right { used: Used::Step(step), .. } => step,
            Judgement::Right { .. } => return Err(Error::Internal("a code used up no step".to_owned())),
            Judgement::Wrong(reason) => {
                let event = self.told_of(EventKind::EnrollmentRejected, actor, &enrollment, &authenticator);
                self.commit(Change::RejectEnrollment { id, at: now }, event.with("reason", reason)).await?;
                return Err(Error::ProofRejected);
            }
        };
        self.activate(actor, enrollment, authenticator, session, step, now).await
    }

    /// Whether an enrollment that was granted may still bind its authenticator, judged as it was at the start: where the user
    /// has got another one since, it has to be proved in this session too, or whoever began first with a password alone would
    /// end with a factor (P-06, T-09, T-10).
    async fn may_bind(&self, enrollment: &Enrollment, session: &Session) -> Result<(), Error> {
        self.active_user(enrollment.user_id).await?;
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        trusted_enough(session, &existing, enrollment.created_at, self.settings.max_session_age)?;
        room(&existing, AuthenticatorKind::Totp, enrollment.replaces)
    }

    async fn activate(
        &self,
        actor: &Actor,
        mut enrollment: Enrollment,
        mut authenticator: Authenticator,
        mut session: Session,
        step: i64,
        now: Timestamp,
    ) -> Result<Confirmed, Error> {
        let proof = Proof { authenticator_id: authenticator.id, kind: authenticator.kind, verified_at: now };
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
        let (set, codes) = self.first_backup_codes(&enrollment, now).await?.unzip();
        let mut confirm = ConfirmEnrollment {
            id: enrollment.id,
            user_id: enrollment.user_id,
            authenticator_id: authenticator.id,
            generation: authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation),
            step,
            at: now,
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
        (session.proofs, session.aal) = (proofs, aal);
        Ok(Confirmed { enrollment, authenticator, backup_codes, session })
    }

    /// A set of backup codes for a user who has none (I-05), and the codes in the clear.
    async fn first_backup_codes(
        &self,
        enrollment: &Enrollment,
        now: Timestamp,
    ) -> Result<Option<((Authenticator, Vec<BackupCode>), Vec<Secret>)>, Error> {
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        if existing.iter().any(|a| a.kind == AuthenticatorKind::BackupCodes && a.is_bound()) {
            return Ok(None);
        }
        let set = Authenticator {
            id: AuthenticatorId::generate(now, &*self.entropy),
            user_id: enrollment.user_id,
            device_id: None,
            kind: AuthenticatorKind::BackupCodes,
            state: AuthenticatorState::Active,
            label: "Backup codes".to_owned(),
            sealed: None,
            last_step: 0,
            failures: 0,
            open: Wait::default(),
            trusted: Wait::default(),
            created_at: now,
            activated_at: Some(now),
            last_used_at: None,
        };
        let owner = CodeOwner { user: set.user_id.uuid().into_bytes(), authenticator: set.id.uuid().into_bytes() };
        match self.vault.ask(|| Verb::IssueBackupCodes { owner, count: BACKUP_CODES }).await? {
            Reply::Issued { codes, hashes } => {
                let kept = (0..).zip(hashes).map(|(position, hash)| BackupCode { position, hash: hash.to_vec() });
                Ok(Some(((set, kept.collect()), codes)))
            }
            other => Err(unexpected(&other)),
        }
    }
}
