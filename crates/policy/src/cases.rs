//! Cases: facts in a short form and what is expected of them, beside the rules that they are about.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Amr, AuthenticatorId, AuthenticatorKind, Proof, Quality, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Policy;
use crate::facts::{Facts, Finding, ProofFacts, ResourceFacts, Signal, Usable};
use crate::rule::Trigger;
use crate::verdict::{Outcome, OutcomeKind, Verdict};
use document::{Fields, Node, Yaml, one_of};
use document::{Mistakes, Place};

/// The most cases.
const MAX_CASES: usize = 5000;
/// When cases take place.
const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseResult {
    /// What the case is called.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is not as expected; nothing where the case passed.
    pub differences: Vec<String>,
    /// What was decided.
    pub verdict: Verdict,
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    name: String,
    place: Place,
    facts: Facts,
    expected: Expected,
}

/// What is expected; what is not said may be anything.
#[derive(Debug, Default)]
struct Expected {
    outcome: Option<OutcomeKind>,
    aal: Option<i64>,
    /// In their order.
    factors: Option<Vec<String>>,
    decided_by: Option<String>,
    /// Those that fired, at least.
    rules: Vec<String>,
    bind: Option<Vec<String>>,
    notify: Option<Vec<String>>,
}

pub(crate) fn read(node: &Node, mistakes: &mut Mistakes) -> Vec<Case> {
    let items = node.list(mistakes);
    if items.len() > MAX_CASES {
        mistakes.error(&node.place, format!("there are at most {MAX_CASES} cases"));
        return Vec::new();
    }
    items.iter().filter_map(|item| case(item, mistakes)).collect()
}

fn case(node: &Node, mistakes: &mut Mistakes) -> Option<Case> {
    let fields = node.fields(&["name", "given", "expect"], mistakes);
    let name = fields.need("name", mistakes).and_then(|node| node.text(mistakes)).map(str::to_owned);
    let facts = fields.find("given").map(|node| facts(node, mistakes));
    let expected = fields.need("expect", mistakes).map(|node| expected(node, mistakes));
    let standard = || Facts { now: NOW, ..Facts::nothing() };
    Some(Case { name: name?, place: node.place.clone(), facts: facts.unwrap_or_else(standard), expected: expected? })
}

fn facts(node: &Node, mistakes: &mut Mistakes) -> Facts {
    const KEYS: &[&str] = &["user", "application", "action", "resource", "context", "session", "signals"];
    let fields = node.fields(KEYS, mistakes);
    let mut facts = Facts { now: NOW, ..Facts::nothing() };
    facts.session.amr = BTreeSet::from_iter(Amr::parse("pwd"));
    facts.session.authenticated_at = NOW.minus(Duration::from_mins(1));
    facts.session.last_active_at = Some(NOW);
    "user".clone_into(&mut facts.user.external_id);
    if let Some(node) = fields.find("user") {
        user(node, &mut facts, mistakes);
    }
    if let Some(name) = text(&fields, "application", mistakes) {
        facts.application.name = name;
    }
    facts.action = text(&fields, "action", mistakes).unwrap_or_default();
    if let Some(node) = fields.find("resource") {
        let fields = node.fields(&["type", "id", "properties"], mistakes);
        facts.resource = Some(ResourceFacts {
            kind: text(&fields, "type", mistakes).unwrap_or_default(),
            id: text(&fields, "id", mistakes).unwrap_or_default(),
            properties: fields.find("properties").map(|node| object(node, mistakes)).unwrap_or_default(),
        });
    }
    facts.context = fields.find("context").map(|node| object(node, mistakes)).unwrap_or_default();
    if let Some(node) = fields.find("session") {
        session(node, &mut facts, mistakes);
    }
    if let Some(node) = fields.find("signals") {
        facts.signals = signals(node, mistakes);
    }
    facts
}

fn user(node: &Node, facts: &mut Facts, mistakes: &mut Mistakes) {
    let fields = node.fields(
        &["external_id", "groups", "attributes", "service_account", "has", "subject_for", "grace_for"],
        mistakes,
    );
    if let Some(id) = text(&fields, "external_id", mistakes) {
        facts.user.external_id = id;
    }
    facts.user.groups = texts(&fields, "groups", mistakes).unwrap_or_default();
    if let Some(node) = fields.find("attributes") {
        facts.user.attributes = object(node, mistakes);
    }
    let service = fields.find("service_account").and_then(|node| node.bool(mistakes));
    facts.user.service_account = service.unwrap_or(false);
    for (word, place) in fields.find("has").map(|node| node.texts(mistakes)).unwrap_or_default() {
        let found = one_of(word, place, "authenticator", &authenticators(), mistakes);
        facts.user.authenticators.extend(found.map(|(kind, quality)| Usable { kind, quality }));
    }
    let subject = fields.find("subject_for").and_then(|node| node.duration(mistakes));
    facts.user.subject_since = subject.map(|span| NOW.minus(span));
    let grace = fields.find("grace_for").and_then(|node| node.duration(mistakes));
    facts.user.grace_until = grace.map(|span| NOW.plus(span));
}

fn session(node: &Node, facts: &mut Facts, mistakes: &mut Mistakes) {
    let fields = node.fields(&["amr", "age", "idle", "proofs"], mistakes);
    if let Some(amr) = fields.find("amr") {
        facts.session.amr.clear();
        for (word, place) in amr.texts(mistakes) {
            match Amr::parse(word) {
                Some(method) => drop(facts.session.amr.insert(method)),
                None => mistakes
                    .error(place, "a method is named by 1 to 32 lower-case letters, digits, `_`, `-`, `.` or `:`"),
            }
        }
    }
    let ago = |key, mistakes: &mut Mistakes| {
        fields.find(key).and_then(|node| node.duration(mistakes)).map(|span| NOW.minus(span))
    };
    facts.session.authenticated_at = ago("age", mistakes).unwrap_or(facts.session.authenticated_at);
    facts.session.last_active_at = ago("idle", mistakes).or(facts.session.last_active_at);
    for item in fields.find("proofs").map(|node| node.list(mistakes)).unwrap_or_default() {
        for (key, value) in item.entries(mistakes) {
            let now = matches!(&value.yaml, Yaml::Text(text) if text == "now");
            let age = if now { Some(Duration::ZERO) } else { value.duration(mistakes) };
            let found = one_of(&key.name, &key.place, "authenticator", &authenticators(), mistakes);
            let (Some(age), Some((kind, quality))) = (age, found) else { continue };
            let authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::nil());
            let proof = Proof { authenticator_id, kind, verified_at: NOW.minus(age), quality };
            facts.session.proofs.push(ProofFacts { proof, for_this_decision: now });
        }
    }
}

/// What cases call authenticators: by their kind, where a `webauthn` is a passkey that looks who is there, and `hardware_key` one that
/// cannot leave its hardware.
fn authenticators() -> Vec<(&'static str, (AuthenticatorKind, Quality))> {
    let kinds = AuthenticatorKind::ALL.iter().map(|kind| {
        let user_verified = *kind == AuthenticatorKind::Webauthn;
        (kind.name(), (*kind, Quality { user_verified, hardware_bound: false }))
    });
    let hardware = Quality { user_verified: true, hardware_bound: true };
    kinds.chain([("hardware_key", (AuthenticatorKind::Webauthn, hardware))]).collect()
}

/// `[new_device]`, or with values, `{new_device: true, reputation: unknown}`.
fn signals(node: &Node, mistakes: &mut Mistakes) -> Vec<Signal> {
    let named: Vec<(String, Finding)> = if let Yaml::Map(entries) = &node.yaml {
        let finding = |node: &Node| match &node.yaml {
            Yaml::Text(text) if text == "unknown" => Finding::Unknown,
            _ => Finding::Known(node.json()),
        };
        entries.iter().map(|(key, value)| (key.name.clone(), finding(value))).collect()
    } else {
        let raised = |(name, _): (&str, &Place)| (name.to_owned(), Finding::Known(true.into()));
        node.texts(mistakes).into_iter().map(raised).collect()
    };
    let signal = |(name, value): (String, Finding)| Signal {
        name: name.into(),
        value,
        weight: 1,
        explanation: "".into(),
        raised_at: None,
    };
    named.into_iter().map(signal).collect()
}

fn object(node: &Node, mistakes: &mut Mistakes) -> Map<String, Value> {
    let entries = node.entries(mistakes);
    entries.iter().map(|(key, value)| (key.name.clone(), value.json())).collect()
}

fn text(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<String> {
    fields.find(key).and_then(|node| node.text(mistakes)).map(str::to_owned)
}

fn texts(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let found = fields.find(key)?.texts(mistakes);
    Some(found.into_iter().map(|(text, _)| text.to_owned()).collect())
}

fn expected(node: &Node, mistakes: &mut Mistakes) -> Expected {
    if let Yaml::Text(_) = node.yaml {
        return Expected { outcome: node.word("outcome", OutcomeKind::NAMES, mistakes), ..Expected::default() };
    }
    let keys = ["outcome", "aal", "factors", "decided_by", "rules", "bind", "notify"];
    let fields = node.fields(&keys, mistakes);
    let outcome = fields.need("outcome", mistakes);
    Expected {
        outcome: outcome.and_then(|node| node.word("outcome", OutcomeKind::NAMES, mistakes)),
        aal: fields.find("aal").and_then(|node| node.int(1..=3, mistakes)),
        factors: texts(&fields, "factors", mistakes),
        decided_by: text(&fields, "decided_by", mistakes),
        rules: texts(&fields, "rules", mistakes).unwrap_or_default(),
        bind: texts(&fields, "bind", mistakes),
        notify: texts(&fields, "notify", mistakes),
    }
}

impl Case {
    pub(crate) fn run(&self, policy: &Policy) -> CaseResult {
        let mut facts = self.facts.clone();
        for name in policy.signal_names() {
            if !facts.signals.iter().any(|signal| signal.name == name) {
                let value = Finding::Known(false.into());
                let name = name.to_owned().into();
                facts.signals.push(Signal { name, value, weight: 0, explanation: "".into(), raised_at: None });
            }
        }
        let verdict = policy.decide(&facts);
        let differences = self.expected.differences(&verdict);
        CaseResult { name: self.name.clone(), place: self.place.clone(), differences, verdict }
    }
}

impl Expected {
    fn differences(&self, verdict: &Verdict) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, found: Option<String>| {
            if expected.is_some() && expected != found {
                let (expected, found) = (expected.unwrap_or_default(), found.unwrap_or_else(|| "nothing".to_owned()));
                differences.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        let (aal, factors) = match &verdict.outcome {
            Outcome::StepUp { need } => (Some(need.aal.number().to_string()), Some(&need.factors)),
            Outcome::Enroll { kinds } => (None, Some(kinds)),
            Outcome::Allow | Outcome::Deny => (None, None),
        };
        let listed = |words: &Vec<String>| words.join(", ");
        let named =
            |kinds: &Vec<AuthenticatorKind>| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        let outcome = verdict.outcome.kind().name().to_owned();
        compare("outcome", self.outcome.map(|outcome| outcome.name().to_owned()), Some(outcome));
        compare("aal", self.aal.map(|aal| aal.to_string()), aal);
        compare("factors", self.factors.as_ref().map(listed), factors.map(named));
        compare("decided_by", self.decided_by.clone(), verdict.decided_by.clone());
        compare("bind", self.bind.as_ref().map(listed), Some(verdict.bind.join(", ")));
        compare("notify", self.notify.as_ref().map(listed), Some(verdict.notify.join(", ")));
        for rule in &self.rules {
            if !verdict.reasons.iter().any(|reason| reason.rule == *rule && reason.fired) {
                differences.push(format!("rules: expected `{rule}` to fire, and it did not"));
            }
        }
        differences
    }
}

impl Policy {
    /// The signals that the policy asks for: whoever decides by it hands in each, found or not.
    pub fn signal_names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            match &rule.trigger {
                Trigger::Signal(name) => drop(names.insert(name.as_str())),
                Trigger::When(condition) => names.extend(crate::condition::signals(condition)),
                Trigger::Always | Trigger::Subject | Trigger::Otherwise => {}
            }
        }
        names
    }
}
