//! Starting: whether the session may, and what is to become of it.

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Credential, Device, DeviceId, DeviceKind,
    Enrollment, EnrollmentId, EnrollmentState, EventKind, HardwareToken, Session, SessionId, Timestamp, User, Wait,
};
use otp::Params;
use store::{Change, EnrollHardwareToken, StartEnrollment};
use vault_proto::Qr;

use super::super::factors::{Enrolling, HandedOver, assign};
use super::super::{Actor, App, Error, Made, Once};
use super::View;
use super::trust::{room, trusted_enough};

/// A wish to enroll.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The session that is trusted enough.
    pub(crate) session_id: SessionId,
    /// What the new authenticator sits on.
    pub(crate) device: WishedDevice,
    /// What its owner calls it; the device's name if not said.
    pub(crate) label: Option<String>,
    /// What is to be enrolled.
    pub(crate) kind: AuthenticatorKind,
    /// How codes are to be made, for the kinds that make them from a key.
    pub(crate) params: Params,
    /// Where codes are to be sent, for the kinds that send them.
    pub(crate) address: Option<String>,
    /// The serial number of a hardware token.
    pub(crate) serial: Option<String>,
    /// Whether that token has to be meant for the user: unless whoever asks says who gets which.
    pub(crate) assigned_only: bool,
    /// A key to seal the view to.
    pub(crate) recipient_key: Option<[u8; 32]>,
    /// The authenticator that the new one takes the place of.
    pub(crate) replaces: Option<AuthenticatorId>,
    /// What is handed over at once, with this picture of a key; later, by itself, if `None`.
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

impl WishedDevice {
    /// What an authenticator of this kind sits on if nothing else is said.
    pub(crate) fn usual(kind: AuthenticatorKind, label: Option<&str>) -> Self {
        let (name, on) = usual(kind);
        Self::New { name: label.unwrap_or(name).to_owned(), kind: on }
    }
}

/// What something of this kind is called where its owner gave it no name, and what it is on.
fn usual(kind: AuthenticatorKind) -> (&'static str, DeviceKind) {
    match kind {
        AuthenticatorKind::Totp => ("Authenticator app", DeviceKind::Phone),
        AuthenticatorKind::Hotp => ("Hardware token", DeviceKind::Key),
        AuthenticatorKind::Webauthn => ("Passkey", DeviceKind::Key),
        AuthenticatorKind::Push => ("Approval app", DeviceKind::Phone),
        AuthenticatorKind::Sms => ("Phone", DeviceKind::Phone),
        AuthenticatorKind::Email => ("Mailbox", DeviceKind::Other),
        AuthenticatorKind::BackupCodes => ("Backup codes", DeviceKind::Other),
        AuthenticatorKind::Browser => ("Browser", DeviceKind::Browser),
    }
}

/// What its owner calls an authenticator; `None` where the name says no more than the kind, for which pages have words of their own.
pub(crate) fn own_label(kind: AuthenticatorKind, label: String) -> Option<String> {
    (label != usual(kind).0).then_some(label)
}

/// An enrollment that was started, with the view if it was wanted at once.
#[derive(Debug)]
pub(crate) struct Started {
    /// The enrollment.
    pub(crate) enrollment: Enrollment,
    /// What the authenticator sits on.
    pub(crate) device_id: Option<DeviceId>,
    /// What is handed over.
    pub(crate) view: Option<View>,
}

/// Who is to enroll what, once it is granted.
struct Grant {
    user: User,
    session: Session,
    device: Device,
    new_device: bool,
    existing: Vec<Authenticator>,
    credential: Option<Credential>,
    token: Option<HardwareToken>,
}

impl App {
    /// Starts an enrollment, if the session is trusted enough (P-06, T-13).
    pub(crate) async fn start_enrollment(
        &self,
        actor: &Actor,
        wish: Wish,
        once: Option<&Once>,
    ) -> Result<Made<Started>, Error> {
        let about = About { session_id: Some(wish.session_id), ..About::default() };
        let grant = self.grant(actor, &wish).await;
        let grant = self.or_told(actor, about, grant).await?;
        let now = self.now();
        let mut authenticator = pending(self, &grant, &wish, now);
        let mut enrollment = self.enrollment_for(actor, &grant, &wish, authenticator.id, now);
        let mut events = vec![self.told(EventKind::EnrollmentStarted, actor, &enrollment, &grant.device)];
        let mut view = None;
        if let Some(token) = &grant.token {
            authenticator.sealed = Some(assign(self, token, &authenticator).await?);
            authenticator.last_step = token.last_step;
            enrollment.algorithm.clone_from(&token.sealed.algorithm);
            (enrollment.digits, enrollment.period) = (token.sealed.digits, token.sealed.period);
            // Its owner has it in their hand: there is nothing to be seen.
            enrollment.state = EnrollmentState::Viewed;
        } else if let Some(qr) = wish.inline.filter(|_| has_key(wish.kind)) {
            let enrolling = Enrolling {
                actor,
                enrollment: &enrollment,
                authenticator: &authenticator,
                user: &grant.user,
                session: &grant.session,
                existing: &grant.existing,
                before: None,
                qr,
                now,
            };
            let HandedOver::Key(sealed, made) = self.factor(wish.kind)?.hand_over(self, &enrolling).await? else {
                return Err(Error::Internal("a factor that has keys handed over something else".to_owned()));
            };
            authenticator.sealed = Some(sealed);
            enrollment.state = EnrollmentState::Viewed;
            events.push(self.told(EventKind::EnrollmentViewed, actor, &enrollment, &grant.device));
            view = Some(View::Key(made));
        }
        let record = Once::record(once, actor, enrollment.id, now);
        let start = StartEnrollment {
            enrollment: enrollment.clone(),
            authenticator,
            device: grant.new_device.then(|| grant.device.clone()),
            viewed: view.is_some() || grant.token.is_some(),
        };
        let (change, refused) = match &grant.token {
            Some(token) => {
                let (token_id, seen) = (token.id, token.authenticator_id);
                let enroll = EnrollHardwareToken { start, token_id, seen, assigned_only: wish.assigned_only };
                let refused = Error::Conflict("the token became somebody's, or the session ended, just now: try again");
                (Change::EnrollHardwareToken(Box::new(enroll)), refused)
            }
            None => (Change::StartEnrollment(Box::new(start)), Error::SessionOver),
        };
        let effect = self.commit_once(change, events, record).await?;
        let started = Started { enrollment, device_id: Some(grant.device.id), view };
        let mut made = Once::made(once, effect, started, refused)?;
        if let Made::New(started) = &mut made
            && let Some(qr) = wish.inline.filter(|_| !has_key(wish.kind))
        {
            // What is sent or asked comes after what it is for.
            started.view = Some(self.view_enrollment(actor, started.enrollment.id, qr).await?);
            started.enrollment.state = EnrollmentState::Viewed;
        }
        Ok(made)
    }

    /// Whether this session may bind an authenticator to its user now.
    async fn grant(&self, actor: &Actor, wish: &Wish) -> Result<Grant, Error> {
        let session = self.session_in_hand(actor, wish.session_id).await?;
        let now = self.now();
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let user = self.active_user(session.user_id).await?;
        let existing = self.store.authenticators_of(user.id).await?;
        trusted_enough(self, &session, &existing, now)?;
        room(&existing, wish.kind, wish.replaces)?;
        let credential = self.factor(wish.kind)?.wished(self, wish)?;
        let token = match &wish.serial {
            Some(serial) => Some(self.free_token(wish.kind, serial, user.id, wish.assigned_only, now).await?),
            None => None,
        };
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
        Ok(Grant { user, session, device, new_device, existing, credential, token })
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
            kind: wish.kind,
            authenticator_id,
            replaces: wish.replaces,
            state: EnrollmentState::Started,
            algorithm: if has_key(wish.kind) { wish.params.algorithm().name().to_owned() } else { String::new() },
            digits: if has_key(wish.kind) { i16::from(wish.params.digits()) } else { 0 },
            period: if has_key(wish.kind) { i16::try_from(wish.params.period()).unwrap_or(i16::MAX) } else { 0 },
            recipient_key: wish.recipient_key.map(|key| key.to_vec()),
            failures: 0,
            created_at: now,
            view_expires_at,
            expires_at: view_expires_at.plus(Enrollment::CONFIRM_LIFETIME),
        }
    }
}

/// Whether codes are made from a key of ours.
const fn has_key(kind: AuthenticatorKind) -> bool {
    matches!(kind, AuthenticatorKind::Totp | AuthenticatorKind::Hotp)
}

fn pending(app: &App, grant: &Grant, wish: &Wish, now: Timestamp) -> Authenticator {
    Authenticator {
        id: AuthenticatorId::generate(now, &*app.entropy),
        user_id: grant.user.id,
        device_id: Some(grant.device.id),
        kind: wish.kind,
        state: AuthenticatorState::Pending,
        label: wish.label.clone().unwrap_or_else(|| grant.device.name.clone()),
        sealed: None,
        credential: grant.credential.clone(),
        last_step: 0,
        failures: 0,
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: now,
        activated_at: None,
        last_used_at: None,
        ends_at: None,
        rotation_asked_at: None,
    }
}
