//! `gateways`: who carries messages. What each kind wants stands in a table; whether a server can use it, the server says.

use std::collections::BTreeMap;

use document::{Fields, Mistakes, Node, Place, listed};
use serde_json::Value;

/// The most gateways.
const MOST: usize = 64;

/// Something that can be said of a gateway.
#[derive(Debug)]
pub struct GatewayKey {
    /// Its name.
    pub name: &'static str,
    /// Whether it takes a list.
    pub list: bool,
    /// Whether it is a secret, which is given by reference.
    pub secret: bool,
}

const fn one(name: &'static str) -> GatewayKey {
    GatewayKey { name, list: false, secret: false }
}
const fn list(name: &'static str) -> GatewayKey {
    GatewayKey { name, list: true, secret: false }
}
const fn secret(name: &'static str) -> GatewayKey {
    GatewayKey { name, list: false, secret: true }
}

/// Everything that can be said of one.
pub const GATEWAY_KEYS: [GatewayKey; 26] = [
    one("kind"),
    one("weight"),
    one("from"),
    one("service"),
    one("account"),
    one("key"),
    secret("secret"),
    secret("session"),
    one("region"),
    one("url"),
    one("method"),
    list("headers"),
    one("body"),
    one("body_kind"),
    one("reference"),
    secret("receipt_secret"),
    one("receipt_signature"),
    list("receipt_fields"),
    list("receipt_delivered"),
    list("receipt_failed"),
    one("host"),
    one("encryption"),
    one("user"),
    one("team"),
    one("topic"),
    one("environment"),
];

/// What a kind wants.
struct Kind {
    name: &'static str,
    channel: &'static str,
    needs: &'static [&'static str],
    may: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "twilio",
        channel: "sms",
        needs: &["account", "secret"],
        may: &["from", "service", "key", "receipt_secret", "url", "weight"],
    },
    Kind {
        name: "vonage",
        channel: "sms",
        needs: &["key", "secret", "from"],
        may: &["url", "receipt_secret", "receipt_signature", "weight"],
    },
    Kind {
        name: "sns",
        channel: "sms",
        needs: &["key", "secret", "region"],
        may: &["session", "from", "url", "weight"],
    },
    Kind {
        name: "http",
        channel: "sms",
        needs: &["url"],
        may: &[
            "method",
            "headers",
            "body",
            "body_kind",
            "reference",
            "from",
            "receipt_secret",
            "receipt_fields",
            "receipt_delivered",
            "receipt_failed",
            "weight",
        ],
    },
    Kind { name: "smtp", channel: "email", needs: &["host", "from"], may: &["encryption", "user", "secret", "weight"] },
    Kind { name: "fcm", channel: "push", needs: &["secret"], may: &["url"] },
    Kind { name: "apns", channel: "push", needs: &["team", "key", "secret", "topic"], may: &["environment", "url"] },
];

/// Headers whose value is no secret.
const PLAIN_HEADERS: [&str; 3] = ["accept", "content-type", "user-agent"];
/// What a text has in it that holds a secret.
const TELLTALES: [&str; 7] = ["password", "passwd", "secret", "apikey", "api_key", "api-key", "token"];

/// A gateway as files want it. Secrets are references.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewaySettings {
    /// Where its name stands.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// What was said, by its key.
    pub values: BTreeMap<&'static str, Vec<String>>,
}

/// What a kind of gateway carries: `sms`, `email` or `push`.
pub fn channel_of(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|known| known.name == kind).map(|known| known.channel)
}

impl GatewaySettings {
    /// What it carries: `sms`, `email` or `push`.
    pub fn channel(&self) -> &'static str {
        self.values.get("kind").and_then(|kind| channel_of(kind.first()?)).unwrap_or_default()
    }

    /// The references to secrets in it.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let secrets =
            GATEWAY_KEYS.iter().filter(|key| key.secret).filter_map(|key| self.values.get(key.name)).flatten();
        let headers = self.values.get("headers").into_iter().flatten().filter_map(|header| header.split_once(": "));
        let headers = headers.map(|(_, value)| value).filter(|value| is_reference(value));
        secrets.map(String::as_str).chain(headers)
    }

    /// What it says, as JSON.
    pub(super) fn json(&self) -> Value {
        let said = |(key, items): (&&'static str, &Vec<String>)| {
            let is_list = GATEWAY_KEYS.iter().any(|known| known.name == *key && known.list);
            let value = if is_list { items.clone().into() } else { items.first().cloned().into() };
            ((*key).to_owned(), value)
        };
        Value::Object(self.values.iter().map(said).collect())
    }
}

pub(super) fn read(node: &Node, all: &mut Vec<GatewaySettings>, mistakes: &mut Mistakes) {
    for (key, node) in node.entries(mistakes) {
        if !is_name(&key.name) {
            mistakes.error(&key.place, "a gateway's name has up to 32 small letters, digits and `-` in between");
            continue;
        }
        if let Some(other) = all.iter().find(|other| other.name == key.name) {
            mistakes.between(&key.place, &other.place, format!("there are two gateways `{}`", key.name));
            continue;
        }
        if all.len() >= MOST {
            mistakes.error(&key.place, format!("there are at most {MOST} gateways"));
            return;
        }
        let values = values(node, mistakes);
        all.push(GatewaySettings { place: key.place.clone(), name: key.name.clone(), values });
    }
}

fn values(node: &Node, mistakes: &mut Mistakes) -> BTreeMap<&'static str, Vec<String>> {
    let names: Vec<&str> = GATEWAY_KEYS.iter().map(|key| key.name).collect();
    let fields = node.fields(&names, mistakes);
    let words: Vec<(&str, usize)> = KINDS.iter().enumerate().map(|(place, kind)| (kind.name, place)).collect();
    let kind = fields.need("kind", mistakes).and_then(|node| node.word("kind of gateway", &words, mistakes));
    if let Some(kind) = kind.and_then(|place| KINDS.get(place)) {
        fits(kind, &fields, mistakes);
    }
    let mut values = BTreeMap::new();
    for key in &GATEWAY_KEYS {
        if let Some(node) = fields.find(key.name) {
            values.insert(key.name, value(key, node, mistakes));
        }
    }
    values
}

/// Whether all is there that the kind needs, and nothing that it does not know.
fn fits(kind: &Kind, fields: &Fields<'_>, mistakes: &mut Mistakes) {
    for key in kind.needs {
        if fields.find(key).is_none() {
            mistakes
                .error(fields.place, format!("`{key}` is missing, which a gateway of the kind `{}` needs", kind.name));
        }
    }
    for key in GATEWAY_KEYS.iter().map(|key| key.name).filter(|key| *key != "kind") {
        if let Some(node) = fields.find(key)
            && !kind.needs.contains(&key)
            && !kind.may.contains(&key)
        {
            let known: Vec<&str> = kind.needs.iter().chain(kind.may).copied().collect();
            let message = format!("a gateway of the kind `{}` has no `{key}`; there is {}", kind.name, listed(&known));
            mistakes.error(&node.place, message);
        }
    }
    let (from, service) = (fields.find("from"), fields.find("service"));
    if kind.name == "twilio" && from.is_some() == service.is_some() {
        let message = "either `from`, a number or sender id, or `service`, a messaging service's SID, is wanted";
        mistakes.error(fields.place, message);
    }
}

fn value(key: &GatewayKey, node: &Node, mistakes: &mut Mistakes) -> Vec<String> {
    if key.name == "weight" {
        return node.int(0..=1000, mistakes).map(|weight| weight.to_string()).into_iter().collect();
    }
    let texts: Vec<(&str, &Place)> = if key.list {
        node.texts(mistakes)
    } else {
        node.text(mistakes).map(|text| (text, &node.place)).into_iter().collect()
    };
    for (text, place) in &texts {
        match key.name {
            "headers" => header(text, place, mistakes),
            "url" | "body" => plain(text, place, mistakes),
            _ if key.secret && !is_reference(text) => {
                mistakes
                    .error(place, "no secret stands in a file: say where the server has it, `env:NAME` or `file:PATH`");
            }
            _ => {}
        }
    }
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn header(text: &str, place: &Place, mistakes: &mut Mistakes) {
    match text.split_once(": ") {
        None => mistakes.error(place, "a header is written `Name: value`"),
        Some((name, value)) if !is_reference(value) && !PLAIN_HEADERS.contains(&name.to_lowercase().as_str()) => {
            mistakes.error(place, "a header's value may be a secret, and no secret stands in a file: say where the server has it, `Name: env:NAME` or `Name: file:PATH`");
        }
        Some(_) => {}
    }
}

/// What is sent as it stands there holds no secret, as far as can be seen.
fn plain(text: &str, place: &Place, mistakes: &mut Mistakes) {
    let lower = text.to_lowercase();
    let host = lower.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    if host.is_some_and(|host| host.contains('@')) || TELLTALES.iter().any(|word| lower.contains(word)) {
        let message =
            "this looks like a secret, and none stands in a file: have it sent as a header, `Authorization: env:NAME`";
        mistakes.error(place, message);
    }
}

fn is_reference(text: &str) -> bool {
    let is_variable =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.strip_prefix("env:").is_some_and(is_variable)
        || text.strip_prefix("file:").is_some_and(|path| path.starts_with('/'))
}

/// As the server's own configuration wants it: the name becomes part of addresses.
fn is_name(name: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with('-') && !name.ends_with('-')
}
