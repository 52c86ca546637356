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

/// Every key of a gateway.
pub(crate) const GATEWAY_KEYS: [TableKey; 26] = [
    one("kind"),
    one("weight"),
    one("from"),
    one("service"),
    one("account"),
    one("key"),
    TableKey { secret: true, ..one("secret") },
    TableKey { secret: true, ..one("session") },
    one("region"),
    one("url"),
    one("method"),
    TableKey { list: true, ..one("headers") },
    one("body"),
    one("body_kind"),
    one("reference"),
    TableKey { secret: true, ..one("receipt_secret") },
    one("receipt_signature"),
    TableKey { list: true, ..one("receipt_fields") },
    TableKey { list: true, ..one("receipt_delivered") },
    TableKey { list: true, ..one("receipt_failed") },
    one("host"),
    one("encryption"),
    one("user"),
    one("team"),
    one("topic"),
    one("environment"),
];

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
