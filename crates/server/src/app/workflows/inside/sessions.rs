//! What runs do to sessions.

use domain::{Aal, Session, SessionId, UserId};

use super::{Arguments, Done, Fault, MOST, Own, counted, is_meant, level, no_id, text, unsaid};
use crate::app::{App, Error};

impl App {
    pub(super) async fn sessions_over(&self, with: &Arguments) -> Done {
        let sessions = match self.sessions_meant(with).await? {
            Ok(sessions) => sessions,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut own = Own::default();
        for session in sessions.iter().filter(|one| is_meant(with, one.id)).take(MOST) {
            own.push(self.session_over(None, session, None));
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }

    /// Has sessions that have reached a level prove it again.
    pub(super) async fn sessions_to_prove(&self, with: &Arguments) -> Done {
        let Some(level) = level(with) else { return Ok(Err(unsaid("level"))) };
        if level == Aal::Aal1 {
            let message = "the first factor is the application's to ask for again: revoke the sessions";
            return Ok(Err(Fault::final_one(message)));
        }
        let sessions = match self.sessions_meant(with).await? {
            Ok(sessions) => sessions,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut own = Own::default();
        let meant = sessions.iter().filter(|session| session.aal >= level && !session.proofs.is_empty());
        for session in meant.take(MOST) {
            own.push(self.session_to_prove(session, level));
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }

    async fn sessions_meant(&self, with: &Arguments) -> Result<Result<Vec<Session>, Fault>, Error> {
        let sessions: Vec<Session> = match (text(with, "session"), text(with, "user")) {
            (Some(id), user) => {
                let Ok(id) = id.parse::<SessionId>() else { return Ok(Err(no_id(id, "a session"))) };
                let found = self.store.session(id).await?;
                let of_user = |one: &Session| user.is_none_or(|user| one.user_id.to_string() == user);
                found.filter(|one| one.ended_at.is_none() && of_user(one)).into_iter().collect()
            }
            (None, Some(user)) => {
                let Ok(user) = user.parse::<UserId>() else { return Ok(Err(no_id(user, "a user"))) };
                self.store.sessions_of(user, self.now()).await?
            }
            (None, None) => return Ok(Err(Fault::final_one("neither a user nor a session was said"))),
        };
        Ok(Ok(sessions))
    }
}
