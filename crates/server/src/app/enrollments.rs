//! Enrollment: grant → key made and shown once → proof of possession → active.
//!
//! The key is made when its view is asked for, not when the enrollment starts, so the vault needs no verb that opens a key
//! in order to show it.

use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{
    Aal, Application, Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, BackupCode, Device,
    DeviceId, DeviceKind, Enrollment, EnrollmentId, EnrollmentState, Event, EventKind, Proof, Scope, Sealed, Session,
    SessionId, Timestamp, User, UserId, UserState,
};
use otp::Params;
use store::{Change, ConfirmEnrollment, Effect, Raise, RecordView, StartEnrollment, Used};
use vault_proto::{CodeOwner, Provision, Qr, Reply, Secret, Verb, View};

use super::proof::{Against, Given, Judgement, binding};
use super::telling::With;
use super::vault::unexpected;
use super::{Actor, App, Error, Made, Once};

/// Backup codes in a set (I-05).
const BACKUP_CODES: u8 = 10;

/// The most bytes of a name that the vault puts into a URI, so that its picture can still be drawn.
const MOST_ISSUER: usize = 128;
/// The same for whose codes they are.
const MOST_ACCOUNT: usize = 256;
/// What a session is told whose user has an authenticator that it did not prove.
const PROVE_FIRST: Error = Error::StepUpNeeded(
    "the user has an authenticator: prove it in this session first, by a challenge for the session",
);

/// A wish to enroll.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The session that is trusted enough.
    pub(crate) session_id: SessionId,
    /// What the new authenticator sits on.
    pub(crate) device: WishedDevice,
    /// What its owner calls it; the device's name if not said.
    pub(crate) label: Option<String>,
    /// How codes are to be made.
    pub(crate) params: Params,
    /// A key to seal the view to.
    pub(crate) recipient_key: Option<[u8; 32]>,
    /// The authenticator that the new one takes the place of.
    pub(crate) replaces: Option<AuthenticatorId>,
    /// The view at once, with this picture; later, by itself, if `None`.
    pub(crate) inline: Option<Qr>,
}

/// What a new authenticator sits on.
#[derive(Debug)]
pub(crate) enum WishedDevice {
    /// One that is known.
    Known(DeviceId),
    /// A new one.
    New {
        /// What its owner calls it.
        name: String,
        /// What it is.
        kind: DeviceKind,
    },
}

/// An enrollment that was started, with the view if it was wanted at once.
#[derive(Debug)]
pub(crate) struct Started {
    /// The enrollment.
    pub(crate) enrollment: Enrollment,
    /// What the authenticator sits on.
    pub(crate) device_id: Option<DeviceId>,
    /// The one view of the key.
    pub(crate) view: Option<View>,
}

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

/// Who is to enroll what, once it is granted.
struct Grant {
    user: User,
    session: Session,
    device: Device,
    new_device: bool,
}

impl App {
    /// Starts an enrollment, if the session is trusted enough (P-06, T-13).
    pub(crate) async fn start_enrollment(
        &self,
        actor: &Actor,
        wish: Wish,
        once: Option<&Once>,
    ) -> Result<Made<Started>, Error> {
        let grant = match self.grant(actor, &wish).await {
            Ok(grant) => grant,
            Err(error) => return Err(self.refused(actor, wish.session_id, error).await?),
        };
        let now = self.now();
        let mut authenticator = pending(self, &grant, &wish, now);
        let mut enrollment = self.enrollment_for(actor, &grant, &wish, authenticator.id, now);
        let mut events = vec![self.told(EventKind::EnrollmentStarted, actor, &enrollment, &grant.device)];
        let mut view = None;
        if let Some(qr) = wish.inline {
            let (sealed, made) = self.provision(&enrollment, &authenticator, &grant.user, actor, qr).await?;
            authenticator.sealed = Some(sealed);
            enrollment.state = EnrollmentState::Viewed;
            events.push(self.told(EventKind::EnrollmentViewed, actor, &enrollment, &grant.device));
            view = Some(made);
        }
        let record = Once::record(once, actor, enrollment.id, now);
        let start = StartEnrollment {
            enrollment: enrollment.clone(),
            authenticator,
            device: grant.new_device.then(|| grant.device.clone()),
            viewed: view.is_some(),
        };
        let effect = self.commit_once(Change::StartEnrollment(Box::new(start)), events, record).await?;
        Once::made(once, effect, Started { enrollment, device_id: Some(grant.device.id), view }, Error::SessionOver)
    }

    /// Tells of an attempt that was refused (P-08), and hands back why it was. What came of a defect, or of a part that does
    /// not answer, is no refusal.
    async fn refused(&self, actor: &Actor, session_id: SessionId, error: Error) -> Result<Error, Error> {
        let told = matches!(
            error,
            Error::StepUpNeeded(_) | Error::SessionOver | Error::Conflict(_) | Error::NotFound(_) | Error::Invalid(_)
        );
        if told {
            // For whom is known where the session is the caller's own: of another's nothing is to be learned.
            let session = self.own_session(actor, session_id).await.ok();
            let user_id = session.map(|session| session.user_id);
            let about = About { user_id, session_id: Some(session_id), ..About::default() };
            let event = self.event(EventKind::EnrollmentRefused, Some(actor), about);
            self.commit(Change::Tell, event.with("reason", error.to_string()).detailed(self.origin(actor))).await?;
        }
        Ok(error)
    }

    /// Whether this session may bind an authenticator to its user now.
    async fn grant(&self, actor: &Actor, wish: &Wish) -> Result<Grant, Error> {
        let session = self.own_session(actor, wish.session_id).await?;
        let now = self.now();
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let user = self.active_user(session.user_id).await?;
        let existing = self.store.authenticators_of(user.id).await?;
        trusted_enough(&session, &existing, now, self.settings.max_session_age)?;
        room(&existing, AuthenticatorKind::Totp, wish.replaces)?;
        let (device, new_device) = match &wish.device {
            WishedDevice::Known(id) => {
                let device = self.store.device(*id).await?.filter(|device| device.user_id == user.id);
                (device.ok_or_else(|| Error::invalid("/device_id", "is no device of this user"))?, false)
            }
            WishedDevice::New { name, kind } => {
                let id = DeviceId::generate(now, &*self.entropy);
                (Device { id, user_id: user.id, name: name.clone(), kind: *kind, created_at: now }, true)
            }
        };
        Ok(Grant { user, session, device, new_device })
    }

    /// The user, who may not be suspended: nothing is bound to such a one.
    async fn active_user(&self, id: UserId) -> Result<User, Error> {
        let user = self.user(id).await?;
        match user.state {
            UserState::Active => Ok(user),
            UserState::Suspended => Err(Error::Conflict("the user is suspended")),
        }
    }

    fn enrollment_for(
        &self,
        actor: &Actor,
        grant: &Grant,
        wish: &Wish,
        authenticator_id: AuthenticatorId,
        now: Timestamp,
    ) -> Enrollment {
        let view_expires_at = now.plus(self.settings.view_lifetime);
        Enrollment {
            id: EnrollmentId::generate(now, &*self.entropy),
            application_id: actor.application.id,
            user_id: grant.user.id,
            session_id: grant.session.id,
            authenticator_id,
            replaces: wish.replaces,
            state: EnrollmentState::Started,
            algorithm: wish.params.algorithm().name().to_owned(),
            digits: i16::from(wish.params.digits()),
            period: i16::try_from(wish.params.period()).unwrap_or(i16::MAX),
            recipient_key: wish.recipient_key.map(|key| key.to_vec()),
            failures: 0,
            created_at: now,
            view_expires_at,
            expires_at: view_expires_at.plus(Enrollment::CONFIRM_LIFETIME),
        }
    }

    /// Has a key made, and its one view rendered.
    async fn provision(
        &self,
        enrollment: &Enrollment,
        authenticator: &Authenticator,
        user: &User,
        actor: &Actor,
        qr: Qr,
    ) -> Result<(Sealed, View), Error> {
        let generation = authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation) + 1;
        let sealed = Sealed {
            blob: Vec::new(),
            algorithm: enrollment.algorithm.clone(),
            digits: enrollment.digits,
            period: enrollment.period,
            generation,
        };
        let incomplete = || Error::Internal("an enrollment cannot be read back".to_owned());
        let binding = binding(authenticator, generation).ok_or_else(incomplete)?;
        let params = super::proof::params(&sealed).ok_or_else(incomplete)?;
        let recipient = match enrollment.recipient_key.as_deref().map(<[u8; 32]>::try_from) {
            None => None,
            Some(Ok(key)) => Some(key),
            Some(Err(_)) => return Err(incomplete()),
        };
        let verb = || {
            Verb::Provision(Provision {
                binding,
                params,
                issuer: cut(self.issuer_shown(&actor.application), MOST_ISSUER),
                account: cut(user.name(), MOST_ACCOUNT),
                qr,
                recipient,
            })
        };
        match self.vault.ask(verb).await? {
            Reply::Provisioned { blob, view } => Ok((Sealed { blob, ..sealed }, view)),
            other => Err(unexpected(&other)),
        }
    }

    /// Who asks for codes, as authenticator apps show it. The name of an administrator's key, say from the command line,
    /// tells whoever looks at the app nothing.
    fn issuer_shown<'a>(&'a self, application: &'a Application) -> &'a str {
        match &self.settings.issuer_name {
            Some(name) => name,
            None if application.scopes.contains(&Scope::Admin) => "Countersign",
            None => &application.name,
        }
    }

    /// An enrollment of this application's, with the device that it is for.
    pub(crate) async fn enrollment(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Option<DeviceId>), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        Ok((enrollment, authenticator.device_id))
    }

    async fn enrollment_and_authenticator(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Authenticator), Error> {
        let enrollment = self.store.enrollment(id).await?;
        let enrollment =
            enrollment.filter(|e| e.application_id == actor.application.id).ok_or(Error::NotFound("enrollment"))?;
        let authenticator = self.store.authenticator(enrollment.authenticator_id).await?;
        Ok((enrollment, authenticator.ok_or(Error::NotFound("enrollment"))?))
    }

    /// The single view: makes the key and hands it out (P-04, T-17).
    pub(crate) async fn view_enrollment(&self, actor: &Actor, id: EnrollmentId, qr: Qr) -> Result<View, Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let now = self.now();
        viewable(&enrollment, now)?;
        let session = self.own_session(actor, enrollment.session_id).await?;
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let user = match self.active_user(enrollment.user_id).await {
            Ok(user) => user,
            Err(error) => return Err(self.refused(actor, enrollment.session_id, error).await?),
        };
        let (sealed, view) = self.provision(&enrollment, &authenticator, &user, actor, qr).await?;
        let event = self.told_of(EventKind::EnrollmentViewed, actor, &enrollment, &authenticator);
        let record = RecordView { id, authenticator_id: authenticator.id, sealed, at: self.now() };
        match self.commit(Change::RecordView(record), event).await? {
            Effect::Applied => Ok(view),
            // Another request had the view meanwhile: the key that was made here was never kept.
            _ => Err(Error::ViewGone),
        }
    }

    /// Proof of possession. Runs to its end once begun, so that a wrong code is always counted (T-03).
    pub(crate) async fn confirm_enrollment(
        self: Arc<Self>,
        actor: Actor,
        id: EnrollmentId,
        typed: &str,
    ) -> Result<Confirmed, Error> {
        let given = Given::parse(typed)?;
        tokio::spawn(async move { self.confirm_to_the_end(&actor, id, &given).await })
            .await
            .map_err(|error| Error::Internal(format!("confirming ended early: {error}")))?
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
        if let Err(error) = self.may_bind(&enrollment, &session).await {
            return Err(self.refused(actor, session.id, error).await?);
        }
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
            retry_at: None,
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

    /// Starts over with a new key, while the session still counts.
    pub(crate) async fn retry_enrollment(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Option<DeviceId>), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let session = self.own_session(actor, enrollment.session_id).await?;
        let now = self.now();
        self.active_user(enrollment.user_id).await?;
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        if let Err(error) = trusted_enough(&session, &existing, now, self.settings.max_session_age) {
            return Err(self.refused(actor, session.id, error).await?);
        }
        let view_expires_at = now.plus(self.settings.view_lifetime);
        let expires_at = view_expires_at.plus(Enrollment::CONFIRM_LIFETIME);
        let event = self.told_of(EventKind::EnrollmentStarted, actor, &enrollment, &authenticator).with("again", true);
        let change = Change::RetryEnrollment { id, at: now, view_expires_at, expires_at };
        match self.commit(change, event).await? {
            Effect::Applied => self.enrollment(actor, id).await,
            _ => Err(Error::EnrollmentOver),
        }
    }

    /// Takes an enrollment back.
    pub(crate) async fn cancel_enrollment(&self, actor: &Actor, id: EnrollmentId) -> Result<(), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let event = self.told_of(EventKind::EnrollmentCancelled, actor, &enrollment, &authenticator);
        match self.commit(Change::CancelEnrollment { id, at: self.now() }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::EnrollmentOver),
        }
    }

    /// An event of an enrollment: who, for whom, from where; never the key (P-08).
    fn told(&self, kind: EventKind, actor: &Actor, enrollment: &Enrollment, device: &Device) -> Event {
        let about = About {
            user_id: Some(enrollment.user_id),
            device_id: Some(device.id),
            authenticator_id: Some(enrollment.authenticator_id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        self.event(kind, Some(actor), about).detailed(self.origin(actor))
    }

    fn told_of(&self, kind: EventKind, actor: &Actor, enrollment: &Enrollment, authenticator: &Authenticator) -> Event {
        let about = About {
            user_id: Some(enrollment.user_id),
            device_id: authenticator.device_id,
            authenticator_id: Some(authenticator.id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        self.event(kind, Some(actor), about).detailed(self.origin(actor))
    }
}

/// As much of a text as has this many bytes of UTF-8 at most.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

fn pending(app: &App, grant: &Grant, wish: &Wish, now: Timestamp) -> Authenticator {
    Authenticator {
        id: AuthenticatorId::generate(now, &*app.entropy),
        user_id: grant.user.id,
        device_id: Some(grant.device.id),
        kind: AuthenticatorKind::Totp,
        state: AuthenticatorState::Pending,
        label: wish.label.clone().unwrap_or_else(|| grant.device.name.clone()),
        sealed: None,
        last_step: 0,
        failures: 0,
        retry_at: None,
        created_at: now,
        activated_at: None,
        last_used_at: None,
    }
}

/// Whether one more authenticator of this kind may be bound, in the place of `replaces` if that is said. The guard of the
/// confirmation's write says it again; here it is said in words.
fn room(existing: &[Authenticator], kind: AuthenticatorKind, replaces: Option<AuthenticatorId>) -> Result<(), Error> {
    if replaces.is_some_and(|id| !existing.iter().any(|a| a.id == id && a.is_bound())) {
        return Err(Error::Conflict("the authenticator that was to be replaced is not in use any more"));
    }
    let others = existing.iter().filter(|a| a.kind == kind && a.is_bound() && Some(a.id) != replaces).count();
    if others >= Authenticator::MOST_OF_A_KIND {
        return Err(Error::Conflict("the user has five authenticators of this kind: revoke one first"));
    }
    Ok(())
}

/// P-06: the session is recent, and where the user has an authenticator it was proved in this session, recently. What was
/// proved with one that is suspended, lost or revoked by now counts for nothing: whoever has it may be a thief.
fn trusted_enough(
    session: &Session,
    existing: &[Authenticator],
    now: Timestamp,
    max_age: Duration,
) -> Result<(), Error> {
    if !session.is_live(now) {
        return Err(Error::SessionOver);
    }
    let recent = |at: Timestamp| now.since(at) <= max_age;
    let in_use = |id| existing.iter().any(|a| a.id == id && a.state == AuthenticatorState::Active);
    let mut proofs = session.proofs.iter();
    let proved = session.aal >= Aal::Aal2 && proofs.any(|p| recent(p.verified_at) && in_use(p.authenticator_id));
    if existing.iter().any(Authenticator::is_bound) {
        return if proved { Ok(()) } else { Err(PROVE_FIRST) };
    }
    if proved || recent(session.authenticated_at) {
        Ok(())
    } else {
        Err(Error::StepUpNeeded("the log-in is too long ago: log in again and register the new session"))
    }
}

/// Whether the view can be had now.
fn viewable(enrollment: &Enrollment, now: Timestamp) -> Result<(), Error> {
    match (enrollment.state, enrollment.state_at(now)) {
        (_, EnrollmentState::Started) => Ok(()),
        (EnrollmentState::Started, _) => Err(Error::ViewExpired),
        (EnrollmentState::Viewed | EnrollmentState::Confirmed, _) => Err(Error::ViewGone),
        _ => Err(Error::EnrollmentOver),
    }
}
