//! What is wrong with a workflow though each of its words is right.

mod assurance;
mod behind;
mod together;

use std::time::Duration;

use document::{Mistakes, Place};
use domain::{EventKind, Timestamp};
use serde_json::{Map, Value, json};

use crate::definition::{
    Approval, Argument, BlockId, Definition, Doing, Excluded, ExpressionId, Step, StepKind, TriggerKind, Wait,
};
use crate::expression::Known;
use crate::vocabulary::Kind;

pub use together::{check_together, emits_to};

/// The most steps that can be under way at once.
const MAX_WIDTH: usize = 256;
/// From when on a schedule is looked for: the first day of a year, whichever.
const SOME_TIME: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);
/// What the events that workflows cause give as their reason.
pub const REASON: &str = "workflow";

/// Looks for what cannot be meant: what is never reached, never fires, never ends, starts itself, or hands out more than was proved.
pub(crate) fn look_over(definition: &Definition, mistakes: &mut Mistakes) {
    for trigger in &definition.triggers {
        if let TriggerKind::Schedule(schedule) = &trigger.kind
            && schedule.next(SOME_TIME).is_none()
        {
            mistakes.error(&trigger.place, "this schedule never fires: there is no such day");
        }
        let when = trigger.when.and_then(|id| definition.expression(id));
        if when.is_some_and(|when| when.condition.contradicts_itself()) {
            mistakes.error(&trigger.place, "this trigger never fires: its condition is never true");
        }
    }
    for block in whole(definition) {
        reached(definition, block, mistakes);
        if width(definition, block) > MAX_WIDTH {
            let place = definition.block(block).first().and_then(|step| definition.step(*step)).map(|step| &step.place);
            if let Some(place) = place {
                mistakes.error(
                    place,
                    format!("more than {MAX_WIDTH} steps could be under way at once: make batches smaller"),
                );
            }
        }
    }
    starts_itself(definition, mistakes);
    told_by_nobody(definition, mistakes);
    for step in &definition.steps {
        one_step(definition, step, mistakes);
    }
    always_ends(definition, mistakes);
    assurance::check(definition, mistakes);
    behind::check(definition, mistakes);
}

/// The three blocks that belong to no step.
fn whole(definition: &Definition) -> impl Iterator<Item = BlockId> {
    [Some(definition.main), definition.on_error, definition.finally].into_iter().flatten()
}

/// Tells of what stands behind what never goes on. Whether the block never goes on itself.
fn reached(definition: &Definition, block: BlockId, mistakes: &mut Mistakes) -> bool {
    let mut over = false;
    for step in definition.block(block).iter().filter_map(|id| definition.step(*id)) {
        if over {
            mistakes.error(&step.place, format!("`{}` is never reached: what stands before it never goes on", step.id));
            return true;
        }
        let inner: Vec<bool> = step.inner().into_iter().map(|block| reached(definition, block, mistakes)).collect();
        over = match &step.kind {
            StepKind::Fail(_) => true,
            StepKind::Switch(branches) => {
                ways(definition, step, mistakes);
                branches.iter().any(|branch| branch.when.is_none()) && inner.iter().all(|over| *over)
            }
            StepKind::Parallel(_) => inner.iter().any(|over| *over),
            StepKind::Try { .. } => inner.iter().all(|over| *over),
            _ => false,
        };
    }
    over
}

/// Tells of ways of a switch that are never gone.
fn ways(definition: &Definition, step: &Step, mistakes: &mut Mistakes) {
    let StepKind::Switch(branches) = &step.kind else { return };
    let mut taken = false;
    for branch in branches {
        let place = branch.when.and_then(|id| definition.expression(id)).map_or(&step.place, |when| &when.place);
        let when = branch.when.and_then(|id| definition.expression(id)).map(|when| &when.condition);
        if taken {
            mistakes.error(place, "this way is never gone: the one before always is");
            return;
        }
        if when.is_some_and(condition::Condition::contradicts_itself) {
            mistakes.error(place, "this way is never gone: its condition is never true");
        }
        taken = when.is_some_and(|when| when.constant() == Some(true));
    }
}

/// How many steps of a block can be under way at once.
fn width(definition: &Definition, block: BlockId) -> usize {
    let steps = definition.block(block).iter().filter_map(|id| definition.step(*id));
    let widths = steps.map(|step| {
        let inner = step.inner().into_iter().map(|block| width(definition, block));
        match &step.kind {
            StepKind::Parallel(_) => inner.fold(1, usize::saturating_add),
            StepKind::ForEach(each) => {
                let batch = usize::try_from(each.batch).unwrap_or(usize::MAX);
                inner.max().unwrap_or(1).saturating_mul(batch).saturating_add(1)
            }
            _ => inner.max().unwrap_or(0).saturating_add(1),
        }
    });
    widths.max().unwrap_or(0)
}

/// Tells of an approval that would leave out whom the run is about, where that is said nowhere: anybody could approve what is done to themselves.
fn leaves_out_nobody(definition: &Definition, step: &Step, approval: &Approval, mistakes: &mut Mistakes) {
    if definition.subject.is_some() || !approval.excludes.contains(&Excluded::Subject) {
        return;
    }
    if approval.says_excludes || is_about_users(definition) {
        let message = format!(
            "`{}` is to leave out whom the run is about, and nothing says who that is: say `subject`, or `exclude: [requester]` if it is about nobody",
            step.id
        );
        mistakes.error(&step.place, message);
    }
}

/// Whether what a workflow is told, or does, is about users.
fn is_about_users(definition: &Definition) -> bool {
    let told = definition.inputs.iter().any(|input| input.kind == Kind::User);
    let caused = definition.triggers.iter().any(|trigger| match trigger.kind {
        TriggerKind::Event(kind) => kind.concerns_users(),
        _ => false,
    });
    let does = |step: &Step| match &step.kind {
        StepKind::Action(action) => {
            action.does.with.iter().any(|(name, _)| ["user", "authenticator", "session"].contains(&name.as_str()))
        }
        _ => false,
    };
    told || caused || definition.steps.iter().any(does)
}

fn one_step(definition: &Definition, step: &Step, mistakes: &mut Mistakes) {
    let at = |id: ExpressionId| definition.expression(id).map_or(&step.place, |expression| &expression.place);
    match &step.kind {
        StepKind::ForEach(each) => {
            if each.query.everyone && each.limit.or(definition.limits.subjects).is_none() {
                let message =
                    format!("`{}` may go through everybody: say `limit`, or `subjects` under `limits`", step.id);
                mistakes.error(&step.place, message);
            }
            if each.query.everyone && each.breaker.is_none() {
                mistakes.warning(&step.place, format!("`{}` goes on whatever fails: say `breaker`", step.id));
            }
            let keep = each.keep.and_then(|id| Some((id, definition.expression(id)?)));
            if let Some((id, keep)) = keep
                && keep.condition.contradicts_itself()
            {
                mistakes.error(at(id), "no item is ever gone through: this is never true");
            }
        }
        StepKind::Wait(Wait::For(span) | Wait::Event { timeout: span, .. }) => {
            longer(definition, step, *span, mistakes);
        }
        StepKind::Approval(approval) => {
            longer(definition, step, approval.timeout, mistakes);
            if approval.roles.is_empty() {
                mistakes.error(&step.place, "nobody may approve this");
            }
            leaves_out_nobody(definition, step, approval, mistakes);
        }
        StepKind::Call(call) if call.workflow == definition.name => {
            mistakes.error(&step.place, format!("`{}` calls itself, again and again", definition.name));
        }
        _ => {}
    }
    if let StepKind::Action(action) = &step.kind {
        for doing in [Some(&action.does), action.undo.as_ref()].into_iter().flatten() {
            secrets_go_where_the_file_says(step, doing, mistakes);
            let takes =
                |name: &str| doing.action.takes.iter().any(|parameter| parameter.name == name && !parameter.required);
            let one_of: Vec<&str> =
                ["user", "authenticator", "session"].into_iter().filter(|name| takes(name)).collect();
            if one_of.len() > 1 && !doing.with.iter().any(|(name, _)| one_of.contains(&name.as_str())) {
                let (action, one_of) = (doing.action.name, document::listed(&one_of));
                mistakes.error(&step.place, format!("`{action}` needs one of {one_of}, under `with`"));
            }
        }
    }
}

fn longer(definition: &Definition, step: &Step, span: Duration, mistakes: &mut Mistakes) {
    if span > definition.limits.duration {
        let message = format!("`{}` may wait for longer than a run may take: say `duration` under `limits`", step.id);
        mistakes.error(&step.place, message);
    }
}

/// What is done at the end of every run has to end itself, however a run went.
fn always_ends(definition: &Definition, mistakes: &mut Mistakes) {
    let Some(finally) = definition.finally else { return };
    for step in definition.steps.iter().filter(|step| is_in(definition, step, finally)) {
        let what = match &step.kind {
            StepKind::Wait(_) => "wait",
            StepKind::Approval(_) => "approval",
            StepKind::Call(_) => "call",
            StepKind::ForEach(_) => "loop",
            StepKind::Action(action) if action.does.retry.hold => "`then: hold`",
            _ => continue,
        };
        mistakes
            .error(&step.place, format!("`finally` has no {what}: it is done at the end of every run, and has to end"));
    }
}

/// Whether a step stands in a block, however deep.
fn is_in(definition: &Definition, step: &Step, block: BlockId) -> bool {
    let parent = |at: &BlockId| definition.step(definition.blocks.get(*at)?.parent?).map(|step| step.block);
    std::iter::successors(Some(step.block), parent).any(|at| at == block)
}

/// An input that has to be told is told by nobody where a workflow starts by itself.
fn told_by_nobody(definition: &Definition, mistakes: &mut Mistakes) {
    let untold = definition.inputs.iter().find(|input| input.required && input.default.is_none());
    let by_itself = definition.triggers.iter().find(|trigger| {
        matches!(trigger.kind, TriggerKind::Event(_) | TriggerKind::Schedule(_) | TriggerKind::Webhook(_))
    });
    if let (Some(input), Some(trigger)) = (untold, by_itself) {
        let message = format!("nobody tells `{}` where this starts a run: say its `default`", input.name);
        mistakes.error(&trigger.place, message);
    }
    if definition.concurrency.is_some_and(|concurrency| concurrency.key.is_none()) && definition.subject.is_none() {
        let place = definition.triggers.first().map(|trigger| &trigger.place);
        if let Some(place) = place {
            mistakes.error(place, "`concurrency` has no `key`, and the workflow has no `subject`");
        }
    }
}

/// A workflow that does what starts it goes on for ever.
fn starts_itself(definition: &Definition, mistakes: &mut Mistakes) {
    for (caused, place) in causes(definition) {
        let Some(trigger) = started_by(definition, &caused) else { continue };
        let (event, by) = (caused.kind.name(), &caused.by);
        let message = match by {
            Some(action) if caused.kind == EventKind::EventEmitted => {
                format!(
                    "this workflow starts itself: `{action}` leads to `{event}`. Ask for another `event.data.name` at the trigger"
                )
            }
            Some(action) => format!(
                "this workflow starts itself: `{action}` leads to `{event}`. Say `when: event.data.reason != \"{REASON}\"` at the trigger"
            ),
            None => format!(
                "this workflow starts itself: its own runs lead to `{event}`. Say `when: event.data.workflow != \"{}\"` at the trigger, or which one it is about",
                definition.name
            ),
        };
        mistakes.between(place.unwrap_or(trigger), trigger, message);
    }
}

/// An event that a workflow causes, as far as it is known before it does.
pub(crate) struct Caused {
    kind: EventKind,
    /// By which action; none where it tells of the run itself.
    by: Option<&'static str>,
    event: Value,
}

/// What is told of every run and its steps.
const OF_RUNS: &[EventKind] = &[
    EventKind::RunStarted,
    EventKind::RunSkipped,
    EventKind::RunCompleted,
    EventKind::RunFailed,
    EventKind::RunCancelled,
    EventKind::RunHeld,
    EventKind::StepCompleted,
    EventKind::StepFailed,
];

/// The events that a workflow causes, and where.
pub(crate) fn causes(definition: &Definition) -> impl Iterator<Item = (Caused, Option<&Place>)> {
    let by_steps = definition
        .doings()
        .flat_map(|(step, doing)| doing.action.emits.iter().map(move |kind| (caused(*kind, doing), Some(&step.place))));
    let by_itself = OF_RUNS.iter().map(|kind| {
        let event = json!({ "kind": kind.name(), "data": { "workflow": definition.name } });
        (Caused { kind: *kind, by: None, event }, None)
    });
    by_steps.chain(by_itself)
}

/// The trigger that such an event would fire, as far as that can be seen.
pub(crate) fn started_by<'a>(definition: &'a Definition, caused: &Caused) -> Option<&'a Place> {
    let trigger = definition.triggers.iter().find(|trigger| {
        trigger.kind == TriggerKind::Event(caused.kind) && {
            let mut known = Known::default();
            known.add("event", std::borrow::Cow::Borrowed(&caused.event));
            let when = trigger.when.and_then(|id| definition.expression(id));
            // What is not known could be anything: only what is false whatever it is does not fire.
            when.is_none_or(|when| when.holds(&known) != Ok(false))
        }
    });
    trigger.map(|trigger| &trigger.place)
}

fn caused(kind: EventKind, doing: &Doing) -> Caused {
    let tells_reason = kind.fields().iter().any(|field| field.name == "reason");
    let reason = tells_reason.then(|| ("reason".to_owned(), Value::from(REASON)));
    let name = (kind == EventKind::EventEmitted).then(|| literal(doing, "name")).flatten();
    let name = name.map(|name| ("name".to_owned(), name.clone()));
    let data: Map<String, Value> = reason.into_iter().chain(name).collect();
    Caused { kind, by: Some(doing.action.name), event: json!({ "kind": kind.name(), "data": data }) }
}

/// What is told to an action as it stands in the file.
fn literal<'a>(doing: &'a Doing, name: &str) -> Option<&'a Value> {
    doing.with.iter().find_map(|(told, argument)| match argument {
        Argument::Literal(value) if told == name => Some(value),
        _ => None,
    })
}

/// Whoever says where a call goes says who gets the secret that goes with it: so that stands in the file.
fn secrets_go_where_the_file_says(step: &Step, doing: &Doing, mistakes: &mut Mistakes) {
    let told = |wanted: fn(&Argument) -> bool| doing.with.iter().filter(move |(_, argument)| wanted(argument));
    let Some((secret, _)) = told(|argument| matches!(argument, Argument::Secret(_))).next() else { return };
    // What is one piece of an address leaves its host as it stands.
    let says_host = |argument: &Argument| match argument {
        Argument::Literal(_) => true,
        Argument::Message(text) => text.is_address(),
        _ => false,
    };
    for (name, _) in doing.with.iter().filter(|(_, argument)| !says_host(argument)) {
        if ["url", "server"].contains(&name.as_str()) {
            let message = format!(
                "`{name}` says its host itself, and is no expression as a whole, where `{secret}` is sent with it"
            );
            mistakes.error(&step.place, message);
        }
    }
}
