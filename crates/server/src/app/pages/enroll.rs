//! Enrolling on a page: the key is sealed to the browser (P-05), shown once (P-04), and confirmed by a code from it.

use std::sync::Arc;

use domain::{AuthenticatorKind, Enrollment, HostedPage, PagePurpose, PageState, Wanted};
use otp::Params;
use vault_proto::{Qr, Secret};

use super::super::enrollments::{Wish, WishedDevice};
use super::super::proof::Given;
use super::super::{App, Error, Made};
use super::{Enrolling, Seen, Step, TWICE, Visit, Visitor, over_is_fine};

/// What a browser wants to enroll.
#[derive(Debug)]
pub(crate) struct Begin {
    /// The kind.
    pub(crate) kind: AuthenticatorKind,
    /// The browser's key, which the view of a key is sealed to.
    pub(crate) recipient_key: Option<[u8; 32]>,
    /// Where codes are to be sent.
    pub(crate) address: Option<String>,
    /// The serial number of a hardware token.
    pub(crate) serial: Option<String>,
    /// What its owner calls it.
    pub(crate) label: Option<String>,
}

impl App {
    /// Starts an enrollment and hands its view out. What was begun on the page before is taken back: its key was shown, and is not
    /// shown again.
    pub(crate) async fn begin_on_page(&self, visitor: &Visitor, begin: Begin) -> Result<Seen, Error> {
        let mut visit = self.visit_open(visitor).await?;
        if visit.page.purpose == PagePurpose::Security && self.trust(&visit).await?.is_none() {
            // Before anything is made that nobody may bind yet.
            let step = self.step_of_proof(&visit).await?;
            return Ok(visit.seen(step));
        }
        let enrolling = self.begin(&mut visit, begin).await?;
        Ok(visit.seen(Step::View(Box::new(enrolling))))
    }

    async fn begin(&self, visit: &mut Visit, begin: Begin) -> Result<Enrolling, Error> {
        for_enrolling(visit)?;
        if begin.recipient_key.is_none() && shows_a_key(&begin) {
            return Err(Error::invalid(
                "/recipient_key",
                "is wanted for this kind: a key is never shown in the clear (P-05)",
            ));
        }
        if let Some(before) = visit.page.enrollment_id {
            if matches!(self.enrolling(visit).await?, Some(Step::Done)) {
                return Err(Error::EnrollmentOver);
            }
            over_is_fine(self.cancel_enrollment(&visit.actor, before).await)?;
        }
        let has_view = begin.serial.is_none();
        let wish = Wish {
            session_id: visit.session_id()?,
            device: WishedDevice::usual(begin.kind, begin.label.as_deref()),
            label: begin.label,
            kind: begin.kind,
            params: usual(begin.kind)?,
            address: begin.address,
            serial: begin.serial,
            // Whoever types a serial number there is the user, whatever the application may.
            assigned_only: true,
            recipient_key: begin.recipient_key,
            replaces: match visit.page.wanted {
                Some(Wanted::Replace(id)) => Some(id),
                _ => None,
            },
            inline: None,
        };
        let Made::New(started) = self.start_enrollment(&visit.actor, wish, None).await? else {
            return Err(Error::Internal("an enrollment without an idempotency key was made before".to_owned()));
        };
        let Enrollment { id, kind, authenticator_id, view_expires_at, .. } = started.enrollment;
        let next = HostedPage { enrollment_id: Some(id), ..visit.page.clone() };
        if !self.advance(visit, next).await? {
            over_is_fine(self.cancel_enrollment(&visit.actor, id).await)?;
            return Err(TWICE);
        }
        // Only now, when it belongs to this page: of two that begin at once one sees a key.
        let view = if has_view { Some(self.view_enrollment(&visit.actor, id, Qr::None).await?) } else { None };
        Ok(Enrolling { kind, authenticator_id, view, expires_at: view_expires_at })
    }

    /// Confirms the enrollment with a proof of the new authenticator.
    pub(crate) async fn confirm_on_page(self: Arc<Self>, visitor: &Visitor, given: Given) -> Result<Seen, Error> {
        let visit = self.visit_open(visitor).await?;
        for_enrolling(&visit)?;
        let id = visit.page.enrollment_id.ok_or(Error::Conflict("no enrollment was begun on this page yet"))?;
        let confirmed = Arc::clone(&self).confirm_enrollment(visit.actor.clone(), id, given).await?;
        self.after_enrollment(visit, confirmed.backup_codes).await
    }
}

impl App {
    /// What comes once an authenticator is there: its backup codes, something stronger to be had, or the end of it.
    pub(super) async fn after_enrollment(&self, mut visit: Visit, codes: Option<Vec<Secret>>) -> Result<Seen, Error> {
        if visit.page.purpose == PagePurpose::Security {
            let next = HostedPage { enrollment_id: None, wanted: None, ..visit.page.clone() };
            self.go_on(&mut visit, next).await?;
        } else if !matches!(self.enrolling(&visit).await?, Some(Step::Stronger(_))) {
            self.finish(&mut visit, PageState::Enrolled).await?;
        }
        match codes {
            Some(codes) => Ok(visit.seen(Step::BackupCodes(codes))),
            None => self.look(visit).await,
        }
    }

    /// What is offered that is stronger than this kind: for who chose what is easily intercepted (I-08).
    pub(crate) fn stronger(&self, than: AuthenticatorKind) -> Vec<AuthenticatorKind> {
        let weak = |kind| matches!(kind, AuthenticatorKind::Sms | AuthenticatorKind::Email);
        if !weak(than) {
            return Vec::new();
        }
        self.offered().filter(|kind| *kind != AuthenticatorKind::BackupCodes && !weak(*kind)).collect()
    }
}

fn for_enrolling(visit: &Visit) -> Result<(), Error> {
    match visit.page.purpose {
        PagePurpose::Enroll | PagePurpose::Security => Ok(()),
        PagePurpose::Challenge | PagePurpose::SignIn | PagePurpose::Task => {
            Err(Error::Conflict("this page enrolls nothing"))
        }
    }
}

/// Whether a key is made for it and shown: that of a hardware token is not.
fn shows_a_key(begin: &Begin) -> bool {
    matches!(begin.kind, AuthenticatorKind::Totp | AuthenticatorKind::Hotp) && begin.serial.is_none()
}

/// What every authenticator app knows.
fn usual(kind: AuthenticatorKind) -> Result<Params, Error> {
    let usual = Params::default();
    match kind {
        AuthenticatorKind::Hotp => Params::counted(usual.algorithm(), usual.digits())
            .map_err(|error| Error::Internal(format!("the usual parameters are none: {error}"))),
        _ => Ok(usual),
    }
}
