//! What protects or tells people, and would wait behind a step that two people have to let.
//!
//! A step that takes from somebody what they prove by is held where that is an administrator. So whoever attacks one would have the rest of the run wait as well.

use std::collections::BTreeSet;

use document::Mistakes;
use serde_json::Value;

use crate::definition::{Argument, BlockId, Definition, Doing, Step, StepKind};
use crate::vocabulary::TAKING;

/// What protects or tells, and cannot be held: the actions of each of these are alike.
const FIRST: &[&str] = &["session.revoke", "notify.", "risk."];
/// What comes beside a factor, and is none: who loses these alone can still prove.
const BESIDE: &[&str] = &["browser", "backup_codes"];

pub(super) fn check(definition: &Definition, mistakes: &mut Mistakes) {
    let blocks = [Some(definition.main), definition.on_error, definition.finally];
    for block in blocks.into_iter().flatten() {
        let mut walk = Walk { definition, mistakes, told: BTreeSet::new() };
        walk.block(block, &Before::default());
    }
}

/// What was done before a step, on every way to it.
#[derive(Debug, Clone, Default)]
struct Before<'a> {
    /// Which of [`FIRST`].
    done: BTreeSet<&'static str>,
    /// The first step that may be held.
    held: Option<&'a Step>,
}

struct Walk<'a, 'm> {
    definition: &'a Definition,
    mistakes: &'m mut Mistakes,
    /// The steps that were told of: once each.
    told: BTreeSet<&'a str>,
}

impl<'a> Walk<'a, '_> {
    fn block(&mut self, block: BlockId, before: &Before<'a>) -> Before<'a> {
        let (definition, mut now) = (self.definition, before.clone());
        for step in definition.block(block).iter().filter_map(|id| definition.step(*id)) {
            now = self.step(step, &now);
        }
        now
    }

    fn step(&mut self, step: &'a Step, before: &Before<'a>) -> Before<'a> {
        let mut after = before.clone();
        match &step.kind {
            StepKind::Action(action) => {
                if let Some(first) = FIRST.iter().find(|first| action.does.action.name.starts_with(**first)) {
                    self.tell(step, first, before);
                    after.done.insert(first);
                }
                if may_be_held(&action.does) {
                    after.held = after.held.or(Some(step));
                }
            }
            StepKind::Try { body, catch } => {
                let body = self.block(*body, before);
                // What is caught is no more held.
                let caught = self.block(*catch, &Before { held: before.held, done: body.done.clone() });
                after = Before { held: body.held.or(caught.held), ..body };
            }
            StepKind::Switch(branches) => {
                let ends: Vec<Before<'a>> = branches.iter().map(|way| self.block(way.block, before)).collect();
                if branches.iter().any(|way| way.when.is_none()) {
                    let of_all = |first: &&str| ends.iter().all(|end| end.done.contains(*first));
                    after.done = FIRST.iter().copied().filter(|first| of_all(first)).collect();
                }
                after.held = before.held.or_else(|| ends.iter().find_map(|end| end.held));
            }
            _ => {
                // Branches that go on beside each other wait for each other behind them alone.
                for block in step.inner() {
                    let end = self.block(block, before);
                    after.held = after.held.or(end.held);
                    after.done.extend(end.done);
                }
            }
        }
        after
    }

    fn tell(&mut self, step: &'a Step, first: &str, before: &Before<'a>) {
        let Some(held) = before.held.filter(|_| !before.done.contains(first)) else { return };
        if !self.told.insert(&held.id) {
            return;
        }
        let (held, place) = (&held.id, &held.place);
        let message = format!(
            "`{held}` waits for two people where it is about an administrator, or too many, and `{}` behind it waits with it: put that before `{held}`, or beside it under `parallel`",
            step.id
        );
        self.mistakes.warning(place, message);
    }
}

/// Whether an action may leave somebody with nothing to prove by.
fn may_be_held(doing: &Doing) -> bool {
    let is_beside = |argument: &Argument| match argument {
        Argument::Literal(Value::String(kind)) => BESIDE.contains(&kind.as_str()),
        _ => false,
    };
    let only_beside = |argument: &Argument| match argument {
        Argument::Literal(Value::Array(kinds)) => {
            kinds.iter().all(|kind| kind.as_str().is_some_and(|kind| BESIDE.contains(&kind)))
        }
        Argument::List(kinds) => kinds.iter().all(is_beside),
        _ => false,
    };
    let kinds = doing.with.iter().find(|(name, _)| name == "kinds");
    TAKING.contains(&doing.action.name) && !kinds.is_some_and(|(_, kinds)| only_beside(kinds))
}
