//! What an enrollment hands over: the single view of a key, or what is sent or asked.

use domain::event::About;
use domain::{AuthenticatorKind, Enrollment, EnrollmentId, EnrollmentState, EventKind, Prompt, Timestamp};
use store::{Change, Effect, RecordView};
use vault_proto::Qr;

use super::super::factors::{Enrolling, HandedOver, Prompted};
use super::super::{Actor, App, Error};
use super::View;

impl App {
    /// What is handed over: makes the key and hands it out, once (P-04, T-17); or sends or asks what comes before the proof, which
    /// can be had again.
    pub(crate) async fn view_enrollment(&self, actor: &Actor, id: EnrollmentId, qr: Qr) -> Result<View, Error> {
        let about = About { enrollment_id: Some(id), ..About::default() };
        let view = self.view_once(actor, id, qr).await;
        self.or_told(actor, about, view).await
    }

    async fn view_once(&self, actor: &Actor, id: EnrollmentId, qr: Qr) -> Result<View, Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let now = self.now();
        let again = viewable(&enrollment, now)?;
        let session = self.session_in_hand(actor, enrollment.session_id).await?;
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let user = self.active_user(enrollment.user_id).await?;
        let existing = self.store.authenticators_of(user.id).await?;
        let asked = if again { self.store.prompts_of_enrollment(id).await? } else { Vec::new() };
        let before = asked.iter().find(|prompt| prompt.is_open(now));
        let factor = self.factor(enrollment.kind)?;
        let enrolling = Enrolling {
            actor,
            enrollment: &enrollment,
            authenticator: &authenticator,
            user: &user,
            session: &session,
            existing: &existing,
            before,
            qr,
            now,
        };
        let handed = factor.hand_over(self, &enrolling).await?;
        let event = self.told_of(EventKind::EnrollmentViewed, actor, &enrollment, &authenticator);
        let (view, change) = match handed {
            HandedOver::Key(sealed, view) => {
                let record =
                    RecordView { id, authenticator_id: authenticator.id, sealed: Some(sealed), prompt: None, at: now };
                (View::Key(view), Change::RecordView(record))
            }
            HandedOver::Prompt(prompted) => return self.hand_prompt(actor, &enrolling, event, *prompted, again).await,
        };
        match self.commit(change, event).await? {
            Effect::Applied => Ok(view),
            // Another request had the view meanwhile: the key that was made here was never kept.
            _ => Err(Error::ViewGone),
        }
    }

    /// Keeps a prompt, and then has it delivered.
    async fn hand_prompt(
        &self,
        actor: &Actor,
        enrolling: &Enrolling<'_>,
        event: domain::Event,
        prompted: Prompted,
        again: bool,
    ) -> Result<View, Error> {
        let Enrolling { enrollment, authenticator, before, now, .. } = *enrolling;
        let change = if again {
            prompt_change(&prompted.prompt, before, now)
        } else {
            Change::RecordView(RecordView {
                id: enrollment.id,
                authenticator_id: authenticator.id,
                sealed: None,
                prompt: Some(prompted.prompt.clone()),
                at: now,
            })
        };
        if self.commit(change, event).await? != Effect::Applied {
            return Err(Error::Conflict("this was asked for in two places at once: try again"));
        }
        self.factor_in_use(enrollment.kind)?.deliver(self, actor, &prompted).await?;
        Ok(View::Prompt(Box::new(prompted.prompt), prompted.shown))
    }
}

/// Makes a prompt, or sends the one before again.
pub(in super::super) fn prompt_change(prompt: &Prompt, before: Option<&Prompt>, at: Timestamp) -> Change {
    match before {
        Some(before) if before.id == prompt.id => {
            Change::ResendPrompt { id: prompt.id, sends: before.sends, hash: prompt.hash, at }
        }
        _ => Change::CreatePrompt(Box::new(prompt.clone())),
    }
}

/// Whether it can be handed over now, and whether that is again. A key is handed over once.
fn viewable(enrollment: &Enrollment, now: Timestamp) -> Result<bool, Error> {
    let has_key = matches!(enrollment.kind, AuthenticatorKind::Totp | AuthenticatorKind::Hotp);
    match (enrollment.state, enrollment.state_at(now)) {
        (_, EnrollmentState::Started) => Ok(false),
        (_, EnrollmentState::Viewed) if !has_key => Ok(true),
        (EnrollmentState::Started, _) => Err(Error::ViewExpired),
        (EnrollmentState::Viewed | EnrollmentState::Confirmed, _) if has_key => Err(Error::ViewGone),
        _ => Err(Error::EnrollmentOver),
    }
}
