//! `[sms]`, `[email]`, `[messages]`, `[push]` and `[outside]`: where messages go, how many, what they say, and whom the server may call.

use std::path::PathBuf;

use gateway::messages::Language;
use gateway::push::PushServices;
use gateway::{Budget, Caps, Conversion, Countries, Country};
use serde::{Deserialize, Serialize};

use super::layers::Layers;
use super::value;
use crate::failure::Failure;

/// See `[sms]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SmsSettings {
    /// Two letters each.
    pub(crate) countries: Vec<String>,
    home: Option<String>,
    budgets: Budgets,
    conversion: Option<u32>,
}

/// See `[email]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EmailSettings {
    budgets: Budgets,
}

/// Budgets as they were given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Budgets {
    user: Option<Vec<Cap>>,
    address: Option<Vec<Cap>>,
    range: Option<Vec<Cap>>,
    global: Option<Vec<Cap>>,
}

/// So many messages in so many seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cap(u32, std::time::Duration);

/// See `[messages]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct MessagesSettings {
    /// The folder with the operator's own words.
    pub(crate) folder: Option<PathBuf>,
    language: Option<String>,
}

/// See `[push]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PushSettings {
    /// Digits of the number that is typed on a phone.
    pub(crate) digits: u8,
    services: Vec<String>,
    contact: Option<String>,
}

/// See `[outside]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct OutsideSettings {
    /// What may be called although it is inside.
    pub(crate) allowed: Vec<String>,
    /// Certificates of authorities.
    pub(crate) authorities: Vec<PathBuf>,
}

impl SmsSettings {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Failure> {
        let countries = items(layers, "sms.countries", |item| Country::parse(item).map_err(|error| error.to_string()))?;
        Ok(Self {
            countries: countries.unwrap_or_default().iter().map(ToString::to_string).collect(),
            home: value::parse(layers, "sms.home", |text| Country::parse(text).map_err(|error| error.to_string()))?
                .map(|country| country.to_string()),
            budgets: Budgets {
                user: items(layers, "sms.user_budget", cap)?,
                address: items(layers, "sms.number_budget", cap)?,
                range: items(layers, "sms.prefix_budget", cap)?,
                global: items(layers, "sms.global_budget", cap)?,
            },
            conversion: value::parse(layers, "sms.conversion", |text| {
                let percent = text.parse().ok().filter(|percent| *percent <= 100);
                percent.ok_or_else(|| format!("`{text}` is no number from 0 to 100"))
            })?,
        })
    }

    /// Where messages go.
    pub(crate) fn countries(&self) -> Countries {
        // They were read before.
        Countries::parse(self.countries.iter().map(String::as_str)).unwrap_or_default()
    }

    /// The country of numbers without the code of one.
    pub(crate) fn home(&self) -> Option<Country> {
        self.home.as_deref().and_then(|home| Country::parse(home).ok())
    }

    /// Budgets against toll fraud and floods.
    pub(crate) fn caps(&self) -> Caps {
        let caps = self.budgets.over(Caps::sms());
        let percent = self.conversion.unwrap_or(caps.conversion.percent);
        Caps { conversion: Conversion { percent, ..caps.conversion }, ..caps }
    }
}

impl EmailSettings {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Failure> {
        Ok(Self {
            budgets: Budgets {
                user: items(layers, "email.user_budget", cap)?,
                address: items(layers, "email.address_budget", cap)?,
                range: items(layers, "email.domain_budget", cap)?,
                global: items(layers, "email.global_budget", cap)?,
            },
        })
    }

    /// Budgets against floods.
    pub(crate) fn caps(&self) -> Caps {
        self.budgets.over(Caps::mail())
    }
}

impl Budgets {
    /// These in the place of the usual ones.
    fn over(&self, usual: Caps) -> Caps {
        let budgets = |given: &Option<Vec<Cap>>, usual: Vec<Budget>| match given {
            Some(caps) => caps.iter().map(|Cap(messages, span)| Budget { messages: *messages, span: *span }).collect(),
            None => usual,
        };
        Caps {
            user: budgets(&self.user, usual.user),
            address: budgets(&self.address, usual.address),
            range: budgets(&self.range, usual.range),
            global: budgets(&self.global, usual.global),
            conversion: usual.conversion,
        }
    }
}

impl MessagesSettings {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Failure> {
        Ok(Self {
            folder: value::parse(layers, "messages.folder", |text| Ok(PathBuf::from(text)))?,
            language: value::parse(layers, "messages.language", |text| {
                let language = Language::ALL.iter().find(|language| language.name() == text);
                language
                    .map(|language| language.name().to_owned())
                    .ok_or_else(|| format!("`{text}` is not one of {}", Language::ALL.map(Language::name).join(", ")))
            })?,
        })
    }

    /// The language that people are written to in of whom no other is known.
    pub(crate) fn language(&self) -> Language {
        self.language.as_deref().and_then(Language::of_tag).unwrap_or_default()
    }
}

impl PushSettings {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Failure> {
        let services = items(layers, "push.services", |item| match item {
            "none" => Ok(item.to_owned()),
            host => PushServices::parse([host]).map(|_| host.to_owned()).map_err(|error| error.to_string()),
        })?;
        let services = match services {
            None => PushServices::KNOWN.map(str::to_owned).to_vec(),
            Some(services) if services == ["none"] => Vec::new(),
            Some(services) => match layers.given("push.services") {
                Some(given) if services.iter().any(|service| service == "none") => {
                    return Err(value::wrong(given, "push.services", "`none` stands alone"));
                }
                _ => services,
            },
        };
        Ok(Self {
            digits: value::parse(layers, "push.digits", value::push_digits)?.unwrap_or(2),
            services,
            contact: value::parse(layers, "push.contact", contact)?,
        })
    }

    /// Where browsers are woken up.
    pub(crate) fn web_push(&self) -> server::WebPushSettings {
        // They were read before.
        let services = PushServices::parse(self.services.iter().map(String::as_str)).unwrap_or_default();
        server::WebPushSettings { services, contact: self.contact.clone() }
    }
}

/// A contact as the vault signs it, and push services take it (RFC 8292 §2.1).
fn contact(text: &str) -> Result<String, String> {
    let is_plain = text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
    let is_contact = match (text.strip_prefix("mailto:"), text.strip_prefix("https://")) {
        (Some(mailbox), _) => {
            mailbox.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
        }
        (_, Some(host)) => !host.is_empty(),
        _ => false,
    };
    if is_plain && is_contact {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no contact, like mailto:admin@example.org or https://example.org/contact"))
    }
}

impl OutsideSettings {
    /// Whether anything was said of it.
    pub(crate) fn is_given(&self) -> bool {
        !self.allowed.is_empty() || !self.authorities.is_empty()
    }

    pub(super) fn resolve(layers: &Layers) -> Result<Self, Failure> {
        let allowed = items(layers, "outside.allowed", |item| {
            gateway::outside::Allowed::parse([item]).map(|_| item.to_owned()).map_err(|error| error.to_string())
        })?;
        let authorities = items(layers, "outside.authorities", |item| Ok(PathBuf::from(item)))?;
        Ok(Self { allowed: allowed.unwrap_or_default(), authorities: authorities.unwrap_or_default() })
    }
}

/// The items of a list, each read.
fn items<T>(layers: &Layers, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<Vec<T>>, Failure> {
    let Some(given) = layers.given(name) else { return Ok(None) };
    let read = |item: &String| read(item).map_err(|reason| value::wrong(given, name, &reason));
    given.items.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// `5/1h`: so many in so long.
fn cap(text: &str) -> Result<Cap, String> {
    let wrong = || format!("`{text}` is no budget, like 5/1h or 10/1d");
    let (messages, span) = text.split_once('/').ok_or_else(wrong)?;
    let messages = messages.trim().parse().map_err(|_| wrong())?;
    Ok(Cap(messages, value::time(span.trim(), 60, 30 * 86400).map_err(|_| wrong())?))
}
