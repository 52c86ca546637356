//! What files say beside policy: applications, gateways and branding. It is read here and handed on; no decision depends on it.
//!
//! No secret stands in a file: what is one is named by a reference, which only the server that runs can follow.

mod applications;
mod branding;
mod gateways;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use document::{Fields, Mistakes, Node, Place, Yaml, parse};
use serde_json::Value;

pub use applications::ApplicationSettings;
pub use branding::BrandingSettings;
pub use gateways::{GATEWAY_KEYS, GatewayKey, GatewaySettings, channel_of};

/// The keys at the top of a file that are about something else than policy.
pub(crate) const SECTIONS: [&str; 3] = ["applications", "gateways", "branding"];

/// What files say beside policy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The applications that there are to be, where any file speaks of them. Others stay.
    pub applications: Option<Vec<ApplicationSettings>>,
    /// Who carries messages, where any file speaks of it.
    pub gateways: Option<Vec<GatewaySettings>>,
    /// Whose pages they are, where any file speaks of it.
    pub branding: Option<BrandingSettings>,
}

impl Settings {
    /// Whether the files speak of nothing but policy.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes what a document says, and puts what can be compared piece by piece into `content`. Applications are compared with those
    /// that there are, and not with another file.
    pub(crate) fn read(
        &mut self,
        fields: &Fields<'_>,
        pictures: &BTreeMap<String, String>,
        content: &mut BTreeMap<String, Value>,
        mistakes: &mut Mistakes,
    ) {
        if let Some(node) = fields.find("applications") {
            applications::read(node, self.applications.get_or_insert_default(), mistakes);
        }
        if let Some(node) = fields.find("gateways") {
            let gateways = self.gateways.get_or_insert_default();
            gateways::read(node, gateways, mistakes);
            content.extend(gateways.iter().map(|gateway| (format!("gateways.{}", gateway.name), gateway.json())));
        }
        if let Some(node) = fields.find("branding") {
            if let Some(other) = &self.branding {
                mistakes.between(&node.place, &other.place, "there are two `branding`");
                return;
            }
            let branding = BrandingSettings::read(node, pictures, mistakes);
            content.insert("branding".to_owned(), branding.json());
            self.branding = Some(branding);
        }
    }

    /// Tells of pictures that nothing names.
    pub(crate) fn look_over(&self, pictures: &BTreeMap<String, String>, mistakes: &mut Mistakes) {
        let named = self.branding.as_ref().and_then(|branding| branding.logo.as_ref()).map(|logo| logo.file.as_str());
        for name in pictures.keys().filter(|name| Some(name.as_str()) != named) {
            let place = Place { file: name.as_str().into(), line: 0, column: 0 };
            mistakes.error(&place, "no `branding` names this picture");
        }
    }
}

/// A file that is no YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Handed in as it is.
    Svg,
    /// Handed in in Base64.
    Png,
}

impl Picture {
    /// What the file of this name is, if it is a picture.
    pub fn of_file(name: &str) -> Option<Self> {
        match Path::new(name).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// The names of those files that are about something else than policy. One that cannot be read counts among them.
pub fn settings_files(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let is_about_settings = |name: &str, text: &str| {
        let mut mistakes = Mistakes::default();
        let documents = parse(&Arc::from(name), text, &mut mistakes);
        mistakes.has_errors() || documents.iter().flat_map(keys).any(|key| SECTIONS.contains(&key))
    };
    // Rules of alerts start workflows, and say who hears of what: they are as much as these.
    let stands_apart = |name: &str| ["workflows/", "alerts/"].iter().any(|folder| name.starts_with(folder));
    let files = files
        .iter()
        .filter(|(name, text)| Picture::of_file(name).is_some() || stands_apart(name) || is_about_settings(name, text));
    files.map(|(name, _)| name.clone()).collect()
}

/// The names of those files that speak of applications.
pub fn application_files(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    let speaks = |name: &str, text: &str| {
        let documents = parse(&Arc::from(name), text, &mut Mistakes::default());
        documents.iter().flat_map(keys).any(|key| key == "applications")
    };
    let files = files.iter().filter(|(name, text)| Picture::of_file(name).is_none() && speaks(name, text));
    files.map(|(name, _)| name.clone()).collect()
}

/// Refuses a file that has one of these beside something else: who may see or change policies may not see or change all, and what is written
/// out anew is written as a whole.
pub(crate) fn stands_apart(documents: &[Node], mistakes: &mut Mistakes) {
    let sort = |key: &str| SECTIONS.iter().position(|section| *section == key);
    let sorts: BTreeSet<Option<usize>> = documents.iter().flat_map(keys).map(sort).collect();
    if sorts.len() < 2 {
        return;
    }
    let entries = documents.iter().filter_map(|document| match &document.yaml {
        Yaml::Map(entries) => Some(entries),
        _ => None,
    });
    if let Some((key, _)) = entries.flatten().find(|(key, _)| sort(&key.name).is_some()) {
        let message = format!("`{}` stands in a file of its own: move it there, or what is beside it", key.name);
        mistakes.error(&key.place, message);
    }
}

fn keys(document: &Node) -> impl Iterator<Item = &str> {
    let entries = match &document.yaml {
        Yaml::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(key, _)| key.name.as_str())
}

/// The texts of a list, of which there may be none.
fn texts<'n>(node: &'n Node, mistakes: &mut Mistakes) -> Vec<(&'n str, &'n Place)> {
    match &node.yaml {
        Yaml::List(items) if items.is_empty() => Vec::new(),
        _ => node.texts(mistakes),
    }
}
