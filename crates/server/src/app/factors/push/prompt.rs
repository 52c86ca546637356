//! What is asked of an app, and whether it is asked now (T-15).

use std::time::Duration;

use domain::push::text::{AskedFrom, Subject};
use domain::push::{Live, Number, Pace, PromptText, PushState, Turn};
use domain::{Authenticator, AuthenticatorKind, Door, Prompt, User};
use serde_json::Value;

use super::super::{Asked, Prompted};
use super::connect::{account, action_hash_text};
use super::deliver::may_ring_again;
use super::kept::{Kept, Question, Reach, question};
use super::{shown, state};
use crate::app::{App, Error};

/// For how long what was asked before counts; what is older was swept away.
const REMEMBERED: Duration = Duration::from_hours(25);

pub(super) async fn prompt(app: &App, asked: &Asked<'_>) -> Result<Prompted, Error> {
    // Of those that were used last the first that was not lost out of sight: another one may ring.
    let authenticator = asked.authenticators.iter().min_by_key(|authenticator| Reach::is_lost(authenticator));
    let (Some(user), Some(authenticator)) = (asked.user, authenticator) else {
        return Ok(ask_nobody(app, asked));
    };
    if let Some(before) = waiting(app, asked).filter(|before| before.authenticator_id == Some(authenticator.id)) {
        // The same again: the number stays, and the phone is woken up once more.
        let rings = may_ring_again(before, asked.now);
        return Ok(prompted(before.clone(), rings.then(|| (*authenticator).clone()), asked));
    }
    if asked.session.is_none() && waiting(app, asked).is_some_and(|before| before.authenticator_id.is_none()) {
        // Nobody was asked when somebody could not be: until that is over it stays so, or asking again would tell of them (T-19).
        return Ok(ask_nobody(app, asked));
    }
    let past = app.store.prompts_of_user(user.id, AuthenticatorKind::Push, asked.now.minus(REMEMBERED)).await?;
    let open = past.iter().find(|prompt| prompt.challenge_id.is_some() && prompt.is_open(asked.now));
    // Another phone for the same challenge takes the place of the first.
    let same = open.filter(|open| open.challenge_id == Some(asked.challenge.id));
    let live = open.filter(|_| same.is_none()).map(|open| Live { door: door(open), expires_at: open.expires_at });
    let turn = Turn::of(live, pace(app, &past, asked.door, asked), asked.door, asked.now);
    match turn {
        Turn::Now | Turn::Instead => {
            let mut prompted = ask(app, asked, user, authenticator)?;
            prompted.instead = open.map(|open| open.id);
            Ok(prompted)
        }
        // Whoever has given no first factor learns nothing of what others do, or that there is somebody (T-19).
        Turn::Taken(_) | Turn::TooMany(_) if asked.session.is_none() => Ok(ask_nobody(app, asked)),
        Turn::Taken(_) => Err(Error::Conflict(
            "another approval waits on the phone: answer that first, wait until its time is over, or prove it in another way",
        )),
        Turn::TooMany(_) => Err(Error::PushHeldBack),
    }
}

/// What was asked for the same challenge and still waits.
fn waiting<'a>(app: &App, asked: &Asked<'a>) -> Option<&'a Prompt> {
    asked.before.filter(|before| state(app, before, asked.now) == PushState::Open)
}

/// How fast this door may ask, by what became of what it asked before.
fn pace(app: &App, past: &[Prompt], door: Door, asked: &Asked<'_>) -> Pace {
    let of_door = past.iter().rev().filter(|prompt| prompt.challenge_id.is_some() && self::door(prompt) == door);
    of_door.fold(Pace::default(), |pace, prompt| {
        let pace = pace.after_prompt(prompt.created_at);
        match state(app, prompt, asked.now) {
            PushState::Approved => pace.after_approval(),
            PushState::Reported => pace.after_report(prompt.created_at),
            _ => pace,
        }
    })
}

fn door(prompt: &Prompt) -> Door {
    question(prompt).map_or(Door::Open, |question| question.door())
}

fn ask(app: &App, asked: &Asked<'_>, user: &User, authenticator: &Authenticator) -> Result<Prompted, Error> {
    let mut prompt = new(app, asked);
    prompt.user_id = Some(user.id);
    prompt.authenticator_id = Some(authenticator.id);
    let shown: Vec<(String, String)> =
        asked.challenge.shown.iter().map(|(name, value)| (name.clone(), as_text(value))).collect();
    let address = asked.seen_from.map(|address| address.to_string());
    let text = PromptText {
        v: PromptText::VERSION,
        id: prompt.id,
        authenticator_id: authenticator.id,
        about: Subject::ChallengeId(asked.challenge.id),
        application: &asked.actor.application.name,
        account: &account(user),
        action: &asked.challenge.action,
        action_hash: &action_hash_text(&asked.challenge.action_hash),
        shown: &shown,
        asked_from: AskedFrom { address: address.as_deref(), ..AskedFrom::default() },
        created_at: prompt.created_at,
        expires_at: prompt.expires_at,
        digits: app.push_digits(),
    };
    let text = text.to_json().map_err(|error| Error::Internal(error.to_string()))?;
    keep(app, &mut prompt, text, asked.door);
    Ok(prompted(prompt, Some(authenticator.clone()), asked))
}

/// The same for the screen that asks, also when it asks again, and nothing for anybody else.
fn ask_nobody(app: &App, asked: &Asked<'_>) -> Prompted {
    if let Some(before) = waiting(app, asked) {
        return prompted(before.clone(), None, asked);
    }
    let mut prompt = new(app, asked);
    keep(app, &mut prompt, String::new(), asked.door);
    prompted(prompt, None, asked)
}

fn new(app: &App, asked: &Asked<'_>) -> Prompt {
    let expires_at = asked.now.plus(Prompt::PUSH_LIFETIME).min(asked.challenge.expires_at);
    Prompt { challenge_id: Some(asked.challenge.id), ..app.new_prompt(AuthenticatorKind::Push, asked.now, expires_at) }
}

fn keep(app: &App, prompt: &mut Prompt, text: String, door: Door) {
    let number = Number::generate(app.push_digits(), &*app.entropy);
    prompt.data = Kept::Question(Box::new(Question::new(number, text, door))).to_json();
}

fn prompted(prompt: Prompt, to: Option<Authenticator>, asked: &Asked<'_>) -> Prompted {
    let others = asked.authenticators.iter().map(|other| other.id).filter(|id| Some(*id) != prompt.authenticator_id);
    Prompted { others: others.collect(), shown: shown(&prompt), prompt, to, code: None, instead: None }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
