//! `branding`: whose pages they are.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};
use document::{Mistakes, Node, Place, nearest};
use serde_json::{Value, json};

use super::Picture;

const KEYS: &[&str] = &["name", "logo", "colour"];
/// The longest name, in characters.
const LONGEST_NAME: usize = 64;
/// The most bytes of a logo.
const MOST_LOGO: usize = 64 * 1024;

/// The operator's name, logo and colour.
#[derive(Debug, Clone, PartialEq)]
pub struct BrandingSettings {
    /// Where they stand.
    pub(super) place: Place,
    /// The name that people know the operator by.
    pub name: Option<String>,
    /// The logo.
    pub(super) logo: Option<Logo>,
    /// The colour, as `#rrggbb`.
    pub colour: Option<String>,
}

/// A picture that stands beside the file that names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logo {
    pub(super) file: String,
    /// As a `data:` URL.
    url: String,
}

impl BrandingSettings {
    pub(super) fn read(node: &Node, pictures: &BTreeMap<String, String>, mistakes: &mut Mistakes) -> Self {
        let fields = node.fields(KEYS, mistakes);
        let name = fields.find("name").and_then(|node| {
            let name = node.text(mistakes)?.trim();
            if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
                let message = format!("a name has 1 to {LONGEST_NAME} characters, none of them a control character");
                mistakes.error(&node.place, message);
            }
            Some(name.to_owned())
        });
        let colour = fields.find("colour").and_then(|node| {
            let text = node.text(mistakes)?;
            let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
            if digits.is_none_or(|digits| !digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                mistakes.error(&node.place, "this is no colour: write it as in `\"#1a5fb4\"`, with quotation marks");
            }
            Some(text.to_lowercase())
        });
        let logo = fields.find("logo").and_then(|node| logo(node, pictures, mistakes));
        Self { place: node.place.clone(), name, logo, colour }
    }

    /// Where they stand.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The logo, as a `data:` URL.
    pub fn logo(&self) -> Option<&str> {
        self.logo.as_ref().map(|logo| logo.url.as_str())
    }

    /// What it says, as JSON: of a picture its hash.
    pub(super) fn json(&self) -> Value {
        let logo = self.logo.as_ref().map(|logo| {
            let hash = HEXLOWER.encode(digest::digest(&digest::SHA256, logo.url.as_bytes()).as_ref());
            format!("{} ({})", logo.file, hash.get(..16).unwrap_or_default())
        });
        let mut json = json!({ "name": self.name, "colour": self.colour, "logo": logo });
        if let Some(members) = json.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        json
    }
}

fn logo(node: &Node, pictures: &BTreeMap<String, String>, mistakes: &mut Mistakes) -> Option<Logo> {
    let file = node.text(mistakes)?;
    let Some(text) = pictures.get(file) else {
        let message = format!(
            "`{file}` is no picture that stands in the folder beside this: it takes an SVG or PNG, by its name"
        );
        mistakes.suggesting(&node.place, message, nearest(file, pictures.keys().map(String::as_str)));
        return None;
    };
    let (kind, bytes) = if Picture::of_file(file) == Some(Picture::Svg) {
        ("image/svg+xml", Some(text.as_bytes().to_vec()).filter(|_| text.contains("<svg")))
    } else {
        let bytes = BASE64.decode(text.as_bytes()).ok();
        ("image/png", bytes.filter(|bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n")))
    };
    match bytes {
        None => mistakes.error(&node.place, format!("`{file}` is neither SVG nor PNG")),
        Some(bytes) if bytes.len() > MOST_LOGO => mistakes.error(&node.place, format!("`{file}` has more than 64 KiB")),
        Some(bytes) => {
            let url = format!("data:{kind};base64,{}", BASE64.encode(&bytes));
            return Some(Logo { file: file.to_owned(), url });
        }
    }
    None
}
