//! Tests as they stand in the file.

use std::collections::BTreeMap;

use document::{Fields, Mistakes, Node, Yaml};
use domain::{Aal, EventKind};
use serde_json::{Map, Value, json};

use super::{Case, Expect, Given, Happens, Outcome};
use crate::definition::Step;
use crate::grammar::{self, Key, names};

/// The most tests.
const MAX_CASES: usize = 1000;

pub(crate) fn read(node: &Node, steps: &[Step], mistakes: &mut Mistakes) -> Vec<Case> {
    let items = node.list(mistakes);
    if items.len() > MAX_CASES {
        mistakes.error(&node.place, format!("there are at most {MAX_CASES} tests"));
        return Vec::new();
    }
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    items.iter().filter_map(|item| Reader { ids: &ids, mistakes }.case(item)).collect()
}

struct Reader<'a> {
    ids: &'a [&'a str],
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn record<'n>(&mut self, node: &'n Node, keys: &[Key]) -> Fields<'n> {
        let fields = node.fields(&names(keys), self.mistakes);
        for key in keys.iter().filter(|key| key.required) {
            fields.need(key.name, self.mistakes);
        }
        fields
    }

    fn case(&mut self, node: &Node) -> Option<Case> {
        let fields = self.record(node, grammar::TEST);
        let name = fields.find("name").and_then(|node| node.text(self.mistakes)).map(str::to_owned);
        let given = fields.find("given").map(|node| self.given(node));
        let results = fields.find("results").map(|node| self.results(node)).unwrap_or_default();
        let items = fields.find("items").map(|node| self.items(node)).unwrap_or_default();
        let then = fields.find("then").map(|node| node.list(self.mistakes)).unwrap_or_default();
        let then: Vec<Option<Happens>> = then.iter().map(|item| self.happens(item)).collect();
        let expect = fields.find("expect").and_then(|node| self.expect(node));
        let then = then.into_iter().collect::<Option<_>>()?;
        Some(Case { name: name?, place: node.place.clone(), given: given?, results, items, then, expect: expect? })
    }

    fn given(&mut self, node: &Node) -> Given {
        let fields = self.record(node, grammar::GIVEN);
        let event = self.event(&fields);
        let requester = fields.find("requester").and_then(|node| node.text(self.mistakes)).map(str::to_owned);
        Given {
            event,
            webhook: fields.find("webhook").map(Node::json),
            inputs: fields.find("inputs").map(|node| self.object(node)),
            requester,
        }
    }

    /// `event`, `user` and `data` as an event.
    fn event(&mut self, fields: &Fields<'_>) -> Option<Value> {
        let node = fields.find("event")?;
        let text = node.text(self.mistakes)?;
        let Some(kind) = EventKind::from_name(text) else {
            let known = EventKind::ALL.iter().map(|kind| kind.name());
            self.mistakes.unknown(&node.place, format!("there is no event `{text}`"), text, known);
            return None;
        };
        let data = fields.find("data").map(|node| {
            let known: Vec<&str> = kind.fields().iter().map(|field| field.name).collect();
            node.fields(&known, self.mistakes);
            node.json()
        });
        let user = fields.find("user").and_then(|node| node.text(self.mistakes)).unwrap_or("usr_1");
        let mut event = json!({ "kind": kind.name(), "data": data.unwrap_or_else(|| json!({})) });
        if kind.concerns_users()
            && let Some(event) = event.as_object_mut()
        {
            event.insert("user".to_owned(), user.into());
            if let Some(authenticator) = fields.find("authenticator").and_then(|node| node.text(self.mistakes)) {
                event.insert("authenticator".to_owned(), authenticator.into());
            }
        }
        Some(event)
    }

    fn object(&mut self, node: &Node) -> Map<String, Value> {
        node.entries(self.mistakes).iter().map(|(key, value)| (key.name.clone(), value.json())).collect()
    }

    fn results(&mut self, node: &Node) -> BTreeMap<String, Vec<Outcome>> {
        let mut results = BTreeMap::new();
        for (key, value) in node.entries(self.mistakes) {
            let step = key.name.strip_prefix("undo ").unwrap_or(&key.name);
            self.known(step, &key.place);
            let attempts = match &value.yaml {
                Yaml::List(items) => items.iter().map(|item| self.outcome(item)).collect(),
                _ => vec![self.outcome(value)],
            };
            results.insert(key.name.clone(), attempts);
        }
        results
    }

    fn outcome(&mut self, node: &Node) -> Outcome {
        match node.json() {
            Value::Object(entries) => match entries.get("fail") {
                Some(Value::String(message)) => Outcome::Fails(message.clone()),
                _ => Outcome::Gives(entries),
            },
            Value::Null => Outcome::Gives(Map::new()),
            _ => {
                self.mistakes.error(&node.place, "expected what the action gives, or `fail: …`");
                Outcome::Gives(Map::new())
            }
        }
    }

    fn items(&mut self, node: &Node) -> BTreeMap<String, Vec<Value>> {
        let mut found = BTreeMap::new();
        for (key, value) in node.entries(self.mistakes) {
            self.known(&key.name, &key.place);
            if let Yaml::List(items) = &value.yaml {
                found.insert(key.name.clone(), items.iter().map(Node::json).collect());
            } else {
                self.mistakes.error(&value.place, "expected a list of items");
            }
        }
        found
    }

    fn known(&mut self, step: &str, place: &document::Place) {
        if !self.ids.contains(&step) {
            self.mistakes.unknown(place, format!("there is no step `{step}`"), step, self.ids.iter().copied());
        }
    }

    fn step(&mut self, node: &Node) -> Option<String> {
        let text = node.text(self.mistakes)?;
        let step = text.split_once('@').map_or(text, |(step, _)| step);
        self.known(step, &node.place);
        Some(text.to_owned())
    }

    fn happens(&mut self, node: &Node) -> Option<Happens> {
        const ONE_OF: &[&str] = &["advance", "event", "approve", "reject", "cancel", "retry", "discard"];
        let fields = self.record(node, grammar::HAPPENS);
        let given: Vec<&str> = ONE_OF.iter().copied().filter(|key| fields.find(key).is_some()).collect();
        let [given] = given.as_slice() else {
            self.mistakes.error(&node.place, format!("what happens is one of {}", document::listed(ONE_OF)));
            return None;
        };
        let value = fields.find(given)?;
        Some(match *given {
            "advance" => Happens::Advance(value.duration(self.mistakes)?),
            "event" => Happens::Event(self.event(&fields)?),
            "cancel" => Happens::Cancel,
            "retry" => Happens::Retry(self.step(value)?),
            "discard" => Happens::Discard(self.step(value)?),
            which => {
                let mut texts = |key| {
                    let texts = fields.find(key).map(|node| node.texts(self.mistakes));
                    texts.map(|texts| texts.into_iter().map(|(text, _)| text.to_owned()).collect())
                };
                let (roles, evidence) = (texts("roles"), texts("evidence"));
                let levels = [("aal1", Aal::Aal1), ("aal2", Aal::Aal2), ("aal3", Aal::Aal3)];
                let level = fields.find("level").and_then(|node| node.word("level", &levels, self.mistakes));
                let by = fields.need("by", self.mistakes).and_then(|node| node.text(self.mistakes))?.to_owned();
                Happens::Verdict { step: self.step(value)?, approves: which == "approve", by, roles, evidence, level }
            }
        })
    }

    fn expect(&mut self, node: &Node) -> Option<Expect> {
        let words: Vec<(&str, &str)> =
            ["completed", "failed", "cancelled", "waiting", "not_started"].iter().map(|word| (*word, *word)).collect();
        let fields = self.record(node, grammar::EXPECT);
        let outcome = fields.find("outcome")?.word("outcome", &words, self.mistakes)?.to_owned();
        let steps = fields.find("steps").map(|node| match &node.yaml {
            Yaml::List(items) if items.is_empty() => Vec::new(),
            _ => node.texts(self.mistakes),
        });
        let steps = steps.map(|steps| {
            steps
                .into_iter()
                .map(|(text, place)| {
                    let bare = text.strip_prefix("undo ").unwrap_or(text);
                    self.known(bare.split_once('@').map_or(bare, |(step, _)| step), place);
                    text.to_owned()
                })
                .collect()
        });
        let mut with = BTreeMap::new();
        for (key, value) in fields.find("with").map(|node| node.entries(self.mistakes)).unwrap_or_default() {
            self.known(key.name.split_once('@').map_or(key.name.as_str(), |(step, _)| step), &key.place);
            with.insert(key.name.clone(), self.object(value));
        }
        let error = fields.find("error").and_then(|node| node.text(self.mistakes)).map(str::to_owned);
        Some(Expect { outcome, steps, with, error })
    }
}
