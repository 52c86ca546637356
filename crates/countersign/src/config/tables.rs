//! Tables of which there are as many as there are names, `[gateway.main]` say. Like the other keys theirs are data, which file and
//! environment follow; they have no flags.

use super::Environment;
use super::gateways::GATEWAY_KEYS;
use super::sites::SITE_KEYS;
use super::value::dereference;

/// Tables of one kind.
#[derive(Debug)]
pub(crate) struct Tables {
    /// What stands before their names.
    pub(crate) section: &'static str,
    /// What one of them is of.
    pub(crate) of: &'static str,
    /// A name that one could have.
    pub(crate) example: &'static str,
    /// What can be said in one.
    pub(crate) keys: &'static [TableKey],
}

/// One thing that can be said in such a table.
#[derive(Debug)]
pub(crate) struct TableKey {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it takes a list.
    pub(crate) list: bool,
    /// Whether it is a secret, which is given by reference.
    pub(crate) secret: bool,
}

/// Every kind of them.
pub(crate) static TABLES: [Tables; 2] = [
    Tables { section: "gateway", of: "a gateway", example: "main", keys: &GATEWAY_KEYS },
    Tables { section: "forward_auth", of: "a site", example: "wiki", keys: &SITE_KEYS },
];

pub(super) const fn one(name: &'static str) -> TableKey {
    TableKey { name, list: false, secret: false }
}

impl Tables {
    /// Those of this section.
    pub(super) fn named(section: &str) -> Option<&'static Self> {
        TABLES.iter().find(|tables| tables.section == section)
    }

    /// The table and key that a variable is for: `COUNTERSIGN_GATEWAY_MAIN_SECRET` is `secret` of `main`.
    pub(super) fn of_variable(variable: &str) -> Option<(&'static Self, String, &'static TableKey)> {
        TABLES.iter().find_map(|tables| {
            let start = format!("COUNTERSIGN_{}_", tables.section.to_uppercase());
            let rest = variable.strip_prefix(&start)?;
            let longest = tables.keys.iter().filter_map(|key| {
                let name = rest.strip_suffix(&key.name.to_uppercase())?.strip_suffix('_')?;
                (!name.is_empty()).then(|| (tables, name.to_lowercase().replace('_', "-"), key))
            });
            longest.max_by_key(|(_, _, key)| key.name.len())
        })
    }
}

/// A secret, by what refers to it.
pub(super) fn secret(reference: &str, environment: &Environment) -> Result<String, String> {
    if reference.starts_with("env:") || reference.starts_with("file:") {
        dereference(reference, environment)
    } else {
        Err("names where the secret is: env:NAME or file:PATH".to_owned())
    }
}

/// Whether a table can be called this: its name becomes part of variables and of addresses.
pub(super) fn is_name(name: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_table_and_key() {
        let of = |variable| Tables::of_variable(variable).map(|(tables, name, key)| (tables.section, name, key.name));
        let gateway = |name: &str, key| Some(("gateway", name.to_owned(), key));
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_SECRET"), gateway("main", "secret"));
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_RECEIPT_SECRET"), gateway("main", "receipt_secret"));
        assert_eq!(of("COUNTERSIGN_GATEWAY_EU_WEST_KIND"), gateway("eu-west", "kind"));
        assert_eq!(of("COUNTERSIGN_FORWARD_AUTH_WIKI_KEY"), Some(("forward_auth", "wiki".to_owned(), "key")));
        assert_eq!(of("COUNTERSIGN_GATEWAY_KIND"), None);
        assert_eq!(of("COUNTERSIGN_GATEWAY_MAIN_X"), None);
    }
}
