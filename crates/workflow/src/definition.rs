//! A workflow that was understood: what the machine runs and the builder draws.

use std::collections::BTreeSet;
use std::time::Duration;

use document::{Mistake, Place};
use domain::{Aal, EventKind};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::cron::Schedule;
use crate::expression::Expression;
use crate::machine::Key;
use crate::template::Template;
use crate::testing::Case;
use crate::vocabulary::{Action, Kind, Query};

/// The number of an expression in [`Definition::expressions`].
pub(crate) type ExpressionId = usize;
/// The number of a block in [`Definition::blocks`].
pub(crate) type BlockId = usize;
/// The number of a step in [`Definition::steps`].
pub(crate) type StepId = usize;

/// A workflow.
#[derive(Debug)]
pub struct Definition {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) subject: Option<ExpressionId>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) limits: Limits,
    pub(crate) inputs: Vec<Input>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) steps: Vec<Step>,
    pub(crate) main: BlockId,
    pub(crate) on_error: Option<BlockId>,
    pub(crate) finally: Option<BlockId>,
    pub(crate) expressions: Vec<Expression>,
    pub(crate) cases: Vec<Case>,
    pub(crate) digest: String,
    pub(crate) content: Value,
    pub(crate) warnings: Vec<Mistake>,
}

/// What starts a run.
#[derive(Debug)]
pub struct Trigger {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub kind: TriggerKind,
    pub(crate) when: Option<ExpressionId>,
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq)]
pub enum TriggerKind {
    /// An event of this kind.
    Event(EventKind),
    /// A time.
    Schedule(Schedule),
    /// A call from outside, signed with this secret.
    Webhook(SecretRef),
    /// A person with one of these roles, who fills in the inputs.
    Manual(Vec<String>),
    /// Another workflow that calls it.
    Workflow,
}

/// Something that whoever carries runs has to be able to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// An action of this name.
    Action(&'static str),
    /// A query of this name.
    Query(&'static str),
    /// A parameter of a query.
    Parameter(&'static str, String),
    /// Asking people to approve.
    Approval,
    /// Taking calls from outside.
    Webhook,
}

/// How references to what is told to a run as it begins start.
pub const SECRET_INPUT: &str = "input:";

/// Where a secret is to be found; never the secret itself. Conditions and messages cannot say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretRef(pub(crate) String);

impl SecretRef {
    /// `env:NAME`, `file:PATH` or `input:NAME`.
    pub fn reference(&self) -> &str {
        &self.0
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Map::from_iter([("secret".to_owned(), Value::from(self.0.as_str()))]).serialize(serializer)
    }
}

/// What happens where a run of the same key is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencyPolicy {
    /// The later one waits.
    Queue,
    /// The later one does not begin.
    Drop,
    /// The later ones that wait become one.
    Coalesce,
    /// The earlier one is cancelled.
    Replace,
}

impl ConcurrencyPolicy {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("queue", Self::Queue), ("drop", Self::Drop), ("coalesce", Self::Coalesce), ("replace", Self::Replace)];
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Concurrency {
    pub(crate) key: Option<ExpressionId>,
    pub(crate) policy: ConcurrencyPolicy,
}

/// How much a workflow may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a run may take, `on_error` and `finally` aside.
    pub duration: Duration,
    /// How many items a loop over everybody goes through at most, unless the loop says less.
    pub subjects: Option<u64>,
    /// How many runs begin at most, in this span.
    pub rate: Option<Rate>,
}

/// So many in such a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub number: u32,
    /// In how long.
    pub per: Duration,
}

/// What is told to a run as it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it has to be told.
    pub required: bool,
    /// What it is if it is not told.
    pub default: Option<Value>,
    /// What a form asks for.
    pub label: Option<String>,
    /// Whether nobody may see it: it is a text, stands in no expression, and is no part of the run.
    pub secret: bool,
}

/// Steps, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) steps: Vec<StepId>,
    /// The step that it belongs to; none for the three of the workflow.
    pub(crate) parent: Option<StepId>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) block: BlockId,
    /// Its place in its block.
    pub(crate) index: usize,
    /// How many loops it stands in.
    pub(crate) loops: usize,
    pub(crate) kind: StepKind,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    Action(ActionStep),
    Switch(Vec<Branch>),
    Parallel(Vec<BlockId>),
    ForEach(ForEach),
    Wait(Wait),
    Approval(Approval),
    Call(Call),
    Try { body: BlockId, catch: BlockId },
    Fail(Template),
}

#[derive(Debug)]
pub(crate) struct ActionStep {
    pub(crate) does: Doing,
    pub(crate) undo: Option<Doing>,
}

/// An action with what it is told, and how often it is tried.
#[derive(Debug)]
pub(crate) struct Doing {
    pub(crate) action: &'static Action,
    pub(crate) with: Vec<(String, Argument)>,
    pub(crate) retry: Retry,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// How many attempts there are at most, the first one counted.
    pub(crate) limit: u32,
    /// How long after the first one that failed; twice that after the next, and so on.
    pub(crate) backoff: Duration,
    /// The longest.
    pub(crate) longest: Duration,
    /// How much later at most, in hundredths.
    pub(crate) jitter: u32,
    /// Whether the step is held for somebody to look at, where all attempts failed.
    pub(crate) hold: bool,
}

/// What is told to an action.
#[derive(Debug)]
pub(crate) enum Argument {
    Literal(Value),
    Expression(ExpressionId),
    /// A text with expressions in it.
    Message(Template),
    Secret(SecretRef),
    List(Vec<Argument>),
    Map(Vec<(String, Argument)>),
}

#[derive(Debug)]
pub(crate) struct Branch {
    /// None: otherwise.
    pub(crate) when: Option<ExpressionId>,
    pub(crate) block: BlockId,
}

#[derive(Debug)]
pub(crate) struct ForEach {
    pub(crate) query: &'static Query,
    pub(crate) with: Vec<(String, Argument)>,
    pub(crate) keep: Option<ExpressionId>,
    pub(crate) name: String,
    /// How many are under way at once.
    pub(crate) batch: u32,
    pub(crate) rate: Option<Rate>,
    pub(crate) limit: Option<u64>,
    /// How many hundredths of all go first, and have to end before the rest begins.
    pub(crate) canary: Option<u32>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) body: BlockId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breaker {
    /// How many hundredths of those that ended may have failed.
    pub(crate) failures: u32,
    /// How many have to have ended before that is looked at.
    pub(crate) after: u64,
    /// Whether the loop is held for somebody to look at, rather than failed.
    pub(crate) hold: bool,
}

/// What becomes of a step that waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InVain {
    Fail,
    Continue,
}

impl InVain {
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[("fail", Self::Fail), ("continue", Self::Continue)];
}

#[derive(Debug)]
pub(crate) enum Wait {
    For(Duration),
    Until(ExpressionId),
    Event { kind: EventKind, keep: Option<ExpressionId>, timeout: Duration, in_vain: InVain },
}

#[derive(Debug)]
pub(crate) struct Approval {
    pub(crate) quorum: usize,
    pub(crate) roles: Vec<String>,
    pub(crate) excludes: Vec<Excluded>,
    /// Whether the file says whom.
    pub(crate) says_excludes: bool,
    pub(crate) evidence: Vec<String>,
    pub(crate) level: Aal,
    pub(crate) timeout: Duration,
    pub(crate) on_timeout: InVain,
    pub(crate) on_reject: InVain,
    pub(crate) message: Option<Template>,
}

/// Who may not approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// The one whom the run is about.
    Subject,
    /// The one who started it.
    Requester,
}

impl Excluded {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("subject", Self::Subject), ("requester", Self::Requester)];

    /// In a word, as it stands in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Requester => "requester",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) workflow: String,
    pub(crate) with: Vec<(String, Argument)>,
    pub(crate) timeout: Duration,
}

impl Definition {
    /// The workflow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called for people.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// What starts it.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// What is told to it as it begins.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// How much it may do.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What happens where a run of the same key is under way; without it, all go on beside each other.
    pub fn concurrency(&self) -> Option<ConcurrencyPolicy> {
        self.concurrency.map(|concurrency| concurrency.policy)
    }

    /// SHA-256 over what the document says, its tests left out, in hexadecimal: what a run is pinned to. The same however it is laid out or
    /// commented.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the document says, as JSON.
    pub const fn content(&self) -> &Value {
        &self.content
    }

    /// What was found that is no error.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// The ids of its steps with their places, in the order of the document.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.steps.iter().map(|step| (step.id.as_str(), &step.place))
    }

    /// Whether a step in a loop, however deep, does one of these actions, or calls a workflow that does. `called` knows workflows by their names: one that
    /// it does not know may do anything.
    pub fn does_in_loop<'a>(&'a self, step: &str, actions: &[&str], called: &dyn Fn(&str) -> Option<&'a Self>) -> bool {
        let mut blocks = self.step_named(step).map_or_else(Vec::new, |(_, looping)| looping.inner());
        let mut calls = Vec::new();
        while let Some(block) = blocks.pop() {
            for inner in self.block(block).iter().filter_map(|id| self.step(*id)) {
                blocks.extend(inner.inner());
                match &inner.kind {
                    StepKind::Action(action) if actions.contains(&action.does.action.name) => return true,
                    StepKind::Call(call) => calls.push(call.workflow.as_str()),
                    _ => {}
                }
            }
        }
        let mut seen = BTreeSet::new();
        while let Some(name) = calls.pop() {
            if !seen.insert(name) {
                continue;
            }
            let Some(other) = called(name) else { return true };
            let does = |step: &Step| matches!(&step.kind, StepKind::Action(action) if actions.contains(&action.does.action.name));
            if other.steps.iter().any(does) {
                return true;
            }
            calls.extend(other.calls());
        }
        false
    }

    /// The kinds of events that its steps wait for: what a run has to be told of from its beginning, so that none comes too early.
    pub fn awaits(&self) -> Vec<EventKind> {
        let mut kinds: Vec<EventKind> = self.steps.iter().filter_map(Step::awaits).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The kind of event that a step waits for, if it does for one.
    pub(crate) fn awaited_by(&self, step: &str) -> Option<EventKind> {
        self.step_named(step).and_then(|(_, step)| step.awaits())
    }

    /// The workflows that its steps call.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Call(call) => Some(call.workflow.as_str()),
            _ => None,
        })
    }

    /// What whoever carries its runs has to be able to do: each word once, with the first place where it stands.
    pub fn needs(&self) -> Vec<(Need, &Place)> {
        let triggers = self.triggers.iter().filter_map(|trigger| match &trigger.kind {
            TriggerKind::Webhook(_) => Some((Need::Webhook, &trigger.place)),
            _ => None,
        });
        let doings = self.doings().map(|(step, doing)| (Need::Action(doing.action.name), &step.place));
        let steps = self.steps.iter().flat_map(|step| {
            let needs = match &step.kind {
                StepKind::Approval(_) => vec![Need::Approval],
                StepKind::ForEach(each) => {
                    let parameters = each.with.iter().map(|(name, _)| Need::Parameter(each.query.name, name.clone()));
                    std::iter::once(Need::Query(each.query.name)).chain(parameters).collect()
                }
                _ => Vec::new(),
            };
            needs.into_iter().map(move |need| (need, &step.place))
        });
        let mut needs: Vec<(Need, &Place)> = Vec::new();
        for (need, place) in triggers.chain(doings).chain(steps) {
            if needs.iter().all(|(known, _)| *known != need) {
                needs.push((need, place));
            }
        }
        needs
    }

    /// What stands in the file as this parameter of an action, word for word.
    pub fn literals<'a>(&'a self, action: &'a str, parameter: &'a str) -> impl Iterator<Item = &'a str> {
        let doings = self.doings().filter(move |(_, doing)| doing.action.name == action);
        doings.flat_map(move |(_, doing)| {
            doing.with.iter().filter_map(move |(name, argument)| match argument {
                Argument::Literal(Value::String(text)) if name == parameter => Some(text.as_str()),
                _ => None,
            })
        })
    }

    /// Where the secrets are to be found that its actions and triggers take, apart from those that are told to a run.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        let of_triggers = self.triggers.iter().filter_map(|trigger| match &trigger.kind {
            TriggerKind::Webhook(secret) => Some(secret),
            _ => None,
        });
        let of_actions = self.doings().flat_map(|(_, doing)| &doing.with).filter_map(|(_, argument)| match argument {
            Argument::Secret(secret) if !secret.0.starts_with(SECRET_INPUT) => Some(secret),
            _ => None,
        });
        let mut secrets: Vec<&SecretRef> = of_triggers.chain(of_actions).collect();
        secrets.sort_unstable();
        secrets.dedup();
        secrets
    }

    /// Where it sends secrets as they are: the place of each step that does, and the address where that is written out, or what stands of it before its first expression.
    pub fn sends_secrets(&self) -> Vec<(&Place, Option<&str>)> {
        let sending = self.doings().filter(|(_, doing)| {
            let says_where = doing.with.iter().any(|(name, _)| name == "url");
            doing.with.iter().any(|(name, value)| match value {
                // What signs is not sent.
                Argument::Secret(_) if name == "signing_key" => false,
                Argument::Secret(_) if name == "bearer" || name == "basic" => true,
                Argument::Secret(secret) => says_where && !secret.0.starts_with(SECRET_INPUT),
                _ => false,
            })
        });
        sending
            .map(|(step, doing)| {
                let url = doing.with.iter().find(|(name, _)| name == "url").and_then(|(_, value)| match value {
                    Argument::Literal(Value::String(url)) => Some(url.as_str()),
                    // Its host stands in it.
                    Argument::Message(url) if url.is_address() => Some(url.beginning()),
                    _ => None,
                });
                (&step.place, url)
            })
            .collect()
    }

    /// Whether no other attempt at an action follows this one by itself, whatever comes of it.
    pub fn is_last_attempt(&self, key: &Key, attempt: u32) -> bool {
        let doing = self.step_named(&key.step).and_then(|(_, step)| match &step.kind {
            StepKind::Action(action) if key.undo => action.undo.as_ref(),
            StepKind::Action(action) => Some(&action.does),
            _ => None,
        });
        doing.is_none_or(|doing| attempt >= doing.retry.limit)
    }

    /// Everything that it does, undoing included.
    pub(crate) fn doings(&self) -> impl Iterator<Item = (&Step, &Doing)> {
        self.steps.iter().flat_map(|step| {
            let action = if let StepKind::Action(action) = &step.kind { Some(action) } else { None };
            action.into_iter().flat_map(move |action| {
                [Some(&action.does), action.undo.as_ref()].into_iter().flatten().map(move |doing| (step, doing))
            })
        })
    }

    pub(crate) fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(id)
    }

    /// The step that a step stands in.
    pub(crate) fn around(&self, step: StepId) -> Option<StepId> {
        self.blocks.get(self.step(step)?.block)?.parent
    }

    pub(crate) fn step_named(&self, name: &str) -> Option<(StepId, &Step)> {
        self.steps.iter().enumerate().find(|(_, step)| step.id == name)
    }

    pub(crate) fn block(&self, id: BlockId) -> &[StepId] {
        self.blocks.get(id).map_or(&[], |block| &block.steps)
    }

    pub(crate) fn expression(&self, id: ExpressionId) -> Option<&Expression> {
        self.expressions.get(id)
    }
}

impl Step {
    pub(crate) fn awaits(&self) -> Option<EventKind> {
        match &self.kind {
            StepKind::Wait(Wait::Event { kind, .. }) => Some(*kind),
            _ => None,
        }
    }

    /// The blocks in it, in the order of the document.
    pub(crate) fn inner(&self) -> Vec<BlockId> {
        match &self.kind {
            StepKind::Switch(branches) => branches.iter().map(|branch| branch.block).collect(),
            StepKind::Parallel(blocks) => blocks.clone(),
            StepKind::ForEach(each) => vec![each.body],
            StepKind::Try { body, catch } => vec![*body, *catch],
            _ => Vec::new(),
        }
    }

    /// What the steps behind it can ask of it.
    pub(crate) fn outputs(&self) -> Vec<(&'static str, Kind)> {
        match &self.kind {
            StepKind::Action(step) => step.does.action.gives.to_vec(),
            StepKind::ForEach(_) => vec![("done", Kind::Number), ("failed", Kind::Number), ("skipped", Kind::Number)],
            StepKind::Wait(Wait::Event { .. }) => vec![("outcome", Kind::Text), ("event", Kind::Any)],
            StepKind::Approval(_) => vec![("outcome", Kind::Text), ("approvers", Kind::Texts)],
            StepKind::Call(_) => vec![("outcome", Kind::Text)],
            _ => Vec::new(),
        }
    }
}
