//! What is wrong with workflows beside each other: calls that lead nowhere or round in a circle, and events that do.

use std::collections::BTreeMap;

use document::{Mistake, Mistakes, Place};
use domain::EventKind;

use super::{causes, started_by};
use crate::definition::{Argument, Definition, StepKind, TriggerKind};
use crate::reader::is_of;

/// Looks at workflows that are in force together. Each one was read by itself before.
pub fn check_together(definitions: &[&Definition]) -> Vec<Mistake> {
    let mut mistakes = Mistakes::default();
    let mut named: BTreeMap<&str, &Definition> = BTreeMap::new();
    for definition in definitions {
        if named.insert(definition.name(), definition).is_some() {
            let place = definition.triggers.first().map(|trigger| &trigger.place);
            if let Some(place) = place {
                mistakes.error(place, format!("there are two workflows `{}`", definition.name()));
            }
        }
    }
    for definition in named.values() {
        calls(definition, &named, &mut mistakes);
    }
    circles(&named, "calls itself", |of| called(of, &named), &mut mistakes);
    circles(&named, "starts itself", |of| started(of, &named), &mut mistakes);
    mistakes.into_vec()
}

/// What a step calls has to be there, let itself be called, and take what it is told.
fn calls(definition: &Definition, named: &BTreeMap<&str, &Definition>, mistakes: &mut Mistakes) {
    for step in &definition.steps {
        let StepKind::Call(call) = &step.kind else { continue };
        let Some(callee) = named.get(call.workflow.as_str()) else {
            let message = format!("there is no workflow `{}`", call.workflow);
            mistakes.unknown(&step.place, message, &call.workflow, named.keys().copied());
            continue;
        };
        if !callee.triggers.iter().any(|trigger| trigger.kind == TriggerKind::Workflow) {
            mistakes.error(
                &step.place,
                format!("`{}` lets no workflow call it: it has no trigger `workflow: true`", call.workflow),
            );
        }
        for (name, argument) in &call.with {
            match callee.inputs.iter().find(|input| input.name == *name && !input.secret) {
                None => {
                    let known = callee.inputs.iter().map(|input| input.name.as_str());
                    mistakes.unknown(&step.place, format!("`{}` has no input `{name}`", call.workflow), name, known);
                }
                Some(input) => {
                    let fits = match argument {
                        Argument::Literal(value) => is_of(value, input.kind),
                        Argument::Expression(id) => definition.expression(*id).is_none_or(|expression| {
                            input.kind.in_conditions().is_none_or(|kind| expression.condition.kind().serves_as(kind))
                        }),
                        _ => true,
                    };
                    if !fits {
                        let message = format!("`{name}` of `{}` is {}", call.workflow, input.kind.called());
                        mistakes.error(&step.place, message);
                    }
                }
            }
        }
        for input in callee.inputs.iter().filter(|input| input.required && input.default.is_none()) {
            if !call.with.iter().any(|(name, _)| *name == input.name) {
                mistakes.error(&step.place, format!("`{}` needs `{}`, under `with`", call.workflow, input.name));
            }
        }
    }
}

/// Whether what a workflow tells by an event of its own name starts runs of another one, as far as the files say.
pub fn emits_to(definition: &Definition, other: &Definition) -> bool {
    let emitted = causes(definition).filter(|(caused, _)| caused.kind == EventKind::EventEmitted);
    emitted.into_iter().any(|(caused, _)| started_by(other, &caused).is_some())
}

type Way<'a> = (&'a str, &'a Place);

/// The workflows that one calls.
fn called<'a>(of: &'a Definition, named: &BTreeMap<&'a str, &'a Definition>) -> Vec<Way<'a>> {
    let steps = of.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Call(call) => Some((named.get_key_value(call.workflow.as_str())?.0, &step.place)),
        _ => None,
    });
    steps.map(|(name, place)| (*name, place)).collect()
}

/// The workflows that what one does starts.
fn started<'a>(of: &'a Definition, named: &BTreeMap<&'a str, &'a Definition>) -> Vec<Way<'a>> {
    let ways = causes(of).flat_map(|(caused, place)| {
        let started = named.iter().filter_map(|(name, other)| Some((*name, started_by(other, &caused)?)));
        started.map(|(name, trigger)| (name, place.unwrap_or(trigger))).collect::<Vec<_>>()
    });
    ways.collect()
}

/// Tells of each workflow from which ways lead back to itself over others. That one is its own next is told when it is read.
fn circles<'a>(
    named: &BTreeMap<&'a str, &'a Definition>,
    what: &str,
    ways: impl Fn(&'a Definition) -> Vec<Way<'a>>,
    mistakes: &mut Mistakes,
) {
    let all: BTreeMap<&str, Vec<Way<'a>>> = named.iter().map(|(name, definition)| (*name, ways(definition))).collect();
    for (name, first) in &all {
        for (next, place) in first.iter().filter(|(next, _)| next != name) {
            let mut seen = vec![*next];
            let mut i = 0;
            while let Some(at) = seen.get(i).copied() {
                for (onward, _) in all.get(at).into_iter().flatten() {
                    if !seen.contains(onward) {
                        seen.push(onward);
                    }
                }
                i += 1;
            }
            if seen.contains(name) {
                mistakes.error(place, format!("`{name}` {what} by way of `{next}`, again and again"));
            }
        }
    }
}
