//! How a run begins.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Event, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::state::Phase;
use super::{Advanced, Entry, MAX_CALLS, MAX_KEPT, Machine, Refused, Run, STATE_VERSION, What};
use crate::bounds::{MAX_NESTING, cleaned, cleaned_map, is_too_deep};
use crate::definition::{Definition, TriggerKind};
use crate::expression::{Clause, Known};
use crate::reader::is_of;

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Ours.
    pub id: String,
    /// What starts it.
    pub cause: Cause,
    /// Who, if it is a person.
    pub requester: Option<String>,
    /// How many calls deep it is: 0 for one that no workflow called.
    pub depth: u32,
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An event, as [`Cause::event`] makes it.
    Event(Value),
    /// A schedule.
    Schedule,
    /// A call from outside, with its body. Its signature was checked before.
    Webhook(Value),
    /// A person, with the roles that they have.
    Manual {
        /// The roles that they have.
        roles: Vec<String>,
        /// What they filled in.
        inputs: Map<String, Value>,
    },
    /// Another workflow.
    Call {
        /// What it tells.
        inputs: Map<String, Value>,
    },
}

impl Cause {
    /// An event as expressions see it: its ids and facts, and none of its personal details.
    pub fn event(event: &Event) -> Self {
        Self::Event(event_json(event))
    }

    /// What starts a run, as it can be kept and read again.
    ///
    /// # Errors
    /// It has more lists and maps in one another than is taken.
    pub fn taken(self) -> Result<Self, String> {
        let all = |inputs: &Map<String, Value>| inputs.values().any(is_too_deep);
        let is_too_deep = match &self {
            Self::Event(value) | Self::Webhook(value) => is_too_deep(value),
            Self::Manual { inputs, .. } | Self::Call { inputs } => all(inputs),
            Self::Schedule => false,
        };
        if is_too_deep {
            return Err(format!("there are more than {MAX_NESTING} lists and maps in one another: send it flatter"));
        }
        Ok(match self {
            Self::Event(event) => Self::Event(cleaned(event)),
            Self::Webhook(body) => Self::Webhook(cleaned(body)),
            Self::Manual { roles, inputs } => Self::Manual { roles, inputs: cleaned_map(inputs) },
            Self::Call { inputs } => Self::Call { inputs: cleaned_map(inputs) },
            Self::Schedule => Self::Schedule,
        })
    }
}

/// An event as expressions see it.
pub fn event_json(event: &Event) -> Value {
    let mut json = json!({
        "id": event.id.to_string(),
        "position": event.position,
        "at": event.at,
        "kind": event.kind.name(),
        "application": event.application_id.map(|id| id.to_string()),
        "data": event.data,
    });
    if let (Some(all), Ok(Value::Object(about))) = (json.as_object_mut(), serde_json::to_value(event.about)) {
        all.extend(about);
    }
    json
}

impl Definition {
    /// Whether something starts a run.
    ///
    /// # Errors
    /// A trigger's condition could not be told: nothing begins, and somebody should hear of it.
    pub fn is_started_by(&self, cause: &Cause) -> Result<bool, String> {
        let mut failed = None;
        for (trigger, fits) in self.triggers.iter().map(|trigger| (trigger, fits(&trigger.kind, cause))) {
            if !fits {
                continue;
            }
            match trigger.when.and_then(|id| self.expression(id)).map(|when| when.holds(&of_cause(cause))) {
                None | Some(Ok(true)) => return Ok(true),
                Some(Ok(false)) => {}
                Some(Err(message)) => failed = failed.or(Some(message)),
            }
        }
        failed.map_or(Ok(false), Err)
    }

    /// Whether one trigger, by its place among [`Self::triggers`], is fired by something.
    ///
    /// # Errors
    /// Its condition could not be told.
    pub fn fires(&self, trigger: usize, cause: &Cause) -> Result<bool, String> {
        let Some(trigger) = self.triggers.get(trigger).filter(|trigger| fits(&trigger.kind, cause)) else {
            return Ok(false);
        };
        trigger.when.and_then(|id| self.expression(id)).map_or(Ok(true), |when| when.holds(&of_cause(cause)))
    }

    /// Why something starts a run, or does not: for each trigger that it could fire, the parts of its condition. No trigger: an empty list.
    pub fn why(&self, cause: &Cause) -> Vec<Vec<Clause>> {
        let triggers = self.triggers.iter().filter(|trigger| fits(&trigger.kind, cause));
        let conditions = triggers.map(|trigger| trigger.when.and_then(|id| self.expression(id)));
        conditions.map(|when| when.map(|when| when.why(&of_cause(cause))).unwrap_or_default()).collect()
    }

    /// Whom a run would be about.
    ///
    /// # Errors
    /// That could not be told.
    pub fn subject_of(&self, cause: &Cause) -> Result<Option<String>, String> {
        self.text_of(self.subject, cause)
    }

    /// By what two runs are of one kind, where the workflow says what happens then.
    ///
    /// # Errors
    /// That could not be told.
    pub fn concurrency_key(&self, cause: &Cause) -> Result<Option<String>, String> {
        match self.concurrency {
            None => Ok(None),
            Some(concurrency) => self.text_of(concurrency.key.or(self.subject), cause),
        }
    }

    /// Takes out of what is told what nobody may see, before any of it is kept.
    ///
    /// # Errors
    /// One of them is missing, or no text.
    pub fn take_secrets(&self, inputs: &mut Map<String, Value>) -> Result<BTreeMap<String, Zeroizing<String>>, String> {
        let mut secrets = BTreeMap::new();
        for input in self.inputs.iter().filter(|input| input.secret) {
            match inputs.remove(&input.name) {
                Some(Value::String(text)) => drop(secrets.insert(input.name.clone(), Zeroizing::new(text))),
                Some(_) => return Err(format!("`{}` is {}", input.name, input.kind.called())),
                None if input.required => return Err(format!("`{}` is not told", input.name)),
                None => {}
            }
        }
        Ok(secrets)
    }

    fn text_of(&self, expression: Option<usize>, cause: &Cause) -> Result<Option<String>, String> {
        let Some(expression) = expression.and_then(|id| self.expression(id)) else { return Ok(None) };
        let inputs = self.fitting(cause)?;
        let mut known = of_cause(cause);
        known.add("inputs", std::borrow::Cow::Owned(Value::Object(inputs)));
        match expression.value(&known)? {
            Value::String(text) => Ok(Some(text)),
            _ => Err(format!("`{}` is no text", expression.text)),
        }
    }

    /// Begins a run.
    ///
    /// # Errors
    /// Nothing starts it, or what is told to it does not fit.
    pub fn begin(&self, start: Start, now: Timestamp, chance: u64) -> Result<Advanced, Refused> {
        let start = Start { cause: start.cause.taken().map_err(Refused::Unfit)?, ..start };
        if !self.is_started_by(&start.cause).map_err(Refused::Unfit)? {
            return Err(Refused::Unfit("no trigger of this workflow is fired by it".to_owned()));
        }
        if start.depth > MAX_CALLS {
            return Err(Refused::TooMuch("workflows call each other too deep"));
        }
        let inputs = self.fitting(&start.cause).map_err(Refused::Unfit)?;
        let subject = self.subject_of(&start.cause).map_err(Refused::Unfit)?;
        let (event, webhook) = match start.cause {
            Cause::Event(event) => (Some(event), None),
            Cause::Webhook(body) => (None, Some(json!({ "body": body }))),
            _ => (None, None),
        };
        let told = json!([event, webhook, inputs]).to_string().len();
        if told > MAX_KEPT {
            return Err(Refused::TooMuch("what starts it is too large"));
        }
        let run = Run {
            version: STATE_VERSION,
            id: start.id,
            workflow: self.name.clone(),
            digest: self.digest.clone(),
            started_at: now,
            depth: start.depth,
            event,
            webhook,
            inputs,
            subject,
            requester: start.requester,
            phase: Phase::Main,
            deadline: None,
            timers: 0,
            nodes: BTreeMap::new(),
            outputs: BTreeMap::new(),
            kept: 0,
            parts: BTreeMap::new(),
            undo: Vec::new(),
            undoing: Vec::new(),
            inbox: Vec::new(),
            seen: BTreeSet::new(),
            floor: 0,
            stopping: None,
            failure: None,
            not_undone: Vec::new(),
        };
        let mut machine = Machine::new(self, run, now, chance);
        machine.history.push(Entry { at: now, key: None, what: What::Began });
        machine.run.deadline = Some(machine.timer(self.limits.duration));
        machine.begin_block(self.main, Vec::new());
        machine.settle();
        Ok(Advanced { run: machine.run, effects: machine.effects, history: machine.history })
    }

    /// What is told, held against what the workflow takes, with what is told by nobody filled in.
    fn fitting(&self, cause: &Cause) -> Result<Map<String, Value>, String> {
        let mut inputs = match cause {
            Cause::Manual { inputs, .. } | Cause::Call { inputs } => inputs.clone(),
            _ => Map::new(),
        };
        for name in inputs.keys() {
            if !self.inputs.iter().any(|input| input.name == *name && !input.secret) {
                return Err(format!("`{}` has no input `{name}`", self.name));
            }
        }
        for input in self.inputs.iter().filter(|input| !input.secret) {
            match inputs.get(&input.name) {
                Some(value) if !is_of(value, input.kind) => {
                    return Err(format!("`{}` is {}", input.name, input.kind.called()));
                }
                Some(_) => {}
                None => match &input.default {
                    Some(value) => drop(inputs.insert(input.name.clone(), value.clone())),
                    None if input.required => return Err(format!("`{}` is not told", input.name)),
                    None => {}
                },
            }
        }
        Ok(inputs)
    }
}

fn fits(trigger: &TriggerKind, cause: &Cause) -> bool {
    match (trigger, cause) {
        (TriggerKind::Event(kind), Cause::Event(event)) => {
            event.get("kind").and_then(Value::as_str) == Some(kind.name())
        }
        (TriggerKind::Schedule(_), Cause::Schedule)
        | (TriggerKind::Webhook(_), Cause::Webhook(_))
        | (TriggerKind::Workflow, Cause::Call { .. }) => true,
        (TriggerKind::Manual(allowed), Cause::Manual { roles, .. }) => roles.iter().any(|role| allowed.contains(role)),
        _ => false,
    }
}

/// What is known before there is a run.
fn of_cause(cause: &Cause) -> Known<'_> {
    let mut known = Known::default();
    match cause {
        Cause::Event(event) => known.add("event", std::borrow::Cow::Borrowed(event)),
        Cause::Webhook(body) => known.add("webhook", std::borrow::Cow::Owned(json!({ "body": body }))),
        Cause::Manual { inputs, .. } | Cause::Call { inputs } => {
            known.add("inputs", std::borrow::Cow::Owned(Value::Object(inputs.clone())));
        }
        Cause::Schedule => {}
    }
    known
}
