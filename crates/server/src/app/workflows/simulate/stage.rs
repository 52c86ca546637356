//! Where a simulation takes place: runs that are rehearsed beside each other, on one clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use domain::{Event, RunId, Timestamp, UserId};
use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;
use workflow::{
    Action, Assumed, Cause, ConcurrencyPolicy, Definition, FailureKind, MAX_CALLS, Outcome, Rehearsal, Start, Told,
    Trigger, TriggerKind, Wanted, event_json,
};

use super::super::blast::{TOGETHER, administrators_among, demoted_until, own_budget, shut_out_until};
use super::super::inside::Own;
use super::super::start::pace;
use super::tally::{About, OneRun, Simulated, Tally, Untold, many};
use super::{MOST_EVENTS, MOST_RUNS};
use crate::app::{App, Error};

/// The actions of which it is looked up what they would touch: they write nothing before the commit.
const COUNTED: &[&str] = &[
    "authenticator.suspend",
    "authenticator.resume",
    "authenticator.revoke",
    "authenticator.expire",
    "session.revoke",
    "user.lock",
    "user.unlock",
    "user.add_to_group",
    "user.remove_from_group",
];
/// The most steps that are told of one run.
const MOST_STEPS: usize = 50;
/// The most users that are told of.
const MOST_USERS: usize = 1000;

pub(super) struct Stage<'a> {
    app: &'a App,
    definition: Arc<Definition>,
    assumed: Arc<Assumed>,
    deadline: Instant,
    tally: Tally,
    now: Timestamp,
    /// The runs that are not over, by their number.
    going: BTreeMap<u64, Going>,
    /// When which of them goes on by itself.
    due: BTreeSet<(Timestamp, u64)>,
    /// The runs of each key: the first one is under way, the others wait for it.
    slots: HashMap<String, VecDeque<u64>>,
    /// When the next run may begin, where a workflow says how many may.
    begin_at: Timestamp,
    is_cut: bool,
}

struct Going {
    /// Until it begins.
    start: Option<Start>,
    rehearsal: Option<Rehearsal>,
    user: Option<UserId>,
    key: Option<String>,
    due: Option<Timestamp>,
    began: Timestamp,
    /// Its place among those that are told of one by one.
    told: Option<usize>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(app: &'a App, definition: Arc<Definition>, assumed: Assumed, deadline: Instant) -> Self {
        Self {
            app,
            definition,
            assumed: Arc::new(assumed),
            deadline,
            tally: Tally::default(),
            now: Timestamp::default(),
            going: BTreeMap::new(),
            due: BTreeSet::new(),
            slots: HashMap::new(),
            begin_at: Timestamp::default(),
            is_cut: false,
        }
    }

    /// Whether there is more than can be looked at.
    pub(super) fn is_cut(&mut self) -> bool {
        let much = self.tally.events >= MOST_EVENTS || self.tally.fired >= MOST_RUNS;
        self.is_cut |= much || Instant::now() >= self.deadline;
        self.is_cut
    }

    /// An event of the log: whoever waits for it is told, and a run may begin.
    pub(super) async fn event(&mut self, event: &Event) -> Result<(), Error> {
        self.until(event.at).await?;
        self.tally.events += 1;
        if self.definition.awaits().contains(&event.kind) {
            let waiting: Vec<u64> =
                self.going.iter().filter(|(_, one)| is_told(one, event)).map(|(number, _)| *number).collect();
            for number in waiting {
                if let Some(rehearsal) = self.going.get_mut(&number).and_then(|one| one.rehearsal.as_mut()) {
                    rehearsal.tell(event.position, event_json(event), event.at);
                }
                self.settle(number).await?;
            }
        }
        let starts = |kind: &TriggerKind| *kind == TriggerKind::Event(event.kind);
        let depth = event.data.get("depth").and_then(Value::as_u64).map_or(0, |depth| depth + 1);
        if depth <= u64::from(MAX_CALLS) && self.definition.triggers().iter().any(|trigger| starts(&trigger.kind)) {
            self.happens(&Cause::event(event), event.at).await?;
        }
        Ok(())
    }

    /// Something that may start a run.
    pub(super) async fn happens(&mut self, cause: &Cause, at: Timestamp) -> Result<(), Error> {
        self.until(at).await?;
        let position = match cause {
            Cause::Event(event) => event.get("position").and_then(Value::as_i64),
            _ => None,
        };
        let told = self.definition.is_started_by(cause).and_then(|is_started| {
            let key = self.definition.concurrency_key(cause)?;
            Ok(is_started.then_some((self.definition.subject_of(cause)?, key)))
        });
        let (subject, key) = match told {
            Ok(Some(told)) => told,
            Ok(None) => return Ok(()),
            Err(message) => {
                self.tally.untold(Untold { position, at, message });
                return Ok(());
            }
        };
        let key = key.filter(|_| self.definition.concurrency().is_some());
        if !self.may_begin(key.as_ref(), at).await? {
            self.tally.skipped += 1;
            return Ok(());
        }
        let user = subject.as_deref().and_then(|subject| subject.parse().ok());
        let begins_at = self.paced(at);
        let run = OneRun {
            at: begins_at,
            position,
            subject,
            outcome: None,
            took_seconds: None,
            steps: Vec::new(),
            error: None,
        };
        let told = self.tally.begins(run, user);
        let number = self.tally.fired;
        let start = Start {
            id: RunId::from_uuid(Uuid::from_u64_pair(0, number)).to_string(),
            cause: cause.clone(),
            requester: matches!(cause, Cause::Manual { .. }).then(|| "somebody".to_owned()),
            depth: 0,
        };
        let mut going = Going { start: Some(start), rehearsal: None, user, key, due: None, began: begins_at, told };
        let first = match &going.key {
            None => true,
            Some(key) => {
                let slot = self.slots.entry(key.clone()).or_default();
                slot.push_back(number);
                slot.len() == 1
            }
        };
        if first {
            going.due = Some(begins_at);
            self.due.insert((begins_at, number));
        }
        self.going.insert(number, going);
        self.until(at).await
    }

    /// What the workflow says of runs of one key. Where the later one takes the place of the earlier ones, those are cancelled.
    async fn may_begin(&mut self, key: Option<&String>, at: Timestamp) -> Result<bool, Error> {
        let earlier: Vec<u64> =
            key.and_then(|key| self.slots.get(key)).map(|slot| slot.iter().copied().collect()).unwrap_or_default();
        match self.definition.concurrency() {
            Some(ConcurrencyPolicy::Drop) => Ok(earlier.is_empty()),
            Some(ConcurrencyPolicy::Coalesce) => Ok(earlier.len() < 2),
            Some(ConcurrencyPolicy::Replace) => {
                for number in earlier {
                    match self.going.get_mut(&number).and_then(|one| one.rehearsal.as_mut()) {
                        Some(rehearsal) => {
                            rehearsal.cancel("another one takes its place".to_owned(), at);
                            self.settle(number).await?;
                        }
                        None => self.over(number, "cancelled", None),
                    }
                }
                Ok(true)
            }
            Some(ConcurrencyPolicy::Queue) | None => Ok(true),
        }
    }

    /// When a run begins that could begin now.
    fn paced(&mut self, at: Timestamp) -> Timestamp {
        let pace = pace(&self.definition);
        if pace == 0 {
            return at;
        }
        let begins_at = self.begin_at.max(at);
        self.begin_at = Timestamp::from_unix_millis(begins_at.unix_millis().saturating_add(pace));
        begins_at
    }

    /// Has time go by.
    async fn until(&mut self, to: Timestamp) -> Result<(), Error> {
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= to) {
            if self.is_cut() {
                return Ok(());
            }
            self.now = self.now.max(at);
            self.due.remove(&(at, number));
            self.goes_on(number, at).await?;
        }
        self.now = self.now.max(to);
        Ok(())
    }

    /// Has all runs that are under way come to their end, however long that takes them.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        let until = self.now;
        self.until(Timestamp::from_unix_millis(i64::MAX)).await?;
        // What was looked at ends where the log does.
        self.now = until;
        Ok(())
    }

    async fn goes_on(&mut self, number: u64, at: Timestamp) -> Result<(), Error> {
        let Some(going) = self.going.get_mut(&number) else { return Ok(()) };
        going.due = None;
        match (&mut going.rehearsal, going.start.take()) {
            (Some(rehearsal), _) => rehearsal.fire(),
            (none, Some(start)) => {
                going.began = at;
                match Rehearsal::begin(Arc::clone(&self.definition), start, at, Arc::clone(&self.assumed)) {
                    Ok(rehearsal) => *none = Some(rehearsal),
                    Err(refused) => {
                        let why = refused.to_string();
                        self.tally.failed(None, FailureKind::Expression, &why);
                        self.over(number, "failed", Some(why));
                        return Ok(());
                    }
                }
            }
            (None, None) => return Ok(()),
        }
        self.settle(number).await
    }

    /// Says what a run wants to know, until it waits or is over.
    async fn settle(&mut self, number: u64) -> Result<(), Error> {
        loop {
            let Some(going) = self.going.get_mut(&number) else { return Ok(()) };
            let Some(rehearsal) = going.rehearsal.as_mut() else { return Ok(()) };
            let wanted = rehearsal.wanted();
            self.tally.happened(&rehearsal.take_history());
            for (step, workflow) in rehearsal.take_calls() {
                self.tally.called(step, workflow);
            }
            for waited in rehearsal.take_waits() {
                self.tally.waited(&waited.step, waited.end.name());
            }
            let Some(wanted) = wanted else { break };
            if Instant::now() >= self.deadline {
                self.is_cut = true;
                return Ok(());
            }
            self.answer(number, wanted).await?;
        }
        let Some(going) = self.going.get_mut(&number) else { return Ok(()) };
        let Some(rehearsal) = going.rehearsal.as_ref() else { return Ok(()) };
        if rehearsal.is_at_rest() {
            let outcome = match rehearsal.run().outcome() {
                Some(outcome) => Outcome::name(outcome),
                None if rehearsal.is_held() => "held",
                None => "endless",
            };
            let error = rehearsal.run().failure().map(|failure| failure.message.clone());
            self.now = self.now.max(rehearsal.now());
            self.over(number, outcome, error);
            return Ok(());
        }
        if let Some(before) = going.due.take() {
            self.due.remove(&(before, number));
        }
        going.due = rehearsal.due();
        self.due.extend(going.due.map(|at| (at, number)));
        Ok(())
    }

    async fn answer(&mut self, number: u64, wanted: Wanted) -> Result<(), Error> {
        match wanted {
            Wanted::Page { key, query, with, page, cursor } => {
                let found = self.app.items_of(&query, &with, cursor.as_deref()).await?;
                if let Some(rehearsal) = self.rehearsal(number) {
                    match found {
                        Ok(found) => rehearsal.page(key, page, found.items, found.next),
                        Err(fault) => rehearsal.no_page(key, page, fault.message),
                    }
                }
            }
            Wanted::Act { key, action, with, attempt } => {
                let done = self.would_do(&action, &with).await?;
                let step = if key.undo { format!("undo {}", key.step) } else { key.step.clone() };
                if attempt == 1 {
                    let own = done.as_ref().map_or(&NOTHING, |(own, _)| own);
                    self.tally.acts(&step, &action, user_of(&with), own);
                    let told = self.going.get(&number).and_then(|one| one.told);
                    let steps = told.and_then(|place| self.tally.runs.get_mut(place)).map(|run| &mut run.steps);
                    if let Some(steps) = steps.filter(|steps| steps.len() < MOST_STEPS) {
                        steps.push(step);
                    }
                }
                match (self.rehearsal(number), done) {
                    (Some(rehearsal), Ok((_, outputs))) => rehearsal.act(key, attempt, outputs),
                    (Some(rehearsal), Err(message)) => rehearsal.fail(key, attempt, message),
                    (None, _) => {}
                }
            }
        }
        Ok(())
    }

    /// What an action would write, and give: looked up where that can be known, made up elsewhere.
    async fn would_do(
        &self,
        action: &str,
        with: &BTreeMap<String, Told>,
    ) -> Result<Result<(Own, Map<String, Value>), String>, Error> {
        if COUNTED.contains(&action) {
            let own = self.app.own(RunId::from_uuid(Uuid::nil()), action, with).await?;
            return Ok(own.map_err(|fault| fault.message));
        }
        let outputs = Action::named(action).map(Action::made_up).unwrap_or_default();
        Ok(Ok((Own::default(), outputs)))
    }

    fn rehearsal(&mut self, number: u64) -> Option<&mut Rehearsal> {
        self.going.get_mut(&number)?.rehearsal.as_mut()
    }

    /// A run is over, and whoever waited for it begins.
    fn over(&mut self, number: u64, outcome: &'static str, error: Option<String>) {
        let Some(going) = self.going.remove(&number) else { return };
        if let Some(at) = going.due {
            self.due.remove(&(at, number));
        }
        let ended = going.rehearsal.as_ref().map_or(self.now, Rehearsal::now);
        *self.tally.outcomes.entry(outcome).or_default() += 1;
        if let Some(run) = going.told.and_then(|place| self.tally.runs.get_mut(place)) {
            run.at = going.began;
            run.outcome = Some(outcome);
            run.took_seconds = Some(ended.since(going.began).as_secs());
            run.error = error;
        }
        let Some(key) = going.key else { return };
        let Some(slot) = self.slots.get_mut(&key) else { return };
        slot.retain(|other| *other != number);
        match slot.front().copied() {
            None => drop(self.slots.remove(&key)),
            Some(next) => {
                if let Some(going) = self.going.get_mut(&next).filter(|going| going.start.is_some()) {
                    let at = going.began.max(ended);
                    going.due = Some(at);
                    self.due.insert((at, next));
                }
            }
        }
    }

    /// What was found out.
    pub(super) async fn simulated(mut self, since: Timestamp, until: Timestamp) -> Result<Simulated, Error> {
        let until = if self.is_cut { self.now.max(since) } else { until };
        let mut touched = self.tally.touched();
        let (shut_out, is_whole) =
            shut_out_until(self.app, &self.tally.lost, &self.tally.locked, self.deadline).await?;
        touched.shut_out = many(shut_out.len());
        let (administrators, are_known) = administrators_among(self.app, &shut_out, self.deadline).await?;
        touched.administrators_shut_out = administrators.into_iter().map(|(_, name)| name).collect();
        let (demoted, are_all_demoted) = demoted_until(self.app, &self.tally.moves, self.deadline).await?;
        touched.administrators_demoted = demoted;
        // To which budget each of them would count is not gone into: as little as is left of any.
        let name = self.definition.name();
        let mut most = 0;
        for budget in [TOGETHER.to_owned(), own_budget(name, false), own_budget(name, true)] {
            most = most.max(self.app.store.shut_out(&budget, self.app.now()).await?);
        }
        touched.may_shut_out = u64::try_from(self.app.most_shut_out().await?.saturating_sub(most)).unwrap_or(0);
        touched.takes_two_people = !touched.administrators_shut_out.is_empty()
            || !touched.administrators_demoted.is_empty()
            || touched.shut_out > touched.may_shut_out;
        let (users, are_all) = self.users().await?;
        let is_cut = self.is_cut || !is_whole || !are_known || !are_all_demoted || !are_all;
        let tally = &mut self.tally;
        Ok(Simulated {
            workflow: self.definition.name().to_owned(),
            digest: self.definition.digest().to_owned(),
            since,
            until,
            is_cut,
            events: tally.events,
            fired: tally.fired,
            skipped: tally.skipped,
            not_told: tally.not_told,
            untold: std::mem::take(&mut tally.untold),
            outcomes: std::mem::take(&mut tally.outcomes),
            actions: in_order(&self.definition, tally.actions(), |acted| &acted.step),
            waits: in_order(&self.definition, tally.waits(), |wait| &wait.step),
            calls: in_order(&self.definition, tally.calls(), |call| &call.step),
            failures: tally.failures(),
            users,
            users_in_all: many(tally.by_user.len()),
            touched,
            runs: std::mem::take(&mut tally.runs),
            assumed: assumed(&self.definition, self.assumed.approve),
        })
    }

    /// Whom runs would have been about, and whether there was time for all of them that are told of.
    async fn users(&self) -> Result<(Vec<About>, bool), Error> {
        let mut by_user: Vec<(UserId, u64)> = self.tally.by_user.iter().map(|(user, runs)| (*user, *runs)).collect();
        by_user.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut users = Vec::new();
        for (user_id, runs) in by_user.into_iter().take(MOST_USERS) {
            if Instant::now() >= self.deadline {
                return Ok((users, false));
            }
            let found = self.app.store.user(user_id).await?;
            let external_id = found.map(|user| user.external_id.as_given().to_owned());
            users.push(About { user_id, external_id, runs });
        }
        Ok((users, true))
    }
}

static NOTHING: Own = Own { changes: Vec::new(), events: Vec::new() };

/// Whether a run is told of an event that it may wait for: one about a user of those about that user, and of those that are about nobody.
fn is_told(going: &Going, event: &Event) -> bool {
    let is_meant = !event.kind.concerns_users() || going.user.is_none() || going.user == event.about.user_id;
    going.rehearsal.is_some() && is_meant
}

fn user_of(with: &BTreeMap<String, Told>) -> Option<UserId> {
    match with.get("user") {
        Some(Told::Value(Value::String(user))) => user.parse().ok(),
        _ => None,
    }
}

/// In the order in which the steps stand in the document.
fn in_order<T>(definition: &Definition, mut all: Vec<T>, step: impl Fn(&T) -> &str) -> Vec<T> {
    let places: HashMap<&str, usize> = definition.steps().enumerate().map(|(place, (id, _))| (id, place)).collect();
    all.sort_by_key(|one| places.get(step(one).trim_start_matches("undo ")).copied());
    all
}

fn assumed(definition: &Definition, approve: bool) -> Vec<String> {
    let approvals = if approve { "people approve at once" } else { "nobody answers an approval: its time runs out" };
    let mut assumed = vec![
        "nothing was done: what an action outside gives is made up, and goes well",
        "queries find, and actions on our own data touch, what there is now",
        "a wait ends with an event of the log, or else its time goes by",
        approvals,
        "a workflow that is called ends well",
    ];
    let is_logged = |trigger: &Trigger| matches!(trigger.kind, TriggerKind::Event(_) | TriggerKind::Schedule(_));
    if !definition.triggers().iter().all(is_logged) {
        assumed.push("of a workflow that is started by hand, by a call from outside or by another one, those starts are not looked for: `inputs` says one");
    }
    assumed.into_iter().map(str::to_owned).collect()
}
