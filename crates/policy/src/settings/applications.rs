//! `applications`: which there are to be, and what each may do. Their keys are made once and shown once, and stand in no file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use document::{Mistakes, Node, Place, Yaml, one_of};
use domain::{ApplicationId, CertificateFingerprint, ReturnOrigin, Scope};
use serde_json::{Value, json};

use super::texts;

/// The most applications.
const MOST: usize = 1000;
/// The most places that pages of one may lead back to.
const MOST_ORIGINS: usize = 32;
/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

const KEYS: &[&str] = &["scopes", "return_origins", "certificates"];
/// What somebody may want to write there who looks for a place for a key.
const SECRETS: [&str; 6] = ["key", "keys", "api_key", "api_keys", "secret", "token"];

/// An application as files want it. It is known by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSettings {
    /// Where its name stands.
    pub place: Place,
    /// What its operators call it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Client certificates that stand for it.
    pub certificates: BTreeSet<CertificateFingerprint>,
    /// Where hosted pages may lead back to.
    pub return_origins: BTreeSet<ReturnOrigin>,
}

impl ApplicationSettings {
    /// What an application is that is so, as far as files speak of it.
    pub fn of(application: &domain::Application) -> Self {
        Self {
            place: Place { file: "in force".into(), line: 0, column: 0 },
            name: application.name.clone(),
            scopes: application.scopes.clone(),
            certificates: application.certificates.clone(),
            return_origins: application.return_origins.clone(),
        }
    }

    /// Whether the two want the same, wherever they stand.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.json() == other.json() && self.name == other.name
    }

    /// What it says, as JSON.
    pub fn json(&self) -> Value {
        let mut json = json!({ "scopes": self.scopes });
        let lists = [
            ("return_origins", self.return_origins.iter().map(ToString::to_string).collect::<Vec<_>>()),
            ("certificates", self.certificates.iter().map(ToString::to_string).collect()),
        ];
        if let Some(members) = json.as_object_mut() {
            members.extend(
                lists
                    .into_iter()
                    .filter(|(_, list)| !list.is_empty())
                    .map(|(name, list)| (name.to_owned(), list.into())),
            );
        }
        json
    }

    /// A file that says so of each.
    pub fn file(applications: &[Self]) -> String {
        let list = |texts: &[String]| texts.join(", ");
        let mut text = String::from("applications:\n");
        for application in applications {
            // What is a string in JSON is one in YAML.
            let _ = writeln!(text, "  {}:", Value::from(application.name.as_str()));
            let scopes: Vec<String> = application.scopes.iter().map(|scope| scope.name().to_owned()).collect();
            let _ = writeln!(text, "    scopes: [{}]", list(&scopes));
            let origins: Vec<String> =
                application.return_origins.iter().map(|origin| format!("\"{origin}\"")).collect();
            let certificates: Vec<String> =
                application.certificates.iter().map(|print| format!("\"{print}\"")).collect();
            for (name, texts) in [("return_origins", origins), ("certificates", certificates)] {
                if !texts.is_empty() {
                    let _ = writeln!(text, "    {name}: [{}]", list(&texts));
                }
            }
        }
        if applications.is_empty() { "applications: {}\n".to_owned() } else { text }
    }
}

pub(super) fn read(node: &Node, all: &mut Vec<ApplicationSettings>, mistakes: &mut Mistakes) {
    for (key, node) in node.entries(mistakes) {
        let name = key.name.trim();
        if !(1..=LONGEST_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            let message = format!("a name has 1 to {LONGEST_NAME} characters, none of them a control character");
            mistakes.error(&key.place, message);
            continue;
        }
        // Where a name or an id is wanted, it would be taken for another one (T-20).
        if name.parse::<ApplicationId>().is_ok() {
            mistakes.error(&key.place, "an application's name is not what an id of one is: give it another");
            continue;
        }
        if let Some(other) = all.iter().find(|other| other.name == name) {
            mistakes.between(&key.place, &other.place, format!("there are two applications `{name}`"));
            continue;
        }
        if all.len() >= MOST {
            mistakes.error(&key.place, format!("there are at most {MOST} applications"));
            return;
        }
        all.push(application(name, &key.place, node, mistakes));
    }
}

fn application(name: &str, place: &Place, node: &Node, mistakes: &mut Mistakes) -> ApplicationSettings {
    if let Yaml::Map(entries) = &node.yaml {
        for (key, _) in entries.iter().filter(|(key, _)| SECRETS.contains(&key.name.as_str())) {
            mistakes.error(
                &key.place,
                "no key stands in a file: `countersign applications rotate-key` makes one and shows it once",
            );
        }
    }
    let fields = node.fields(KEYS, mistakes);
    let mut of = |key| fields.find(key).map(|node| texts(node, mistakes)).unwrap_or_default();
    let (origins, certificates) = (of("return_origins"), of("certificates"));
    let scopes = fields.need("scopes", mistakes).map(|node| texts(node, mistakes)).unwrap_or_default();
    let words: Vec<(&str, Scope)> = Scope::ALL.into_iter().map(|scope| (scope.name(), scope)).collect();
    let scopes =
        scopes.into_iter().filter_map(|(text, place)| one_of(text, place, "scope", &words, mistakes)).collect();
    if let Some((_, place)) = origins.get(MOST_ORIGINS) {
        mistakes.error(place, format!("there are at most {MOST_ORIGINS} of them"));
    }
    let return_origins = origins.into_iter().filter_map(|(text, place)| match ReturnOrigin::parse(text) {
        Ok(origin) => Some(origin),
        Err(error) => {
            mistakes.error(place, format!("an origin {error}"));
            None
        }
    });
    let return_origins = return_origins.collect();
    let certificates = certificates.into_iter().filter_map(|(text, place)| {
        let print = CertificateFingerprint::parse(text);
        if print.is_none() {
            mistakes.error(place, "this is no SHA-256 of a certificate, 64 hex digits: `openssl x509 -noout -fingerprint -sha256 -in FILE` prints it");
        }
        print
    });
    let certificates = certificates.collect();
    ApplicationSettings { place: place.clone(), name: name.to_owned(), scopes, certificates, return_origins }
}
