//! Configuration: read here and nowhere else, checked whole before anything starts.

mod alerts;
mod environment;
mod flags;
mod gateways;
mod keys;
mod layers;
mod messages;
mod sites;
mod tables;
mod value;
mod workflows;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::AuthenticatorKind;
use serde::{Deserialize, Serialize};

pub(crate) use environment::{Environment, Secret};
pub(crate) use flags::{Flags, StoreFlags};
pub(crate) use gateways::{GatewaySettings, PolicySecrets};
#[cfg(test)]
pub(crate) use keys::KEYS;
use layers::{Given, Layers};
pub(crate) use messages::{EmailSettings, MessagesSettings, OutsideSettings, PushSettings, SmsSettings};

pub(crate) use alerts::AlertSettings;
pub(crate) use sites::{SiteSettings, sites};
pub(crate) use workflows::WorkflowSettings;

use crate::failure::Failure;

/// Where data is kept unless said otherwise.
pub(crate) const DATA: &str = "data";
/// Where an SQLite database is kept in it: a folder of its own, since the server process can write all of it.
pub(crate) const STORE: &str = "store";
/// Where a root key is kept in it: a folder of its own, out of the server process's reach.
pub(crate) const VAULT: &str = "vault";

/// Everything that a server needs to know, checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The file that said some of it, if one did.
    pub(crate) file: Option<PathBuf>,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The folder for what is kept on disk.
    pub(crate) data: PathBuf,
    /// The database.
    pub(crate) database: Database,
    /// How clients reach the server, where that differs from the address.
    pub(crate) public_url: Option<String>,
    /// Who asks for codes, as authenticator apps show it; the application's name if not said.
    pub(crate) issuer: Option<String>,
    /// Certificate and key; plain HTTP without.
    pub(crate) tls: Option<Tls>,
    /// Proxies in front that are believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Where the vault has its root key from.
    pub(crate) root_key: RootKey,
    /// How long a new key can be looked at.
    pub(crate) view_lifetime: Duration,
    /// How fresh a login has to be to enroll.
    pub(crate) max_session_age: Duration,
    /// Where the policy's files are.
    pub(crate) policy_folder: Option<PathBuf>,
    /// Where the files of rules of alerts are.
    pub(crate) alerts: Option<AlertSettings>,
    /// Where the workflows' files are, and the secrets that they name.
    pub(crate) workflows: Option<WorkflowSettings>,
    /// Whether it is kept with each decision what it went by.
    pub(crate) record_facts: bool,
    /// What applied files may refer to.
    pub(crate) policy_secrets: PolicySecrets,
    /// What signals of risk are told by.
    pub(crate) risk: server::RiskFiles,
    /// Which kinds of authenticator are offered, in this order.
    pub(crate) factors: Vec<AuthenticatorKind>,
    /// Whether codes by text message and e-mail count for users who have a passkey or security key.
    pub(crate) fall_back: bool,
    /// Who we are to passkeys and security keys.
    pub(crate) webauthn: server::Webauthn,
    /// How long browsers are remembered, if they are.
    pub(crate) remembered_browsers: Option<Duration>,
    /// Whose pages they are.
    pub(crate) brand: server::Brand,
    /// Who carries messages.
    pub(crate) gateways: Vec<GatewaySettings>,
    /// Where text messages go, and how many.
    pub(crate) sms: SmsSettings,
    /// How many mails.
    pub(crate) email: EmailSettings,
    /// What messages say.
    pub(crate) messages: MessagesSettings,
    /// Whom the server may call.
    pub(crate) outside: OutsideSettings,
    /// Sites behind proxies that ask about each request.
    pub(crate) sites: Vec<SiteSettings>,
    /// Where people enroll in an application, for links that workflows hand out.
    pub(crate) enrollment_url: Option<String>,
    /// How many users workflows may leave with nothing to prove by.
    pub(crate) shut_out: workflows::ShutOutSettings,
    /// The role of those who may let them leave more so.
    pub(crate) release_role: String,
    /// How long events are kept; for ever if not said.
    pub(crate) events_retention: Option<Duration>,
    /// How phones are asked, and woken up.
    pub(crate) push: PushSettings,
    /// What is logged, and how.
    pub(crate) log: Log,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(String),
}

/// See `[tls]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tls {
    /// The chain, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
    /// The CA of client certificates, PEM.
    pub(crate) client_ca: Option<PathBuf>,
}

/// Where the root key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RootKey {
    /// A file, made at first start.
    File(PathBuf),
    /// An environment variable that holds the key.
    Environment(String),
    /// An environment variable that holds a passphrase.
    Passphrase(String),
}

impl RootKey {
    /// The variable that holds it or its passphrase.
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Environment(name) | Self::Passphrase(name) => Some(name),
        }
    }
}

/// As it is configured, but with the whole path of a file.
impl std::fmt::Display for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Passphrase(name) => write!(f, "passphrase-env:{name}"),
        }
    }
}

/// See `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: String,
    /// One JSON object a line rather than text.
    pub(crate) json: bool,
}

impl Settings {
    /// Reads file, environment and flags, and checks that they hold together.
    ///
    /// # Errors
    /// One line that says where the wrong value stands and what would be right.
    pub(crate) fn load(file: Option<&Path>, flags: &Flags, environment: &Environment) -> Result<Self, Failure> {
        let (settings, layers) = Self::layered(file, flags, environment)?;
        if let Some(name) = settings.root_key.variable() {
            value::parse(&layers, "vault.root_key", |_| value::is_set(name, environment).map(drop))?;
        }
        Ok(settings)
    }

    /// The same for what is done without the root key: the variable that holds it need not be set.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub(crate) fn load_without_root_key(
        file: Option<&Path>,
        flags: &Flags,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        Self::layered(file, flags, environment).map(|(settings, _)| settings)
    }

    /// A root key that stands elsewhere than the configured one, as `vault.root_key` would name it.
    ///
    /// # Errors
    /// What would be right.
    pub(crate) fn other_root_key(&self, text: &str, environment: &Environment) -> Result<RootKey, String> {
        let other = value::root_key(text, &self.data)?;
        if let Some(name) = other.variable() {
            value::is_set(name, environment)?;
        }
        Ok(other)
    }

    fn layered(file: Option<&Path>, flags: &Flags, environment: &Environment) -> Result<(Self, Layers), Failure> {
        let mut over = Layers::default();
        over.add_environment(environment.variables())?;
        over.add_flags(flags.given());
        let mut layers = Layers::default();
        let file = file.map(Path::to_owned).or_else(|| default_file(&over));
        if let Some(file) = &file {
            layers.add_file(file)?;
        }
        layers.add_environment(environment.variables())?;
        layers.add_flags(flags.given());
        let mut settings = Self::resolve(&layers, environment)?;
        settings.check(&layers)?;
        settings.file = file;
        Ok((settings, layers))
    }

    fn resolve(layers: &Layers, environment: &Environment) -> Result<Self, Failure> {
        let text = |name: &str| layers.given(name).and_then(|given| given.items.first().cloned());
        let data = text("data").map_or_else(|| PathBuf::from(DATA), PathBuf::from);
        Ok(Self {
            file: None,
            listen: value::parse(layers, "listen", value::address)?
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8420))),
            database: match layers.given("database") {
                Some(given) => value::database(given, environment)?,
                None => Database::Sqlite(data.join(STORE).join("countersign.db")),
            },
            public_url: value::parse(layers, "public_url", value::url)?,
            issuer: text("issuer").filter(|issuer| !issuer.trim().is_empty()),
            tls: value::tls(layers)?,
            trusted_proxies: value::proxies(layers)?,
            root_key: value::parse(layers, "vault.root_key", |text| value::root_key(text, &data))?
                .unwrap_or_else(|| RootKey::File(data.join(VAULT).join("root.key"))),
            view_lifetime: value::parse(layers, "enrollment.view_lifetime", |text| value::time(text, 10, 3600))?
                .unwrap_or(server::Config::VIEW_LIFETIME),
            max_session_age: value::parse(layers, "enrollment.max_session_age", |text| {
                value::time(text, 10, 30 * 86400)
            })?
            .unwrap_or(server::Config::MAX_SESSION_AGE),
            factors: value::factors(layers)?.unwrap_or_else(|| server::Config::FACTORS.to_vec()),
            fall_back: value::parse(layers, "factors.fall_back", value::yes)?.unwrap_or(false),
            webauthn: value::webauthn(layers)?,
            remembered_browsers: value::parse(layers, "remembered_browsers.lifetime", value::remembered)?.flatten(),
            brand: value::brand(layers)?,
            gateways: gateways::resolve(layers, environment)?,
            sites: sites::resolve(layers, environment)?,
            sms: SmsSettings::resolve(layers)?,
            email: EmailSettings::resolve(layers)?,
            messages: MessagesSettings::resolve(layers)?,
            outside: OutsideSettings::resolve(layers)?,
            policy_folder: value::parse(layers, "policy.folder", value::folder)?,
            alerts: alerts::resolve(layers)?,
            workflows: workflows::resolve(layers, environment)?,
            record_facts: value::parse(layers, "policy.record_facts", value::yes)?.unwrap_or(true),
            policy_secrets: PolicySecrets::resolve(layers, environment)?,
            risk: value::risk(layers)?,
            enrollment_url: value::parse(layers, "workflows.enrollment_url", value::url)?,
            shut_out: workflows::shut_out(layers)?,
            release_role: value::parse(layers, "workflows.release_role", workflows::role)?
                .unwrap_or_else(|| server::Config::RELEASE_ROLE.to_owned()),
            events_retention: value::parse(layers, "events.retention", value::retention)?.flatten(),
            push: PushSettings::resolve(layers)?,
            log: Log {
                level: value::parse(layers, "log.level", value::level)?.unwrap_or_else(|| "info".to_owned()),
                json: value::parse(layers, "log.format", value::format_is_json)?.unwrap_or(false),
            },
            data,
        })
    }

    /// Keys and codes travel here, so plain HTTP leaves the machine only towards a proxy that was named.
    fn check(&self, layers: &Layers) -> Result<(), Failure> {
        let exposed = !self.listen.ip().is_loopback();
        if exposed && self.tls.is_none() && self.trusted_proxies.is_empty() {
            let place = layers.given("listen").map(|given| format!("{}: ", given.origin)).unwrap_or_default();
            return Err(Failure::configuration(format!(
                "{place}{} would carry codes and keys over plain HTTP: give --tls-certificate and --tls-key, \
                 or name the TLS proxy in front with --proxy-trusted, or listen on 127.0.0.1",
                self.listen
            )));
        }
        // Made once to see that they can be: what is wrong with a site or a gateway is said before anything starts.
        sites(&self.sites)?;
        if let Some(alerts) = &self.alerts {
            alerts.read()?;
        }
        if let Some(workflows) = &self.workflows {
            workflows.read()?;
        }
        crate::sending::sending(self, Arc::new(domain::SystemClock), Arc::new(server::OsEntropy)).map(drop)
    }

    /// How the address is reached from this machine: with the scheme, and `localhost` where it listens everywhere.
    #[cfg(test)]
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

fn default_file(over: &Layers) -> Option<PathBuf> {
    let data = over.given("data").and_then(|given: &Given| given.items.first()).map_or(DATA, String::as_str);
    let file = Path::new(data).join("countersign.toml");
    file.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, file).unwrap();
        Settings::load(Some(&path), &Flags::default(), &variables.into())
            .map_err(|failure| failure.message.replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn nothing_given_is_loopback_sqlite_and_a_key_file() {
        let settings = load("", &[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8420");
        assert_eq!(settings.database, Database::Sqlite("data/store/countersign.db".into()));
        assert_eq!(settings.root_key, RootKey::File("data/vault/root.key".into()));
        assert_eq!(settings.scheme(), "http");
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let settings = load("listen = '127.0.0.1:1'\nissuer = 'A'", &[("COUNTERSIGN_LISTEN", "[::1]:2")]).unwrap();
        assert_eq!((settings.listen.to_string().as_str(), settings.issuer.as_deref()), ("[::1]:2", Some("A")));
    }

    #[test]
    fn p07_plain_http_stays_on_loopback() {
        let message = load("listen = '0.0.0.0:8420'", &[]).unwrap_err();
        assert!(message.starts_with("c.toml:1: 0.0.0.0:8420 would carry codes and keys over plain HTTP"), "{message}");
        assert!(load("listen = '0.0.0.0:8420'\n[proxy]\ntrusted = ['10.0.0.1']", &[]).is_ok());
        assert!(load("listen = '0.0.0.0:8420'\n[tls]\ncertificate = 'c'\nkey = 'k'", &[]).is_ok());
    }

    #[test]
    fn events_are_kept_for_ever_unless_said() {
        for (file, days) in [("", None), ("retention = 'never'", None), ("retention = '400d'", Some(400))] {
            let settings = load(&format!("[events]\n{file}"), &[]).unwrap();
            assert_eq!(settings.events_retention, days.map(|days| Duration::from_hours(days * 24)), "{file}");
        }
    }

    #[test]
    fn t20_what_is_wrong_with_a_site_is_said_before_anything_starts() {
        let site = "[forward_auth.wiki]\napplication = 'login'\norigins = ['https://wiki.example']\nlogin = 'https://l.example/'\n";
        let key = "k".repeat(32);
        let with = |more: &str| load(&format!("{site}{more}"), &[("K", &key), ("SHORT", "k")]);
        assert_eq!(with("key = 'env:K'").unwrap().sites.len(), 1);
        assert!(!format!("{:?}", with("key = 'env:K'").unwrap()).contains(&key));
        let keyless = "c.toml:2: forward_auth.wiki.key: is wanted, or certificates: or else anybody could ask";
        assert_eq!(with("").unwrap_err(), keyless);
        assert!(with("key = 'env:SHORT'").unwrap_err().contains("must have 32 characters"));
        let inline = "c.toml:5: forward_auth.wiki.key: names where the secret is: env:NAME or file:PATH";
        assert_eq!(with(&format!("key = '{key}'")).unwrap_err(), inline);
        let slip = "c.toml:5: unknown key `forward_auth.wiki.opne`; did you mean `open`?";
        assert_eq!(with("opne = []").unwrap_err(), slip);
        let nobody = load("[forward_auth.wiki]\nlogin = 'https://l.example/'", &[]).unwrap_err();
        assert_eq!(nobody, "c.toml:2: forward_auth.wiki needs the application whose sessions count there");
        let twice = format!("key = 'env:K'\n{}key = 'env:K'", site.replace("wiki]", "other]"));
        assert!(with(&twice).unwrap_err().contains("has one of them already"));
    }

    #[test]
    fn half_of_tls_is_none() {
        assert_eq!(
            load("[tls]\ncertificate = 'c'", &[]).unwrap_err(),
            "c.toml:2: tls.certificate needs its private key: give tls.key too"
        );
    }

    #[test]
    fn secrets_are_given_by_reference() {
        let settings = load("database = 'env:DB'", &[("DB", "postgres://u:p@h/d")]).unwrap();
        assert_eq!(settings.database, Database::Postgres("postgres://u:p@h/d".to_owned()));
        let settings = load("[vault]\nroot_key = 'passphrase-env:PASS'", &[("PASS", "correct horse")]).unwrap();
        assert_eq!(settings.root_key, RootKey::Passphrase("PASS".to_owned()));
        assert_eq!(
            load("[vault]\nroot_key = 'hunter2'", &[]).unwrap_err(),
            "c.toml:2: vault.root_key names where the key is: file:PATH, env:NAME or passphrase-env:NAME"
        );
        assert_eq!(
            load("[vault]\nroot_key = 'env:NOT_SET'", &[]).unwrap_err(),
            "c.toml:2: vault.root_key: the environment variable NOT_SET is not set"
        );
    }

    #[test]
    fn each_wrong_value_says_what_would_be_right() {
        for (file, message) in [
            ("listen = '8420'", "c.toml:1: listen: `8420` is no address with a port, like 127.0.0.1:8420"),
            (
                "public_url = 'mfa.example.com'",
                "c.toml:1: public_url: `mfa.example.com` is no URL, like https://mfa.example.com",
            ),
            ("database = 'mysql://x'", "c.toml:1: database: takes postgres://…, sqlite:FILE, env:NAME or file:PATH"),
            ("[proxy]\ntrusted = ['ten']", "c.toml:2: proxy.trusted: `ten` is no IP address"),
            ("[log]\nlevel = 'loud'", "c.toml:2: log.level: `loud` is not one of error, warn, info, debug, trace"),
            ("[log]\nformat = 'xml'", "c.toml:2: log.format: `xml` is not one of json, text"),
            (
                "[enrollment]\nview_lifetime = '5 minutes'",
                "c.toml:2: enrollment.view_lifetime: `5 minutes` is no time, like 90s, 5m or 2h",
            ),
            (
                "[events]\nretention = '23h'",
                "c.toml:2: events.retention: has to lie between 1d and 36500d, or be `never`",
            ),
            (
                "[events]\nretention = 'always'",
                "c.toml:2: events.retention: `always` is no time, like 90s, 5m or 2h, nor is it `never`",
            ),
            ("[enrollment]\nview_lifetime = 5", "c.toml:2: enrollment.view_lifetime: has to lie between 10s and 1h"),
            (
                "[factors]\noffer = ['totp', 'fax']",
                "c.toml:2: factors.offer: `fax` is not one of webauthn, push, totp, hotp, sms, email",
            ),
            ("[factors]\noffer = ['totp', 'totp']", "c.toml:2: factors.offer: `totp` is there twice"),
            ("[brand]\ncolour = 'blue'", "c.toml:2: brand.colour: `blue` is no colour, like #1a5fb4"),
            (
                "[brand]\nlogo = 'missing.svg'",
                "c.toml:2: brand.logo: missing.svg cannot be read (no such file or directory)",
            ),
            ("[brand]\nlogo = '/proc/self/status'", "c.toml:2: brand.logo: /proc/self/status is neither SVG nor PNG"),
        ] {
            assert_eq!(load(file, &[]).unwrap_err(), message);
        }
    }

    /// As operators write them, and as variables say them.
    #[test]
    fn gateways_are_tables_and_the_environment_goes_over_them() {
        let file = "[sms]\ncountries = ['de', 'AT']\nuser_budget = ['3/1h']\n[email]\naddress_budget = ['4/1h']\n\
                    [gateway.main]\nkind = 'vonage'\nkey = 'abcd'\nsecret = 'env:V'\nfrom = 'Example'\n\
                    [gateway.own]\nkind = 'http'\nurl = 'https://sms.example.org/'\nheaders = ['Authorization: env:V']\n\
                    body = '{\"to\":\"{{ to }}\",\"text\":\"{{ text }}\"}'\nweight = 0\n";
        let variables = [("V", "hush"), ("COUNTERSIGN_GATEWAY_MAIN_FROM", "Other")];
        let settings = load(file, &variables).unwrap();
        let names: Vec<&str> = settings.gateways.iter().map(|gateway| gateway.name.as_str()).collect();
        assert_eq!(names, ["main", "own"]);
        assert_eq!(settings.gateways[0].get("from"), Some("Other"));
        assert_eq!(settings.gateways[0].get("secret"), Some("hush"));
        assert_eq!(settings.gateways[1].list("headers"), ["Authorization: hush"]);
        assert_eq!(settings.sms.countries, ["DE", "AT"]);
        assert_eq!(settings.sms.caps().user[0].messages, 3);
        assert_eq!(settings.email.caps().address[0].messages, 4);
        assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
        // What Kubernetes sets beside a service called countersign-gateway makes no gateway.
        assert!(load("", &[("COUNTERSIGN_GATEWAY_SERVICE_HOST", "10.0.0.1")]).unwrap().gateways.is_empty());
    }

    #[test]
    fn each_wrong_gateway_says_what_would_be_right() {
        for (file, message) in [
            ("[gateway]\nkind = 'smtp'", "c.toml:2: a gateway has a name: [gateway.main]"),
            (
                "[gateway.Main]\nkind = 'smtp'",
                "c.toml:1: `Main` is no name of a gateway: small letters, digits and - are, up to 32",
            ),
            (
                "[gateway.a]\nhost = 'x'",
                "c.toml:2: gateway.a needs a kind: twilio, vonage, sns, http, smtp, fcm or apns",
            ),
            (
                "[gateway.a]\nkind = 'pigeon'",
                "c.toml:2: gateway.a: kind: `pigeon` is not one of twilio, vonage, sns, http, smtp, fcm, apns",
            ),
            ("[gateway.a]\nkidn = 'smtp'", "c.toml:2: unknown key `gateway.a.kidn`; did you mean `kind`?"),
            (
                "[gateway.a]\nkind = 'twilio'\nsecret = 'hunter2'",
                "c.toml:3: gateway.a.secret: names where the secret is: env:NAME or file:PATH",
            ),
            (
                "[gateway.a]\nkind = 'twilio'\nsecret = 'env:NOT_SET'",
                "c.toml:3: gateway.a.secret: the environment variable NOT_SET is not set",
            ),
            (
                "[gateway.a]\nkind = 'smtp'\nhost = 'mail.example.org'\nfrom = 'a@example.org'\nencryption = 'none'",
                "c.toml:2: gateway.a: mail goes unencrypted only to a relay on this machine: choose starttls or tls",
            ),
            (
                "[gateway.a]\nkind = 'http'\nurl = 'https://x.example/{{ text }}'",
                "c.toml:2: SMS needs sms.countries, the countries that messages may go to, such as [\"DE\", \"AT\"]: fraud \
                 earns by those that nobody of yours is in",
            ),
            (
                "[sms]\ncountries = ['Germany']",
                "c.toml:2: sms.countries: `Germany` is no country: two capital letters are wanted, as in DE",
            ),
            ("[sms]\nuser_budget = ['5']", "c.toml:2: sms.user_budget: `5` is no budget, like 5/1h or 10/1d"),
            ("[messages]\nlanguage = 'it'", "c.toml:2: messages.language: `it` is not one of en, de, es, fr, zh"),
        ] {
            assert_eq!(load(file, &[]).unwrap_err(), message);
        }
    }

    #[test]
    fn what_wakes_up_no_phone_says_what_would_be_right() {
        for (file, message) in [
            (
                "[gateway.a]\nkind = 'fcm'\nweight = 1",
                "c.toml:2: gateway.a: weight is for SMS and mail: there is one way to each app",
            ),
            (
                "[gateway.a]\nkind = 'fcm'",
                "c.toml:2: gateway.a: secret is missing: the JSON file of a service account, as Google hands it out",
            ),
            (
                "[gateway.a]\nkind = 'fcm'\nsecret = 'env:HUSH'",
                "c.toml:2: gateway.a: secret is no JSON file of a service account, as Google hands it out",
            ),
            (
                "[gateway.a]\nkind = 'apns'\nsecret = 'env:HUSH'\nteam = 'DEF123GHIJ'\ntopic = 'org.example.app'",
                "c.toml:2: gateway.a: key is missing: the key's id, ten letters and digits, as in its file's name",
            ),
            (
                "[gateway.a]\nkind = 'apns'\nsecret = 'env:HUSH'\nteam = 'Example'",
                "c.toml:2: gateway.a: team: `Example` is no such id: ten letters and digits are",
            ),
            (
                "[gateway.a]\nkind = 'apns'\nsecret = 'env:HUSH'\nkey = 'ABC123DEFG'\nteam = 'DEF123GHIJ'\ntopic = 'org.example.app'",
                "c.toml:2: gateway.a: secret holds no private key (PKCS #8, PEM)",
            ),
            (
                "[push]\nservices = ['https://push.example.org']",
                "c.toml:2: push.services: `https://push.example.org` is no host, like push.example.org, *.push.example.org or \
                 push.example.org:8443",
            ),
            ("[push]\nservices = ['none', 'a.example']", "c.toml:2: push.services: `none` stands alone"),
            (
                "[push]\ncontact = 'ops@example.org'",
                "c.toml:2: push.contact: `ops@example.org` is no contact, like mailto:admin@example.org or \
                 https://example.org/contact",
            ),
        ] {
            assert_eq!(load(file, &[("HUSH", "hunter2")]).unwrap_err(), message);
        }
    }

    #[test]
    fn t23_browsers_are_woken_up_by_services_that_are_named() {
        let permits = |file: &str, endpoint: &str| load(file, &[]).unwrap().push.web_push().services.permit(endpoint);
        assert!(permits("", "https://fcm.googleapis.com/1") && !permits("", "https://push.example.org/1"));
        let own = "[push]\nservices = ['push.example.org']";
        assert!(permits(own, "https://push.example.org/1") && !permits(own, "https://fcm.googleapis.com/1"));
        assert!(load("[push]\nservices = ['none']", &[]).unwrap().push.web_push().services.is_empty());
    }

    #[test]
    fn every_key_of_a_gateway_is_documented() {
        let page = include_str!("../../../../docs/guide/gateways.md");
        for key in &gateways::GATEWAY_KEYS {
            assert!(page.contains(key.name), "{}", key.name);
        }
    }

    #[test]
    fn every_key_of_a_site_is_documented() {
        let page = include_str!("../../../../docs/guide/forward-auth/README.md");
        for key in &sites::SITE_KEYS {
            assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
        }
    }

    #[test]
    fn every_key_is_documented() {
        let page = include_str!("../../../../docs/configuration.md");
        for key in &KEYS {
            assert!(page.contains(&format!("`{}`", key.name)), "{}", key.name);
            assert!(page.contains(&format!("`{}`", key.variable())), "{}", key.variable());
            assert!(page.contains(&format!("`--{}`", key.flag())), "{}", key.flag());
        }
    }
}
