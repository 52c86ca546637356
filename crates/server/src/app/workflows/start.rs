//! Starting runs: whose they are, what they meet, and what is told of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use domain::event::About;
use domain::{Event, EventKind, Run, RunId, RunState, Scope, UserId};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use store::{BeginRuns, Change, Effect, Meeting, NewRun};
use workflow::{Cause, ConcurrencyPolicy, Definition, Extent, Input, Key, Need, TriggerKind};

use super::{InForce, requesters};
use crate::app::telling::With;
use crate::app::{Actor, App, Error, Made, Once};

/// The longest key of runs of one kind, in bytes: it stands in an index.
const LONGEST_KEY: usize = 512;

/// What starts a run, and how it is kept until it begins.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Started {
    pub(crate) cause: Cause,
    pub(crate) requester: Option<String>,
    pub(crate) depth: u32,
    /// Whether something was told that nobody may see: the server that took it holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) held: bool,
    /// Whether a loop called it, however far up: it is about whom a workflow found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) in_loop: bool,
    /// How much those loops are about, as far as they were counted, and whether each goes through all that its query finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) around: Vec<(Extent, bool)>,
}

impl Started {
    /// By nobody in person.
    pub(super) const fn by(cause: Cause, depth: u32) -> Self {
        Self { cause, requester: None, depth, held: false, in_loop: false, around: Vec::new() }
    }
}

/// What can be said of that where it cannot be read: however deep it is.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Outline {
    pub(super) cause: CauseOutline,
    pub(super) requester: Option<String>,
    pub(super) depth: u32,
    #[serde(default)]
    in_loop: bool,
}

/// Whether a loop called a run, or what called it, and so on. Where that cannot be read, it did.
pub(super) fn is_called_in_loop(run: &Run) -> bool {
    let Some((_, step)) = &run.caller else { return false };
    let outside = step.parse::<Key>().is_ok_and(|key| key.iteration.is_empty());
    !outside || serde_json::from_str::<Outline>(&run.cause).map_or(true, |outline| outline.in_loop)
}

/// What sort of thing started a run.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CauseOutline {
    Event(IgnoredAny),
    Schedule,
    Webhook(IgnoredAny),
    Manual(IgnoredAny),
    Call(IgnoredAny),
    #[default]
    #[serde(skip)]
    Unknown,
}

impl Outline {
    pub(super) fn of(cause: &str) -> Self {
        serde_json::from_str(cause).unwrap_or_default()
    }
}

impl CauseOutline {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Schedule => "schedule",
            Self::Webhook(_) => "webhook",
            Self::Manual(_) => "manual",
            Self::Call(_) => "call",
            Self::Unknown => "unknown",
        }
    }
}

/// A run that a person starts.
#[derive(Debug)]
pub(crate) struct ByHand {
    /// Who: an id of ours, or what the application calls them.
    pub(crate) requester: String,
    /// The roles that they have, in the application's words.
    pub(crate) roles: Vec<String>,
    /// What they filled in.
    pub(crate) inputs: Map<String, Value>,
}

impl App {
    /// A workflow that is in force, with the scopes that whoever starts it has to have: those of what its runs do, and the runs that those call, or start
    /// by an event of their own name.
    pub(crate) fn workflow_to_start(&self, name: &str) -> Result<(InForce, BTreeSet<Scope>), Error> {
        let in_force = self.workflows.in_force();
        let found = in_force.get(name).ok_or(Error::NotFound("workflow"))?;
        let (mut seen, mut scopes) = (vec![name], BTreeSet::new());
        let mut at = 0;
        while let Some(next) = seen.get(at).copied() {
            at += 1;
            let Some(workflow) = in_force.get(next) else { continue };
            scopes.extend(scopes_of(&workflow.definition));
            let is_started = |other: &&InForce| workflow::emits_to(&workflow.definition, &other.definition);
            let started = in_force.values().filter(is_started).map(|other| other.definition.name());
            for next in workflow.definition.calls().chain(started) {
                if !seen.contains(&next) {
                    seen.push(next);
                }
            }
        }
        Ok((found.clone(), scopes))
    }

    /// Starts a run for a person. By the caller's key, if there is one, requests that say the same are one.
    pub(crate) async fn start_run(
        &self,
        actor: &Actor,
        found: &InForce,
        by_hand: ByHand,
        key: Option<&str>,
    ) -> Result<Made<Run>, Error> {
        let ByHand { requester, roles, mut inputs } = by_hand;
        let secrets = found.definition.take_secrets(&mut inputs).map_err(|why| Error::invalid("/inputs", why))?;
        let by_hand = found.definition.triggers().iter().any(|trigger| matches!(trigger.kind, TriggerKind::Manual(_)));
        if !by_hand {
            return Err(Error::Conflict("nobody starts this workflow by hand: it has no trigger `manual`"));
        }
        let once = key.map(|key| once(key, found.definition.name(), &requester, &roles, &inputs));
        let once = once.as_ref();
        // Who it is, and not what they are called today: an id is nobody's once its user is erased, and nobody else is ever called so.
        let requester = self.user_called(&requester).await?.map_or(requester, |user| user.id.to_string());
        let inputs = self.with_users(&found.definition, inputs).await?;
        let cause = Cause::Manual { roles, inputs }.taken().map_err(|why| Error::invalid("/inputs", why))?;
        match found.definition.is_started_by(&cause) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::invalid("/roles", "none of them may start this workflow as it is asked for"));
            }
            Err(why) => return Err(Error::invalid("/inputs", why)),
        }
        // What is told to it is looked at here, where somebody hears of it.
        found.definition.subject_of(&cause).map_err(|why| Error::invalid("/inputs", why))?;
        let id = RunId::generate(self.now(), &*self.entropy);
        let held = !secrets.is_empty();
        let started = Started { requester: Some(requester), held, ..Started::by(cause, 0) };
        let since = *self.store.head().borrow();
        let new = self.run_of(id, found, &started, Some(actor), since).map_err(|why| Error::invalid("/inputs", why))?;
        if held && !self.workflows.held.put(id, secrets, self.now()) {
            return Err(Error::Conflict("too many runs hold what nobody may see: try again in some minutes"));
        }
        let record = Once::record(once, actor, new.run.id, new.run.created_at);
        let run = new.run.clone();
        let change = Change::BeginRuns(Box::new(BeginRuns { runs: vec![new], ..BeginRuns::default() }));
        let effect = self.commit_once(change, Vec::new(), record).await;
        if !matches!(effect, Ok(Effect::Applied)) {
            self.workflows.held.forget(id);
        }
        let effect = effect?;
        let made = Once::made(once, effect, run, Error::Conflict("the run could not be started"))?;
        let id = match &made {
            Made::New(run) => Some(run.id),
            Made::Before(id) => id.parse().ok(),
        };
        // An earlier request with the same key is answered as it was: a run that was not started is not there now either.
        if let Some(id) = id
            && self.store.run(id).await?.is_none()
        {
            return Err(Error::Conflict("no run was started: one of its kind was under way"));
        }
        self.workflows.due.notify_one();
        Ok(made)
    }

    /// A run, as it is to be written. What could not be told of it is the error.
    pub(super) fn new_run(
        &self,
        workflow: &InForce,
        started: &Started,
        actor: Option<&Actor>,
        since: i64,
    ) -> Result<NewRun, String> {
        self.run_of(RunId::generate(self.now(), &*self.entropy), workflow, started, actor, since)
    }

    /// The same, by an id that is known before.
    fn run_of(
        &self,
        id: RunId,
        workflow: &InForce,
        started: &Started,
        actor: Option<&Actor>,
        since: i64,
    ) -> Result<NewRun, String> {
        let definition = &workflow.definition;
        let mut started = started.clone();
        started.cause = std::mem::replace(&mut started.cause, Cause::Schedule).taken()?;
        let subject = definition.subject_of(&started.cause)?;
        let user_id = subject.as_deref().and_then(|subject| subject.parse::<UserId>().ok());
        let key = definition.concurrency_key(&started.cause)?;
        if let Some(key) = &key
            && (key.len() > LONGEST_KEY || key.contains('\0'))
        {
            return Err(format!("the `key` of `concurrency` has more than {LONGEST_KEY} bytes, or a zero character"));
        }
        let now = self.now();
        let run = Run {
            id,
            workflow: definition.name().to_owned(),
            digest: definition.digest().to_owned(),
            state: RunState::Running,
            user_id,
            key: key.filter(|_| definition.concurrency().is_some()),
            cause: serde_json::to_string(&started).map_err(|error| error.to_string())?,
            machine: None,
            pending: "[]".to_owned(),
            error: None,
            caller: None,
            lines: 0,
            created_at: now,
            ended_at: None,
        };
        let about = |kind| of_run(self.event(kind, actor, About::default()), &run, started.depth);
        let (started_event, skipped) = (about(EventKind::RunStarted), about(EventKind::RunSkipped));
        // By it `why_not` tells which event did not start a run.
        let skipped = match &started.cause {
            Cause::Event(event) => skipped.with("event", event.get("id").cloned().unwrap_or_default()),
            _ => skipped,
        };
        let skipped = match &started.requester {
            Some(requester) => skipped.with("requester", requesters::told(requester, &run.id.to_string())),
            None => skipped,
        };
        let meeting = meeting(definition, &run);
        let (pace, awaits) = (pace(definition), definition.awaits());
        Ok(NewRun { run, meeting, pace, started: started_event, skipped, awaits, since })
    }
}

/// What makes two requests one. What nobody may see is left out of what is kept: of a code with six digits a hash is no secret.
fn once(key: &str, workflow: &str, requester: &str, roles: &[String], inputs: &Map<String, Value>) -> Once {
    let said = json!({ "workflow": workflow, "requester": requester, "roles": roles, "inputs": inputs }).to_string();
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"countersign start v1\n");
    hash.update(said.as_bytes());
    let mut request_hash = [0; 32];
    request_hash.copy_from_slice(hash.finish().as_ref());
    Once { key: key.to_owned(), request_hash }
}

/// The scopes that what a workflow does takes where it is asked for by itself.
fn scopes_of(definition: &Definition) -> impl Iterator<Item = Scope> {
    definition.needs().into_iter().filter_map(|(need, _)| match need {
        Need::Action(action) => scope_of(action),
        _ => None,
    })
}

/// The scopes that putting a workflow into force takes: those of what it does, and of what it gets to see. Whoever starts it sees nothing by that; whoever
/// says what it goes through, waits for and does with it does.
pub(in crate::app) fn scopes_to_apply(definition: &Definition) -> BTreeSet<Scope> {
    scopes_of(definition).chain(scopes_to_see(definition)).collect()
}

/// The scopes of what a workflow gets to see: of whoever has it told, by putting it into force or by simulating it.
pub(super) fn scopes_to_see(definition: &Definition) -> BTreeSet<Scope> {
    let queries = definition.needs().into_iter().filter_map(|(need, _)| match need {
        Need::Query(query) => Some(scope_of_query(query)),
        _ => None,
    });
    let is_told = |kind: &TriggerKind| matches!(kind, TriggerKind::Event(_));
    let sees_events = !definition.awaits().is_empty() || definition.triggers().iter().any(|one| is_told(&one.kind));
    queries.chain(sees_events.then_some(Scope::EventsRead)).collect()
}

fn scope_of_query(query: &str) -> Scope {
    match query {
        "users" => Scope::UsersRead,
        "authenticators" | "authenticators_of" => Scope::AuthenticatorsRead,
        "sessions_of" => Scope::Sessions,
        // One that came later, and was not thought of here.
        _ => Scope::Admin,
    }
}

fn scope_of(action: &str) -> Option<Scope> {
    match action.split_once('.')?.0 {
        "authenticator" => Some(Scope::AuthenticatorsWrite),
        "enrollment" => Some(Scope::Enrollments),
        "session" => Some(Scope::Sessions),
        "user" => Some(Scope::UsersWrite),
        // Nobody but an administrator does that otherwise.
        "recovery" | "risk" | "gateway" => Some(Scope::Admin),
        _ => None,
    }
}

/// An event about a run.
pub(super) fn of_run(mut event: Event, run: &Run, depth: u32) -> Event {
    event.about.user_id = run.user_id;
    let event = event.with("run", run.id.to_string()).with("workflow", run.workflow.as_str());
    event.with("digest", run.digest.as_str()).with("depth", depth)
}

fn meeting(definition: &Arc<Definition>, run: &Run) -> Meeting {
    match definition.concurrency() {
        None | Some(ConcurrencyPolicy::Queue) => Meeting::Queue,
        Some(ConcurrencyPolicy::Drop) => Meeting::Drop,
        Some(ConcurrencyPolicy::Coalesce) => Meeting::Coalesce,
        Some(ConcurrencyPolicy::Replace) => {
            let input = Input::Cancel { reason: format!("{} takes its place", run.id) };
            Meeting::Replace { input: json!(input).to_string() }
        }
    }
}

/// How many milliseconds lie between two runs, where a workflow says how many may begin.
pub(super) fn pace(definition: &Definition) -> i64 {
    let Some(rate) = definition.limits().rate else { return 0 };
    let per = i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX);
    (per / i64::from(rate.number.max(1))).max(1)
}

#[cfg(test)]
mod tests {
    use workflow::{ACTIONS, QUERIES, Reach};

    use super::*;

    /// T-18: what is kept of a request does not say which secret it told.
    #[test]
    fn w05_t18_what_makes_two_starts_one_is_without_what_nobody_may_see() {
        const FILE: &str = "
apiVersion: countersign/v1
kind: Workflow
metadata: {name: ask}
triggers: [{manual: {roles: [helpdesk]}}]
inputs: {user: {type: user, required: true}, code: {type: text, required: true, secret: true}}
steps: [{id: over, action: event.emit, with: {name: over}}]
";
        let definition = Definition::read("ask.yaml", FILE).unwrap();
        let hash = |inputs: Value| {
            let mut inputs = inputs.as_object().cloned().unwrap();
            definition.take_secrets(&mut inputs).unwrap();
            once("k", definition.name(), "ana", &["helpdesk".to_owned()], &inputs).request_hash
        };
        let one = hash(json!({"user": "usr_1", "code": "314159"}));
        assert_eq!(one, hash(json!({"user": "usr_1", "code": "271828"})));
        assert_ne!(one, hash(json!({"user": "usr_2", "code": "314159"})));
    }

    #[test]
    fn what_is_done_to_our_own_data_takes_its_scope() {
        // What a run says, by an event or a link, is its own.
        let says = ["event.emit", "link.create"];
        for action in ACTIONS.iter().filter(|one| one.reach == Reach::Inside && !says.contains(&one.name)) {
            assert!(scope_of(action.name).is_some(), "{}", action.name);
        }
        assert_eq!(scope_of("user.lock"), Some(Scope::UsersWrite));
    }

    #[test]
    fn s11_what_a_workflow_gets_to_see_takes_its_scope_of_whoever_puts_it_there() {
        let scopes = |triggers: &str, steps: &str| {
            let text = format!(
                "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {name}\ntriggers: [{triggers}]\nsteps:\n{steps}",
                name = "{name: w}"
            );
            let definition = Definition::read("w.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
            (scopes_of(&definition).collect::<Vec<_>>(), scopes_to_apply(&definition).into_iter().collect::<Vec<_>>())
        };
        let manual = "manual: {roles: [helpdesk]}";
        let emits = "  - {id: a, action: event.emit, with: {name: seen}}\n";
        assert_eq!(scopes(&format!("{{{manual}}}"), emits), (vec![], vec![]));
        assert_eq!(scopes("{event: user.created}", emits), (vec![], vec![Scope::EventsRead]));
        let waits = format!("  - {{id: w, wait: {{event: user.created, timeout: 1h, on_timeout: continue}}}}\n{emits}");
        assert_eq!(scopes(&format!("{{{manual}}}"), &waits), (vec![], vec![Scope::EventsRead]));
        for query in QUERIES {
            assert_ne!(scope_of_query(query.name), Scope::Admin, "{}", query.name);
        }
        let loops = "  - id: each\n    for_each:\n      query: users\n      as: one\n      limit: 9\n      breaker: {failures: 10%, after: 20}\n      steps: [{id: lock, action: user.lock, with: {user: '${one.id}'}}]\n";
        let (starts, applies) = scopes(&format!("{{{manual}}}"), loops);
        assert_eq!(starts, [Scope::UsersWrite]);
        assert_eq!(applies.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([Scope::UsersRead, Scope::UsersWrite]));
    }
}
