//! What runs do to our own data, and what they find in it.
//!
//! Nothing is written here: what is to be written goes into one commit with the step. It is made by the functions that the API uses.

mod authenticators;
mod enrollments;
mod gateways;
mod queries;
mod risk;
mod sessions;
mod users;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::event::About;
use domain::{Aal, AuthenticatorState, Event, EventKind, RunId, User, UserId};
use serde_json::{Map, Value};
use store::{Change, HeldBy, Lifts, Suspended};
use uuid::Uuid;
use workflow::{Changed, ONLY, REASON, Told};

use crate::app::telling::With;
use crate::app::{App, Error};

pub(in crate::app::workflows) use queries::Found;

/// Changes to our own data in one commit, at most. A step that makes as many has another part, in which the rest is found.
pub(super) const MOST: usize = 500;

/// What a step does to our own data, and what is told of it.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
}

impl Own {
    /// Whether there may be more to be done than is one commit.
    pub(super) fn is_full(&self) -> bool {
        self.changes.len() >= MOST
    }

    /// What it changes, as far as that can be said by ids.
    pub(super) fn changed(&self) -> Changed {
        if self.changes.is_empty() && !self.events.is_empty() {
            return Changed::Unsaid;
        }
        let ids = self.changes.iter().map(|change| match change {
            Change::SetUserState { id, .. } => Some(id.to_string()),
            Change::SetAuthenticatorState { id, .. } => Some(id.to_string()),
            Change::Hold(whose) | Change::Lift { whose, .. } => Some(match whose {
                Suspended::User(id) => id.to_string(),
                Suspended::Authenticator(id) => id.to_string(),
            }),
            Change::EndSession { id, .. } => Some(id.to_string()),
            _ => None,
        });
        ids.collect::<Option<Vec<String>>>().map_or(Changed::Unsaid, Changed::These)
    }

    /// With what goes into the same commit beside it.
    pub(super) fn and(&mut self, more: Self) {
        self.changes.extend(more.changes);
        self.events.extend(more.events);
    }

    /// Adds a change with what is told of it.
    fn push(&mut self, (change, event): (Change, Event)) {
        self.changes.push(change);
        self.events.push(event);
    }
}

/// Why an action did not do what it was to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    /// Whether another attempt could go well.
    pub(super) again: bool,
    /// Before which time that makes no sense, as whoever was asked says.
    pub(super) after: Option<Duration>,
    /// Whether it was this server's to do: else it is put off, and does not count as an attempt.
    pub(super) here: bool,
}

impl Fault {
    /// One that no other attempt does better.
    pub(super) fn final_one(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: false, here: true, after: None }
    }

    /// One that another attempt may not meet.
    pub(super) fn for_now(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, here: true, after: None }
    }

    /// One that this server is at fault for: it lacks what another one may have, or it itself one day.
    pub(super) fn not_here(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, here: false, after: None }
    }
}

/// The longest reason that is kept of what a file gives one for, in characters.
const LONGEST_REASON: usize = 500;

/// What an action is to write and gives, or why it does not.
type Done = Result<Result<(Own, Map<String, Value>), Fault>, Error>;

type Arguments = BTreeMap<String, Told>;

impl App {
    /// What an action is to write, and what it gives.
    pub(super) async fn own(&self, run: RunId, action: &str, with: &Arguments) -> Done {
        let told = match action {
            "authenticator.suspend" => self.authenticators_suspended(run, with).await?,
            "authenticator.resume" => self.authenticators_lifted(run, with).await?,
            "authenticator.revoke" => self.authenticators_into(AuthenticatorState::Revoked, with).await?,
            "authenticator.expire" => self.authenticators_end(with).await?,
            "authenticator.rotate" => self.authenticators_rotate(with).await?,
            "authenticator.require" => self.authenticator_required(with).await?,
            "enrollment.start" => self.invited(with).await?,
            "enrollment.cancel" => self.enrollment_over(with).await?,
            "session.revoke" => self.sessions_over(with).await?,
            "session.require_step_up" => self.sessions_to_prove(with).await?,
            "user.lock" => self.user_locked(run, with).await?,
            "user.unlock" => self.user_lifted(run, with).await?,
            "user.set_attribute" => self.attribute_set(with).await?,
            "user.add_to_group" => self.in_group(true, with).await?,
            "user.remove_from_group" => self.in_group(false, with).await?,
            "user.extend_grace" => self.grace_extended(with).await?,
            "risk.raise" => self.signal_raised(with).await?,
            "risk.block_address" => self.address_refused(with).await?,
            "gateway.switch" => self.switched(with).await?,
            "gateway.switch_back" => self.switched_back(with).await?,
            "event.emit" => Ok(self.emitted(with)),
            other => Err(Fault::final_one(format!("this version cannot carry `{other}` out"))),
        };
        let said = text(with, "reason").map(|reason| reason.chars().take(LONGEST_REASON).collect::<String>());
        Ok(told.map(|(mut own, outputs)| {
            for event in &mut own.events {
                if event.details.is_none() {
                    event.details = self.details(said.clone().map(|said| ("reason", said)));
                }
                // By the reason they are told from what people do, and by the run it can be seen why.
                event.data.insert("reason".to_owned(), REASON.into());
                event.data.insert("run".to_owned(), run.to_string().into());
            }
            (own, outputs)
        }))
    }

    /// What a workflow tells, by a name of its own. What it says may tell of people, and stands apart.
    fn emitted(&self, with: &Arguments) -> (Own, Map<String, Value>) {
        let name = text(with, "name").unwrap_or_default();
        let event = self.event(EventKind::EventEmitted, None, About::default()).with("name", name);
        let data = match with.get("data") {
            Some(Told::Value(data)) => Some(("data", data.to_string())),
            _ => None,
        };
        let event = event.detailed(self.details(data));
        (Own { changes: Vec::new(), events: vec![event] }, Map::new())
    }

    /// Which runs hold a user, and authenticators of theirs, suspended.
    async fn held(&self, user: UserId) -> Result<BTreeMap<Uuid, HeldBy>, Error> {
        Ok(self.store.suspended_by(user).await?.into_iter().collect())
    }

    /// The user whom an action is about.
    pub(in crate::app::workflows) async fn user_meant(&self, with: &Arguments) -> Result<Result<User, Fault>, Error> {
        let said = text(with, "user").unwrap_or_default();
        let Ok(id) = said.parse::<UserId>() else { return Ok(Err(no_id(said, "a user"))) };
        let found = self.store.user(id).await?;
        Ok(found.ok_or_else(|| Fault::final_one("there is no such user, or not any more")))
    }
}

fn text<'a>(with: &'a Arguments, name: &str) -> Option<&'a str> {
    match with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

/// Whether one run holds it, and it is another one: which lifts it no more by itself once both do.
fn is_held_by_another(by: Option<&HeldBy>, run: RunId) -> bool {
    matches!(by, Some(HeldBy::Run(other)) if *other != run)
}

/// Whose suspensions are lifted: but for those of the run itself a file says so.
fn lifts(with: &Arguments, name: &str) -> Lifts {
    text(with, name).and_then(Lifts::from_name).unwrap_or_default()
}

/// A span of time, which the document's reader has made seconds.
fn span(with: &Arguments, name: &str) -> Option<Duration> {
    match with.get(name) {
        Some(Told::Value(Value::Number(seconds))) => seconds.as_u64().map(Duration::from_secs),
        _ => None,
    }
}

/// Whether something is meant: what undoes a step is told what that changed.
fn is_meant(with: &Arguments, id: impl std::fmt::Display) -> bool {
    match with.get(ONLY) {
        Some(Told::Value(Value::Array(ids))) => {
            let id = id.to_string();
            ids.iter().any(|only| only.as_str() == Some(id.as_str()))
        }
        _ => true,
    }
}

fn level(with: &Arguments) -> Option<Aal> {
    let said = text(with, "level")?;
    [Aal::Aal1, Aal::Aal2, Aal::Aal3].into_iter().find(|level| level.to_string() == said)
}

fn no_id(said: &str, of: &str) -> Fault {
    Fault::final_one(format!("`{said}` is no id of {of}"))
}

fn unsaid(name: &str) -> Fault {
    Fault::final_one(format!("`{name}` was not said"))
}

fn counted(count: usize) -> Map<String, Value> {
    Map::from_iter([("count".to_owned(), count.into())])
}
