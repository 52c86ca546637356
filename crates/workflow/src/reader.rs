//! Workflow files, from YAML to what the machine runs.

mod blocks;
mod triggers;

pub(crate) use triggers::is_of;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use condition::Type;
use document::{Fields, Mistake, Mistakes, Node, Place, Yaml, listed, parse};
use domain::LANGUAGES;
use serde_json::json;

use crate::analysis;
use crate::definition::{
    Argument, Block, Concurrency, ConcurrencyPolicy, Definition, ExpressionId, Limits, Rate, SECRET_INPUT, SecretRef,
    Step,
};
use crate::expression::{Scope, Written, understand};
use crate::grammar::{self, API_VERSION, KIND, Key, names};
use crate::template::{Form, Part, Template, is_address, parts, says_its_host};
use crate::testing;
use crate::vocabulary::{Kind, Parameter};

/// The most steps.
pub const MAX_STEPS: usize = 200;
/// How deep blocks may stand in one another.
pub const MAX_DEPTH: usize = 8;
/// The longest id, in bytes.
pub const MAX_ID: usize = 64;
/// How long a run takes at most, if it does not say.
const STANDARD_DURATION: Duration = Duration::from_hours(30 * 24);
const NO_LIMITS: Limits = Limits { duration: STANDARD_DURATION, subjects: None, rate: None };
/// The longest that a run may take.
const LONGEST: Duration = Duration::from_hours(400 * 24);

impl Definition {
    /// Reads a file that holds one workflow.
    ///
    /// # Errors
    /// Every mistake that was found, warnings among them, in the order of the file.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Mistakes::default();
        let name: Arc<str> = file.into();
        let mut documents = parse(&name, text, &mut mistakes);
        documents.retain(|node| !matches!(node.yaml, Yaml::Null));
        if documents.len() > 1 {
            let place = documents.get(1).map(|node| node.place.clone());
            mistakes.error(&place.unwrap_or(Place { file: name, line: 0, column: 0 }), "a file holds one workflow");
        } else if documents.is_empty() && !mistakes.has_errors() {
            mistakes.error(&Place { file: name, line: 0, column: 0 }, "there is no workflow in this");
        }
        let definition = documents.first().and_then(|document| Reader::new(mistakes.take()).read(document, text));
        match definition {
            Some(Ok(definition)) => Ok(definition),
            Some(Err(mistakes)) => Err(mistakes),
            None => Err(mistakes.into_vec()),
        }
    }
}

/// What is made of a file as it is read.
struct Reader {
    mistakes: Mistakes,
    blocks: Vec<Block>,
    steps: Vec<Step>,
    ids: BTreeMap<String, Place>,
    written: Vec<Written>,
    /// What expressions can ask about at the place that is read.
    scope: Scope,
    /// What is told to a run and nobody may see.
    secret_inputs: Arc<[String]>,
}

impl Reader {
    fn new(mistakes: Mistakes) -> Self {
        let (blocks, steps, ids, written) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { mistakes, blocks, steps, ids, written, scope: Scope::default(), secret_inputs: Arc::default() }
    }

    fn read(mut self, document: &Node, text: &str) -> Option<Result<Definition, Vec<Mistake>>> {
        let fields = self.record(document, grammar::WORKFLOW);
        for (key, only) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            if let Some(node) = fields.find(key) {
                let found = node.text(&mut self.mistakes);
                if found.is_some_and(|found| found != only) {
                    self.mistakes.suggesting(&node.place, format!("this reads `{key}: {only}`"), Some(only.to_owned()));
                }
            }
        }
        let metadata = fields.find("metadata").map(|node| self.record(node, grammar::METADATA));
        let of_metadata = |key| metadata.as_ref().and_then(|fields: &Fields<'_>| fields.find(key));
        let name = of_metadata("name").and_then(|node| self.id(node));
        let title = of_metadata("title").and_then(|node| node.text(&mut self.mistakes)).map(str::to_owned);
        self.scope.inputs = fields.find("inputs").map(triggers::input_kinds).unwrap_or_default();
        self.secret_inputs = fields.find("inputs").map(triggers::secret_inputs).unwrap_or_default();
        let inputs = fields.find("inputs").map(|node| self.inputs(node)).unwrap_or_default();
        let triggers = fields.find("triggers").map(|node| self.triggers(node)).unwrap_or_default();
        self.scope.events = triggers::kinds(&triggers);
        self.scope.webhook = triggers::has_webhook(&triggers);
        let subject = fields.find("subject").and_then(|node| self.expression(node, Type::Text));
        let concurrency = fields.find("concurrency").and_then(|node| self.concurrency(node));
        let limits = fields.find("limits").map_or(NO_LIMITS, |node| self.limits(node));
        self.scope.running = true;
        let main = fields.find("steps").map_or(0, |node| self.block(node, None, 0));
        let seen = self.scope.steps.clone();
        self.scope.error = true;
        let on_error = fields.find("on_error").map(|node| self.block(node, None, 0));
        self.scope.error = false;
        self.scope.steps = seen;
        let finally = fields.find("finally").map(|node| self.block(node, None, 0));
        let (written, mut mistakes) = (std::mem::take(&mut self.written), std::mem::take(&mut self.mistakes));
        let expressions = understand(&written, text, &mut mistakes);
        let cases =
            fields.find("tests").map(|node| testing::read(node, &self.steps, &mut mistakes)).unwrap_or_default();
        if mistakes.has_errors() {
            return Some(Err(mistakes.into_vec()));
        }
        let mut definition = Definition {
            name: name?,
            title,
            triggers,
            subject,
            concurrency,
            limits,
            inputs,
            blocks: self.blocks,
            steps: self.steps,
            main,
            on_error,
            finally,
            expressions: expressions.into_iter().collect::<Option<_>>()?,
            cases,
            digest: digest_of(document),
            content: document.json(),
            warnings: Vec::new(),
        };
        analysis::look_over(&definition, &mut mistakes);
        let failed = mistakes.has_errors();
        let mistakes = mistakes.into_vec();
        if failed {
            return Some(Err(mistakes));
        }
        definition.warnings = mistakes;
        Some(Ok(definition))
    }

    /// The values of a map whose keys are `keys`; those that have to be there are.
    fn record<'n>(&mut self, node: &'n Node, keys: &[Key]) -> Fields<'n> {
        record(node, keys, &mut self.mistakes)
    }

    fn id(&mut self, node: &Node) -> Option<String> {
        id_of(node, &mut self.mistakes)
    }

    fn concurrency(&mut self, node: &Node) -> Option<Concurrency> {
        let fields = self.record(node, grammar::CONCURRENCY);
        let key = fields.find("key").and_then(|node| self.expression(node, Type::Text));
        let policy = fields.find("policy")?.word("policy", ConcurrencyPolicy::NAMES, &mut self.mistakes)?;
        Some(Concurrency { key, policy })
    }

    fn limits(&mut self, node: &Node) -> Limits {
        let fields = self.record(node, grammar::LIMITS);
        let duration = fields.find("duration").and_then(|node| self.span(node)).unwrap_or(STANDARD_DURATION);
        let subjects = fields.find("subjects").and_then(|node| self.count(node, 10_000_000));
        let rate = fields.find("rate").and_then(|node| self.rate(node));
        Limits { duration, subjects, rate }
    }

    /// A span of time that is not nothing.
    fn span(&mut self, node: &Node) -> Option<Duration> {
        let span = node.duration(&mut self.mistakes)?;
        if span.is_zero() || span > LONGEST {
            self.mistakes.error(&node.place, "this goes from a second to 400 days");
            return None;
        }
        Some(span)
    }

    fn count(&mut self, node: &Node, most: i64) -> Option<u64> {
        node.int(1..=most, &mut self.mistakes).and_then(|n| u64::try_from(n).ok())
    }

    fn small(&mut self, node: &Node, most: i64) -> Option<u32> {
        node.int(1..=most, &mut self.mistakes).and_then(|n| u32::try_from(n).ok())
    }

    /// `50/s`, `10/m`, `100/h`, `1000/d`.
    fn rate(&mut self, node: &Node) -> Option<Rate> {
        let text = node.text(&mut self.mistakes)?;
        let read = text.split_once('/').and_then(|(number, unit)| {
            let number: u32 = number.trim().parse().ok().filter(|n| (1..=1000).contains(n))?;
            Some(Rate { number, per: document::parse_duration(&format!("1{}", unit.trim()))? })
        });
        if read.is_none() {
            self.mistakes.error(
                &node.place,
                "this is no rate: write how many in what, as in `50/s`, `10/m` or `100/h`, 1000 at most",
            );
        }
        read
    }

    /// `5%`.
    fn percent(&mut self, node: &Node) -> Option<u32> {
        let text = node.text(&mut self.mistakes)?;
        let read = text.strip_suffix('%').and_then(|n| n.trim().parse().ok()).filter(|n: &u32| *n <= 100);
        if read.is_none() {
            self.mistakes.error(&node.place, "this is no share: write it as in `5%`");
        }
        read
    }

    /// Notes an expression, to be understood with all others.
    fn write(&mut self, text: &str, place: &Place, wanted: Type) -> ExpressionId {
        let (text, place, scope) = (text.to_owned(), place.clone(), self.scope.clone());
        self.written.push(Written { text, place, wanted, scope, in_text: false });
        self.written.len() - 1
    }

    fn condition(&mut self, node: &Node) -> Option<ExpressionId> {
        if let Yaml::Bool(value) = node.yaml {
            return Some(self.write(if value { "true" } else { "false" }, &node.place, Type::Bool));
        }
        let text = node.text(&mut self.mistakes)?;
        if let Some(inner) = in_braces(text) {
            let message = "a condition stands as it is, without `${…}`".to_owned();
            self.mistakes.suggesting(&node.place, message, Some(inner.to_owned()));
            return None;
        }
        Some(self.write(text, &node.place, Type::Bool))
    }

    /// `${…}`.
    fn expression(&mut self, node: &Node, wanted: Type) -> Option<ExpressionId> {
        let text = node.text(&mut self.mistakes)?;
        let Some(inner) = in_braces(text) else {
            self.mistakes.error(&node.place, "this is told by an expression: write it as in `${event.user}`");
            return None;
        };
        let inner = inner.to_owned();
        Some(self.write(&inner, &node.place, wanted))
    }

    fn message(&mut self, node: &Node) -> Option<Template> {
        let text = node.text(&mut self.mistakes)?.to_owned();
        let mut mistakes = std::mem::take(&mut self.mistakes);
        let template =
            Template::read(&text, &node.place, &mut mistakes, |inner| self.write(inner, &node.place, Type::Any));
        self.mistakes = mistakes;
        Some(template)
    }

    /// A message in each of some languages.
    fn messages(&mut self, node: &Node) -> Argument {
        let entries = node.entries(&mut self.mistakes);
        if entries.is_empty() {
            self.mistakes.error(&node.place, format!("say it in one language at least: {}", listed(&LANGUAGES)));
        }
        let mut each = Vec::new();
        for (key, text) in entries {
            if !LANGUAGES.contains(&key.name.as_str()) {
                self.no_language(key);
            }
            each.extend(self.message(text).map(|message| (key.name.clone(), Argument::Message(message))));
        }
        Argument::Map(each)
    }

    fn no_language(&mut self, key: &document::Key) {
        let message =
            format!("`{}` is no language that people are spoken to in; there is {}", key.name, listed(&LANGUAGES));
        // `de-AT` is read by whoever reads `de`.
        let wide = key.name.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if LANGUAGES.contains(&wide.as_str()) {
            self.mistakes.suggesting(&key.place, message, Some(wide));
        } else {
            self.mistakes.unknown(&key.place, message, &key.name, LANGUAGES);
        }
    }

    /// A secret, or what is told to a run and nobody may see.
    fn told_or_secret(&mut self, node: &Node) -> Option<SecretRef> {
        let text = node.text(&mut self.mistakes)?;
        let Some(name) = text.strip_prefix(SECRET_INPUT) else { return self.secret(node) };
        if self.secret_inputs.iter().any(|known| known == name) {
            return Some(SecretRef(text.to_owned()));
        }
        let known = self.secret_inputs.iter().map(String::as_str);
        let message = format!("there is no input `{name}` with `secret: true`");
        self.mistakes.unknown(&node.place, message, name, known.collect::<Vec<_>>());
        None
    }

    fn secret(&mut self, node: &Node) -> Option<SecretRef> {
        let text = node.text(&mut self.mistakes)?;
        let reference = text.split_once(':').is_some_and(|(from, name)| {
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
            match from {
                "env" => !name.is_empty() && name.chars().all(named),
                "file" => name.starts_with('/'),
                _ => false,
            }
        });
        if !reference {
            self.mistakes.error(
                &node.place,
                "a secret never stands here itself: say where it is, as in `env:NAME` or `file:/path`",
            );
            return None;
        }
        Some(SecretRef(text.to_owned()))
    }

    /// What is told to an action or query, held against what it takes.
    fn arguments(&mut self, node: Option<&Node>, takes: &[Parameter], of: &str, at: &Place) -> Vec<(String, Argument)> {
        let known: Vec<&str> = takes.iter().map(|parameter| parameter.name).collect();
        if let (Some(node), true) = (node, known.is_empty()) {
            self.mistakes.error(&node.place, format!("`{of}` takes nothing"));
            return Vec::new();
        }
        let fields = node.map(|node| node.fields(&known, &mut self.mistakes));
        let mut arguments = Vec::new();
        for parameter in takes {
            match fields.as_ref().and_then(|fields| fields.find(parameter.name)) {
                Some(node) => {
                    let argument = self.argument(node, parameter.kind);
                    arguments.extend(argument.map(|argument| (parameter.name.to_owned(), argument)));
                }
                None if parameter.required => {
                    let message =
                        format!("`{of}` needs `{}`: {}, under `with`", parameter.name, parameter.kind.called());
                    self.mistakes.error(node.map_or(at, |node| &node.place), message);
                }
                None => {}
            }
        }
        arguments
    }

    fn argument(&mut self, node: &Node, kind: Kind) -> Option<Argument> {
        let wrong = |reader: &mut Self| {
            reader.mistakes.error(&node.place, format!("expected {}", kind.called()));
            None
        };
        match (kind, &node.yaml) {
            (Kind::Secret, Yaml::Map(_)) => {
                let fields = node.fields(&["secret"], &mut self.mistakes);
                let node = fields.need("secret", &mut self.mistakes)?;
                self.told_or_secret(node).map(Argument::Secret)
            }
            (Kind::Name, Yaml::Text(text)) if is_name(text) => Some(Argument::Literal(text.as_str().into())),
            (Kind::Secret | Kind::Name, _) => wrong(self),
            (Kind::Message | Kind::Messages, Yaml::Text(_)) => self.message(node).map(Argument::Message),
            (Kind::Messages, Yaml::Map(_)) => Some(self.messages(node)),
            (Kind::Span, Yaml::Text(_)) => {
                let span = self.span(node)?;
                Some(Argument::Literal(span.as_secs().into()))
            }
            (Kind::Level, _) => {
                let words = [("aal1", "aal1"), ("aal2", "aal2"), ("aal3", "aal3")];
                node.word("level", &words, &mut self.mistakes).map(|word| Argument::Literal(word.into()))
            }
            (kind, Yaml::Text(text)) if let Some(inner) = in_braces(text) => {
                let wanted = kind.in_conditions()?;
                Some(Argument::Expression(self.write(inner, &node.place, wanted)))
            }
            (Kind::Word(words), Yaml::Text(_)) => {
                let words: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
                node.word("word for this", &words, &mut self.mistakes).map(|word| Argument::Literal(word.into()))
            }
            (Kind::Text | Kind::Address, Yaml::Text(text)) => self.text_told(text, kind, &node.place),
            (Kind::User | Kind::Time, Yaml::Text(text)) => self.told_whole(text, kind, &node.place),
            (Kind::Number, Yaml::Int(_) | Yaml::Float(_)) | (Kind::Bool, Yaml::Bool(_)) => {
                Some(Argument::Literal(node.json()))
            }
            (Kind::Texts, Yaml::Text(_) | Yaml::List(_)) => {
                let texts = node.texts(&mut self.mistakes);
                let texts = texts.iter().map(|(text, place)| self.text_told(text, Kind::Text, place));
                let texts = texts.collect::<Option<Vec<_>>>()?;
                let literal =
                    |text: &Argument| if let Argument::Literal(text) = text { Some(text.clone()) } else { None };
                Some(match texts.iter().map(literal).collect::<Option<Vec<_>>>() {
                    Some(texts) => Argument::Literal(texts.into()),
                    None => Argument::List(texts),
                })
            }
            (Kind::Any, _) => self.anything(node),
            _ => wrong(self),
        }
    }

    /// A text that is told to an action: as it stands, or with `${…}` in it.
    fn text_told(&mut self, text: &str, kind: Kind, place: &Place) -> Option<Argument> {
        if let Some(inner) = in_braces(text) {
            let wanted = kind.in_conditions()?;
            return Some(Argument::Expression(self.write(inner, place, wanted)));
        }
        let Some(mut parts) = parts(text) else {
            self.mistakes.error(place, NOT_CLOSED);
            return None;
        };
        let is_message = |part: &Part<'_>| matches!(part, Part::Text(text) if text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")));
        if parts.iter().any(is_message) {
            self.mistakes
                .error(place, "`{{ … }}` stands in messages alone: here what an expression comes to is written `${…}`");
            return None;
        }
        if let [Part::Text(text)] = parts.as_mut_slice() {
            if kind == Kind::Address && !is_address(text) {
                self.mistakes
                    .error(place, format!("`{text}` is no address: write it as in `https://example.com/path`"));
                return None;
            }
            return Some(Argument::Literal(std::mem::take(text).into()));
        }
        let form = if kind == Kind::Address { Form::Address } else { Form::Text };
        let from = self.written.len();
        let template = Template::of(parts, form, |inner| self.write(inner, place, Type::Any));
        self.written.iter_mut().skip(from).for_each(|written| written.in_text = true);
        if form == Form::Address && !says_its_host(template.beginning()) {
            self.mistakes.error(
                place,
                "an address says its host itself: `${…}` stands behind it, as in `https://example.com/users/${subject}`",
            );
            return None;
        }
        Some(Argument::Message(template))
    }

    /// What has no parts: as it stands.
    fn told_whole(&mut self, text: &str, kind: Kind, place: &Place) -> Option<Argument> {
        if text.contains("${") || text.contains("{{") {
            let message = format!("this is {} as a whole, or one expression, as in `${{subject}}`", kind.called());
            self.mistakes.error(place, message);
            return None;
        }
        if kind == Kind::User && !text.starts_with("usr_") {
            let message = format!(
                "`{text}` is no id of a user: these begin with `usr_`. Whom the run is about is told as `${{subject}}`"
            );
            self.mistakes.error(place, message);
            return None;
        }
        Some(Argument::Literal(text.into()))
    }

    /// Whatever stands here, with `${…}` in it.
    fn anything(&mut self, node: &Node) -> Option<Argument> {
        Some(match &node.yaml {
            Yaml::Text(text) => self.text_told(text, Kind::Any, &node.place)?,
            Yaml::List(items) => Argument::List(items.iter().map(|item| self.anything(item)).collect::<Option<_>>()?),
            Yaml::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Some((key.name.clone(), self.anything(value)?)));
                Argument::Map(entries.collect::<Option<_>>()?)
            }
            _ => Argument::Literal(node.json()),
        })
    }
}

/// Words of small letters, digits and `_`, with `.` between them.
fn is_name(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.len() <= MAX_NAME && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split('.').all(word)
}

/// What is one expression as a whole.
fn in_braces(text: &str) -> Option<&str> {
    match parts(text.trim())?.as_slice() {
        [Part::Expression(inner)] => Some(inner),
        _ => None,
    }
}

const NOT_CLOSED: &str = "`${` is not closed by `}`; a text that has `${` in it as it is has `$${`";

/// The longest name of an event of one's own, in bytes.
pub(crate) const MAX_NAME: usize = 64;

/// What could have been meant as an id.
fn as_id(text: &str) -> Option<String> {
    let id: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let id = id.trim_start_matches(|c: char| !c.is_ascii_lowercase()).to_owned();
    (!id.is_empty() && id.len() <= MAX_ID).then_some(id)
}

/// The values of a map whose keys are `keys`; those that have to be there are.
pub(crate) fn record<'n>(node: &'n Node, keys: &[Key], mistakes: &mut Mistakes) -> Fields<'n> {
    let fields = node.fields(&names(keys), mistakes);
    for key in keys.iter().filter(|key| key.required) {
        fields.need(key.name, mistakes);
    }
    fields
}

/// An id.
pub(crate) fn id_of(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    let text = node.text(mistakes)?;
    let shaped = text.len() <= MAX_ID
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !shaped {
        let message =
            format!("an id begins with a small letter, and has small letters, digits and `_`, {MAX_ID} at most");
        mistakes.suggesting(&node.place, message, as_id(text));
        return None;
    }
    Some(text.to_owned())
}

/// A hash over what a document says that has something to do with how runs go.
pub(crate) fn digest_of(document: &Node) -> String {
    let mut content = document.json();
    if let Some(entries) = content.as_object_mut() {
        entries.remove("tests");
    }
    let canonical = json!({ "format": 1, "document": content }).to_string();
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
}
