//! What a verdict rests on: a challenge that was made for this very task, person and verdict, and showed whose account it is.

use domain::{
    Aal, ActionHash, AuthenticatorId, Challenge, ChallengeId, ChallengeState, Requirement, SessionId, Task, TaskId,
    Timestamp, UserId,
};
use serde_json::{Map, Value};

use super::{AboutToSay, NewVerdict};
use crate::app::challenges::{Ask, Whom, action_hash};
use crate::app::workflows::people::Person;
use crate::app::{Actor, App, Error, Made, Once, UserRef};

/// How much of a message the person is shown who proves something for it, in characters.
const SHOWN: usize = 500;

/// What a verdict rests on.
pub(super) struct Rests {
    pub(super) level: Aal,
    pub(super) challenge_id: Option<ChallengeId>,
    pub(super) authenticator_id: Option<AuthenticatorId>,
    pub(super) session_id: Option<SessionId>,
    pub(super) action_hash: Option<ActionHash>,
}

impl App {
    /// Asks for the proof that a verdict on a task takes, of whoever may say it. It is bound to the task, to whom that is about as they are called now,
    /// and to whether the verdict is a yes.
    pub(crate) async fn challenge_for_task(
        &self,
        actor: &Actor,
        id: TaskId,
        whom: Whom,
        says: &AboutToSay,
        once: Option<&Once>,
    ) -> Result<Made<Challenge>, Error> {
        let task = self.open_task(id).await?;
        let who = match &whom {
            Whom::Session(id) => UserRef::Id(self.own_session(actor, *id).await?.user_id),
            Whom::User(user) => user.clone(),
            Whom::Anybody => return Err(Error::Internal("a verdict is asked for of nobody".to_owned())),
        };
        // What could not count anyway is no use for a code.
        self.may_be_asked(&task, &who, says).await?;
        let about = self.people_of(&task).await?.about;
        let context = context_of(&task, about.as_ref(), says.approves);
        let ask = Ask {
            whom,
            action: action_of(says.approves).to_owned(),
            shown: shown_of(&context).map(|(name, _)| name.clone()).collect(),
            required: Some(Requirement { aal: Some(task.level), ..Requirement::default() }),
            lifetime: Challenge::LIFETIME,
            context,
        };
        self.create_challenge(actor, ask, once).await
    }

    /// What a verdict rests on: a proof for this very task, fresh, and of the level that is asked for.
    pub(super) async fn verdict_rests_on(
        &self,
        actor: &Actor,
        task: &Task,
        user: UserId,
        new: &NewVerdict,
        now: Timestamp,
    ) -> Result<Rests, Error> {
        let Some(id) = new.challenge_id else {
            if task.level > Aal::Aal1 {
                return Err(Error::StepUpNeeded(
                    "deciding this takes a proof for this very task: make a challenge for it, and name that once it is satisfied",
                ));
            }
            // That whoever decides is who they are the application says, and no more.
            return Ok(Rests {
                level: Aal::Aal1,
                challenge_id: None,
                authenticator_id: None,
                session_id: None,
                action_hash: None,
            });
        };
        let unfit = |why: &str| Error::invalid("/challenge_id", why);
        let challenge = self.challenge(actor, id).await?;
        let satisfied = challenge.satisfied.as_ref().filter(|_| challenge.state == ChallengeState::Satisfied);
        let satisfied = satisfied.ok_or_else(|| unfit("names a challenge that is not satisfied"))?;
        let about = self.people_of(task).await?.about;
        if !is_for(&challenge, task, about.as_ref(), user, new.approves) {
            return Err(unfit("names a challenge that was not made for this task, this person and this verdict"));
        }
        if now.since(satisfied.at) > Challenge::ASSERTION_LIFETIME {
            return Err(unfit("names a challenge that was satisfied too long ago"));
        }
        if satisfied.aal < task.level {
            return Err(Error::StepUpNeeded("deciding this takes a proof of a higher level"));
        }
        Ok(Rests {
            level: satisfied.aal,
            challenge_id: Some(id),
            authenticator_id: Some(satisfied.authenticator_id),
            session_id: challenge.session_id,
            action_hash: Some(challenge.action_hash),
        })
    }
}

/// What a proof for a verdict is asked for.
const fn action_of(approves: bool) -> &'static str {
    if approves { "task.approve" } else { "task.reject" }
}

/// What of it the person is shown: whose account it is before everything that somebody wrote. They come in the order of their names.
const FACTS: [&str; 4] = ["about", "display_name", "message", "workflow"];

/// What it is bound to: run, step and input, by the digest of all that is asked; whom it is about, as they are called now; and what of it the person is shown.
/// Who is called otherwise by the time of the verdict was not who was shown, and the proof counts no more.
fn context_of(task: &Task, about: Option<&Person>, approves: bool) -> Map<String, Value> {
    let mut context = Map::from_iter([
        ("task".to_owned(), task.id.to_string().into()),
        ("run".to_owned(), task.run_id.to_string().into()),
        ("step".to_owned(), task.step.as_str().into()),
        ("workflow".to_owned(), task.workflow.as_str().into()),
        ("digest".to_owned(), data_encoding::HEXLOWER.encode(&task.digest).into()),
        ("approves".to_owned(), approves.into()),
    ]);
    let cut = |text: &str| Value::from(text.chars().take(SHOWN).collect::<String>());
    let external_id = about.map(|about| &about.external_id);
    if let Some(name) = external_id.or(task.subject.as_ref()) {
        context.insert("about".to_owned(), cut(name));
    }
    if let Some(name) = about.and_then(|about| about.display_name.as_ref()) {
        context.insert("display_name".to_owned(), cut(name));
    }
    if let Some(message) = &task.message {
        context.insert("message".to_owned(), cut(message));
    }
    context
}

/// Whether a challenge was made for this task, this person and this verdict, and showed all of it. What was shown is no part of the hash: a challenge that was
/// made otherwise for the same may have shown nothing.
fn is_for(challenge: &Challenge, task: &Task, about: Option<&Person>, user: UserId, approves: bool) -> bool {
    let (action, context) = (action_of(approves), context_of(task, about, approves));
    let shown: Map<String, Value> = shown_of(&context).map(|(name, value)| (name.clone(), value.clone())).collect();
    challenge.user_id == Some(user)
        && challenge.action == action
        && challenge.shown == shown
        && challenge.action_hash == action_hash(challenge.id, user, challenge.session_id, action, context)
}

fn shown_of(context: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    FACTS.into_iter().filter_map(|name| context.get_key_value(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::workflows::tasks::tests::task;

    #[test]
    fn w03_a_proof_for_a_no_is_none_for_a_yes() {
        let (task, _) = task();
        assert_ne!(context_of(&task, None, true), context_of(&task, None, false));
        assert_ne!(action_of(true), action_of(false));
    }

    #[test]
    fn w03_t31_a_proof_that_showed_less_is_none() {
        let (task, _) = task();
        let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
        let id = ChallengeId::from_uuid(uuid::Uuid::from_u128(8));
        let context = context_of(&task, None, true);
        let shown: Map<String, Value> = shown_of(&context).map(|(name, value)| (name.clone(), value.clone())).collect();
        let made = Challenge {
            id,
            application_id: domain::ApplicationId::from_uuid(uuid::Uuid::from_u128(3)),
            user_id: Some(user),
            session_id: None,
            action: action_of(true).to_owned(),
            shown,
            action_hash: action_hash(id, user, None, action_of(true), context),
            state: ChallengeState::Open,
            failures: 0,
            created_at: task.created_at,
            expires_at: task.expires_at,
            required: None,
            satisfied: None,
        };
        assert!(is_for(&made, &task, None, user, true));
        assert!(!is_for(&made, &task, None, user, false), "a no");
        assert!(!is_for(&made, &task, None, UserId::from_uuid(uuid::Uuid::from_u128(9)), true), "somebody else");
        let blind = Challenge { shown: Map::new(), ..made.clone() };
        assert!(!is_for(&blind, &task, None, user, true), "it showed nothing");
        let mut other = made;
        other.shown.insert("about".to_owned(), json!("somebody else"));
        assert!(!is_for(&other, &task, None, user, true), "it showed somebody else");
    }

    #[test]
    fn w03_t31_a_proof_shows_whose_account_it_is_before_what_somebody_wrote() {
        let (task, _) = task();
        let ann = Person {
            user_id: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            external_id: "ann".to_owned(),
            display_name: Some("Ann Smith".to_owned()),
        };
        let shown = |about: Option<&Person>| -> Vec<(String, Value)> {
            shown_of(&context_of(&task, about, true)).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), json!(value));
        assert_eq!(
            shown(Some(&ann)),
            [
                pair("about", "ann"),
                pair("display_name", "Ann Smith"),
                pair("message", "May Ann come back?"),
                pair("workflow", "recovery"),
            ]
        );
        let renamed = Person { display_name: Some("Bob".to_owned()), ..ann.clone() };
        assert_ne!(context_of(&task, Some(&ann), true), context_of(&task, Some(&renamed), true));
        // Whom nobody here is called like is told in the words of the workflow.
        assert_eq!(shown(None)[0], pair("about", "usr_1"));
    }
}
