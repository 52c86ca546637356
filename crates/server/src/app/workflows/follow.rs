//! What starts runs, and what they are told of: the event log, read as it grows, and schedules.
//!
//! Up to where the log was read is kept in the store, and moves in the commit that starts the runs and has events come for them: of two
//! servers that read the same events one has that commit, and an event that was read before a crash is read again after it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{Event, EventKind, PageRequest, RunId, Timestamp, UserId};
use serde_json::json;
use store::{BeginRuns, Effect, EventFilter, NewRun, RunInput, StoreError};
use tokio::time::Instant;
use workflow::{Cause, Input, MAX_CALLS, TriggerKind, event_json};

use super::InForce;
use super::requesters::{self, Requesters};
use super::start::Started;
use crate::app::telling::With;
use crate::app::{App, Error};

/// Events that are looked at at a time.
const PART: u32 = 200;
/// What is read at a go takes less than what is read one by one.
const GATHER: Duration = Duration::from_millis(15);
/// How often schedules are looked at, and, where nothing is in force, whether something is by now.
const TICK: Duration = Duration::from_millis(500);
/// How often it is looked whether schedules fire too late, as the clock was put back.
const AHEAD: Duration = Duration::from_secs(10);
/// Runs that are started in one commit, and runs that are told of something in one, about.
const MOST: usize = 500;
/// How often a server that cannot carry what is in force looks whether it still is.
const ANEW: Duration = Duration::from_secs(5);
/// How long nothing is tried after something failed.
const AGAIN: Duration = Duration::from_millis(500);
/// How many positions may be read again after a crash, where nothing was started by them.
const FAR: i64 = 2000;

/// Follows the log and the clock until the task is ended.
pub(crate) async fn follow(app: Arc<App>) {
    let mut newest = app.store.head();
    let mut reading = None;
    let mut ticked = Instant::now();
    let mut looked = Instant::now();
    let mut ahead = Instant::now();
    loop {
        let done = match &mut reading {
            None => app.store.workflow_cursor().await.map_err(Error::from).map(|position| {
                reading = Some(Reading { kept: position, position });
            }),
            Some(reading) => {
                let head = *newest.borrow_and_update();
                go_on(&app, reading, head).await
            }
        };
        if done.is_ok() && !app.workflows.unread().is_empty() && looked.elapsed() >= ANEW {
            looked = Instant::now();
            if let Err(error) = app.load_workflows().await {
                tracing::warn!(%error, "which workflows are in force could not be looked at; trying again");
            }
        }
        if let Err(error) = done {
            tracing::warn!(%error, "what starts runs could not be read; trying again");
            reading = None;
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            let looks_ahead = ahead.elapsed() >= AHEAD;
            if looks_ahead {
                ahead = Instant::now();
            }
            if let Err(error) = fire_schedules(&app, looks_ahead).await {
                tracing::warn!(%error, "schedules could not be looked at; trying again");
            }
        }
        let idle = app.workflows.is_idle();
        let changed = async {
            if idle {
                // Nothing is in force: nobody waits for events to be read at once.
                std::future::pending::<()>().await;
            }
            if newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(TICK, changed).await;
        if !idle {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// How far the log was read.
struct Reading {
    /// As it stands in the store.
    kept: i64,
    /// From here on up to `position` nothing was started, so that it may be read again.
    position: i64,
}

async fn go_on(app: &App, reading: &mut Reading, head: i64) -> Result<(), Error> {
    // What this server cannot carry another one can: it is left to that one to read on. A server that reads past an event for which it knows
    // only some of the workflows loses the others' runs.
    while reading.position < head && app.workflows.unread().is_empty() {
        let filter = EventFilter { kinds: wanted(app), ..EventFilter::default() };
        let page = PageRequest { after: Some(reading.position), limit: PART };
        let page = match app.store.events(&filter, page).await {
            Err(StoreError::Expired { oldest }) => {
                tracing::warn!(oldest, "events were removed before workflows had been started by them");
                reading.position = oldest - 1;
                continue;
            }
            page => page?,
        };
        // What was committed since the head was looked at may have been read as well.
        let last = page.items.last().map_or(reading.position, |event| event.position);
        let to = page.next.unwrap_or(head).max(last);
        take(app, reading, &page.items, to).await?;
    }
    Ok(())
}

/// The kinds of events that start something, or that a run may wait for.
fn wanted(app: &App) -> Vec<EventKind> {
    let mut kinds = BTreeSet::from([EventKind::WorkflowChanged, EventKind::WorkflowWithdrawn]);
    for workflow in app.workflows.in_force().values() {
        kinds.extend(workflow.definition.triggers().iter().filter_map(|trigger| match trigger.kind {
            TriggerKind::Event(kind) => Some(kind),
            _ => None,
        }));
    }
    for definition in app.workflows.read().values() {
        kinds.extend(definition.awaits());
    }
    kinds.into_iter().collect()
}

/// Has a part of the log start what it starts. Where something is in force otherwise after an event, or a run that it starts waits for
/// others, what follows is read by that.
async fn take(app: &App, reading: &mut Reading, events: &[Event], to: i64) -> Result<(), Error> {
    let mut begin = BeginRuns::default();
    let mut told = Vec::new();
    let mut up_to = to;
    let mut awaited = Vec::new();
    let mut reload = false;
    let mut requesters = Requesters::default();
    for event in events {
        awaited.push(event);
        reload = matches!(event.kind, EventKind::WorkflowChanged | EventKind::WorkflowWithdrawn);
        started_by(app, event, &mut requesters, &mut begin.runs, &mut told).await?;
        if reload || begin.runs.len() >= MOST || begin.runs.iter().any(|new| !new.awaits.is_empty()) {
            up_to = event.position;
            break;
        }
    }
    begin.inputs = for_those_that_wait(app, &awaited).await?;
    let nothing = begin.runs.is_empty() && begin.inputs.is_empty() && told.is_empty();
    if !nothing || up_to - reading.kept > FAR {
        begin.cursor = Some((reading.kept, up_to));
        if app.begin_runs(begin, told).await? != Effect::Applied {
            // Another server read them.
            let position = app.store.workflow_cursor().await?;
            *reading = Reading { kept: position, position };
            return Ok(());
        }
        reading.kept = up_to;
    }
    reading.position = up_to;
    if reload { app.load_workflows().await } else { Ok(()) }
}

/// The runs that an event starts. One whose trigger cannot be told is not started, and that is told of.
async fn started_by(
    app: &App,
    event: &Event,
    requesters: &mut Requesters,
    runs: &mut Vec<NewRun>,
    told: &mut Vec<Event>,
) -> Result<(), Error> {
    let in_force = app.workflows.in_force();
    let candidates = in_force.values().filter(|workflow| {
        let fires = |kind: &TriggerKind| *kind == TriggerKind::Event(event.kind);
        workflow.row.since < event.position && workflow.definition.triggers().iter().any(|trigger| fires(&trigger.kind))
    });
    for workflow in candidates {
        let cause = Cause::event(event);
        // What runs lead to is followed only so far.
        let depth = event.data.get("depth").and_then(serde_json::Value::as_u64).map_or(0, |depth| depth + 1);
        let Ok(depth) = u32::try_from(depth) else { continue };
        if depth > MAX_CALLS {
            tracing::error!(
                workflow = workflow.row.name,
                "runs start each other again and again: no other one is started"
            );
            continue;
        }
        let is_started = workflow.definition.is_started_by(&cause);
        if matches!(is_started, Ok(false)) {
            continue;
        }
        let requester = requesters.of(app, event).await?;
        let new = match is_started {
            Ok(_) => {
                let started = Started { requester: requester.clone(), ..Started::by(cause, depth) };
                app.new_run(workflow, &started, None, event.position)
            }
            Err(why) => Err(why),
        };
        match new {
            Ok(new) => runs.push(new),
            Err(why) => {
                let about = About { user_id: event.about.user_id, ..About::default() };
                let failed = not_started(app, workflow, about, depth, why);
                let run = event.data.get("run").and_then(serde_json::Value::as_str).unwrap_or_default();
                told.push(match requester {
                    Some(requester) => failed.with("requester", requesters::told(&requester, run)),
                    None => failed,
                });
            }
        }
    }
    Ok(())
}

/// What comes for those that wait for some of these events. Where they are many, most of them are told here, part by part: however often that is
/// begun anew, each is told once, and the cursor moves after all are.
async fn for_those_that_wait(app: &App, events: &[&Event]) -> Result<Vec<RunInput>, Error> {
    let kinds: BTreeSet<EventKind> = app.workflows.read().values().flat_map(|one| one.awaits()).collect();
    let events: Vec<&Event> = events.iter().copied().filter(|event| kinds.contains(&event.kind)).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<(EventKind, Option<UserId>, i64)> =
        events.iter().map(|event| (event.kind, event.about.user_id, event.position)).collect();
    let waiting: Vec<(usize, RunId)> = app.store.awaiting_runs(&asked).await?;
    let signals: Vec<String> = events
        .iter()
        .map(|event| json!(Input::Signal { position: event.position, event: event_json(event) }).to_string())
        .collect();
    let told = |part: &[(usize, RunId)]| {
        let inputs = part.iter().filter_map(|(place, run_id)| {
            let (event, input) = (events.get(*place)?, signals.get(*place)?.clone());
            Some(RunInput { run_id: *run_id, id: RunInput::id_of_event(event.position), input, at: app.now() })
        });
        inputs.collect::<Vec<_>>()
    };
    let mut parts = waiting.chunks(MOST);
    let last = parts.next_back().map(told).unwrap_or_default();
    for part in parts {
        let begin = BeginRuns { inputs: told(part), ..BeginRuns::default() };
        app.begin_runs(begin, Vec::new()).await?;
    }
    Ok(last)
}

/// Starts what is due by the clock. However many times of a schedule went by meanwhile, it fires once. One that cannot be started holds up no
/// other one. `looks_ahead` for those that fire too late, as the clock was put back.
async fn fire_schedules(app: &App, looks_ahead: bool) -> Result<(), Error> {
    let now = app.now();
    let in_force = app.workflows.in_force();
    if looks_ahead {
        for workflow in in_force.values() {
            if let Err(error) = fire_no_later(app, workflow, now).await {
                tracing::warn!(%error, workflow = workflow.row.name, "when a schedule fires could not be put right; trying again");
            }
        }
    }
    let due = in_force.values().filter_map(|workflow| Some((workflow, workflow.row.next_at.filter(|at| *at <= now)?)));
    let due: Vec<_> = due.collect();
    for (workflow, at) in &due {
        if let Err(error) = fire(app, workflow, *at, now).await {
            tracing::warn!(%error, workflow = workflow.row.name, "a schedule could not fire; trying again");
        }
    }
    // Also where another server was first: when they fire next stands in the store.
    if due.is_empty() { Ok(()) } else { app.load_workflows().await }
}

/// Has a schedule fire at its next time from now on where the clock had gone ahead, and was put back since.
async fn fire_no_later(app: &App, workflow: &InForce, now: Timestamp) -> Result<(), Error> {
    let Some(planned) = workflow.row.next_at else { return Ok(()) };
    if !super::force::fires_too_late(&workflow.definition, planned, now) {
        return Ok(());
    }
    let next = super::force::next_of_schedules(&workflow.definition, now);
    tracing::warn!(workflow = workflow.row.name, %planned, "the clock was put back: a schedule fires at its next time");
    let begin = BeginRuns { schedule: Some((workflow.row.name.clone(), planned, next)), ..BeginRuns::default() };
    app.begin_runs(begin, Vec::new()).await?;
    app.load_workflows().await
}

async fn fire(app: &App, workflow: &InForce, at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let next = super::force::next_of_schedules(&workflow.definition, now);
    let started = Started::by(Cause::Schedule, 0);
    let runs = match workflow.definition.is_started_by(&Cause::Schedule) {
        Ok(true) => app.new_run(workflow, &started, None, *app.store.head().borrow()).map(|new| vec![new]),
        Ok(false) => Ok(Vec::new()),
        Err(why) => Err(why),
    };
    let (runs, told) = match runs {
        Ok(runs) => (runs, Vec::new()),
        Err(why) => (Vec::new(), vec![not_started(app, workflow, About::default(), 0, why)]),
    };
    let schedule = Some((workflow.row.name.clone(), at, next));
    let begin = BeginRuns { schedule, runs, ..BeginRuns::default() };
    app.begin_runs(begin, told).await.map(drop)
}

/// Tells that a run was not started because it could not be told whether, or how.
fn not_started(app: &App, workflow: &InForce, about: About, depth: u32, why: String) -> Event {
    tracing::error!(workflow = workflow.row.name, why, "a run was not started");
    let failed = app.event(EventKind::RunFailed, None, about).with("workflow", workflow.row.name.as_str());
    let failed = failed.with("reason", "trigger").with("depth", depth);
    failed.detailed(app.details([("message", why)]))
}
