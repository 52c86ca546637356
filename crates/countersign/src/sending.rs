//! What sends codes, made from the configuration. The supervisor makes it once to see that it can be made; the server process
//! makes it again and uses it.

use std::path::Path;
use std::sync::Arc;

use domain::{Clock, Entropy};
use gateway::mail::{Encryption, Relay, RelaySetup};
use gateway::messages::{Messages, Part};
use gateway::outside::{Allowed, Outside, Setup};
use gateway::push::{Apns, ApnsEnvironment, Fcm};
use gateway::sms::{BodyKind, HttpApi, SmsProvider, Sns, Twilio, TwilioSender, Vonage, VonageSignature};
use gateway::{Gateways, Secret};

use crate::config::{GatewaySettings, Settings};
use crate::failure::{Failure, describe};

/// What sends codes and wakes apps up; `None` where nobody outside can be called.
///
/// # Errors
/// One line that says what is wrong where.
pub(crate) fn sending(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Option<server::Sending>, Failure> {
    let outside = match outside(settings) {
        // Nobody asked for anything to be sent: a machine without certificates of authorities wakes up no browsers.
        Err(failure) if settings.gateways.is_empty() && !settings.outside.is_given() => {
            tracing::warn!("browsers are not woken up: {}", failure.message);
            return Ok(None);
        }
        outside => outside?,
    };
    let mut gateways = Gateways::new(outside.clone(), Arc::clone(&clock), Arc::clone(&entropy));
    for given in &settings.gateways {
        let wrong = |why: String| Failure::configuration(format!("{}: gateway.{}: {why}", given.place, given.name));
        gateways = with(gateways, given, settings).map_err(wrong)?;
    }
    if gateways.has_sms() && settings.sms.countries.is_empty() {
        let place = settings.gateways.first().map(|given| given.place.clone()).unwrap_or_default();
        return Err(Failure::configuration(format!("{place}: {NO_COUNTRIES}")));
    }
    // Who says in the configuration which gateways there are wants no others.
    let maker = Maker { outside, clock, entropy, settings: settings.clone() };
    let maker = settings.gateways.is_empty().then(|| Box::new(maker) as Box<dyn server::GatewayMaker>);
    Ok(Some(server::Sending {
        gateways,
        maker,
        messages: messages(settings)?,
        language: settings.messages.language(),
        countries: settings.sms.countries(),
        home: settings.sms.home(),
        sms_caps: settings.sms.caps(),
        mail_caps: settings.email.caps(),
        web_push: settings.push.web_push(),
    }))
}

const NO_COUNTRIES: &str = "SMS needs sms.countries, the countries that messages may go to, such as [\"DE\", \"AT\"]: fraud earns by those \
    that nobody of yours is in";

/// With one gateway more.
fn with(gateways: Gateways, given: &GatewaySettings, settings: &Settings) -> Result<Gateways, String> {
    let weight = match given.get("weight") {
        None => 1,
        Some(text) => text
            .parse()
            .ok()
            .filter(|weight| *weight <= 1000)
            .ok_or_else(|| format!("weight: `{text}` is no number from 0, for one that stands by, to 1000"))?,
    };
    let name = given.name.as_str();
    let built = Building { given, settings };
    Ok(match given.get("kind").unwrap_or_default() {
        "twilio" => gateways.with_sms(name, weight, SmsProvider::Twilio(built.twilio()?)),
        "vonage" => gateways.with_sms(name, weight, SmsProvider::Vonage(built.vonage()?)),
        "sns" => gateways.with_sms(name, weight, SmsProvider::Sns(built.sns()?)),
        "http" => gateways.with_sms(name, weight, SmsProvider::HttpApi(built.http()?)),
        "smtp" => gateways.with_mail(name, weight, built.smtp()?),
        "fcm" | "apns" if given.get("weight").is_some() => {
            return Err("weight is for SMS and mail: there is one way to each app".to_owned());
        }
        "fcm" if gateways.has_fcm() => return Err("there is another gateway of kind fcm".to_owned()),
        "apns" if gateways.has_apns() => return Err("there is another gateway of kind apns".to_owned()),
        "fcm" => gateways.with_fcm(name, built.fcm()?),
        "apns" => gateways.with_apns(name, built.apns()?),
        other => return Err(format!("kind: `{other}` is not one of twilio, vonage, sns, http, smtp, fcm, apns")),
    })
}

/// Makes gateways of what applied files say.
struct Maker {
    outside: Outside,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
}

impl server::GatewayMaker for Maker {
    fn make(&self, wanted: &[policy::GatewaySettings]) -> Result<Gateways, server::UnusableGateway> {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let mut gateways = Gateways::new(self.outside.clone(), clock, entropy);
        for one in wanted {
            let unusable = |why: String| server::UnusableGateway { place: one.place.clone(), why };
            let given = GatewaySettings::of_file(one, &self.settings.policy_secrets).map_err(unusable)?;
            self.may_call(&given).map_err(unusable)?;
            gateways = with(gateways, &given, &self.settings).map_err(unusable)?;
            if gateways.has_sms() && self.settings.sms.countries.is_empty() {
                return Err(unusable(format!("this server's configuration lacks them: {NO_COUNTRIES}")));
            }
        }
        Ok(gateways)
    }
}

impl Maker {
    /// Where a file says itself whom to call, the server's own configuration has to name that host, whatever the gateway is: codes and the
    /// secrets that the server hands out go there, and a relay is connected to as it is (T-18, T-23). Where it says nothing, messages go to
    /// where their kind of provider always is.
    fn may_call(&self, given: &GatewaySettings) -> Result<(), String> {
        for (key, text) in ["url", "host"].into_iter().filter_map(|key| Some((key, given.get(key)?))) {
            let place = if key == "url" { place_of_url(text) } else { Some(place_of_relay(text)) };
            let (host, port) = place.ok_or_else(|| format!("{key}: `{text}` names no host"))?;
            if !self.outside.names(&host, port) {
                return Err(format!(
                    "{key}: where a file says itself whom to call, this server's configuration names the host: add \"{host}\" to outside.allowed there, if codes and secrets may be sent to it"
                ));
            }
        }
        Ok(())
    }
}

/// The host that is called where a URL is, and its port, read as the client that calls it does. What stands in for something is part of no host that was
/// named.
fn place_of_url(url: &str) -> Option<(String, Option<u16>)> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let six = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Some((six.unwrap_or(host).to_owned(), url.port_or_known_default()))
}

/// The host of a relay, and its port where that is said.
fn place_of_relay(host: &str) -> (String, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) => (name.to_owned(), port.parse().ok()),
        None => (host.to_owned(), None),
    }
}

fn outside(settings: &Settings) -> Result<Outside, Failure> {
    let wrong = |key: &str, why: String| Failure::configuration(format!("{key}: {why}"));
    let allowed = Allowed::parse(settings.outside.allowed.iter().map(String::as_str));
    let allowed = allowed.map_err(|error| wrong("outside.allowed", error.to_string()))?;
    let authorities = authorities(settings)?;
    Outside::new(Setup { allowed, authorities, ..Setup::default() }).map_err(|why| wrong("outside.authorities", why))
}

fn authorities(settings: &Settings) -> Result<Vec<Vec<u8>>, Failure> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| {
            let why = describe(&error);
            Failure::configuration(format!("outside.authorities: {} cannot be read ({why})", path.display()))
        })
    };
    settings.outside.authorities.iter().map(read).collect()
}

/// The messages that ship, with those of the folder in their places.
fn messages(settings: &Settings) -> Result<Messages, Failure> {
    let replaced = match &settings.messages.folder {
        Some(folder) => own_words(folder)?,
        None => Vec::new(),
    };
    Messages::new(replaced).map_err(|error| Failure::configuration(format!("messages.folder: {error}")))
}

fn own_words(folder: &Path) -> Result<Vec<(Part, gateway::messages::Language, String)>, Failure> {
    let wrong = |why: String| Failure::configuration(format!("messages.folder: {}: {why}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(format!("cannot be read ({})", describe(&error))))?;
    let mut own = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| wrong(describe(&error)))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What editors leave behind is no message.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let (part, language) = Part::of_file(&name).ok_or_else(|| {
            wrong(format!(
                "{name} is no message: they are called sms.en.txt, mail.en.subject.txt, mail.en.txt, mail.en.html"
            ))
        })?;
        let text =
            std::fs::read_to_string(entry.path()).map_err(|error| wrong(format!("{name}: {}", describe(&error))))?;
        own.push((part, language, text));
    }
    Ok(own)
}

struct Building<'a> {
    given: &'a GatewaySettings,
    settings: &'a Settings,
}

impl Building<'_> {
    fn wanted(&self, key: &str, what: &str) -> Result<String, String> {
        self.given.get(key).map(str::to_owned).ok_or_else(|| format!("{key} is missing: {what}"))
    }

    fn secret(&self, key: &str, what: &str) -> Result<Secret, String> {
        self.wanted(key, what).map(Secret::new)
    }

    /// Where receipts are posted to, if others can reach us.
    fn receipts(&self) -> Option<String> {
        let url = self.settings.public_url.as_ref()?;
        Some(format!("{url}/receipts/{}", self.given.name))
    }

    fn twilio(&self) -> Result<Twilio, String> {
        let account = self.wanted("account", "the account's SID, AC…")?;
        let sender = match (self.given.get("from"), self.given.get("service")) {
            (Some(from), None) => TwilioSender::From(from.to_owned()),
            (None, Some(service)) => TwilioSender::MessagingService(service.to_owned()),
            _ => {
                return Err(
                    "either from, a number or sender id, or service, a messaging service's SID, is wanted".to_owned()
                );
            }
        };
        let secret = self.secret("secret", "the account's auth token, or the secret of the API key")?;
        let mut twilio = match self.given.get("key") {
            None => Twilio::new(account, secret, sender),
            Some(key) => {
                let token =
                    self.secret("receipt_secret", "with an API key, the account's auth token, which signs receipts")?;
                Twilio::new(account, token, sender).with_key(key, secret)
            }
        };
        if let Some(url) = self.given.get("url") {
            twilio = twilio.at(url);
        }
        Ok(match self.receipts() {
            Some(url) => twilio.with_receipts_to(url),
            None => twilio,
        })
    }

    fn vonage(&self) -> Result<Vonage, String> {
        let key = self.wanted("key", "the account's API key")?;
        let from = self.wanted("from", "a number or sender id")?;
        let mut vonage = Vonage::new(key, self.secret("secret", "the account's API secret")?, from);
        if let Some(url) = self.given.get("url") {
            vonage = vonage.at(url);
        }
        let signature = match self.given.get("receipt_signature") {
            None | Some("sha256") => VonageSignature::Sha256,
            Some("sha512") => VonageSignature::Sha512,
            Some(other) => return Err(format!("receipt_signature: `{other}` is not one of sha256, sha512")),
        };
        Ok(match (self.receipts(), self.given.get("receipt_secret")) {
            (Some(url), Some(secret)) => vonage.with_receipts_to(url, secret.into(), signature),
            _ => vonage,
        })
    }

    fn sns(&self) -> Result<Sns, String> {
        let key = self.wanted("key", "the access key's id, AKIA…")?;
        let secret = self.secret("secret", "the access key's secret")?;
        let region = self.wanted("region", "such as eu-central-1")?;
        if !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(format!("region: `{region}` is no region, like eu-central-1"));
        }
        let mut sns = Sns::new(key, secret, region);
        if let Some(token) = self.given.get("session") {
            sns = sns.with_session(token.into());
        }
        if let Some(from) = self.given.get("from") {
            sns = sns.with_sender(from);
        }
        Ok(match self.given.get("url") {
            Some(url) => sns.at(url),
            None => sns,
        })
    }

    fn http(&self) -> Result<HttpApi, String> {
        let url = self.wanted("url", "where messages are posted to")?;
        let mut api =
            HttpApi::new(self.given.get("method").unwrap_or("POST"), &url).map_err(|error| error.to_string())?;
        for header in self.given.list("headers") {
            let (name, value) = header.split_once(": ").ok_or_else(|| {
                "headers: each is written `Name: value`; a value can be env:NAME or file:PATH".to_owned()
            })?;
            api = api.with_header(name, value.into());
        }
        if let Some(body) = self.given.get("body") {
            let kind = match self.given.get("body_kind") {
                None | Some("json") => BodyKind::Json,
                Some("form") => BodyKind::Form,
                Some(other) => return Err(format!("body_kind: `{other}` is not one of json, form")),
            };
            api = api.with_body(kind, body).map_err(|error| error.to_string())?;
        }
        if let Some(from) = self.given.get("from") {
            api = api.with_sender(from);
        }
        if let Some(pointer) = self.given.get("reference") {
            api = api.with_reference(pointer);
        }
        let Some(secret) = self.given.get("receipt_secret") else { return Ok(api) };
        let [reference, state] = self.given.list("receipt_fields") else {
            return Err(
                "receipt_fields names two fields: that of the message, and that of what became of it".to_owned()
            );
        };
        let words = |key| self.given.list(key).to_vec();
        let fields = (reference.clone(), state.clone());
        Ok(api.with_receipts(secret.into(), fields, words("receipt_delivered"), words("receipt_failed")))
    }

    fn fcm(&self) -> Result<Fcm, String> {
        let account = self.secret("secret", "the JSON file of a service account, as Google hands it out")?;
        let fcm = Fcm::new(&account).map_err(|why| format!("secret {why}"))?;
        Ok(match self.given.get("url") {
            Some(url) => fcm.at(url),
            None => fcm,
        })
    }

    fn apns(&self) -> Result<Apns, String> {
        let key = self.secret("secret", "the team's key, as Apple hands it out (AuthKey_….p8)")?;
        let is_id = |id: &String| id.len() == 10 && id.bytes().all(|b| b.is_ascii_alphanumeric());
        let id = |name: &str, what: &str| {
            let id = self.wanted(name, what)?;
            if is_id(&id) { Ok(id) } else { Err(format!("{name}: `{id}` is no such id: ten letters and digits are")) }
        };
        let team = id("team", "the team's id, ten letters and digits")?;
        let key_id = id("key", "the key's id, ten letters and digits, as in its file's name")?;
        let topic = self.wanted("topic", "the app's bundle id, like org.example.app")?;
        if !topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
            return Err(format!("topic: `{topic}` is no bundle id, like org.example.app"));
        }
        let environment = match self.given.get("environment") {
            None | Some("production") => ApnsEnvironment::Production,
            Some("development") => ApnsEnvironment::Development,
            Some(other) => return Err(format!("environment: `{other}` is not one of production, development")),
        };
        let apns = Apns::new(team, key_id, &key, topic, environment).map_err(|why| format!("secret {why}"))?;
        Ok(match self.given.get("url") {
            Some(url) => apns.at(url),
            None => apns,
        })
    }

    fn smtp(&self) -> Result<Relay, String> {
        let host = self.wanted("host", "the relay's host, with a port where that is not the usual one")?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => {
                (host.to_owned(), Some(port.parse().map_err(|_| format!("host: `{port}` is no port"))?))
            }
            _ => (host, None),
        };
        let encryption = match self.given.get("encryption") {
            None | Some("starttls") => Encryption::StartTls,
            Some("tls") => Encryption::Tls,
            Some("none") => Encryption::None,
            Some(other) => return Err(format!("encryption: `{other}` is not one of starttls, tls, none")),
        };
        let login = match self.given.get("user") {
            Some(user) => Some((user.to_owned(), self.secret("secret", "the password of the user")?)),
            None => None,
        };
        let from = self.wanted("from", "the sender, like Example <no-reply@example.org>")?;
        let authorities = authorities(self.settings).map_err(|failure| failure.message)?;
        Relay::new(RelaySetup { host, port, encryption, login, from, authorities })
    }
}
