//! The keys of a workflow file, as data: the reader knows no others, and the JSON Schema for editors is made of them.

/// A key of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
    pub(crate) says: &'static str,
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    /// This text and no other.
    Exactly(&'static str),
    /// An id.
    Id,
    Bool,
    Int(i64, i64),
    Span,
    /// `10/m`.
    Rate,
    /// `5%`.
    Percent,
    /// A condition.
    Condition,
    /// `${…}`.
    Value,
    Message,
    Word(&'static [&'static str]),
    /// One text, or several.
    Texts,
    /// A map of whatever an action or workflow takes.
    Arguments,
    /// A map with keys of the file's own.
    MapOf(&'static [Key]),
    Record(&'static [Key]),
    ListOf(&'static [Key]),
    /// A list of steps.
    Steps,
    Event,
    Action,
    Query,
    Anything,
}

const fn key(name: &'static str, shape: Shape, says: &'static str) -> Key {
    Key { name, required: false, shape, says }
}

const fn need(name: &'static str, shape: Shape, says: &'static str) -> Key {
    Key { name, required: true, shape, says }
}

pub(crate) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

pub(crate) const API_VERSION: &str = "countersign/v1";
pub(crate) const KIND: &str = "Workflow";

pub(crate) const WORKFLOW: &[Key] = &[
    need("apiVersion", Shape::Exactly(API_VERSION), "The version of this format."),
    need("kind", Shape::Exactly(KIND), "What this is."),
    need("metadata", Shape::Record(METADATA), "What it is called."),
    need("triggers", Shape::ListOf(TRIGGER), "What starts a run."),
    key("subject", Shape::Value, "Whom a run is about: the id of a user."),
    key("concurrency", Shape::Record(CONCURRENCY), "What happens where a run of the same key is under way."),
    key("limits", Shape::Record(LIMITS), "How much it may do."),
    key("inputs", Shape::MapOf(INPUT), "What is told to a run as it begins."),
    need("steps", Shape::Steps, "What is done, one after the other."),
    key("on_error", Shape::Steps, "What is done once the steps failed, and what they did was undone."),
    key("finally", Shape::Steps, "What is done at the end of every run."),
    key("tests", Shape::ListOf(TEST), "What is expected of it."),
];

pub(crate) const ALERT_KIND: &str = "Alert";

pub(crate) const ALERT: &[Key] = &[
    need("apiVersion", Shape::Exactly(API_VERSION), "The version of this format."),
    need("kind", Shape::Exactly(ALERT_KIND), "What this is."),
    need("metadata", Shape::Record(METADATA), "What it is called."),
    need("events", Shape::Texts, "The kinds of events that are counted; `gateway.*` for all that begin so."),
    key("when", Shape::Condition, "Only those for which this holds."),
    key("by", Shape::Text, "What tells groups apart: `user`, `application`, `data.gateway`."),
    key("window", Shape::Span, "The time in which they are counted; an hour without it."),
    key("above", Shape::Int(0, 1_000_000_000), "More than so many in that time are too many."),
    key(
        "z",
        Shape::Int(1, 100),
        "So are these many standard deviations more in an hour than in such an hour of the week.",
    ),
    key("at_least", Shape::Int(0, 1_000_000_000), "With `z`: no fewer than so many in an hour."),
    key("cool_down", Shape::Span, "How long it has to be as it should be until an alert is over."),
    need("severity", Shape::Word(&["low", "medium", "high"]), "How bad it is."),
];

pub(crate) const METADATA: &[Key] = &[
    need("name", Shape::Id, "By which it is known."),
    key("title", Shape::Text, "What it is called for people."),
    key("description", Shape::Text, "What it is for."),
    key("labels", Shape::Anything, "Words of your own."),
];

pub(crate) const TRIGGER: &[Key] = &[
    key("event", Shape::Event, "An event of this kind."),
    key("schedule", Shape::Text, "Minute, hour, day, month and weekday, as in cron."),
    key("time_zone", Shape::Text, "The time zone of the schedule; UTC without it."),
    key("webhook", Shape::Record(WEBHOOK), "A call from outside."),
    key("manual", Shape::Record(MANUAL), "A person, who fills in the inputs."),
    key("workflow", Shape::Bool, "Another workflow that calls it."),
    key("when", Shape::Condition, "Only if this holds."),
];

pub(crate) const WEBHOOK: &[Key] =
    &[need("secret", Shape::Text, "What calls are signed with: `env:NAME` or `file:PATH`.")];

pub(crate) const MANUAL: &[Key] = &[need("roles", Shape::Texts, "Who may.")];

pub(crate) const CONCURRENCY: &[Key] = &[
    key("key", Shape::Value, "What makes two runs be of one kind; the subject without it."),
    need(
        "policy",
        Shape::Word(&["queue", "drop", "coalesce", "replace"]),
        "What happens to the later or the earlier one.",
    ),
];

pub(crate) const LIMITS: &[Key] = &[
    key("duration", Shape::Span, "How long a run may take; 30 days without it."),
    key("subjects", Shape::Int(1, 10_000_000), "How many items a loop goes through at most."),
    key("rate", Shape::Rate, "How many runs begin at most."),
];

pub(crate) const INPUT: &[Key] = &[
    need("type", Shape::Word(&["text", "number", "bool", "texts", "user", "time"]), "What it is."),
    key("required", Shape::Bool, "Whether it has to be told."),
    key("default", Shape::Anything, "What it is if it is not told."),
    key("label", Shape::Text, "What a form asks for."),
    key("secret", Shape::Bool, "Whether nobody may see it: only actions take it, as `{secret: input:NAME}`."),
];

/// The keys of a step, whatever it does.
pub(crate) const STEP: &[Key] = &[
    need("id", Shape::Id, "By which it is known; it stays as the step moves."),
    key("description", Shape::Text, "For readers."),
    key("action", Shape::Action, "Does something."),
    key("with", Shape::Arguments, "What is told to the action or the workflow."),
    key("timeout", Shape::Span, "How long one attempt may take."),
    key("retry", Shape::Record(RETRY), "How often an action is tried."),
    key("compensate", Shape::Record(COMPENSATE), "What undoes the action, if a later step fails."),
    key("switch", Shape::ListOf(CASE), "Goes the first way whose condition holds."),
    key("parallel", Shape::ListOf(BRANCH), "Goes several ways at once, and on once all have ended."),
    key("for_each", Shape::Record(FOR_EACH), "Goes through what a query finds."),
    key("wait", Shape::Record(WAIT), "Waits for a time or an event."),
    key("approval", Shape::Record(APPROVAL), "Has people approve."),
    key("call", Shape::Id, "Runs another workflow, and waits for its end."),
    key("try", Shape::Steps, "Does this, and `catch` if it fails."),
    key("catch", Shape::Steps, "What is done once `try` failed, and what it did was undone."),
    key("fail", Shape::Message, "Ends this as failed, with a message."),
];

/// What makes a step what it is, with the other keys that it then may have.
pub(crate) const KINDS: &[(&str, &[&str])] = &[
    ("action", &["with", "timeout", "retry", "compensate"]),
    ("switch", &[]),
    ("parallel", &[]),
    ("for_each", &[]),
    ("wait", &[]),
    ("approval", &[]),
    ("call", &["with", "timeout"]),
    ("try", &["catch"]),
    ("fail", &[]),
];

pub(crate) const RETRY: &[Key] = &[
    key(
        "limit",
        Shape::Int(1, 100),
        "How many attempts there are at most, the first one counted; 1 if it is left out.",
    ),
    key("backoff", Shape::Span, "How long after the first attempt that failed; twice that after the next."),
    key("longest", Shape::Span, "How long at most between two attempts."),
    key("jitter", Shape::Percent, "How much later at most, so that not all come at once."),
    key(
        "then",
        Shape::Word(&["fail", "hold"]),
        "What happens once all attempts failed: the step fails, or is held for somebody to look at.",
    ),
];

pub(crate) const COMPENSATE: &[Key] = &[
    need("action", Shape::Action, "Does something."),
    key("with", Shape::Arguments, "What is told to the action."),
    key("timeout", Shape::Span, "How long one attempt may take."),
    key("retry", Shape::Record(RETRY), "How often it is tried."),
];

pub(crate) const CASE: &[Key] = &[
    key("when", Shape::Condition, "Whether it goes this way."),
    key("otherwise", Shape::Steps, "What is done where no condition holds; the last one."),
    key("steps", Shape::Steps, "What is done."),
];

pub(crate) const BRANCH: &[Key] =
    &[need("steps", Shape::Steps, "What is done."), key("description", Shape::Text, "For readers.")];

pub(crate) const FOR_EACH: &[Key] = &[
    need("query", Shape::Query, "What it goes through."),
    key("with", Shape::Arguments, "What is told to the query."),
    key("where", Shape::Condition, "Only items of which this holds."),
    key("as", Shape::Id, "What the item is called; `item` without it."),
    key("batch", Shape::Int(1, 100), "How many are under way at once; 1 without it."),
    key("rate", Shape::Rate, "How many begin at most."),
    key("limit", Shape::Int(1, 10_000_000), "How many items it goes through; more are a failure."),
    key("canary", Shape::Percent, "How many go first, and have to end well before the rest begins."),
    key("breaker", Shape::Record(BREAKER), "When to stop."),
    need("steps", Shape::Steps, "What is done with each."),
];

pub(crate) const BREAKER: &[Key] = &[
    need("failures", Shape::Percent, "How many of those that ended may have failed."),
    key("after", Shape::Int(1, 1_000_000), "How many have to have ended before; 1 without it."),
    key(
        "then",
        Shape::Word(&["fail", "hold"]),
        "What happens then: the loop fails, or is held for somebody to look at.",
    ),
];

pub(crate) const WAIT: &[Key] = &[
    key("for", Shape::Span, "For so long."),
    key("until", Shape::Value, "Until this time."),
    key("event", Shape::Event, "For an event of this kind."),
    key("where", Shape::Condition, "Of which this holds; it is called `arrived`."),
    key("timeout", Shape::Span, "For how long at most."),
    key("on_timeout", Shape::Word(&["fail", "continue"]), "What happens then; `fail` without it."),
];

pub(crate) const APPROVAL: &[Key] = &[
    key("quorum", Shape::Int(1, 20), "How many have to approve; 1 without it."),
    need("roles", Shape::Texts, "Who may."),
    key("exclude", Shape::Texts, "Who may not: `subject`, `requester`. Both without it."),
    key("evidence", Shape::Texts, "What they have to have seen, and tick."),
    key(
        "level",
        Shape::Word(&["aal1", "aal2", "aal3"]),
        "What they have to have proved themselves; `aal2` without it.",
    ),
    need("timeout", Shape::Span, "For how long at most."),
    key("on_timeout", Shape::Word(&["fail", "continue"]), "What happens then; `fail` without it."),
    key("on_reject", Shape::Word(&["fail", "continue"]), "What happens where one says no; `fail` without it."),
    key("message", Shape::Message, "What they are told."),
];

pub(crate) const TEST: &[Key] = &[
    need("name", Shape::Text, "What it shows."),
    need("given", Shape::Record(GIVEN), "What starts the run."),
    key(
        "results",
        Shape::Anything,
        "What actions come to, by the step's id: what it gives, `{fail: …}`, or a list for one attempt after the other.",
    ),
    key("items", Shape::Anything, "What queries find, by the step's id."),
    key("then", Shape::ListOf(HAPPENS), "What happens while it runs."),
    need("expect", Shape::Record(EXPECT), "What comes of it."),
];

pub(crate) const GIVEN: &[Key] = &[
    key("event", Shape::Event, "The kind of the event."),
    key("user", Shape::Text, "Whom the event is about."),
    key("authenticator", Shape::Text, "Which authenticator the event is about."),
    key("data", Shape::Anything, "The facts in it."),
    key("webhook", Shape::Anything, "What the call from outside says."),
    key("inputs", Shape::Anything, "What is told to the run."),
    key("requester", Shape::Text, "Who starts it."),
];

pub(crate) const HAPPENS: &[Key] = &[
    key("advance", Shape::Span, "The clock goes on by so much."),
    key("event", Shape::Event, "An event of this kind comes."),
    key("user", Shape::Text, "Whom the event is about."),
    key("data", Shape::Anything, "The facts in it."),
    key("approve", Shape::Id, "The approval of this step is given."),
    key("reject", Shape::Id, "The approval of this step is refused."),
    key("by", Shape::Text, "Who approves or rejects."),
    key("roles", Shape::Texts, "Their roles; those that are asked for without it."),
    key("evidence", Shape::Texts, "What they tick; what is asked for without it."),
    key("level", Shape::Word(&["aal1", "aal2", "aal3"]), "What they have proved; what is asked for without it."),
    key("cancel", Shape::Bool, "The run is cancelled."),
    key("retry", Shape::Id, "A step that is held is tried again."),
    key("discard", Shape::Id, "A step that is held is given up."),
];

pub(crate) const EXPECT: &[Key] = &[
    need("outcome", Shape::Word(&["completed", "failed", "cancelled", "waiting", "not_started"]), "How the run ends."),
    key("steps", Shape::Texts, "The actions that are done, in order; those that undo as `undo ID`."),
    key("with", Shape::Anything, "What was told to actions, by the step's id: at least this."),
    key("error", Shape::Text, "What the message of its failure has in it."),
];
