//! Introspection: whether an assertion counts now, for whoever would rather ask than wait until it is over (RFC 7662).

use ::assertion::{Claims, Expected, Keys};
use domain::{
    AuthenticatorId, AuthenticatorState, ChallengeId, ChallengeState, DecisionId, Session, SessionId, UserId, UserState,
};

use super::{Actor, App, Error};

impl App {
    /// What an assertion says, if it counts now: it was made here for this application, its time is not over, its session lives, its user is active, and
    /// so is each authenticator that it rests on. `None` in every other case, whichever it is.
    pub(crate) async fn introspect(&self, actor: &Actor, token: &str) -> Result<Option<Claims>, Error> {
        let keys = self.signing_keys().await?;
        let keys = Keys::of(keys.iter().map(|key| (key.kid.as_str(), key.x.as_slice(), key.y.as_slice())));
        let audiences = vec![actor.application.id.to_string()];
        let expected = Expected { issuer: self.settings.issuer.clone(), audiences };
        let Ok(claims) = ::assertion::verify(token, &keys, &expected, self.now().unix_seconds()) else {
            return Ok(None);
        };
        Ok(self.still_holds(actor, &claims).await?.then_some(claims))
    }

    async fn still_holds(&self, actor: &Actor, claims: &Claims) -> Result<bool, Error> {
        let Ok(user_id) = claims.sub.parse::<UserId>() else { return Ok(false) };
        let session_id = match claims.sid.as_deref().map(str::parse::<SessionId>) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => return Ok(false),
        };
        let Some(rests_on) = self.rests_on(actor, claims).await? else { return Ok(false) };
        let (user, authenticators, session) =
            tokio::join!(self.store.user(user_id), self.store.authenticators_of(user_id), async {
                match session_id {
                    Some(id) => self.store.session(id).await.map(Some),
                    None => Ok(None),
                }
            });
        let is_active = user?.is_some_and(|user| user.state == UserState::Active);
        let authenticators = authenticators?;
        let in_use = rests_on
            .iter()
            .all(|id| authenticators.iter().any(|a| a.id == *id && a.state == AuthenticatorState::Active));
        let session_lives = match session? {
            None => true,
            Some(None) => false,
            Some(Some(session)) => self.is_of(actor, &session, user_id, &rests_on),
        };
        Ok(is_active && in_use && session_lives)
    }

    /// Whether a session lives, is whose it should be, and still has what was proved: it forgets that of an authenticator that was replaced.
    fn is_of(&self, actor: &Actor, session: &Session, user: UserId, rests_on: &[AuthenticatorId]) -> bool {
        let proved = |id: &AuthenticatorId| session.proofs.iter().any(|proof| proof.authenticator_id == *id);
        session.is_live(self.now())
            && session.application_id == actor.application.id
            && session.user_id == user
            && rests_on.iter().all(proved)
    }

    /// The authenticators that an assertion rests on. `None` where what it comes of is not there, or not as it says.
    async fn rests_on(&self, actor: &Actor, claims: &Claims) -> Result<Option<Vec<AuthenticatorId>>, Error> {
        if claims.jti.parse::<DecisionId>().is_ok() {
            return Ok(claims.authenticators.iter().map(|id| id.parse().ok()).collect());
        }
        let Ok(id) = claims.jti.parse::<ChallengeId>() else { return Ok(None) };
        let challenge = self.store.challenge(id).await?.filter(|challenge| {
            challenge.application_id == actor.application.id && challenge.state == ChallengeState::Satisfied
        });
        let satisfied = challenge.and_then(|challenge| challenge.satisfied);
        Ok(satisfied.map(|satisfied| vec![satisfied.authenticator_id]))
    }
}
