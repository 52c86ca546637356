//! Files of rules, from YAML.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use condition::Type;
use document::{Mistake, Mistakes, Node, Place, Yaml, parse};
use domain::{AlertSeverity, EVENT_IDS, EventKind, FieldKind};

use super::{AlertRule, Bounds, By};
use crate::expression::{Expression, Scope, Written, understand};
use crate::grammar::{self, API_VERSION};
use crate::reader::{digest_of, id_of, record};

/// The most kinds of events that one rule counts.
const MOST_EVENTS: usize = 50;
/// The shortest and the longest time in which events are counted.
const WINDOW: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));
/// How long it has to be as it should be, unless said otherwise; and at most.
const COOL_DOWN: Duration = Duration::from_mins(15);
const LONGEST_COOL_DOWN: Duration = Duration::from_hours(7 * 24);
/// Fewer than these are unusual nowhere, unless said otherwise.
const AT_LEAST: u64 = 10;
/// A greater number of events is none that anybody means.
const MOST: i64 = 1_000_000_000;

const SEVERITIES: &[(&str, AlertSeverity)] =
    &[("low", AlertSeverity::Low), ("medium", AlertSeverity::Medium), ("high", AlertSeverity::High)];

impl AlertRule {
    /// Reads a file that holds one rule.
    ///
    /// # Errors
    /// Every mistake that was found, in the order of the file.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Mistakes::default();
        let name: Arc<str> = file.into();
        let mut documents = parse(&name, text, &mut mistakes);
        documents.retain(|node| !matches!(node.yaml, Yaml::Null));
        let whole = Place { file: name, line: 0, column: 0 };
        match documents.as_slice() {
            [document] => {
                let rule = read(document, text, &mut mistakes);
                rule.filter(|_| !mistakes.has_errors()).ok_or_else(|| mistakes.into_vec())
            }
            [] => {
                if !mistakes.has_errors() {
                    mistakes.error(&whole, "there is no rule in this");
                }
                Err(mistakes.into_vec())
            }
            [_, second, ..] => {
                mistakes.error(&second.place, "a file holds one rule");
                Err(mistakes.into_vec())
            }
        }
    }

    /// What is wrong with rules beside each other.
    pub fn check_together(rules: &[(&str, &Self)]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let twice = rules.iter().filter(|(_, rule)| !seen.insert(rule.name()));
        twice.map(|(file, rule)| format!("{file}: there is another rule `{}`", rule.name())).collect()
    }
}

fn read(document: &Node, text: &str, mistakes: &mut Mistakes) -> Option<AlertRule> {
    let fields = record(document, grammar::ALERT, mistakes);
    for (key, only) in [("apiVersion", API_VERSION), ("kind", grammar::ALERT_KIND)] {
        if let Some(node) = fields.find(key)
            && node.text(mistakes).is_some_and(|found| found != only)
        {
            mistakes.suggesting(&node.place, format!("this reads `{key}: {only}`"), Some(only.to_owned()));
        }
    }
    let metadata = fields.find("metadata").map(|node| record(node, grammar::METADATA, mistakes));
    let of_metadata = |key| metadata.as_ref().and_then(|fields: &document::Fields<'_>| fields.find(key));
    let name = of_metadata("name").and_then(|node| id_of(node, mistakes));
    let title = of_metadata("title").and_then(|node| node.text(mistakes)).map(str::to_owned);
    let events = fields.find("events").map(|node| kinds(node, mistakes)).unwrap_or_default();
    let when = fields.find("when").map(|node| condition(node, &events, text, mistakes));
    let by = fields.find("by").map(|node| by(node, &events, mistakes));
    let span = |key: &str, (least, most): (Duration, Duration), mistakes: &mut Mistakes| {
        let node = fields.find(key)?;
        let span = node.duration(mistakes)?;
        if span < least || span > most {
            mistakes.error(&node.place, format!("this goes from {} to {}", told(least), told(most)));
        }
        Some(span)
    };
    let window = span("window", WINDOW, mistakes).unwrap_or(super::HOUR);
    let cool_down = span("cool_down", (Duration::ZERO, LONGEST_COOL_DOWN), mistakes).unwrap_or(COOL_DOWN);
    let count = |key: &str, mistakes: &mut Mistakes| {
        fields.find(key).and_then(|node| node.int(0..=MOST, mistakes)).and_then(|n| u64::try_from(n).ok())
    };
    let above = count("above", mistakes);
    let at_least = count("at_least", mistakes);
    let z = fields.find("z").and_then(|node| deviations(node, mistakes));
    if fields.find("above").is_none() && fields.find("z").is_none() {
        mistakes.error(&document.place, "nothing is said of how many are too many: `above`, `z` or both");
    }
    for (key, other) in [("window", "above"), ("at_least", "z")] {
        if let (Some(node), None) = (fields.find(key), fields.find(other)) {
            mistakes.error(&node.place, format!("`{key}` says something of `{other}`, which is not there"));
        }
    }
    if let (Some(node), Some(Some(By::Id(id)))) = (fields.find("z"), &by) {
        let message = format!(
            "what is usual is not worked out for each {id}: there is too little to go by. With `z`, groups are told apart by `application`, a fact of the event, or not at all"
        );
        mistakes.error(&node.place, message);
    }
    let severity = fields.find("severity").and_then(|node| node.word("severity", SEVERITIES, mistakes));
    Some(AlertRule {
        name: name?,
        title,
        digest: digest_of(document),
        events,
        when: when.flatten(),
        by: by.flatten(),
        bounds: Bounds { window, above, z, at_least: at_least.unwrap_or(AT_LEAST), cool_down },
        severity: severity?,
    })
}

fn told(span: Duration) -> String {
    match span.as_secs() {
        0 => "0".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds => format!("{}m", seconds / 60),
    }
}

/// The kinds of events that are counted; `gateway.*` stands for all that begin so.
fn kinds(node: &Node, mistakes: &mut Mistakes) -> Vec<EventKind> {
    let mut kinds = BTreeSet::new();
    for (text, place) in node.texts(mistakes) {
        let before = kinds.len();
        if let Some(beginning) = text.strip_suffix('*').filter(|beginning| beginning.ends_with('.')) {
            kinds.extend(EventKind::ALL.iter().filter(|kind| kind.name().starts_with(beginning)));
            if kinds.len() == before {
                mistakes.error(place, format!("there are no events `{text}`"));
            }
        } else if let Some(kind) = EventKind::from_name(text) {
            kinds.insert(kind);
        } else {
            let names = EventKind::ALL.iter().map(|kind| kind.name());
            mistakes.unknown(place, format!("there is no event `{text}`"), text, names);
        }
        if kinds.iter().any(|kind| kind.name().starts_with("alert.")) {
            mistakes.error(place, "alerts are not counted: a rule would raise alerts about itself");
        }
    }
    if kinds.len() > MOST_EVENTS {
        mistakes.error(&node.place, format!("a rule counts at most {MOST_EVENTS} kinds of events"));
    }
    kinds.into_iter().collect()
}

fn condition(node: &Node, events: &[EventKind], file: &str, mistakes: &mut Mistakes) -> Option<Expression> {
    let text = node.text(mistakes)?.to_owned();
    let scope = Scope { events: events.into(), ..Scope::default() };
    let written = Written { text, place: node.place.clone(), wanted: Type::Bool, scope, in_text: false };
    if events.is_empty() {
        // That they are missing has been told.
        return None;
    }
    understand(&[written], file, mistakes).pop().flatten()
}

fn by(node: &Node, events: &[EventKind], mistakes: &mut Mistakes) -> Option<By> {
    let text = node.text(mistakes)?;
    let users = events.iter().any(|kind| kind.concerns_users());
    let ids = if users { EVENT_IDS } else { &[] };
    if text == "application" {
        return Some(By::Application);
    }
    if let Some(id) = ids.iter().find(|id| **id == text) {
        return Some(By::Id(id));
    }
    let fields = events.iter().flat_map(|kind| kind.fields()).filter(|field| field.kind != FieldKind::Texts);
    let facts: BTreeSet<String> = fields.map(|field| format!("data.{}", field.name)).collect();
    if facts.contains(text) {
        return text.strip_prefix("data.").map(|name| By::Data(name.to_owned()));
    }
    let known: Vec<&str> = ids.iter().copied().chain(["application"]).chain(facts.iter().map(String::as_str)).collect();
    let message = format!("these events say nothing of `{text}`; there is {}", document::listed(&known));
    mistakes.unknown(&node.place, message, text, known);
    None
}

/// How many standard deviations, in thousandths.
fn deviations(node: &Node, mistakes: &mut Mistakes) -> Option<u64> {
    let thousandths = match node.yaml {
        Yaml::Int(whole) => u64::try_from(whole).ok().and_then(|whole| whole.checked_mul(1000)),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is looked at that it is small")]
        Yaml::Float(number) => (0.0..=1000.0).contains(&number).then(|| (number * 1000.0).round() as u64),
        _ => None,
    };
    let fitting = thousandths.filter(|n| (1000..=100_000).contains(n));
    if fitting.is_none() {
        mistakes.error(&node.place, "this is a number from 1 to 100: how many standard deviations");
    }
    fitting
}
