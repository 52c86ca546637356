//! What rules can ask about, and what is known of it: the facts as conditions see them (ADR 15).

use std::collections::BTreeSet;

use condition::{Found, Schema, TOO_MUCH, Trouble, Type, Value};
use domain::Aal;
use serde_json::{Map, Value as Json};

use crate::facts::{Facts, Finding, is_bounded};

pub(crate) type Condition = condition::Condition<Attribute>;

/// A fact that conditions can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    UserExternalId,
    Groups,
    UserAttributes,
    UserServiceAccount,
    UserFactors,
    ApplicationId,
    ApplicationName,
    Action,
    ResourceType,
    ResourceId,
    ResourceProperties,
    Context,
    SessionAmr,
    SessionAge,
    SessionIdle,
    SessionLevel,
    SessionProved,
    Risk,
    Signal(Box<str>),
}

/// A name, what it stands for, and what is known of it.
type Named = (&'static str, Attribute, Type);

/// The fields of each thing that has some, with what they are.
const RECORDS: &[(&str, &[Named])] = &[
    (
        "user",
        &[
            ("external_id", Attribute::UserExternalId, Type::Text),
            ("groups", Attribute::Groups, Type::Texts),
            ("attributes", Attribute::UserAttributes, Type::Map),
            ("service_account", Attribute::UserServiceAccount, Type::Bool),
            ("factors", Attribute::UserFactors, Type::Texts),
        ],
    ),
    ("application", &[("id", Attribute::ApplicationId, Type::Text), ("name", Attribute::ApplicationName, Type::Text)]),
    (
        "resource",
        &[
            ("type", Attribute::ResourceType, Type::Text),
            ("id", Attribute::ResourceId, Type::Text),
            ("properties", Attribute::ResourceProperties, Type::Map),
        ],
    ),
    (
        "session",
        &[
            ("amr", Attribute::SessionAmr, Type::Texts),
            ("age", Attribute::SessionAge, Type::Number),
            ("idle", Attribute::SessionIdle, Type::Number),
            ("level", Attribute::SessionLevel, Type::Number),
            ("proved", Attribute::SessionProved, Type::Texts),
        ],
    ),
];

/// What stands by itself.
const SINGLE: &[Named] = &[
    ("groups", Attribute::Groups, Type::Texts),
    ("action", Attribute::Action, Type::Text),
    ("context", Attribute::Context, Type::Map),
    ("risk", Attribute::Risk, Type::Number),
];

/// Its fields are whatever was noticed.
const SIGNALS: &str = "signals";

/// The signals that a condition speaks of.
pub(crate) fn signals(condition: &Condition) -> BTreeSet<&str> {
    let attributes = condition.attributes().into_iter();
    attributes.filter_map(|a| if let Attribute::Signal(name) = a { Some(&**name) } else { None }).collect()
}

/// What rules can ask about.
pub(crate) struct Words;

impl Schema for Words {
    type Attribute = Attribute;

    fn find(&self, path: &[&str]) -> Found<'_, Attribute> {
        let names = |named: &'static [Named]| named.iter().map(|(name, _, _)| (*name).into()).collect();
        match path {
            [name] => {
                if let Some((_, attribute, kind)) = SINGLE.iter().find(|(single, _, _)| single == name) {
                    return Found::Attribute(attribute.clone(), *kind);
                }
                match RECORDS.iter().find(|(record, _)| record == name) {
                    Some((_, fields)) => Found::Record(names(fields)),
                    None if *name == SIGNALS => Found::Record(Vec::new()),
                    None => {
                        let single = SINGLE.iter().map(|(name, _, _)| *name);
                        let all = single.chain(RECORDS.iter().map(|(name, _)| *name)).chain([SIGNALS]);
                        Found::Nothing(all.map(Into::into).collect())
                    }
                }
            }
            [SIGNALS, name] => Found::Attribute(Attribute::Signal((*name).into()), Type::Any),
            [record, field] => match RECORDS.iter().find(|(name, _)| name == record) {
                Some((_, fields)) => match fields.iter().find(|(name, _, _)| name == field) {
                    Some((_, attribute, kind)) => Found::Attribute(attribute.clone(), *kind),
                    None => Found::Nothing(names(fields)),
                },
                None => Found::Within,
            },
            _ => Found::Within,
        }
    }
}

/// The facts as conditions see them: made once for a decision, asked by each rule.
pub(crate) struct View<'a> {
    facts: &'a Facts,
    groups: Vec<&'a str>,
    factors: Vec<&'a str>,
    amr: Vec<&'a str>,
    proved: Vec<&'a str>,
    attributes: Option<&'a Map<String, Json>>,
    context: Option<&'a Map<String, Json>>,
    properties: Option<&'a Map<String, Json>>,
    level: i64,
    risk: i64,
}

impl<'a> View<'a> {
    pub(crate) fn new(facts: &'a Facts) -> Self {
        let session = &facts.session;
        let proofs: Vec<_> = session.proofs.iter().map(|fact| fact.proof.clone()).collect();
        let raised = facts.signals.iter().filter(|signal| signal.is_raised());
        Self {
            facts,
            groups: facts.user.groups.iter().map(String::as_str).collect(),
            factors: facts.user.authenticators.iter().map(|usable| usable.kind.name()).collect(),
            amr: session.amr.iter().map(domain::Amr::name).collect(),
            proved: session.proofs.iter().map(|fact| fact.proof.kind.name()).collect(),
            attributes: is_bounded(&facts.user.attributes).then_some(&facts.user.attributes),
            context: is_bounded(&facts.context).then_some(&facts.context),
            properties: facts.resource.as_ref().map(|r| &r.properties).filter(|properties| is_bounded(properties)),
            level: Aal::reached(&session.amr, &proofs).number().into(),
            risk: raised.map(|signal| i64::from(signal.weight)).sum(),
        }
    }
}

impl condition::Facts for View<'_> {
    type Attribute = Attribute;

    fn value(&self, attribute: &Attribute) -> Result<Value<'_>, Trouble> {
        let facts = self.facts;
        let seconds = |since| i64::try_from(facts.now.since(since).as_secs()).unwrap_or(i64::MAX);
        let resource = || facts.resource.as_ref().ok_or(Trouble::new("no resource was named"));
        Ok(match attribute {
            Attribute::UserExternalId => Value::text(&facts.user.external_id)?,
            Attribute::Groups => Value::texts(&self.groups)?,
            Attribute::UserAttributes => Value::Object(self.attributes.ok_or(Trouble::new(TOO_MUCH))?),
            Attribute::UserServiceAccount => Value::Bool(facts.user.service_account),
            Attribute::UserFactors => Value::texts(&self.factors)?,
            Attribute::ApplicationId => Value::text(&facts.application.id)?,
            Attribute::ApplicationName => Value::text(&facts.application.name)?,
            Attribute::Action => Value::text(&facts.action)?,
            Attribute::ResourceType => Value::text(&resource()?.kind)?,
            Attribute::ResourceId => Value::text(&resource()?.id)?,
            Attribute::ResourceProperties => {
                resource()?;
                Value::Object(self.properties.ok_or(Trouble::new(TOO_MUCH))?)
            }
            Attribute::Context => Value::Object(self.context.ok_or(Trouble::new(TOO_MUCH))?),
            Attribute::SessionAmr => Value::texts(&self.amr)?,
            Attribute::SessionAge => Value::Int(seconds(facts.session.authenticated_at)),
            Attribute::SessionIdle => match facts.session.last_active_at {
                Some(at) => Value::Int(seconds(at)),
                None => return Err(Trouble::new("`session.idle` is not known")),
            },
            Attribute::SessionLevel => Value::Int(self.level),
            Attribute::SessionProved => Value::texts(&self.proved)?,
            Attribute::Risk => Value::Int(self.risk),
            Attribute::Signal(name) => match facts.signals.iter().find(|s| *s.name == **name).map(|s| &s.value) {
                Some(Finding::Known(value)) => Value::json(value)?,
                _ => return Err(Trouble::new(format!("`signals.{name}` is not known"))),
            },
        })
    }

    fn has(&self, attribute: &Attribute) -> bool {
        match attribute {
            Attribute::ResourceType | Attribute::ResourceId | Attribute::ResourceProperties => {
                self.facts.resource.is_some()
            }
            Attribute::SessionIdle => self.facts.session.last_active_at.is_some(),
            Attribute::Signal(name) => {
                self.facts.signals.iter().any(|s| *s.name == **name && s.value != Finding::Unknown)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
