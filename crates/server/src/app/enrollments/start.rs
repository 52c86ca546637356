//! Starting: whether the session may, and what is to become of it.

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Device, DeviceId, DeviceKind, Enrollment,
    EnrollmentId, EnrollmentState, EventKind, Session, SessionId, Timestamp, User, Wait,
};
use otp::Params;
use store::{Change, StartEnrollment};
use vault_proto::{Qr, View};

use super::super::{Actor, App, Error, Made, Once};
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
        let about = About { session_id: Some(wish.session_id), ..About::default() };
        let grant = self.grant(actor, &wish).await;
        let grant = self.or_told(actor, about, grant).await?;
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
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: now,
        activated_at: None,
        last_used_at: None,
    }
}
