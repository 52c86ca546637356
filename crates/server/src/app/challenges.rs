//! Challenges: asking for proof.

use std::time::Duration;

use aws_lc_rs::digest;
use domain::event::About;
use domain::{
    ActionHash, Challenge, ChallengeId, ChallengeState, DecisionId, Event, EventKind, Requirement, Session, SessionId,
    UserId,
};
use serde_json::{Map, Value};
use store::{Change, Effect};
use tokio::time::Instant;

use super::telling::With;
use super::{Actor, App, Error, Made, Once, UserRef, slot};

/// Whom to ask.
#[derive(Debug, Clone)]
pub(crate) enum Whom {
    /// The user of this session, which the proof raises.
    Session(SessionId),
    /// A user. Whether there is one is not told (T-19).
    User(UserRef),
    /// Whoever it is, which the proof says: on a page for signing in.
    Anybody,
}

/// A wish for proof.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Whom.
    pub(crate) whom: Whom,
    /// What for, in the application's words.
    pub(crate) action: String,
    /// The members of the context that the person is shown.
    pub(crate) shown: Vec<String>,
    /// What the action is about: bound to the proof, and not kept but for what is shown.
    pub(crate) context: Map<String, Value>,
    /// What is asked of the proof, beyond that it is one.
    pub(crate) required: Option<Requirement>,
    /// How long there is to answer.
    pub(crate) lifetime: Duration,
}

impl App {
    /// Asks for proof. By a user's name or id it is answered at the end of a slot, whether there is such a user or not.
    pub(crate) async fn create_challenge(
        &self,
        actor: &Actor,
        ask: Ask,
        once: Option<&Once>,
    ) -> Result<Made<Challenge>, Error> {
        let begun = Instant::now();
        let by_user = matches!(ask.whom, Whom::User(_));
        let made = self.create_challenge_telling(actor, ask, once, None).await;
        if by_user {
            slot::end(begun, slot::SHORT).await;
        }
        made
    }

    /// The same, and tells in the same commit of what it was made for.
    pub(crate) async fn create_challenge_telling(
        &self,
        actor: &Actor,
        ask: Ask,
        once: Option<&Once>,
        cause: Option<Event>,
    ) -> Result<Made<Challenge>, Error> {
        let (user_id, session_id) = self.whom(actor, &ask.whom).await?;
        let now = self.now();
        let id = ChallengeId::generate(now, &*self.entropy);
        let hashed = match (user_id, &ask.whom) {
            (Some(user), _) => user,
            (None, Whom::User(UserRef::Id(asked))) => *asked,
            // Nobody's id, or the hash would tell that there is nobody (T-19).
            (None, _) => UserId::generate(now, &*self.entropy),
        };
        let shown = shown(&ask.context, &ask.shown)?;
        let challenge = Challenge {
            id,
            shown,
            satisfied: None,
            required: ask.required,
            application_id: actor.application.id,
            user_id,
            session_id,
            action_hash: action_hash(id, hashed, session_id, &ask.action, ask.context),
            action: ask.action,
            state: ChallengeState::Open,
            failures: 0,
            created_at: now,
            expires_at: now.plus(ask.lifetime),
        };
        let about = About { user_id, session_id, challenge_id: Some(challenge.id), ..About::default() };
        let event = self
            .event(EventKind::ChallengeCreated, Some(actor), about)
            .with("action", challenge.action.as_str())
            .detailed(self.origin(actor));
        let record = Once::record(once, actor, challenge.id, now);
        let told: Vec<Event> = cause.into_iter().chain([event]).collect();
        let effect = self.commit_once(Change::CreateChallenge(challenge.clone()), told, record).await?;
        Once::made(once, effect, challenge, Error::Conflict("the challenge could not be made: try again"))
    }

    async fn whom(&self, actor: &Actor, whom: &Whom) -> Result<(Option<UserId>, Option<SessionId>), Error> {
        Ok(match whom {
            Whom::Session(id) => {
                let session = self.session_in_hand(actor, *id).await?;
                if !session.is_live(self.now()) {
                    return Err(Error::SessionOver);
                }
                (Some(session.user_id), Some(session.id))
            }
            Whom::Anybody => (None, None),
            Whom::User(UserRef::Id(id)) => (self.store.user(*id).await?.map(|user| user.id), None),
            Whom::User(UserRef::External(id)) => (self.store.user_id_by_external_id(id).await?, None),
        })
    }

    /// A challenge of this application's.
    pub(crate) async fn challenge(&self, actor: &Actor, id: ChallengeId) -> Result<Challenge, Error> {
        let challenge = self.store.challenge(id).await?;
        challenge.filter(|c| c.application_id == actor.application.id).ok_or(Error::NotFound("challenge"))
    }

    /// Takes a challenge back.
    pub(crate) async fn cancel_challenge(&self, actor: &Actor, id: ChallengeId) -> Result<(), Error> {
        let challenge = self.challenge(actor, id).await?;
        let about = About {
            user_id: challenge.user_id,
            session_id: challenge.session_id,
            challenge_id: Some(id),
            ..About::default()
        };
        let event = self.event(EventKind::ChallengeCancelled, Some(actor), about);
        match self.commit(Change::CancelChallenge { id, at: self.now() }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::ChallengeOver),
        }
    }
}

/// What is shown of a context: what the person is to see before they prove it (PSD2's dynamic linking, say).
fn shown(context: &Map<String, Value>, names: &[String]) -> Result<Map<String, Value>, Error> {
    let member = |name: &String| match context.get(name) {
        Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Ok((name.clone(), value.clone())),
        _ => Err(Error::invalid("/shown", format!("{name:?} is no text, number or truth value of the context"))),
    };
    names.iter().map(member).collect()
}

/// Binds an assertion to what was decided, as a challenge's hash binds a proof to what was asked.
pub(super) fn decision_hash(
    decision: DecisionId,
    session: &Session,
    action: &str,
    context: Map<String, Value>,
) -> ActionHash {
    hash_of(&decision.to_string(), session.user_id, Some(session.id), action, context)
}

/// Binds a proof to what was asked (S-05, T-11): SHA-256 over the length-prefixed challenge, user, session, action and
/// context, the context as JSON with sorted names and no white space. The challenge is part of it so that no two hashes
/// are the same: else two challenges would tell whether both are for somebody (T-19).
pub(super) fn action_hash(
    challenge: ChallengeId,
    user: UserId,
    session: Option<SessionId>,
    action: &str,
    context: Map<String, Value>,
) -> ActionHash {
    hash_of(&challenge.to_string(), user, session, action, context)
}

fn hash_of(
    asked: &str,
    user: UserId,
    session: Option<SessionId>,
    action: &str,
    context: Map<String, Value>,
) -> ActionHash {
    let user = user.to_string();
    let session = session.map(|session| session.to_string()).unwrap_or_default();
    let context = Value::Object(context).to_string();
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in ["countersign action v1", asked, &user, &session, action, &context] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    ActionHash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(user: u128, session: Option<u128>, action: &str, context: &str) -> ActionHash {
        hash_by(1, user, session, action, context)
    }

    fn hash_by(challenge: u128, user: u128, session: Option<u128>, action: &str, context: &str) -> ActionHash {
        let challenge = ChallengeId::from_uuid(uuid::Uuid::from_u128(challenge));
        let user = UserId::from_uuid(uuid::Uuid::from_u128(user));
        let session = session.map(|session| SessionId::from_uuid(uuid::Uuid::from_u128(session)));
        action_hash(challenge, user, session, action, serde_json::from_str(context).unwrap())
    }

    #[test]
    fn t19_no_two_challenges_have_one_hash() {
        assert_ne!(hash_by(1, 1, None, "login", "{}"), hash_by(2, 1, None, "login", "{}"));
    }

    #[test]
    fn t11_each_part_of_what_was_asked_changes_the_hash() {
        let asked = hash(1, Some(2), "pay", r#"{"amount": 10}"#);
        assert_eq!(asked, hash(1, Some(2), "pay", r#"{ "amount":10 }"#));
        for other in [
            hash(9, Some(2), "pay", r#"{"amount": 10}"#),
            hash(1, Some(9), "pay", r#"{"amount": 10}"#),
            hash(1, None, "pay", r#"{"amount": 10}"#),
            hash(1, Some(2), "payout", r#"{"amount": 10}"#),
            hash(1, Some(2), "pay", r#"{"amount": 11}"#),
        ] {
            assert_ne!(asked, other);
        }
    }

    #[test]
    fn t11_the_order_of_names_is_no_difference() {
        assert_eq!(hash(1, None, "a", r#"{"x":1,"y":2}"#), hash(1, None, "a", r#"{"y":2,"x":1}"#));
    }
}
