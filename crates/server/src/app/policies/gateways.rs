//! What files say of gateways and branding, held against what this server can do with it.

use policy::{GatewaySettings, Mistake, Place, Policy, Settings, Severity};

use crate::Brand;
use crate::app::sending::UnusableGateway;
use crate::app::{App, Error};

impl App {
    /// Refuses gateways that this server could not use: one whose secret it has not got, say.
    pub(super) fn can_be_used(&self, policy: &Policy) -> Result<(), Error> {
        let (Some(post), Some(wanted)) = (&self.post, &policy.settings().gateways) else { return Ok(()) };
        post.lines().could_be(wanted).map_err(|UnusableGateway { place, why }| {
            let severity = Severity::Error;
            Error::PolicyMistaken(vec![Mistake { severity, place, message: why, suggestion: None, other: None }])
        })
    }

    /// What of the files does not hold on this server, as its own configuration says otherwise.
    pub(super) fn what_stays_away(&self, policy: &Policy) -> Vec<Mistake> {
        let settings = policy.settings();
        let mut told = Vec::new();
        if let Some(first) = settings.gateways.as_ref().and_then(|all| all.first()) {
            let why = match &self.post {
                None => Some("this server can call nobody, so no gateway holds on it: its log says why"),
                Some(post) if post.lines().are_own() => Some(
                    "this server's own configuration has gateways, and those hold on it before any file's: take them out there",
                ),
                Some(_) => None,
            };
            told.extend(why.map(|why| warning(&first.place, why)));
        }
        if let Some(branding) = settings.branding.as_ref().filter(|_| self.settings.brand != Brand::default()) {
            let why = "this server's own configuration has a `brand`, and that holds on it before any file's: take it out there";
            told.push(warning(branding.place(), why));
        }
        told
    }
}

/// Channels by which nothing would go any more, or by one gateway alone, where that was otherwise.
pub(super) fn what_carries_no_more(before: Option<&Settings>, after: &Settings) -> Vec<Mistake> {
    let of = |settings: Option<&Settings>, channel: &str| -> Vec<GatewaySettings> {
        let all = settings.and_then(|settings| settings.gateways.as_deref()).unwrap_or_default();
        all.iter().filter(|gateway| gateway.channel() == channel).cloned().collect()
    };
    let told = ["sms", "email"].into_iter().filter_map(|channel| {
        let (before, after) = (of(before, channel), of(Some(after), channel));
        let is_same = before.len() == after.len() && before.iter().zip(&after).all(|(b, a)| b.name == a.name);
        match &after[..] {
            _ if is_same => None,
            [] => {
                let nowhere = Place { file: "in force".into(), line: 0, column: 0 };
                Some(warning(&nowhere, &format!("nothing would carry {channel} any more")))
            }
            [only] => {
                let message =
                    format!("nothing stands in for `{}` when it fails: no other gateway carries {channel}", only.name);
                Some(warning(&only.place, &message))
            }
            _ => None,
        }
    });
    told.collect()
}

fn warning(place: &Place, message: &str) -> Mistake {
    let (place, message) = (place.clone(), message.to_owned());
    Mistake { severity: Severity::Warning, place, message, suggestion: None, other: None }
}
