//! Why something that happened started no run, and which versions of a workflow there were.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{Event, EventKind, PageRequest, RunId, Timestamp, User};
use serde::Serialize;
use serde_json::Value;
use store::{EventFilter, RunFilter};
use utoipa::ToSchema;
use workflow::{Cause, Clause, Definition, MAX_CALLS, TriggerKind, Truth};

use super::InForce;
use super::start::Started;
use crate::app::{App, Error, UserRef};

/// Events that are looked at at a time.
const PART: u32 = 200;
/// The most events that are told of, the newest first.
const MOST: usize = 200;
/// The most runs and skipped runs that are held against them.
const MOST_RUNS: usize = 1000;
/// The most versions that are told of.
const MOST_VERSIONS: usize = 100;

/// Why a workflow did or did not start for a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyNot {
    pub(crate) workflow: String,
    /// Of the version that is in force, by which everything here is judged.
    pub(crate) digest: String,
    #[schema(value_type = String)]
    pub(crate) user_id: domain::UserId,
    /// Since when that version has been in force.
    #[schema(value_type = String)]
    pub(crate) in_force_at: Timestamp,
    /// From when on events were looked at.
    #[schema(value_type = String)]
    pub(crate) since: Timestamp,
    /// There were more than are told of.
    pub(crate) is_cut: bool,
    /// What starts it beside events: `schedule`, `manual`, `workflow`, `webhook`. Nothing is said of these.
    pub(crate) other_triggers: Vec<&'static str>,
    /// The events about the user that could have started it, the newest first; 200 at most.
    pub(crate) events: Vec<Considered>,
}

/// An event that could have started a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Considered {
    pub(crate) position: i64,
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// Its kind.
    pub(crate) kind: &'static str,
    /// `started`; or why not: `skipped`, `before_in_force`, `condition_false`, `condition_unknown`, `not_told`, `too_deep`, `not_yet`, `not_kept`.
    pub(crate) outcome: &'static str,
    /// That in words.
    pub(crate) why: String,
    /// The run that it started.
    #[schema(value_type = Option<String>)]
    pub(crate) run: Option<RunId>,
    /// For each trigger of its kind, the parts of the condition: `text`, `holds` (`true`, `false`, `unknown`) and the `values` that it asked for.
    #[schema(value_type = Vec<Vec<Object>>)]
    pub(crate) triggers: Vec<Vec<Clause>>,
}

/// A version of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// SHA-256 of what it says, in hexadecimal.
    pub(crate) digest: String,
    /// When it came into force, or, where `withdrawn`, when it was withdrawn.
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// From then on none was in force.
    pub(crate) withdrawn: bool,
    /// What stands in it; null where it is not kept.
    pub(crate) document: Option<String>,
}

/// What became of events, as it is known.
struct Known {
    runs: HashMap<i64, RunId>,
    skipped: HashSet<String>,
    read_up_to: i64,
}

impl App {
    /// A workflow that is in force.
    pub(crate) async fn workflow_in_force(&self, name: &str) -> Result<InForce, Error> {
        self.load_workflows().await?;
        self.workflows.in_force().get(name).cloned().ok_or(Error::NotFound("workflow"))
    }

    /// The versions of a workflow that came into force, and when it was withdrawn, the newest first: as far as the log goes back.
    pub(crate) async fn workflow_versions(&self, name: &str) -> Result<Vec<Version>, Error> {
        let kinds = vec![EventKind::WorkflowChanged, EventKind::WorkflowWithdrawn];
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let mut page = PageRequest { after: None, limit: PART };
        let mut versions = Vec::new();
        loop {
            let found = self.store.events_backward(&filter, page).await?;
            for event in &found.items {
                let said = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
                if said("workflow") != name {
                    continue;
                }
                let digest = said("digest").to_owned();
                let document = self.store.workflow_document(&digest).await?.map(|(_, document)| document);
                let withdrawn = event.kind == EventKind::WorkflowWithdrawn;
                versions.push(Version { digest, at: event.at, withdrawn, document });
            }
            match found.next {
                Some(after) if versions.len() < MOST_VERSIONS => page.after = Some(after),
                _ => break,
            }
        }
        if versions.is_empty() { Err(Error::NotFound("workflow")) } else { Ok(versions) }
    }

    /// Says of the events about a user why they did or did not start a workflow.
    pub(crate) async fn why_not_started(&self, name: &str, user: &UserRef, back: Duration) -> Result<WhyNot, Error> {
        let found = self.workflow_in_force(name).await?;
        let user = self.find_user(user).await?.ok_or(Error::NotFound("user"))?;
        let since = self.now().minus(back);
        let mut kinds = Vec::new();
        let mut other_triggers = Vec::new();
        for trigger in found.definition.triggers() {
            match trigger.kind {
                TriggerKind::Event(kind) => kinds.push(kind),
                TriggerKind::Schedule(_) => other_triggers.push("schedule"),
                TriggerKind::Webhook(_) => other_triggers.push("webhook"),
                TriggerKind::Manual(_) => other_triggers.push("manual"),
                TriggerKind::Workflow => other_triggers.push("workflow"),
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        let known = self.what_became(name, &user, since).await?;
        let filter = EventFilter { kinds, user_id: Some(user.id), since: Some(since), ..EventFilter::default() };
        let mut page = PageRequest { after: None, limit: PART };
        let (mut events, mut is_cut) = (Vec::new(), false);
        while !filter.kinds.is_empty() {
            let part = self.store.events_backward(&filter, page).await?;
            events.extend(part.items.iter().map(|event| considered(&found, event, &known)));
            let Some(after) = part.next else { break };
            page.after = Some(after);
            is_cut = events.len() >= MOST;
            if is_cut {
                break;
            }
        }
        events.truncate(MOST);
        Ok(WhyNot {
            workflow: found.row.name,
            digest: found.row.digest,
            user_id: user.id,
            in_force_at: found.row.at,
            since,
            is_cut,
            other_triggers,
            events,
        })
    }

    async fn what_became(&self, workflow: &str, user: &User, since: Timestamp) -> Result<Known, Error> {
        let filter = RunFilter { workflow: Some(workflow.to_owned()), state: None, user_id: Some(user.id) };
        let mut runs = HashMap::new();
        let mut page = PageRequest { after: None, limit: PART };
        loop {
            let part = self.store.runs(&filter, page).await?;
            for run in &part.items {
                let Ok(Started { cause: Cause::Event(event), .. }) = serde_json::from_str(&run.cause) else { continue };
                runs.extend(event.get("position").and_then(Value::as_i64).map(|position| (position, run.id)));
            }
            let is_older = part.items.last().is_none_or(|run| run.created_at < since);
            match part.next {
                Some(after) if !is_older && runs.len() < MOST_RUNS => page.after = Some(after),
                _ => break,
            }
        }
        let kinds = vec![EventKind::RunSkipped];
        let filter = EventFilter { kinds, user_id: Some(user.id), since: Some(since), ..EventFilter::default() };
        let mut skipped = HashSet::new();
        let mut page = PageRequest { after: None, limit: PART };
        loop {
            let part = self.store.events_backward(&filter, page).await?;
            for event in &part.items {
                let said = |name: &str| event.data.get(name).and_then(Value::as_str);
                skipped.extend(said("event").filter(|_| said("workflow") == Some(workflow)).map(str::to_owned));
            }
            match part.next {
                Some(after) if skipped.len() < MOST_RUNS => page.after = Some(after),
                _ => break,
            }
        }
        Ok(Known { runs, skipped, read_up_to: self.store.workflow_cursor().await? })
    }
}

fn considered(found: &InForce, event: &Event, known: &Known) -> Considered {
    let cause = Cause::event(event);
    let triggers = found.definition.why(&cause);
    let run = known.runs.get(&event.position).copied();
    let (outcome, why) = match run {
        Some(_) => ("started", "it started a run".to_owned()),
        None => why_none(found, event, &cause, &triggers, known),
    };
    let kind = event.kind.name();
    Considered { position: event.position, at: event.at, kind, outcome, why, run, triggers }
}

fn why_none(
    found: &InForce,
    event: &Event,
    cause: &Cause,
    triggers: &[Vec<Clause>],
    known: &Known,
) -> (&'static str, String) {
    let definition: &Arc<Definition> = &found.definition;
    if known.skipped.contains(&event.id.to_string()) {
        return ("skipped", "a run of the same key was under way".to_owned());
    }
    if event.position <= found.row.since {
        return ("before_in_force", "this version was not in force yet".to_owned());
    }
    let depth = event.data.get("depth").and_then(Value::as_u64).map_or(0, |depth| depth + 1);
    if depth > u64::from(MAX_CALLS) {
        return ("too_deep", format!("runs had started each other {MAX_CALLS} deep"));
    }
    match definition.is_started_by(cause) {
        Ok(false) => {
            let is = |truth: Truth| triggers.iter().flatten().filter(move |clause| clause.holds == truth);
            let first =
                is(Truth::False).next().map_or_else(String::new, |clause| format!("`{}` is false", clause.text));
            ("condition_false", first)
        }
        Err(why) => ("condition_unknown", why),
        Ok(true) => {
            let told = definition.subject_of(cause).and_then(|_| definition.concurrency_key(cause));
            match told {
                Err(why) => ("not_told", why),
                Ok(_) if event.position > known.read_up_to => ("not_yet", "it will start a run in a moment".to_owned()),
                Ok(_) => (
                    "not_kept",
                    "it starts a run; none is kept: the run was deleted, or is about somebody else".to_owned(),
                ),
            }
        }
    }
}
