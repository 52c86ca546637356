//! `[gateway.NAME]`: who carries messages.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Environment;
use super::layers::Layers;
use super::tables::{TableKey, one, secret};
use super::value::dereference;
use crate::failure::Failure;

/// Every key of a gateway: what applied files can say of one, the configuration can.
pub(crate) const GATEWAY_KEYS: [TableKey; policy::GATEWAY_KEYS.len()] = {
    let mut keys = [const { one("") }; policy::GATEWAY_KEYS.len()];
    let mut at = 0;
    while at < keys.len() {
        #[allow(clippy::indexing_slicing, reason = "worked out by the compiler, which refuses what is out of bounds")]
        {
            let policy::GatewayKey { name, list, secret } = policy::GATEWAY_KEYS[at];
            keys[at] = TableKey { name, list, secret };
        }
        at += 1;
    }
    keys
};

/// A gateway as it is configured, secrets resolved. Does not print.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GatewaySettings {
    /// What it is called.
    pub(crate) name: String,
    /// Where its kind is said, for messages about it.
    pub(crate) place: String,
    values: BTreeMap<String, Zeroizing<Vec<String>>>,
}

/// The secrets that applied files may refer to, by their references. Does not print.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct PolicySecrets(BTreeMap<String, Zeroizing<String>>);

impl PolicySecrets {
    pub(super) fn resolve(layers: &Layers, environment: &Environment) -> Result<Self, Failure> {
        let Some(given) = layers.given("policy.secrets") else { return Ok(Self::default()) };
        let read = |reference: &String| match secret(reference, environment) {
            Ok(value) => Ok((reference.clone(), Zeroizing::new(value))),
            Err(why) => Err(Failure::configuration(format!("{}: policy.secrets: {why}", given.origin))),
        };
        given.items.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// All of them, for workflows that are applied.
    pub(crate) fn all(&self) -> BTreeMap<String, Zeroizing<String>> {
        self.0.clone()
    }

    fn get(&self, reference: &str) -> Result<String, String> {
        self.0.get(reference).map(|value| value.to_string()).ok_or_else(|| {
            format!("this server hands out no `{reference}`: its configuration names what files may refer to in policy.secrets")
        })
    }
}

impl fmt::Debug for PolicySecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl GatewaySettings {
    /// One that an applied file names. What it refers to is what the configuration lets it refer to, and nothing else: or else whoever may
    /// apply files could have any file of this server's sent anywhere.
    pub(crate) fn of_file(wanted: &policy::GatewaySettings, secrets: &PolicySecrets) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for (key, items) in &wanted.values {
            let is_secret = GATEWAY_KEYS.iter().any(|known| known.name == *key && known.secret);
            let value = |item: &String| match item.split_once(": ") {
                _ if is_secret => secrets.get(item),
                Some((name, value)) if *key == "headers" && is_reference(value) => {
                    secrets.get(value).map(|value| format!("{name}: {value}"))
                }
                _ => Ok(item.clone()),
            };
            let items: Vec<String> =
                items.iter().map(value).collect::<Result<_, _>>().map_err(|why| format!("{key}: {why}"))?;
            values.insert((*key).to_owned(), Zeroizing::new(items));
        }
        Ok(Self { name: wanted.name.clone(), place: wanted.place.to_string(), values })
    }

    /// A value, if it is given.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.list(key).first().map(String::as_str)
    }

    /// The items of a list; none where it is not given.
    pub(crate) fn list(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], |items| items.as_slice())
    }
}

impl fmt::Debug for GatewaySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.get("kind").unwrap_or_default())
    }
}

/// The gateways, in the order of their names.
pub(crate) fn resolve(layers: &Layers, environment: &Environment) -> Result<Vec<GatewaySettings>, Failure> {
    let mut gateways = Vec::new();
    for (name, given) in layers.tables("gateway") {
        // Variables alone make a gateway only where they say of which kind it is: Kubernetes sets many that look alike.
        let Some(kind) = given.get("kind") else {
            match given.values().find(|given| given.is_in_a_file()) {
                Some(any) => {
                    return Err(Failure::configuration(format!(
                        "{}: gateway.{name} needs a kind: twilio, vonage, sns, http, smtp, fcm or apns",
                        any.origin
                    )));
                }
                None => continue,
            }
        };
        let mut values = BTreeMap::new();
        for (key, given) in given {
            let items = given.items.iter().map(|item| resolved(key, item, environment));
            let items: Vec<String> = items
                .collect::<Result<_, _>>()
                .map_err(|why| Failure::configuration(format!("{}: gateway.{name}.{key}: {why}", given.origin)))?;
            values.insert((*key).to_owned(), Zeroizing::new(items));
        }
        gateways.push(GatewaySettings { name: name.clone(), place: kind.origin.to_string(), values });
    }
    Ok(gateways)
}

/// A value with what it refers to in its place.
fn resolved(key: &str, item: &str, environment: &Environment) -> Result<String, String> {
    if GATEWAY_KEYS.iter().any(|known| known.name == key && known.secret) {
        return secret(item, environment);
    }
    // A header is `Name: value`, and its value often a secret.
    match item.split_once(": ").filter(|_| key == "headers") {
        Some((name, value)) => Ok(format!("{name}: {}", dereference(value, environment)?)),
        None => Ok(item.to_owned()),
    }
}

fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}
