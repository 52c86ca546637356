//! A workflow that is new, in a few lines: what starts it, whom it is about, and what it does. Each step by itself is for `--full`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::{at, text};
use crate::output::{count, one_line};

/// What makes a step what it is, and how several are called.
const KINDS: [(&str, &str, &str); 9] = [
    ("action", "action", "actions"),
    ("approval", "approval", "approvals"),
    ("wait", "wait", "waits"),
    ("for_each", "loop", "loops"),
    ("switch", "switch", "switches"),
    ("parallel", "parallel", "parallels"),
    ("try", "try", "tries"),
    ("call", "call", "calls"),
    ("fail", "failure", "failures"),
];

/// A workflow by the pieces that a plan tells of it: `metadata`, `triggers`, `steps.tell` ….
pub(super) struct Brief<'a>(BTreeMap<&'a str, &'a Value>);

impl<'a> Brief<'a> {
    pub(super) fn of(pieces: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        Self(pieces.into_iter().collect())
    }

    /// What it is called for people, if it is called something.
    pub(super) fn title(&self) -> Option<String> {
        at(self.piece("metadata"), "title").as_str().map(one_line)
    }

    pub(super) fn step_count(&self) -> usize {
        self.steps().count()
    }

    /// What there is to say of it, a line for each thing: what kind of thing, and the words.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("", text(self.piece("metadata"), "/description").to_owned())];
        lines.extend(array(self.piece("triggers")).iter().map(|trigger| ("starts", started_by(trigger))));
        lines.push(("about", self.piece("subject").as_str().unwrap_or("nobody: it names no subject").to_owned()));
        lines.extend(self.steps().filter_map(|(_, step)| Some(("finds", found(step.get("for_each")?)))));
        lines.push(("does", times(self.steps().flat_map(|(_, step)| actions(step)))));
        lines.extend(self.steps().filter_map(|(_, step)| Some(("asks", asked(step.get("approval")?)))));
        lines.push(("calls", times(self.steps().filter_map(|(_, step)| step.get("call")?.as_str()))));
        lines.push(("steps", self.said_of_steps()));
        let tests = array(self.piece("tests")).len();
        lines.push(("tests", if tests == 0 { "none".to_owned() } else { tests.to_string() }));
        lines.retain(|(_, said)| !said.is_empty());
        lines.iter().map(|(what, said)| (*what, one_line(said))).collect()
    }

    fn piece(&self, name: &str) -> &'a Value {
        self.0.get(name).copied().unwrap_or(&Value::Null)
    }

    fn steps(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().filter_map(|(name, step)| Some((name.strip_prefix("steps.")?, *step)))
    }

    /// How many there are of each kind, and with which it begins and ends.
    fn said_of_steps(&self) -> String {
        let kinds = KINDS.iter().filter_map(|(kind, one, several)| {
            match self.steps().filter(|(_, step)| step.get(kind).is_some()).count() {
                0 => None,
                1 => Some(format!("1 {one}")),
                many => Some(format!("{many} {several}")),
            }
        });
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let outer: Vec<&str> = array(self.piece("steps")).iter().filter_map(Value::as_str).collect();
        let from_to = match outer.as_slice() {
            [] => String::new(),
            [only] => format!("{only}: "),
            [first, .., last] => format!("{first} … {last}: "),
        };
        format!("{from_to}{kinds}")
    }
}

/// What starts it.
fn started_by(trigger: &Value) -> String {
    let words = if let Some(event) = at(trigger, "event").as_str() {
        format!("by {event}")
    } else if let Some(schedule) = at(trigger, "schedule").as_str() {
        format!("at {schedule} {}", at(trigger, "time_zone").as_str().unwrap_or("UTC"))
    } else if !at(trigger, "webhook").is_null() {
        "by a call from outside".to_owned()
    } else if !at(trigger, "manual").is_null() {
        format!("by hand: {}", words(at(at(trigger, "manual"), "roles")))
    } else {
        "by another workflow".to_owned()
    };
    match at(trigger, "when").as_str() {
        Some(when) => format!("{words}, when {when}"),
        None => words,
    }
}

/// What a loop goes through.
fn found(each: &Value) -> String {
    let mut words = text(each, "/query").to_owned();
    if let Some(limit) = at(each, "limit").as_u64() {
        words = format!("{words}, {} at most", count(limit));
    }
    match at(each, "where").as_str() {
        Some(condition) => format!("{words}, where {condition}"),
        None => words,
    }
}

/// Who has to say yes.
fn asked(approval: &Value) -> String {
    let who = words(at(approval, "roles"));
    match at(approval, "quorum").as_u64() {
        Some(quorum) if quorum > 1 => format!("{quorum} of {who}"),
        _ => who,
    }
}

/// What a step does, and what undoes it.
fn actions(step: &Value) -> impl Iterator<Item = &str> {
    let undoing = step.get("compensate").and_then(|undoing| undoing.get("action"));
    step.get("action").into_iter().chain(undoing).filter_map(Value::as_str)
}

/// Each of them once, and how often it is there.
fn times<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let said = counts.iter().map(|(one, many)| match many {
        1 => (*one).to_owned(),
        many => format!("{one} ({many})"),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// One text or several.
fn words(said: &Value) -> String {
    match said {
        Value::String(one) => one.clone(),
        several => array(several).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use workflow::Definition;

    use super::*;

    /// As it is shown, at any width.
    fn brief(document: &str) -> String {
        let outline = Definition::read("w.yaml", document).unwrap().outline();
        let brief = Brief::of(outline.iter().map(|(piece, value)| (piece.as_str(), value)));
        let lines = brief.lines().into_iter().map(|(what, said)| format!("{what:<6}  {said}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn s11_a_new_workflow_is_told_in_a_few_lines() {
        let document = include_str!("../../../../../workflows/locked_account.yaml");
        insta::assert_snapshot!(brief(document), @r#"
                Tells a user that a workflow locked their account, and unlocks it once an administrator who called them back approves.
        starts  by user.suspended, when event.data.reason == "workflow"
        about   ${event.user}
        does    event.emit (4), notify.mail (2), user.unlock
        asks    administrator, helpdesk
        steps   told … which: 7 actions, 1 approval, 2 switches, 2 tries
        tests   5
        "#);
    }

    #[test]
    fn s11_whatever_there_is_in_a_workflow_is_counted() {
        let document = "apiVersion: countersign/v1
kind: Workflow
metadata: {name: w}
triggers:
  - {schedule: 0 8 * * 1, time_zone: Europe/Vienna}
  - {workflow: true}
  - {manual: {roles: [helpdesk, security]}}
limits: {subjects: 100}
steps:
  - id: each
    for_each:
      query: authenticators
      where: item.state == 'active'
      limit: 5000
      steps:
        - {id: out, action: authenticator.suspend, with: {authenticator: '${item.id}'}, compensate: {action: authenticator.resume, with: {authenticator: '${item.id}'}}}
  - {id: sure, approval: {roles: [security], quorum: 2, exclude: [requester], timeout: 1d}}
  - {id: other, call: lost_device}
";
        insta::assert_snapshot!(brief(document), @r"
        starts  at 0 8 * * 1 Europe/Vienna
        starts  by another workflow
        starts  by hand: helpdesk, security
        about   nobody: it names no subject
        finds   authenticators, 5,000 at most, where item.state == 'active'
        does    authenticator.resume, authenticator.suspend
        asks    2 of security
        calls   lost_device
        steps   each … other: 1 action, 1 approval, 1 loop, 1 call
        tests   none
        ");
    }
}
