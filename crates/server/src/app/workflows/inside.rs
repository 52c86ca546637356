//! What runs do to our own data, and what they find in it.
//!
//! Nothing is written here: what is to be written goes into one commit with the step. It is made by the functions that the API uses.

use std::collections::BTreeMap;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Event, EventKind, PageRequest, RunId,
    Session, SessionId, UserId, UserState, backoff,
};
use serde_json::{Map, Value, json};
use store::{Change, UserFilter};
use workflow::{Changed, ONLY, PAGE, REASON, Told};

use crate::app::telling::With;
use crate::app::{App, Error};

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
            Change::EndSession { id, .. } => Some(id.to_string()),
            _ => None,
        });
        ids.collect::<Option<Vec<String>>>().map_or(Changed::Unsaid, Changed::These)
    }
}

/// Why an action did not do what it was to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    /// Whether another attempt could go well.
    pub(super) again: bool,
    /// Whether it was this server's to do: else it is put off, and does not count as an attempt.
    pub(super) here: bool,
}

impl Fault {
    /// One that no other attempt does better.
    pub(super) fn final_one(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: false, here: true }
    }

    /// One that another attempt may not meet.
    pub(super) fn for_now(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, here: true }
    }

    /// One that this server is at fault for: it lacks what another one may have, or it itself one day.
    pub(super) fn not_here(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, here: false }
    }
}

/// A page of what a query finds.
pub(super) struct Found {
    pub(super) items: Vec<Value>,
    pub(super) next: Option<String>,
}

type Arguments = BTreeMap<String, Told>;

impl App {
    /// What an action is to write, and what it gives.
    pub(super) async fn own(
        &self,
        run: RunId,
        action: &str,
        with: &Arguments,
    ) -> Result<Result<(Own, Map<String, Value>), Fault>, Error> {
        let told = match action {
            "authenticator.suspend" => self.authenticators_into(AuthenticatorState::Suspended, with).await?,
            "authenticator.resume" => self.authenticators_into(AuthenticatorState::Active, with).await?,
            "authenticator.revoke" => self.authenticators_into(AuthenticatorState::Revoked, with).await?,
            "session.revoke" => self.sessions_over(with).await?,
            "user.lock" => self.user_into(UserState::Suspended, with).await?,
            "user.unlock" => self.user_into(UserState::Active, with).await?,
            "event.emit" => Ok(self.emitted(with)),
            other => Err(Fault::final_one(format!("this version cannot carry `{other}` out"))),
        };
        Ok(told.map(|(mut own, outputs)| {
            for event in &mut own.events {
                // By the reason they are told from what people do, and by the run it can be seen why.
                event.data.insert("reason".to_owned(), REASON.into());
                event.data.insert("run".to_owned(), run.to_string().into());
            }
            (own, outputs)
        }))
    }

    async fn authenticators_into(
        &self,
        to: AuthenticatorState,
        with: &Arguments,
    ) -> Result<Result<(Own, Map<String, Value>), Fault>, Error> {
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let meant = authenticators.iter().filter(|one| can_be(one, to) && is_meant(with, one.id));
        let mut own = Own::default();
        for authenticator in meant.take(MOST) {
            let (change, event) = self.authenticator_into(None, authenticator, to, None);
            own.changes.push(change);
            own.events.push(event);
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }

    async fn authenticators_meant(&self, with: &Arguments) -> Result<Result<Vec<Authenticator>, Fault>, Error> {
        let mut authenticators = match (text(with, "authenticator"), text(with, "user")) {
            (Some(id), user) => {
                let Ok(id) = id.parse::<AuthenticatorId>() else { return Ok(Err(no_id(id, "an authenticator"))) };
                let found = self.store.authenticator(id).await?;
                let of_user = |one: &Authenticator| user.is_none_or(|user| one.user_id.to_string() == user);
                found.filter(of_user).into_iter().collect()
            }
            (None, Some(user)) => {
                let Ok(user) = user.parse::<UserId>() else { return Ok(Err(no_id(user, "a user"))) };
                self.store.authenticators_of(user).await?
            }
            (None, None) => return Ok(Err(Fault::final_one("neither a user nor an authenticator was said"))),
        };
        if let Some(Told::Value(Value::Array(kinds))) = with.get("kinds") {
            for kind in kinds.iter().filter_map(Value::as_str) {
                if AuthenticatorKind::from_name(kind).is_none() {
                    return Ok(Err(Fault::final_one(format!("there is no kind of authenticator `{kind}`"))));
                }
            }
            authenticators.retain(|one| kinds.iter().any(|kind| kind.as_str() == Some(one.kind.name())));
        }
        Ok(Ok(authenticators))
    }

    async fn sessions_over(&self, with: &Arguments) -> Result<Result<(Own, Map<String, Value>), Fault>, Error> {
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
        let mut own = Own::default();
        for session in sessions.iter().filter(|one| is_meant(with, one.id)).take(MOST) {
            let (change, event) = self.session_over(None, session, None);
            own.changes.push(change);
            own.events.push(event);
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }

    async fn user_into(
        &self,
        to: UserState,
        with: &Arguments,
    ) -> Result<Result<(Own, Map<String, Value>), Fault>, Error> {
        let said = text(with, "user").unwrap_or_default();
        let Ok(id) = said.parse::<UserId>() else { return Ok(Err(no_id(said, "a user"))) };
        let Some(user) = self.store.user(id).await? else {
            return Ok(Err(Fault::final_one("there is no such user, or not any more")));
        };
        if user.state == to || !is_meant(with, id) {
            return Ok(Ok((Own::default(), Map::new())));
        }
        let (change, event) = self.user_in_state(None, id, to);
        Ok(Ok((Own { changes: vec![change], events: vec![event] }, Map::new())))
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

    /// A page of what a query finds.
    pub(super) async fn items_of(
        &self,
        query: &str,
        with: &Arguments,
        cursor: Option<&str>,
    ) -> Result<Result<Found, Fault>, Error> {
        let user = match text(with, "user") {
            Some(said) => match said.parse::<UserId>() {
                Ok(user) => Some(user),
                Err(_) => return Ok(Err(no_id(said, "a user"))),
            },
            None => None,
        };
        Ok(Ok(match (query, user) {
            ("users", _) => {
                let after = cursor.and_then(|cursor| cursor.parse().ok());
                let limit = u32::try_from(PAGE).unwrap_or(1);
                let page = self.store.users(&UserFilter::default(), PageRequest { after, limit }).await?;
                let items = page.items.iter().map(|user| {
                    json!({
                        "id": user.id, "external_id": user.external_id.as_given(),
                        "kind": user.kind.name(), "state": user.state.name(),
                    })
                });
                Found { items: items.collect(), next: page.next.map(|next| next.to_string()) }
            }
            ("authenticators_of", Some(user)) => {
                let kinds = match with.get("kinds") {
                    Some(Told::Value(Value::Array(kinds))) => Some(kinds),
                    _ => None,
                };
                let all = self.store.authenticators_of(user).await?;
                let wanted = all.iter().filter(|one| {
                    kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind.as_str() == Some(one.kind.name())))
                });
                let items = wanted.map(|one| {
                    json!({ "id": one.id, "user": one.user_id, "kind": one.kind.name(), "state": one.state.name() })
                });
                part(items.collect(), cursor)
            }
            ("sessions_of", Some(user)) => {
                let all = self.store.sessions_of(user, self.now()).await?;
                let items = all.iter().map(|one| json!({ "id": one.id, "user": one.user_id, "aal": one.aal.number() }));
                part(items.collect(), cursor)
            }
            _ => return Ok(Err(Fault::final_one(format!("this version cannot answer `{query}` as it is asked")))),
        }))
    }
}

/// Whether an authenticator can come into a state: the store's guard says it again.
fn can_be(authenticator: &Authenticator, to: AuthenticatorState) -> bool {
    let reachable = to.reachable_from().contains(&authenticator.state);
    match to {
        // A pending one is proved, and not resumed; and one with a spent budget is bound anew.
        AuthenticatorState::Active => {
            authenticator.state == AuthenticatorState::Suspended && authenticator.failures < backoff::BUDGET
        }
        _ => reachable,
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

/// A page of items that are there as a whole. The next one goes on after the last item that was seen.
fn part(items: Vec<Value>, cursor: Option<&str>) -> Found {
    let id = |item: &Value| item.get("id").and_then(Value::as_str).map(str::to_owned);
    let mut items = items;
    items.sort_by_key(id);
    if let Some(cursor) = cursor {
        items.retain(|item| id(item).is_some_and(|id| id.as_str() > cursor));
    }
    let more = items.len() > PAGE;
    items.truncate(PAGE);
    let next = items.last().filter(|_| more).and_then(id);
    Found { items, next }
}

fn text<'a>(with: &'a Arguments, name: &str) -> Option<&'a str> {
    match with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

fn no_id(said: &str, of: &str) -> Fault {
    Fault::final_one(format!("`{said}` is no id of {of}"))
}

fn counted(count: usize) -> Map<String, Value> {
    Map::from_iter([("count".to_owned(), count.into())])
}
