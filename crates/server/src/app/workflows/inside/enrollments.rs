//! What runs do about enrollments.

use domain::{EnrollmentId, EnrollmentState, Event, EventKind, Invitation, Standing};
use serde_json::Map;
use store::Change;

use super::authenticators::kinds;
use super::{Arguments, Done, Fault, Own, no_id, span, text, unsaid};
use crate::app::App;
use crate::app::telling::With;

/// What the ids of invitations begin with.
const INVITATION: &str = "inv_";

impl App {
    /// Invites a user to enroll: decisions say so, and the link leads to where they do. It grants nothing (T-13).
    pub(super) async fn invited(&self, with: &Arguments) -> Done {
        let Some(time) = span(with, "valid_for") else { return Ok(Err(unsaid("valid_for"))) };
        let Some(url) = self.settings.enrollment_url.as_deref() else {
            return Ok(Err(Fault::final_one(
                "`workflows.enrollment_url` is not set: there is nowhere to lead people to",
            )));
        };
        let (user, kinds) = match (self.user_meant(with).await?, kinds(with)) {
            (Ok(user), Ok(kinds)) => (user, kinds.unwrap_or_default()),
            (Err(fault), _) | (_, Err(fault)) => return Ok(Err(fault)),
        };
        let now = self.now();
        let id = format!("{INVITATION}{}", data_encoding::HEXLOWER.encode(&self.random::<16>()));
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let expires_at = now.plus(time);
        let invitation = Invitation { id: id.clone(), kinds: kinds.clone(), expires_at };
        let to = Standing { invitation: Some(invitation), ..user.standing.clone() };
        let event = |event: Event| {
            event.with("invitation", id.as_str()).with("kinds", names).with("expires_at", expires_at.to_string())
        };
        let (own, _) = self.standing_in(&user, to, EventKind::UserInvited, event);
        let join = if url.contains('?') { '&' } else { '?' };
        let link = format!("{url}{join}invitation={id}");
        Ok(Ok((own, Map::from_iter([("enrollment".to_owned(), id.into()), ("link".to_owned(), link.into())]))))
    }

    /// Takes back an invitation, or an enrollment that is under way. What is over stays so.
    pub(super) async fn enrollment_over(&self, with: &Arguments) -> Done {
        let said = text(with, "enrollment").unwrap_or_default();
        if said.starts_with(INVITATION) {
            let user = match self.user_meant(with).await? {
                Ok(user) => user,
                Err(fault) => return Ok(Err(fault)),
            };
            let to = match &user.standing.invitation {
                Some(invitation) if invitation.id == said => Standing { invitation: None, ..user.standing.clone() },
                _ => user.standing.clone(),
            };
            let event = |event: Event| event.with("invitation", said);
            return Ok(Ok(self.standing_in(&user, to, EventKind::UserInvitationCancelled, event)));
        }
        let Ok(id) = said.parse::<EnrollmentId>() else { return Ok(Err(no_id(said, "an enrollment"))) };
        let mut own = Own::default();
        if let Some(enrollment) = self.store.enrollment(id).await?
            && matches!(enrollment.state, EnrollmentState::Started | EnrollmentState::Viewed)
        {
            let event = self.enrollment_cancelled(&enrollment);
            own.push((Change::CancelEnrollment { id, at: self.now() }, event));
        }
        Ok(Ok((own, Map::new())))
    }
}
