//! `[gateway.NAME]`: who carries messages, as many as there are names. Like the other keys these are a table, which file and
//! environment follow; they have no flags.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Environment;
use super::layers::{Given, Layers};
use super::value::dereference;
use crate::failure::Failure;

/// One thing that can be said of a gateway.
#[derive(Debug)]
pub(crate) struct GatewayKey {
    /// Its name in `[gateway.NAME]`.
    pub(crate) name: &'static str,
    /// Whether it takes a list.
    pub(crate) list: bool,
    /// Whether it is a secret, which is given by reference.
    pub(crate) secret: bool,
}

/// Every key of a gateway.
pub(crate) const GATEWAY_KEYS: [GatewayKey; 26] = [
    one("kind"),
    one("weight"),
    one("from"),
    one("service"),
    one("account"),
    one("key"),
    GatewayKey { secret: true, ..one("secret") },
    GatewayKey { secret: true, ..one("session") },
    one("region"),
    one("url"),
    one("method"),
    GatewayKey { list: true, ..one("headers") },
    one("body"),
    one("body_kind"),
    one("reference"),
    GatewayKey { secret: true, ..one("receipt_secret") },
    one("receipt_signature"),
    GatewayKey { list: true, ..one("receipt_fields") },
    GatewayKey { list: true, ..one("receipt_delivered") },
    GatewayKey { list: true, ..one("receipt_failed") },
    one("host"),
    one("encryption"),
    one("user"),
    one("team"),
    one("topic"),
    one("environment"),
];

const fn one(name: &'static str) -> GatewayKey {
    GatewayKey { name, list: false, secret: false }
}

/// A gateway as it is configured, secrets resolved. Does not print.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GatewaySettings {
    /// What it is called.
    pub(crate) name: String,
    /// Where its kind is said, for messages about it.
    pub(crate) place: String,
    values: BTreeMap<String, Zeroizing<Vec<String>>>,
}

impl GatewaySettings {
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
    for (name, given) in layers.gateways() {
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
    let is_reference = item.starts_with("env:") || item.starts_with("file:");
    if GATEWAY_KEYS.iter().any(|known| known.name == key && known.secret) {
        return if is_reference {
            dereference(item, environment)
        } else {
            Err("names where the secret is: env:NAME or file:PATH".to_owned())
        };
    }
    // A header is `Name: value`, and its value often a secret.
    match item.split_once(": ").filter(|_| key == "headers") {
        Some((name, value)) => Ok(format!("{name}: {}", dereference(value, environment)?)),
        None => Ok(item.to_owned()),
    }
}

/// The gateway and key that a variable is for: `COUNTERSIGN_GATEWAY_MAIN_SECRET` is `secret` of `main`.
pub(super) fn of_variable(variable: &str) -> Option<(String, &'static GatewayKey)> {
    let rest = variable.strip_prefix("COUNTERSIGN_GATEWAY_")?;
    let longest = GATEWAY_KEYS.iter().filter_map(|key| {
        let name = rest.strip_suffix(&key.name.to_uppercase())?.strip_suffix('_')?;
        (!name.is_empty()).then(|| (name.to_lowercase().replace('_', "-"), key))
    });
    longest.max_by_key(|(_, key)| key.name.len())
}

/// Whether a gateway can be called this: it becomes part of variables and of addresses.
pub(super) fn is_name(name: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with('-') && !name.ends_with('-')
}

impl Given {
    fn is_in_a_file(&self) -> bool {
        matches!(self.origin, super::layers::Origin::File(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_gateway_and_key() {
        let of = |variable| of_variable(variable).map(|(name, key)| (name, key.name));
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_SECRET"), Some(("main".to_owned(), "secret")));
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_RECEIPT_SECRET"), Some(("main".to_owned(), "receipt_secret")));
        assert_eq!(of("COUNTERSIGN_GATEWAY_EU_WEST_KIND"), Some(("eu-west".to_owned(), "kind")));
        assert_eq!(of("COUNTERSIGN_GATEWAY_KIND"), None);
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_X"), None);
    }
}
