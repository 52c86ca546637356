//! What a workflow would have done: the machine itself over what is in the log, with effects that are made up and a clock that jumps.
//!
//! Nothing is written, sent or called here. What queries find, and what actions on our own data would touch, is looked up as it is now: how it was
//! then is known of nothing.

mod stage;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{EventKind, PageRequest, Timestamp};
use serde_json::{Map, Value, json};
use store::{EventFilter, StoreError};
use tokio::time::Instant;
use workflow::{Assumed, Cause, Definition, Mistake, TriggerKind};

use crate::app::applications::has;
use crate::app::workflows::start::scopes_to_see;
use crate::app::{Actor, App, Error};
use stage::Stage;
pub(crate) use tally::Simulated;

/// Events that are looked at at a time.
const PART: u32 = 500;
/// The most events that are looked at, the oldest first.
const MOST_EVENTS: u64 = 200_000;
/// The most runs that are begun.
const MOST_RUNS: u64 = 20_000;
/// The most times that a schedule fires.
const MOST_TIMES: usize = 10_000;
/// How long to go on: an answer has to come before whoever asked gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is to be simulated.
#[derive(Debug)]
pub(crate) struct Simulate {
    pub(crate) of: Of,
    pub(crate) over: Over,
    /// Whether people approve; otherwise their time runs out.
    pub(crate) approve: bool,
    /// What steps give, where it is not what is made up.
    pub(crate) results: BTreeMap<String, Map<String, Value>>,
}

/// Of which workflow.
#[derive(Debug)]
pub(crate) enum Of {
    /// The one in force that is called so.
    Named(String),
    /// The one that a file says.
    Document(String),
}

/// Over what.
#[derive(Debug)]
pub(crate) enum Over {
    /// All events, and all times, from then until now.
    Since(Timestamp),
    /// One event, as expressions see it.
    Event(Value),
    /// Somebody who starts it by hand, with any of its roles, and fills this in.
    ByHand(Map<String, Value>),
}

impl App {
    /// Says what a workflow would have done.
    pub(crate) async fn simulate_workflow(
        self: &Arc<Self>,
        actor: &Actor,
        simulate: Simulate,
    ) -> Result<Simulated, Error> {
        let definition = self.to_simulate(simulate.of).await?;
        // What its queries find can be told in what it says, in a failure as well.
        let mut scopes = scopes_to_see(&definition).into_iter();
        if let Some(scope) = scopes.find(|scope| !has(&actor.application, *scope)) {
            let scope = scope.name();
            return Err(Error::MayNot(format!(
                "what this workflow sees takes the scope `{scope}`, which the application that simulates it has not got"
            )));
        }
        let ids = || definition.steps().map(|(id, _)| id);
        if let Some(unknown) = simulate.results.keys().find(|step| ids().all(|id| id != step.as_str())) {
            let known: Vec<&str> = ids().collect();
            let pointer = format!("/results/{}", unknown.replace('~', "~0").replace('/', "~1"));
            return Err(Error::invalid(&pointer, format!("there is no such step: there are {}", known.join(", "))));
        }
        // One at a time: it takes what a server has to decide with.
        let turn = self.workflows.simulating.take().await?;
        let (app, handle) = (Arc::clone(self), tokio::runtime::Handle::current());
        let assumed = Assumed { approve: simulate.approve, results: simulate.results };
        let over = simulate.over;
        // Apart from the threads that answer requests: conditions are worked out without a pause.
        let played = tokio::task::spawn_blocking(move || {
            let simulated = handle.block_on(play(&app, definition, assumed, over));
            drop(turn);
            simulated
        });
        played.await.map_err(|error| Error::Internal(format!("a workflow was not simulated: {error}")))?
    }

    async fn to_simulate(&self, of: Of) -> Result<Arc<Definition>, Error> {
        match of {
            Of::Named(name) => {
                self.load_workflows().await?;
                let in_force = self.workflows.in_force();
                in_force.get(&name).map(|found| Arc::clone(&found.definition)).ok_or(Error::NotFound("workflow"))
            }
            Of::Document(text) => {
                let read = self.workflows.reading.have(move || Definition::read("workflow.yaml", &text)).await?;
                read.map(Arc::new).map_err(|mistakes: Vec<Mistake>| Error::WorkflowMistaken(mistakes))
            }
        }
    }
}

async fn play(app: &App, definition: Arc<Definition>, assumed: Assumed, over: Over) -> Result<Simulated, Error> {
    let now = app.now();
    let since = if let Over::Since(since) = over { since } else { now };
    let mut stage = Stage::new(app, Arc::clone(&definition), assumed, Instant::now() + PATIENCE);
    match over {
        Over::Since(since) => through_the_log(app, &mut stage, &definition, since, now).await?,
        Over::Event(event) => stage.happens(&Cause::Event(event), now).await?,
        Over::ByHand(inputs) => {
            let inputs = app.with_users(&definition, inputs).await?;
            let by_hand = definition.triggers().iter().find_map(|trigger| match &trigger.kind {
                TriggerKind::Manual(roles) => Some(roles.clone()),
                _ => None,
            });
            let cause = match by_hand {
                Some(roles) => Cause::Manual { roles, inputs },
                None => Cause::Call { inputs },
            };
            stage.happens(&cause, now).await?;
        }
    }
    stage.finish().await?;
    stage.simulated(since, now).await
}

/// Has all happen that happened: events and times, in their order.
async fn through_the_log(
    app: &App,
    stage: &mut Stage<'_>,
    definition: &Definition,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let mut times = times_of(definition, since, now).into_iter().peekable();
    let mut kinds: Vec<EventKind> = definition.awaits();
    kinds.extend(definition.triggers().iter().filter_map(|trigger| match trigger.kind {
        TriggerKind::Event(kind) => Some(kind),
        _ => None,
    }));
    kinds.sort_unstable();
    kinds.dedup();
    let filter = EventFilter { kinds, since: Some(since), until: Some(now), ..EventFilter::default() };
    let mut page = PageRequest { after: None, limit: PART };
    while !filter.kinds.is_empty() {
        let found = match app.store.events(&filter, page).await {
            Err(StoreError::Expired { oldest }) => {
                page.after = Some(oldest - 1);
                continue;
            }
            found => found?,
        };
        for event in &found.items {
            while let Some(at) = times.next_if(|at| *at <= event.at) {
                stage.happens(&Cause::Schedule, at).await?;
            }
            stage.event(event).await?;
            if stage.is_cut() {
                return Ok(());
            }
        }
        let Some(after) = found.next else { break };
        page.after = Some(after);
    }
    for at in times {
        stage.happens(&Cause::Schedule, at).await?;
        if stage.is_cut() {
            break;
        }
    }
    Ok(())
}

/// When schedules fired in a time.
fn times_of(definition: &Definition, since: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for trigger in definition.triggers() {
        let TriggerKind::Schedule(schedule) = &trigger.kind else { continue };
        let mut at = since;
        while let Some(next) = schedule.next(at).filter(|next| *next <= now && times.len() < MOST_TIMES) {
            times.push(next);
            at = next;
        }
    }
    times.sort_unstable();
    times
}

/// An event that somebody made up, as expressions see one.
pub(crate) fn made_up_event(given: &Value, now: Timestamp) -> Result<Value, String> {
    const KEYS: [&str; 6] = ["id", "position", "at", "kind", "data", "application"];
    let Value::Object(given) = given else { return Err("must be an object".to_owned()) };
    let kind = given.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = EventKind::from_name(kind) else {
        return Err(format!("there is no event `{kind}`: docs/guide/workflows.md lists them"));
    };
    let mut event = json!({
        "id": "evt_made_up", "position": 0, "at": now, "kind": kind.name(), "application": null, "data": {},
    });
    let Some(all) = event.as_object_mut() else { return Err("must be an object".to_owned()) };
    // As the API tells events, and as tests in files give them.
    let about = given.get("about").and_then(Value::as_object);
    for (name, value) in given.iter().chain(about.into_iter().flatten()) {
        match name.as_str() {
            "about" | "details" => {}
            "application_id" => drop(all.insert("application".to_owned(), value.clone())),
            name if KEYS.contains(&name) || domain::EVENT_IDS.contains(&name) => {
                all.insert(name.to_owned(), value.clone());
            }
            other => return Err(format!("an event has no `{other}`")),
        }
    }
    Ok(event)
}
