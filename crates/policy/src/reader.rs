//! Policy files, from YAML to rules.

mod factors;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use condition::{Source, Type};
use document::{Fields, Mistake, Mistakes, Node, Place, Yaml, listed, nearest, one_of, parse};
use domain::{Aal, AuthenticatorKind};
use serde_json::{Value, json};

use crate::administrators::Administrators;
use crate::analysis;
use crate::cases::{self, Case};
use crate::condition::{Words, signals};
use crate::enforcement::Enforcement;
use crate::preset::PRESETS;
use crate::rule::{Effect, FACTOR_ORDER, INTERCEPTED, Requirement, Rule, Scope, Trigger};
use crate::settings::{self, Settings};
use crate::{Orders, Policy};
use factors::{factors, kinds};

/// The most files.
pub const MAX_FILES: usize = 64;
/// The most rules, those of presets counted.
pub const MAX_RULES: usize = 1000;
/// The most levels.
const MAX_LEVELS: usize = 100;
/// The most steps that all conditions together may take.
const MAX_COST: u32 = 500_000;
/// The longest name, in bytes.
const MAX_NAME: usize = 128;

/// The words of others that a policy may use.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The names of the signals that there are. None: any name is taken.
    pub signals: Vec<String>,
    /// There may be others: a name that is none of these is told of only if it looks like one of them, and as a warning.
    pub others: bool,
}

impl Vocabulary {
    /// Tells of a signal that there is not.
    pub(crate) fn check(
        &self,
        name: &str,
        place: &Place,
        mistakes: &mut Mistakes,
        message: impl FnOnce(&[&str]) -> String,
    ) {
        if self.signals.is_empty() || self.signals.iter().any(|signal| signal == name) {
            return;
        }
        let known: Vec<&str> = self.signals.iter().map(String::as_str).collect();
        if !self.others {
            mistakes.unknown(place, message(&known), name, known);
        } else if let Some(near) = nearest(name, known) {
            let message =
                format!("`{name}` has to be told by the application: was `{near}` meant, which is told by itself?");
            mistakes.warning(place, message);
        }
    }
}

const DOCUMENT: &[&str] =
    &["mfa_enforcement", "policy", "administrators", "cases", "applications", "gateways", "branding"];
const POLICY: &[&str] = &[
    "presets",
    "shadow",
    "otherwise",
    "factor_order",
    "fallback_factors",
    "applications",
    "groups",
    "levels",
    "rules",
];
const LEVEL: &[&str] = &["description", "clause", "aal", "max_age", "login_max_age", "factors", "phishing_resistant"];
const RULE: &[&str] = &[
    "id",
    "description",
    "clause",
    "applies_to",
    "when",
    "effect",
    "level",
    "factors",
    "max_age",
    "phishing_resistant",
    "show",
    "bind",
    "notify",
    "shadow",
];
const SCOPE: &[&str] = &["applications", "groups", "actions", "resource_types"];

/// Reads files to a policy and its cases.
pub(crate) fn read(files: &[(&str, &str)], vocabulary: &Vocabulary) -> Result<Policy, Vec<Mistake>> {
    let mut reader = Reader { vocabulary, ..Reader::new() };
    let mut documents = reader.parse(files);
    let presets = reader.presets(&documents);
    documents.extend(presets);
    for document in &documents {
        reader.levels(document);
    }
    for document in &documents {
        reader.document(document);
    }
    reader.conditions();
    reader.settings.look_over(&reader.pictures, &mut reader.mistakes);
    let version = version(&documents, &reader.pictures);
    reader.finish(version)
}

struct Level {
    place: Place,
    requirement: Requirement,
}

struct Reader<'v> {
    vocabulary: &'v Vocabulary,
    mistakes: Mistakes,
    levels: BTreeMap<String, Level>,
    rules: Vec<Rule>,
    /// The conditions of rules, by their place in `rules`.
    sources: Vec<(usize, Place, String)>,
    enforcement: Option<Enforcement>,
    administrators: Vec<Administrators>,
    otherwise: Option<Rule>,
    orders: Orders,
    /// What may stand once in all files, and where it does.
    once: BTreeMap<&'static str, Place>,
    fallback_factors: Vec<AuthenticatorKind>,
    cases: Vec<Case>,
    settings: Settings,
    content: BTreeMap<String, Value>,
    texts: BTreeMap<Arc<str>, String>,
    /// What is no YAML, by its file's name.
    pictures: BTreeMap<String, String>,
}

static ANY: Vocabulary = Vocabulary { signals: Vec::new(), others: true };

impl Reader<'_> {
    fn new() -> Self {
        Self {
            vocabulary: &ANY,
            mistakes: Mistakes::default(),
            levels: BTreeMap::new(),
            rules: Vec::new(),
            sources: Vec::new(),
            enforcement: None,
            administrators: Vec::new(),
            otherwise: None,
            orders: Orders::default(),
            once: BTreeMap::new(),
            fallback_factors: Vec::new(),
            cases: Vec::new(),
            settings: Settings::default(),
            content: BTreeMap::new(),
            texts: BTreeMap::new(),
            pictures: BTreeMap::new(),
        }
    }

    fn parse(&mut self, files: &[(&str, &str)]) -> Vec<Node> {
        let nowhere = |file: &str| Place { file: file.into(), line: 0, column: 0 };
        if files.len() > MAX_FILES {
            let first = files.first().map(|(name, _)| *name).unwrap_or_default();
            self.mistakes.error(&nowhere(first), format!("a policy has at most {MAX_FILES} files"));
            return Vec::new();
        }
        let mut documents = Vec::new();
        for (name, text) in files {
            if settings::Picture::of_file(name).is_some() {
                self.pictures.insert((*name).to_owned(), (*text).to_owned());
                continue;
            }
            let name: Arc<str> = (*name).into();
            if self.texts.insert(Arc::clone(&name), (*text).to_owned()).is_some() {
                self.mistakes.error(&nowhere(&name), "two files have this name");
                continue;
            }
            let of_file = parse(&name, text, &mut self.mistakes);
            settings::stands_apart(&of_file, &mut self.mistakes);
            documents.extend(of_file);
        }
        documents.retain(|node| !matches!(node.yaml, Yaml::Null));
        if documents.is_empty() && !self.mistakes.has_errors() {
            let first = files.first().map_or("policy", |(name, _)| *name);
            self.mistakes.error(&nowhere(first), "there is no policy in this");
        }
        documents
    }

    /// The documents of the presets that are turned on.
    fn presets(&mut self, documents: &[Node]) -> Vec<Node> {
        let mut on: Vec<&str> = Vec::new();
        for document in documents {
            let Some(list) = child(document, "policy").and_then(|policy| child(policy, "presets")) else { continue };
            for (name, place) in list.texts(&mut self.mistakes) {
                let names: Vec<(&str, usize)> =
                    PRESETS.iter().enumerate().map(|(i, preset)| (preset.name, i)).collect();
                let found = one_of(name, place, "preset", &names, &mut self.mistakes);
                let preset = found.and_then(|i| PRESETS.get(i));
                on.extend(preset.filter(|preset| !on.contains(&preset.name)).map(|preset| preset.name));
            }
        }
        let mut added = Vec::new();
        for preset in PRESETS.iter().filter(|preset| on.contains(&preset.name)) {
            let name: Arc<str> = format!("preset:{}", preset.name).into();
            self.texts.insert(Arc::clone(&name), preset.text.to_owned());
            added.extend(parse(&name, preset.text, &mut self.mistakes));
        }
        added
    }

    fn levels(&mut self, document: &Node) {
        let Some(levels) = child(document, "policy").and_then(|policy| child(policy, "levels")) else { return };
        for (key, node) in levels.entries(&mut self.mistakes) {
            if built_in(&key.name).is_some() {
                self.mistakes.error(&key.place, format!("`{}` is built in: take another name", key.name));
                continue;
            }
            if let Some(other) = self.levels.get(&key.name) {
                self.mistakes.between(&key.place, &other.place, format!("there are two levels `{}`", key.name));
                continue;
            }
            if self.levels.len() >= MAX_LEVELS {
                self.mistakes.error(&key.place, format!("a policy has at most {MAX_LEVELS} levels"));
                return;
            }
            let before = self.mistakes.count();
            let requirement = self.level(&key.name, node);
            if self.mistakes.count() == before {
                self.can_be_met(&requirement, &key.place, &format!("level `{}`", key.name));
            }
            self.content.insert(format!("levels.{}", key.name), node.json());
            self.levels.insert(key.name.clone(), Level { place: key.place.clone(), requirement });
        }
    }

    fn level(&mut self, name: &str, node: &Node) -> Requirement {
        let mistakes = &mut self.mistakes;
        let fields = node.fields(LEVEL, mistakes);
        let aal = fields.need("aal", mistakes).and_then(|node| node.int(1..=3, mistakes));
        let aal = aal.and_then(|aal| Aal::from_number(i16::try_from(aal).ok()?)).unwrap_or(Aal::Aal3);
        Requirement {
            level: Some(name.to_owned()),
            aal,
            max_age: fields.find("max_age").and_then(|node| node.duration(mistakes)),
            login_max_age: fields.find("login_max_age").and_then(|node| node.duration(mistakes)),
            factors: fields.find("factors").map(|node| factors(node, mistakes)),
            phishing_resistant: flag(&fields, "phishing_resistant", mistakes),
            presence: false,
        }
    }

    fn document(&mut self, document: &Node) {
        let fields = document.fields(DOCUMENT, &mut self.mistakes);
        if let Some(node) = fields.find("mfa_enforcement") {
            let (enforcement, rules) = Enforcement::read(node, self.vocabulary, &mut self.mistakes);
            if let Some(other) = &self.enforcement {
                self.mistakes.between(&node.place, &other.place, "there are two `mfa_enforcement`");
            } else {
                self.content.insert("mfa_enforcement".to_owned(), node.json());
                self.enforcement = Some(enforcement);
                self.rules.extend(rules);
            }
        }
        if let Some(node) = fields.find("policy") {
            self.policy(node);
        }
        if let Some(node) = fields.find("administrators") {
            if self.is_first("administrators", node) {
                self.administrators.push(Administrators::read(node, &mut self.mistakes));
            }
            self.content.insert("administrators".to_owned(), node.json());
        }
        if let Some(node) = fields.find("cases") {
            self.cases.extend(cases::read(node, &mut self.mistakes));
        }
        self.settings.read(&fields, &self.pictures, &mut self.content, &mut self.mistakes);
    }

    fn policy(&mut self, node: &Node) {
        let fields = node.fields(POLICY, &mut self.mistakes);
        for key in ["otherwise", "factor_order", "fallback_factors"] {
            self.content.extend(fields.find(key).map(|node| (key.to_owned(), node.json())));
        }
        let shadow = flag(&fields, "shadow", &mut self.mistakes);
        if let Some(node) = fields.find("factor_order").filter(|node| self.is_first("factor_order", node)) {
            self.orders.policy = kinds(node, &mut self.mistakes);
        }
        if let Some(node) = fields.find("fallback_factors").filter(|node| self.is_first("fallback_factors", node)) {
            let words: Vec<_> = INTERCEPTED.iter().map(|kind| (kind.name(), *kind)).collect();
            for (word, place) in node.texts(&mut self.mistakes) {
                let kind = one_of(word, place, "factor that is held back", &words, &mut self.mistakes);
                self.fallback_factors.extend(kind);
            }
        }
        for (key, groups) in [("applications", false), ("groups", true)] {
            for (name, node) in fields.find(key).map(|node| node.entries(&mut self.mistakes)).unwrap_or_default() {
                let fields = node.fields(&["factor_order"], &mut self.mistakes);
                let order = fields.need("factor_order", &mut self.mistakes).map(|node| kinds(node, &mut self.mistakes));
                let orders = if groups { &mut self.orders.groups } else { &mut self.orders.applications };
                orders.extend(order.map(|order| (name.name.clone(), order)));
                self.content.insert(format!("{key}.{}", name.name), node.json());
            }
        }
        if let Some(node) = fields.find("otherwise").filter(|node| self.is_first("otherwise", node)) {
            self.otherwise = self.otherwise(node);
        }
        for node in fields.find("rules").map(|node| node.list(&mut self.mistakes)).unwrap_or_default() {
            if self.rules.len() >= MAX_RULES {
                self.mistakes.error(&node.place, format!("a policy has at most {MAX_RULES} rules"));
                return;
            }
            self.rule(node, shadow);
        }
    }

    /// Whether a setting stands nowhere else.
    fn is_first(&mut self, name: &'static str, node: &Node) -> bool {
        if let Some(other) = self.once.get(name) {
            self.mistakes.between(&node.place, other, format!("`{name}` stands in two documents"));
            return false;
        }
        self.once.insert(name, node.place.clone());
        true
    }

    fn otherwise(&mut self, node: &Node) -> Option<Rule> {
        let text = node.text(&mut self.mistakes)?;
        Some(match text {
            "allow" => otherwise(&node.place, Effect::Allow, Requirement::of(Aal::Aal1)),
            "deny" => otherwise(&node.place, Effect::Deny, Requirement::of(Aal::Aal1)),
            level => {
                let requirement = self.named_level(level, &node.place, &["allow", "deny"])?;
                otherwise(&node.place, Effect::Require, requirement)
            }
        })
    }

    fn named_level(&mut self, name: &str, place: &Place, also: &[&str]) -> Option<Requirement> {
        let found = built_in(name).map(Requirement::of);
        let found = found.or_else(|| self.levels.get(name).map(|level| level.requirement.clone()));
        if found.is_none() {
            let own = self.levels.keys().map(String::as_str);
            let known: Vec<&str> =
                ["aal1", "aal2", "aal3"].into_iter().chain(own).chain(also.iter().copied()).collect();
            let message = format!("there is no level `{name}`; there is {}", listed(&known));
            let suggestion = nearest(name, known);
            self.mistakes.suggesting(place, message, suggestion);
        }
        found
    }

    fn rule(&mut self, node: &Node, shadow: bool) {
        let fields = node.fields(RULE, &mut self.mistakes);
        let id = fields.need("id", &mut self.mistakes).and_then(|node| name(node, &mut self.mistakes));
        let effect = fields.need("effect", &mut self.mistakes);
        let effect = effect.and_then(|node| node.word("effect", Effect::NAMES, &mut self.mistakes));
        let scope = fields.find("applies_to").map(|node| scope(node, &mut self.mistakes)).unwrap_or_default();
        let requirement = self.requirement(&fields, effect);
        let mut texts = |key| -> Vec<String> {
            let found = fields.find(key).map(|node| node.texts(&mut self.mistakes)).unwrap_or_default();
            found.into_iter().map(|(text, _)| text.to_owned()).collect()
        };
        let (show, bind, notify) = (texts("show"), texts("bind"), texts("notify"));
        let mut text = |key| fields.find(key).and_then(|node| node.text(&mut self.mistakes)).map(str::to_owned);
        let (description, clause) = (text("description"), text("clause"));
        let source =
            fields.find("when").and_then(|node| Some((node.place.clone(), node.text(&mut self.mistakes)?.to_owned())));
        let shadow = flag(&fields, "shadow", &mut self.mistakes) || shadow;
        let place = fields.find("id").map_or(&node.place, |node| &node.place).clone();
        if effect == Some(Effect::Notify) && notify.is_empty() {
            self.mistakes.error(&place, "`notify` is missing: say who is told");
        }
        let (Some(id), Some(effect)) = (id, effect) else { return };
        self.content.insert(format!("rules.{id}"), with_shadow(node.json(), shadow));
        self.sources.extend(source.map(|(place, text)| (self.rules.len(), place, text)));
        let trigger = Trigger::Always;
        let rule = Rule {
            id,
            place,
            description,
            clause,
            scope,
            trigger,
            effect,
            requirement,
            lenient: false,
            show,
            bind,
            notify,
            shadow,
        };
        self.rules.push(rule);
    }

    /// What `level`, `factors`, `max_age` and `phishing_resistant` of a rule ask for together.
    fn requirement(&mut self, fields: &Fields<'_>, effect: Option<Effect>) -> Requirement {
        let before = self.mistakes.count();
        let nothing = Requirement { level: None, ..Requirement::of(Aal::Aal1) };
        let asking = ["level", "factors", "max_age", "phishing_resistant"];
        let given: Vec<&Node> = asking.iter().filter_map(|key| fields.find(key)).collect();
        let allowed: &[&str] = match effect {
            Some(Effect::Require | Effect::StepUp) => &asking,
            Some(Effect::Enroll) => &["factors", "phishing_resistant"],
            Some(_) => &[],
            None => return nothing,
        };
        for key in asking.iter().filter(|key| !allowed.contains(key)) {
            if let Some(node) = fields.find(key) {
                self.mistakes.error(&node.place, format!("a rule with this effect has no `{key}`"));
            }
        }
        if given.is_empty() && matches!(effect, Some(Effect::Require | Effect::Enroll)) {
            let message = format!("say what is asked for: {}", listed(allowed));
            self.mistakes.error(fields.place, message);
        }
        let named = fields.find("level").and_then(|node| {
            let name = node.text(&mut self.mistakes)?;
            self.named_level(name, &node.place, &[])
        });
        let mistakes = &mut self.mistakes;
        let single_use = effect == Some(Effect::StepUp) && named.as_ref().is_none_or(|level| level.max_age.is_none());
        let own_age = fields.find("max_age").and_then(|node| node.duration(mistakes));
        let own = Requirement {
            max_age: own_age.or(single_use.then_some(Duration::ZERO)),
            factors: fields.find("factors").map(|node| factors(node, mistakes)),
            phishing_resistant: flag(fields, "phishing_resistant", mistakes),
            ..nothing
        };
        let asked = named.map_or(own.clone(), |named| named.and(&own));
        if !given.is_empty() && self.mistakes.count() == before {
            self.can_be_met(&asked, fields.place, "this");
        }
        asked
    }

    /// A level that no factor reaches would lock out whoever it is asked of.
    fn can_be_met(&mut self, requirement: &Requirement, place: &Place, what: &str) {
        let reaches = |kind: &AuthenticatorKind| {
            requirement.accepts(*kind)
                && match requirement.aal {
                    Aal::Aal1 => true,
                    Aal::Aal2 => *kind != AuthenticatorKind::Email,
                    Aal::Aal3 => *kind == AuthenticatorKind::Webauthn,
                }
        };
        if !FACTOR_ORDER.iter().any(reaches) {
            self.mistakes.error(
                place,
                format!("nobody can fulfil {what}: no factor that it accepts reaches {}", requirement.aal),
            );
        }
    }

    /// Understands the conditions, all at once.
    fn conditions(&mut self) {
        let sources = std::mem::take(&mut self.sources);
        let read: Vec<Source<'_, Words>> =
            sources.iter().map(|(_, _, text)| Source { text, schema: &Words, wanted: Type::Bool }).collect();
        let mut cost = 0_u32;
        for ((rule, place, text), read) in sources.iter().zip(condition::read_all(&read)) {
            match read {
                Ok(condition) => {
                    cost = cost.saturating_add(condition.cost());
                    for name in signals(&condition) {
                        self.signal(name, place);
                    }
                    if let Some(rule) = self.rules.get_mut(*rule) {
                        rule.trigger = Trigger::When(condition);
                    }
                }
                Err(flaws) => {
                    for flaw in flaws {
                        let place = match self.texts.get(&place.file) {
                            Some(file) => place.within(file, text, flaw.offset),
                            None => place.clone(),
                        };
                        self.mistakes.suggesting(&place, flaw.message, flaw.suggestion);
                    }
                }
            }
            if cost > MAX_COST {
                self.mistakes.error(place, "all conditions together cost too much from here on");
                return;
            }
        }
    }

    fn signal(&mut self, name: &str, place: &Place) {
        self.vocabulary.check(name, place, &mut self.mistakes, |_| format!("there is no signal `{name}`"));
    }

    fn finish(mut self, version: String) -> Result<Policy, Vec<Mistake>> {
        if self.otherwise.is_none() && self.enforcement.is_none() {
            let place = Place { file: "built in".into(), line: 0, column: 0 };
            self.otherwise = Some(otherwise(&place, Effect::Require, Requirement::of(Aal::Aal2)));
        }
        self.rules.extend(self.otherwise.take());
        // What is half understood is not looked at as a whole.
        if !self.mistakes.has_errors() {
            analysis::look_over(&self.rules, &mut self.mistakes);
        }
        let failed = self.mistakes.has_errors();
        let mistakes = self.mistakes.into_vec();
        if failed {
            return Err(mistakes);
        }
        Ok(Policy {
            rules: self.rules,
            enforcement: self.enforcement,
            administrators: self.administrators,
            orders: self.orders,
            fallback_factors: self.fallback_factors,
            cases: self.cases,
            settings: self.settings,
            content: self.content,
            warnings: mistakes,
            version,
        })
    }
}

/// A rule as it says itself, with what its document says of it.
fn with_shadow(mut rule: Value, shadow: bool) -> Value {
    if let Some(rule) = rule.as_object_mut().filter(|_| shadow) {
        rule.insert("shadow".to_owned(), true.into());
    }
    rule
}

fn child<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Yaml::Map(entries) = &node.yaml else { return None };
    entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
}

fn otherwise(place: &Place, effect: Effect, requirement: Requirement) -> Rule {
    Rule {
        id: "otherwise".to_owned(),
        place: place.clone(),
        description: None,
        clause: None,
        scope: Scope::default(),
        trigger: Trigger::Otherwise,
        effect,
        requirement,
        lenient: false,
        show: Vec::new(),
        bind: Vec::new(),
        notify: Vec::new(),
        shadow: false,
    }
}

pub(crate) fn built_in(name: &str) -> Option<Aal> {
    [Aal::Aal1, Aal::Aal2, Aal::Aal3].into_iter().find(|aal| aal.to_string() == name)
}

fn flag(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> bool {
    fields.find(key).and_then(|node| node.bool(mistakes)).unwrap_or(false)
}

fn name(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    let text = node.text(mistakes)?;
    let shaped = text.chars().all(|c| c.is_alphanumeric() || "-_.:/".contains(c)) && text.len() <= MAX_NAME;
    if !shaped || text == "otherwise" || text.starts_with("mfa_enforcement") {
        mistakes.error(&node.place, "an id has letters, digits, `-`, `_`, `.`, `:` and `/`, and is not one of ours");
        return None;
    }
    Some(text.to_owned())
}

fn scope(node: &Node, mistakes: &mut Mistakes) -> Scope {
    let fields = node.fields(SCOPE, mistakes);
    let mut texts = |key| {
        let mut found = fields.find(key).map(|node| node.texts(mistakes)).unwrap_or_default();
        found.sort_unstable();
        found.into_iter().map(|(text, _)| text.to_owned()).collect()
    };
    Scope {
        applications: texts("applications"),
        groups: texts("groups"),
        actions: texts("actions"),
        resource_types: texts("resource_types"),
    }
}

/// A hash over what was read: the same for files that say the same, however they are laid out, named or commented.
fn version(documents: &[Node], pictures: &BTreeMap<String, String>) -> String {
    let without_cases = |node: &Node| {
        let mut json = node.json();
        if let Some(entries) = json.as_object_mut() {
            entries.remove("cases");
        }
        json
    };
    let mut contents: Vec<String> = documents.iter().map(|node| without_cases(node).to_string()).collect();
    contents.retain(|content| content != "{}");
    contents.sort_unstable();
    let mut canonical = json!({ "format": 1, "documents": contents });
    if let Some(members) = canonical.as_object_mut().filter(|_| !pictures.is_empty()) {
        members.insert("pictures".to_owned(), json!(pictures));
    }
    let canonical = canonical.to_string();
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
}
