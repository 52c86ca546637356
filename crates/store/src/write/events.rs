//! The events of what took effect: positions without gaps, in the order of commits.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use domain::event::About;
use domain::{Event, EventId, EventKind};
use serde_json::Value;
use uuid::Uuid;

use super::outcome::{Counted, Forgotten, Lowered, Outcomes};
use crate::engine::{Connection, Fault};
use crate::read::events::STRETCH;
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Change, Commit};

/// Whoever takes positions holds the head until the end of the transaction, so that positions are in the order in
/// which commits become visible, whichever server makes them.
static TAKE_POSITIONS: Set = Set::new(
    &[("many", Int)],
    "UPDATE event_head AS h SET position = h.position + i.many FROM input i WHERE h.one = 1 RETURNING position",
);

static INSERT_EVENTS: Set = Set::new(
    &[
        ("place", Int),
        ("id", Id),
        ("at", Int),
        ("kind", Text),
        ("application_id", Id),
        ("user_id", Id),
        ("device_id", Id),
        ("authenticator_id", Id),
        ("session_id", Id),
        ("enrollment_id", Id),
        ("challenge_id", Id),
        ("data", Text),
        ("commitment", Blob),
    ],
    "INSERT INTO events
        (position, id, at, kind, application_id, user_id, device_id, authenticator_id, session_id, enrollment_id,
         challenge_id, data, commitment)
     SELECT i.place, i.id, i.at, i.kind, i.application_id, i.user_id, i.device_id, i.authenticator_id, i.session_id,
        i.enrollment_id, i.challenge_id, i.data, i.commitment
     FROM input i",
);

static INSERT_DETAILS: Set = Set::new(
    &[("place", Int), ("fields", Text), ("salt", Blob)],
    "INSERT INTO event_details (position, fields, salt) SELECT i.place, i.fields, i.salt FROM input i",
);

/// In whole seconds, so that most commits find what they would write there already.
static NOTE_STRETCHES: Set = Set::new(
    &[("stretch", Int), ("kind", Text), ("since", Int), ("until", Int)],
    "INSERT INTO event_stretches AS s (stretch, kind, first_at, last_at)
     SELECT i.stretch, i.kind, i.since, i.until FROM input i WHERE true
     ON CONFLICT (stretch, kind) DO UPDATE SET
        first_at = CASE WHEN excluded.first_at < s.first_at THEN excluded.first_at ELSE s.first_at END,
        last_at = CASE WHEN excluded.last_at > s.last_at THEN excluded.last_at ELSE s.last_at END
     WHERE excluded.first_at < s.first_at OR excluded.last_at > s.last_at",
);

/// Which of these users are there, and stay until the end of the transaction. Asked before positions are taken: whoever
/// erases one of them waits for positions with the user in hand.
static HOLD_USERS: Set =
    Set::new(&[("user_id", Id)], "SELECT u.id FROM users u WHERE u.id IN (SELECT i.user_id FROM input i) {share}");

/// Writes the events of every change that was applied; answers the position of the last one.
pub(super) async fn write(
    connection: &mut Connection,
    commits: &[&Commit],
    outcomes: &Outcomes,
) -> Result<Option<i64>, Fault> {
    let events = told(commits, outcomes)?;
    let last = append(connection, &events).await?;
    let first = last.unwrap_or(0) - i64::try_from(events.len()).unwrap_or(i64::MAX) + 1;
    for (index, commit) in commits.iter().enumerate() {
        let Change::FollowLink(follow) = &commit.change else { continue };
        let of = commit.events.first().filter(|_| outcomes.is_applied(index));
        let place = of.and_then(|of| events.iter().position(|event| event.id == of.id));
        if let Some(position) = place.and_then(|place| i64::try_from(place).ok()).map(|place| first + place) {
            super::links::tell_run(connection, follow, position).await?;
        }
    }
    Ok(last)
}

/// Writes events at the end of the log; answers the position of the last one.
pub(crate) async fn append(connection: &mut Connection, events: &[Cow<'_, Event>]) -> Result<Option<i64>, Fault> {
    if events.is_empty() {
        return Ok(None);
    }
    let there = users_with_details(connection, events).await?;
    let many = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last = TAKE_POSITIONS.fetch(connection, Rows::one(&[many.into()]), |row| row.get::<i64>(0)).await?;
    let last = *last.first().ok_or_else(|| Fault::Damaged("the head of the events is missing".to_owned()))?;
    let (mut rows, mut details) = (Rows::default(), Rows::default());
    let mut stretches = Stretches::default();
    for (event, position) in events.iter().zip(last - many + 1..) {
        push(&mut rows, event, position);
        stretches.note(event, position);
        if let Some(of) = &event.details
            && event.about.user_id.is_none_or(|user| there.contains(&user.uuid()))
        {
            details.push(&[position.into(), json(&of.fields).as_str().into(), (&of.salt).into()]);
        }
    }
    INSERT_EVENTS.all(connection, rows).await?;
    INSERT_DETAILS.all(connection, details).await?;
    NOTE_STRETCHES.execute(connection, stretches.rows()).await?;
    connection.announce(last).await?;
    Ok(Some(last))
}

/// From when to when there are events of each kind, by stretch.
#[derive(Default)]
struct Stretches(BTreeMap<(i64, EventKind), (i64, i64)>);

impl Stretches {
    fn note(&mut self, event: &Event, position: i64) {
        const SECOND: i64 = 1000;
        let at = event.at.unix_millis();
        let (since, until) = (at - at.rem_euclid(SECOND), at - at.rem_euclid(SECOND) + SECOND);
        let times = self.0.entry((position / STRETCH, event.kind)).or_insert((since, until));
        *times = (times.0.min(since), times.1.max(until));
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        for ((stretch, kind), (since, until)) in &self.0 {
            rows.push(&[(*stretch).into(), kind.name().into(), (*since).into(), (*until).into()]);
        }
        rows
    }
}

/// Details about somebody who was erased meanwhile are not kept.
async fn users_with_details(connection: &mut Connection, events: &[Cow<'_, Event>]) -> Result<HashSet<Uuid>, Fault> {
    let users: HashSet<Uuid> = events
        .iter()
        .filter(|event| event.details.is_some())
        .filter_map(|event| Some(event.about.user_id?.uuid()))
        .collect();
    Ok(HOLD_USERS.ids(connection, Rows::of_ids(users)).await?.into_iter().collect())
}

fn push(rows: &mut Rows, event: &Event, position: i64) {
    let about = &event.about;
    rows.push(&[
        position.into(),
        event.id.into(),
        event.at.into(),
        event.kind.name().into(),
        event.application_id.into(),
        about.user_id.into(),
        about.device_id.into(),
        about.authenticator_id.into(),
        about.session_id.into(),
        about.enrollment_id.into(),
        about.challenge_id.into(),
        json(&event.data).as_str().into(),
        event.details.as_ref().map(|details| &details.commitment).into(),
    ]);
}

fn json(fields: &serde_json::Map<String, Value>) -> String {
    if fields.is_empty() {
        return "{}".to_owned();
    }
    serde_json::to_string(fields).unwrap_or_else(|_| "{}".to_owned())
}

/// The events of what was applied, in the order of the commits.
fn told<'a>(commits: &[&'a Commit], outcomes: &Outcomes) -> Result<Vec<Cow<'a, Event>>, Fault> {
    let mut events = Vec::with_capacity(commits.len());
    for (index, (commit, outcome)) in commits.iter().zip(outcomes.iter()).enumerate() {
        if !outcomes.is_applied(index) {
            continue;
        }
        let first = events.len();
        events.extend(commit.events.iter().map(Cow::Borrowed));
        events.extend(outcome.told.iter().cloned().map(Cow::Owned));
        if let Some(highest) = outcome.counted.iter().map(|counted| counted.failures).max()
            && let Some(event) = events.get_mut(first)
        {
            event.to_mut().data.insert("failures".to_owned(), Value::from(highest));
        }
        for counted in outcome.counted.iter().filter(|counted| counted.is_exhausted()) {
            events.push(Cow::Owned(suspended(commit, counted)?));
        }
        for browser in &outcome.forgotten {
            events.push(Cow::Owned(forgotten(commit, browser)?));
        }
        for session in &outcome.lowered {
            events.push(Cow::Owned(lowered(commit, session)?));
        }
    }
    Ok(events)
}

/// Tells of an authenticator that was suspended because its budget is spent.
fn suspended(commit: &Commit, counted: &Counted) -> Result<Event, Fault> {
    let (at, challenge_id) = match &commit.change {
        Change::Reject(reject) => (reject.at, Some(reject.challenge_id)),
        _ => (domain::Timestamp::default(), None),
    };
    let first = commit.events.first();
    let data = serde_json::Map::from_iter([("reason".to_owned(), Value::from("failure_budget"))]);
    Ok(Event {
        id: EventId::generate(at, &Random::new()?),
        position: 0,
        at,
        kind: EventKind::AuthenticatorSuspended,
        application_id: first.and_then(|event| event.application_id),
        about: About {
            user_id: Some(counted.user_id),
            device_id: counted.device_id,
            authenticator_id: Some(counted.authenticator_id),
            session_id: first.and_then(|event| event.about.session_id),
            enrollment_id: None,
            challenge_id,
        },
        data,
        details: None,
    })
}

/// Tells of a browser that is remembered no more because something else of its user's changed, at the time and on behalf of whom the
/// commit's own event names.
fn forgotten(commit: &Commit, browser: &Forgotten) -> Result<Event, Fault> {
    let first = commit.events.first();
    let at = first.map(|event| event.at).unwrap_or_default();
    let facts = [("from", "active"), ("kind", "browser"), ("reason", "credential_change")];
    let facts = facts.into_iter().map(|(name, fact)| (name.to_owned(), Value::from(fact)));
    Ok(Event {
        id: EventId::generate(at, &Random::new()?),
        position: 0,
        at,
        kind: EventKind::AuthenticatorRevoked,
        application_id: first.and_then(|event| event.application_id),
        about: About {
            user_id: Some(browser.user_id),
            device_id: browser.device_id,
            authenticator_id: Some(browser.authenticator_id),
            ..About::default()
        },
        data: facts.chain(of_run(first)).collect(),
        details: None,
    })
}

/// Tells of a session that fell back, at the time and on behalf of whom the commit's own event names.
fn lowered(commit: &Commit, session: &Lowered) -> Result<Event, Fault> {
    let first = commit.events.first();
    let at = first.map(|event| event.at).unwrap_or_default();
    Ok(Event {
        id: EventId::generate(at, &Random::new()?),
        position: 0,
        at,
        kind: EventKind::SessionLowered,
        application_id: first.and_then(|event| event.application_id),
        about: About {
            user_id: first.and_then(|event| event.about.user_id),
            device_id: session.device_id,
            authenticator_id: Some(session.authenticator_id),
            session_id: Some(session.session_id),
            enrollment_id: None,
            challenge_id: None,
        },
        data: [("aal".to_owned(), Value::from(session.aal))].into_iter().chain(of_run(first)).collect(),
        details: None,
    })
}

/// Which run of a workflow it follows from, and how many led to that one: so that runs which start each other end some time.
fn of_run(first: Option<&Event>) -> impl Iterator<Item = (String, Value)> {
    let fact = move |name: &str| Some((name.to_owned(), first?.data.get(name)?.clone()));
    ["run", "depth"].into_iter().filter_map(fact)
}

/// Ten random bytes of the operating system's, for one id.
struct Random([u8; 16]);

impl Random {
    fn new() -> Result<Self, Fault> {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(error) => Err(Fault::Unavailable(format!("no random bytes: {error}"))),
        }
    }
}

impl domain::Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) {
        for (to, from) in buffer.iter_mut().zip(self.0) {
            *to = from;
        }
    }
}

#[cfg(test)]
pub(super) static ALL: [&Set; 5] = [&TAKE_POSITIONS, &INSERT_EVENTS, &INSERT_DETAILS, &NOTE_STRETCHES, &HOLD_USERS];
