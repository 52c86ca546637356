//! YAML as a tree that knows where each of its words stands.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::duration;
use crate::mistake::{Mistakes, Place};

/// The largest file.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
const MAX_NODES: usize = 50_000;
const MAX_DEPTH: usize = 24;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub yaml: Yaml,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Yaml {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file; no key is in it twice without a mistake.
    Map(Vec<(Key, Node)>),
}

/// The key of a value in a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub name: String,
}

/// The documents of one file. What is no YAML is a mistake, and no document.
pub fn parse(file: &Arc<str>, text: &str, mistakes: &mut Mistakes) -> Vec<Node> {
    let whole = Place { file: Arc::clone(file), line: 0, column: 0 };
    if text.len() > MAX_FILE_BYTES {
        mistakes.error(&whole, format!("a file has at most {MAX_FILE_BYTES} bytes"));
        return Vec::new();
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_depth: MAX_DEPTH,
            // An alias that is told by its anchor's name is a copy that a reader has to go and look for, and copies of
            // copies are how small files become large ones.
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 64,
            max_total_scalar_bytes: MAX_FILE_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    let documents: Result<Vec<Spanned<Tree>>, _> = serde_saphyr::from_multiple_with_options(text, options);
    match documents {
        Ok(documents) => documents.into_iter().map(|tree| node(file, tree, mistakes)).collect(),
        Err(error) => {
            let place = error.location().map_or(whole.clone(), |at| place(file, at));
            let message = error.without_snippet().to_string();
            mistakes.error(&place, said(message.lines().next().unwrap_or_default()));
            Vec::new()
        }
    }
}

/// The parser's message, with what to do where it means what YAML makes of a character.
fn said(message: &str) -> String {
    if message.contains("scanning an anchor or alias") {
        return "`*` and `&` mean something to YAML where a value begins: put it in quotes, as in `\"* * * * *\"`"
            .to_owned();
    }
    if message.starts_with("budget breached: Anchors") || message.starts_with("budget breached: Aliases") {
        return "names for parts of a file (`&name`, `*name`) are not taken: write it out, or put the text in quotes"
            .to_owned();
    }
    if message.contains("parsing a flow mapping") {
        return format!(
            "{message}: in `{{…}}`, what has `{{`, `}}` or `,` in it stands in quotes, as in `{{user: \"${{subject}}\"}}`"
        );
    }
    message.to_owned()
}

/// As it comes from the parser, which knows no files.
enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

fn place(file: &Arc<str>, at: serde_saphyr::Location) -> Place {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file: Arc::clone(file), line: number(at.line()), column: number(at.column()) }
}

fn node(file: &Arc<str>, tree: Spanned<Tree>, mistakes: &mut Mistakes) -> Node {
    let yaml = match tree.value {
        Tree::Null => Yaml::Null,
        Tree::Bool(value) => Yaml::Bool(value),
        Tree::Int(value) => Yaml::Int(value),
        Tree::Float(value) => Yaml::Float(value),
        Tree::Text(value) => Yaml::Text(value),
        Tree::List(items) => Yaml::List(items.into_iter().map(|item| node(file, item, mistakes)).collect()),
        Tree::Map(entries) => {
            let mut seen = BTreeSet::new();
            let mut map = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = Key { place: place(file, key.referenced), name: key.value };
                if !seen.insert(key.name.clone()) {
                    mistakes.error(&key.place, format!("`{}` stands here twice", key.name));
                }
                map.push((key, node(file, value, mistakes)));
            }
            Yaml::Map(map)
        }
    };
    Node { place: place(file, tree.referenced), yaml }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Deserialize::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Tree, E> {
        i64::try_from(value).map(Tree::Int).map_err(|_| E::custom("this number is too large"))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        if value.is_finite() { Ok(Tree::Float(value)) } else { Err(E::custom("this is no number")) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            if map.len() >= MAX_NODES {
                return Err(A::Error::custom("this has too many keys"));
            }
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}

impl Node {
    /// What it is, as a mistake calls it.
    fn called(&self) -> &'static str {
        match self.yaml {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "true or false",
            Yaml::Int(_) => "a whole number",
            Yaml::Float(_) => "a number with a fraction",
            Yaml::Text(_) => "a text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map of keys to values",
        }
    }

    fn expected(&self, what: &str, mistakes: &mut Mistakes) {
        mistakes.error(&self.place, format!("expected {what}, found {}", self.called()));
    }

    /// A text that is not empty.
    pub fn text(&self, mistakes: &mut Mistakes) -> Option<&str> {
        match &self.yaml {
            Yaml::Text(text) if !text.trim().is_empty() => Some(text),
            Yaml::Text(_) => {
                mistakes.error(&self.place, "this text is empty");
                None
            }
            _ => {
                self.expected("a text", mistakes);
                None
            }
        }
    }

    /// True or false.
    pub fn bool(&self, mistakes: &mut Mistakes) -> Option<bool> {
        if let Yaml::Bool(value) = self.yaml {
            return Some(value);
        }
        self.expected("true or false", mistakes);
        None
    }

    /// A whole number.
    pub fn int(&self, within: std::ops::RangeInclusive<i64>, mistakes: &mut Mistakes) -> Option<i64> {
        match self.yaml {
            Yaml::Int(value) if within.contains(&value) => Some(value),
            Yaml::Int(_) => {
                mistakes.error(&self.place, format!("this goes from {} to {}", within.start(), within.end()));
                None
            }
            _ => {
                self.expected("a whole number", mistakes);
                None
            }
        }
    }

    /// A span of time: `30_days`, `15m`, `1 hour`, or `0`.
    pub fn duration(&self, mistakes: &mut Mistakes) -> Option<std::time::Duration> {
        let read = match &self.yaml {
            Yaml::Text(text) => duration::parse(text),
            Yaml::Int(0) => Some(std::time::Duration::ZERO),
            Yaml::Int(_) => None,
            _ => {
                self.expected("a span of time such as `15m` or `30_days`", mistakes);
                return None;
            }
        };
        if read.is_none() {
            mistakes.error(
                &self.place,
                "this is no span of time: write a number and its unit, as in `90s`, `15m`, `24_hours` or `30_days`",
            );
        }
        read
    }

    /// A list that is not empty.
    pub fn list(&self, mistakes: &mut Mistakes) -> &[Self] {
        match &self.yaml {
            Yaml::List(items) if !items.is_empty() => items,
            Yaml::List(_) => {
                mistakes.error(&self.place, "this list is empty: leave the key out, or say what belongs into it");
                &[]
            }
            _ => {
                self.expected("a list", mistakes);
                &[]
            }
        }
    }

    /// A list of texts; a text by itself is a list of one.
    pub fn texts(&self, mistakes: &mut Mistakes) -> Vec<(&str, &Place)> {
        if let Yaml::Text(_) = self.yaml {
            return self.text(mistakes).map(|text| (text, &self.place)).into_iter().collect();
        }
        self.list(mistakes).iter().filter_map(|item| Some((item.text(mistakes)?, &item.place))).collect()
    }

    /// The keys and values of a map.
    pub fn entries(&self, mistakes: &mut Mistakes) -> &[(Key, Self)] {
        if let Yaml::Map(entries) = &self.yaml {
            return entries;
        }
        self.expected("a map of keys to values", mistakes);
        &[]
    }

    /// The values of a map whose keys are known beforehand: any other is a mistake.
    pub fn fields(&self, known: &[&str], mistakes: &mut Mistakes) -> Fields<'_> {
        let entries = self.entries(mistakes);
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let message = format!("`{}` is no key of this; there is {}", key.name, listed(known));
                mistakes.unknown(&key.place, message, &key.name, known.iter().copied());
            }
        }
        Fields { place: &self.place, entries }
    }

    /// One of the words of a list, by its name.
    pub fn word<T: Copy>(&self, what: &str, words: &[(&str, T)], mistakes: &mut Mistakes) -> Option<T> {
        let text = self.text(mistakes)?;
        one_of(text, &self.place, what, words, mistakes)
    }

    /// As JSON, without what only readers of the file see.
    pub fn json(&self) -> serde_json::Value {
        match &self.yaml {
            Yaml::Null => serde_json::Value::Null,
            Yaml::Bool(value) => (*value).into(),
            Yaml::Int(value) => (*value).into(),
            Yaml::Float(value) => (*value).into(),
            Yaml::Text(value) => value.as_str().into(),
            Yaml::List(items) => items.iter().map(Self::json).collect::<Vec<_>>().into(),
            Yaml::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.name.clone(), value.json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// What `text` names among `words`.
pub fn one_of<T: Copy>(
    text: &str,
    place: &Place,
    what: &str,
    words: &[(&str, T)],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        mistakes.unknown(place, format!("`{text}` is no {what}; there is {}", listed(&names)), text, names);
    }
    found
}

/// Words as they are listed in a mistake.
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The values of a map, by key.
pub struct Fields<'a> {
    /// Where the map begins.
    pub place: &'a Place,
    entries: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// The value of this key, if it is there.
    pub fn find(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// One that has to be there.
    pub fn need(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'a Node> {
        let found = self.find(name);
        if found.is_none() {
            mistakes.error(self.place, format!("`{name}` is missing"));
        }
        found
    }
}
