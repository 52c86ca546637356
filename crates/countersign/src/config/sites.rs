//! `[forward_auth.NAME]`: sites behind proxies that ask about each request.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Environment;
use super::layers::{Layers, Table};
use super::tables::{TableKey, one, secret};
use crate::failure::Failure;

/// Every key of a site.
pub(crate) const SITE_KEYS: [TableKey; 7] = [
    one("application"),
    TableKey { list: true, ..one("origins") },
    TableKey { secret: true, ..one("key") },
    TableKey { list: true, ..one("certificates") },
    one("login"),
    TableKey { list: true, ..one("open") },
    TableKey { list: true, ..one("actions") },
];

/// A site as it is configured, its proxy's key resolved. Does not print.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SiteSettings {
    /// What it is called.
    name: String,
    /// Where its application is said, for messages about it.
    place: String,
    application: String,
    origins: Vec<String>,
    key: Option<Zeroizing<String>>,
    certificates: Vec<String>,
    login: Option<String>,
    open: Vec<String>,
    actions: Vec<String>,
}

impl std::fmt::Debug for SiteSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.application)
    }
}

/// The sites, in the order of their names.
pub(super) fn resolve(layers: &Layers, environment: &Environment) -> Result<Vec<SiteSettings>, Failure> {
    let mut sites = Vec::new();
    for (name, given) in layers.tables("forward_auth") {
        // As with gateways, variables alone that look alike make none.
        let Some(application) = given.get("application") else {
            match given.values().find(|given| given.is_in_a_file()) {
                Some(any) => {
                    let why = format!("forward_auth.{name} needs the application whose sessions count there");
                    return Err(Failure::configuration(format!("{}: {why}", any.origin)));
                }
                None => continue,
            }
        };
        let key = given.get("key").map(|given| {
            let reference = given.items.first().map(String::as_str).unwrap_or_default();
            let why = |why| Failure::configuration(format!("{}: forward_auth.{name}.key: {why}", given.origin));
            secret(reference, environment).map(Zeroizing::new).map_err(why)
        });
        sites.push(SiteSettings {
            name: name.clone(),
            place: application.origin.to_string(),
            application: text(given, "application"),
            origins: list(given, "origins"),
            key: key.transpose()?,
            certificates: list(given, "certificates"),
            login: given.get("login").map(|_| text(given, "login")),
            open: list(given, "open"),
            actions: list(given, "actions"),
        });
    }
    Ok(sites)
}

/// Understands them as a whole.
pub(crate) fn sites(settings: &[SiteSettings]) -> Result<server::Sites, Failure> {
    let read = settings.iter().map(|site| server::SiteSettings {
        name: site.name.clone(),
        application: site.application.clone(),
        origins: site.origins.clone(),
        key: site.key.as_deref().cloned(),
        certificates: site.certificates.clone(),
        login: site.login.clone(),
        open: site.open.clone(),
        actions: site.actions.clone(),
    });
    server::Sites::new(read.collect()).map_err(|(name, server::SiteMistake { key, why })| {
        let place = settings.iter().find(|site| site.name == name).map(|site| site.place.as_str()).unwrap_or_default();
        Failure::configuration(format!("{place}: forward_auth.{name}.{key}: {why}"))
    })
}

fn text(table: &Table, key: &str) -> String {
    list(table, key).into_iter().next().unwrap_or_default()
}

fn list(table: &Table, key: &str) -> Vec<String> {
    table.get(key).map(|given| given.items.clone()).unwrap_or_default()
}
