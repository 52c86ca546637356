//! The use cases of Countersign (`app`) and their HTTP face (`http`).
//!
//! The door is [`start`]: given a store and a client of the vault it serves until it is stopped.

mod alert_files;
mod app;
mod entropy;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod http;
mod measured;
mod offline;
mod policy_files;
mod relying_party;
mod risk_files;
mod sites;
mod workflow_files;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{AuthenticatorKind, Clock, MovableClock, SystemClock};
use store::Store;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub use alert_files::AlertFiles;
use app::sending::Post;
pub use app::sending::{GatewayMaker, Sending, UnusableGateway, WebPushSettings};
use app::vault::Vault;
use app::{App, Crowd, Error, Public};
pub use entropy::OsEntropy;
pub use measured::{METRICS, Metric, MetricKind};
pub use offline::{Recovered, change_root_key, opens, recover_administrator};
pub use policy_files::{PolicyFiles, PolicySource};
pub use relying_party::{Webauthn, webauthn_policy};
pub use risk_files::{RiskFiles, RiskThresholds, RiskWorld};
pub use sites::{SiteMistake, SiteSettings, Sites};
pub use workflow_files::{PolicySecrets, WorkflowFiles};

/// How many users of one budget workflows may leave with nothing to prove by in a day, until two people let them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutOut {
    /// In percent of all users.
    pub share: u32,
    /// As many in any case, where there are few users.
    pub floor: u32,
}

impl Default for ShutOut {
    fn default() -> Self {
        Self { share: 5, floor: 3 }
    }
}

/// How a server is to run.
#[derive(Debug)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How clients reach this server, as `https://mfa.example.org`: the issuer of assertions. The listening
    /// address if not said.
    pub public_url: Option<String>,
    /// The name that authenticator apps show; if not said the enrolling application's, or "Countersign" if that is an
    /// administrator's.
    pub issuer: Option<String>,
    /// Certificate and key. Plain HTTP if not said, and then only on loopback or behind `trusted_proxies`.
    pub tls: Option<Tls>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What decides whether a session may do something.
    pub policy: PolicySource,
    /// Whether it is kept with each decision what it went by, so that other policies can be held against it.
    pub record_facts: bool,
    /// What signals of risk are told by.
    pub risk: RiskWorld,
    /// Sites behind proxies that ask about each request.
    pub sites: Sites,
    /// Rules of alerts that are to be in force; as the store has them if not said.
    pub alerts: Option<AlertFiles>,
    /// Workflows that are to be in force; as the store has them if not said.
    pub workflows: Option<WorkflowFiles>,
    /// The secrets that workflows which are applied may refer to, by their references. Do not print.
    pub secrets: PolicySecrets,
    /// How long the single view of a key can be had (P-04).
    pub view_lifetime: Duration,
    /// How old a log-in or proof may be that starts an enrollment (P-06).
    pub max_session_age: Duration,
    /// Which kinds of authenticator are offered, in this order (I-08). Backup codes come with the first one, and last.
    pub factors: Vec<AuthenticatorKind>,
    /// Whether codes by text message and e-mail count for users who have a passkey or security key (T-16).
    pub fall_back: bool,
    /// How long a browser is remembered in which something was proved; none is if not said.
    pub remembered_browsers: Option<Duration>,
    /// Whose pages they are.
    pub brand: Brand,
    /// What sends codes and wakes apps up, if anything does.
    pub sending: Option<Sending>,
    /// Who we are to passkeys and security keys, and what is asked of them.
    pub webauthn: Webauthn,
    /// Where people enroll in an application, for links that workflows hand out.
    pub enrollment_url: Option<String>,
    /// How many users workflows may leave with nothing to prove by.
    pub shut_out: ShutOut,
    /// The role of those who may let them leave more so.
    pub release_role: String,
    /// How long events are kept; for ever if not said.
    pub events_retention: Option<Duration>,
    /// How many digits the number has that is typed on a phone.
    pub push_digits: domain::push::Digits,
    /// For tests: the clock, which then can be moved through the API. The store must be made so too.
    pub movable_clock: Option<Arc<MovableClock>>,
    /// What the process that serves has given up, for the doctor to tell.
    pub confinement: Vec<Protection>,
}

/// One thing that the process that serves has given up.
#[derive(Debug, Clone)]
pub struct Protection {
    /// What it is called in the doctor's findings.
    pub name: &'static str,
    /// What holds now, or why it does not and what to do.
    pub outcome: Result<String, String>,
}

impl Config {
    /// The default of [`Config::view_lifetime`].
    pub const VIEW_LIFETIME: Duration = domain::Enrollment::VIEW_LIFETIME;
    /// The default of [`Config::release_role`].
    pub const RELEASE_ROLE: &str = "administrator";
    /// The default of [`Config::factors`], and all that there are: the strongest first (I-08). Those that need setting up are offered once
    /// they are.
    pub const FACTORS: [AuthenticatorKind; 6] = [
        AuthenticatorKind::Webauthn,
        AuthenticatorKind::Push,
        AuthenticatorKind::Totp,
        AuthenticatorKind::Hotp,
        AuthenticatorKind::Sms,
        AuthenticatorKind::Email,
    ];
    /// The default of [`Config::max_session_age`].
    pub const MAX_SESSION_AGE: Duration = Duration::from_mins(15);
}

/// The operator's name, logo and colour, for the pages.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Brand {
    /// The name that people know the operator by.
    pub name: Option<String>,
    /// The logo, as a `data:` URL.
    pub logo: Option<String>,
    /// The colour, as `#rrggbb`.
    pub colour: Option<String>,
}

/// Certificate, key, and whose client certificates are believed.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM file with the certificate and its chain. Read again whenever it changes.
    pub certificate: PathBuf,
    /// PEM file with the key.
    pub key: PathBuf,
    /// PEM file with the authorities whose client certificates are believed (P-07); none are asked for if not said.
    pub client_ca: Option<PathBuf>,
}

/// Why a server could not be started, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Plain HTTP would be reachable from elsewhere.
    #[error(
        "{0} is not loopback and there is no TLS: set [tls] certificate and key, or name the proxy in front in [proxy] trusted"
    )]
    PlainHttp(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says, and what to do.
        reason: String,
    },
    /// Certificate or key cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Nobody can be registered as the relying party that is described.
    #[error("webauthn: {0}")]
    Webauthn(String),
    /// People are to sign in with passkeys where browsers know none.
    #[error(
        "forward_auth.{0} names no login, so people sign in here with a passkey; but at {1} browsers know none: set public_url to where they reach this server, or name a login"
    )]
    NoPasskeys(String, String),
    /// The vault or the store did not do what a start needs.
    #[error("{0}")]
    Bootstrap(String),
}

/// What use cases need to know of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `iss` of assertions.
    pub(crate) issuer: String,
    /// What authenticator apps show, if it is not up to the application.
    pub(crate) issuer_name: Option<String>,
    pub(crate) view_lifetime: Duration,
    pub(crate) max_session_age: Duration,
    pub(crate) factors: Vec<AuthenticatorKind>,
    pub(crate) fall_back: bool,
    pub(crate) remembered_browsers: Option<Duration>,
    pub(crate) brand: Brand,
    /// Who we are to passkeys and security keys; `None` where there can be none.
    pub(crate) relying_party: Option<Arc<webauthn::RelyingParty>>,
    /// Where people enroll in an application.
    pub(crate) enrollment_url: Option<String>,
    pub(crate) shut_out: ShutOut,
    pub(crate) release_role: String,
    pub(crate) events_retention: Option<Duration>,
    pub(crate) push_digits: domain::push::Digits,
    pub(crate) movable_clock: Option<Arc<MovableClock>>,
    pub(crate) confinement: Vec<Protection>,
    pub(crate) tls: bool,
    pub(crate) loopback: bool,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) sites: Sites,
}

/// A server that runs.
pub struct Running {
    address: SocketAddr,
    url: String,
    administrator_key: Option<Zeroizing<String>>,
    listener: http::Listening,
    tasks: Vec<JoinHandle<()>>,
    errands: app::errands::Running,
    untold: app::decide::Untold,
    store: Store,
}

/// What a client certificate is known by: the fingerprint of the first one in a file, PEM or DER; `None` where there is
/// none.
pub fn certificate_fingerprint(file: &[u8]) -> Option<domain::CertificateFingerprint> {
    http::fingerprint_of_file(file)
}

/// Starts a server: opens the vault, makes the first administrator where there is none, and listens.
///
/// # Errors
/// [`StartError`] says why not, and what to do.
pub async fn start(config: Config, store: Store, vault: vault_proto::Client) -> Result<Running, StartError> {
    let loopback = config.listen.ip().is_loopback();
    if config.tls.is_none() && !loopback && config.trusted_proxies.is_empty() {
        return Err(StartError::PlainHttp(config.listen));
    }
    let socket = http::bind(config.listen).await?;
    let address = socket
        .local_addr()
        .map_err(|error| StartError::Listen { address: config.listen, reason: error.to_string() })?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let clock: Arc<dyn Clock> = match &config.movable_clock {
        Some(clock) => clock.clone(),
        None => Arc::new(SystemClock),
    };
    let public_url = config.public_url.as_deref().unwrap_or(&url);
    let name = config.brand.name.as_deref().or(config.issuer.as_deref()).unwrap_or("Countersign");
    let relying_party = config.webauthn.relying_party(public_url, name, clock.now().into())?.map(Arc::new);
    have_a_way_in(&config.sites, relying_party.is_some(), public_url)?;
    let settings = settings(&config, &url, relying_party);
    let vault = Arc::new(Vault::new(vault, store.clone()));
    let policies = app::policies::Policies::new(config.policy, config.record_facts);
    let post = config.sending.map(|sending| Post::new(sending, &vault, &settings.issuer));
    let (workflow_files, secrets) = match config.workflows {
        Some(WorkflowFiles { workflows, secrets }) => (Some(workflows), secrets),
        None => (None, config.secrets.0),
    };
    let app = Arc::new(App {
        store: store.clone(),
        vault,
        clock,
        entropy: Arc::new(OsEntropy),
        settings,
        crowd: Crowd::default(),
        arrivals: app::Arrivals::default(),
        public: Public::default(),
        policies,
        untold: app::decide::Untold::default(),
        world: config.risk.watched(),
        post,
        errands: app::errands::Errands::default(),
        alerts: app::alerts::Alerts::new(config.alerts.is_some()),
        blocked: app::blocked::Blocked::default(),
        workflows: app::workflows::Workflows::new(secrets, workflow_files.is_some()),
        wake: Arc::default(),
        nonces: app::factors::push::Nonces::default(),
        streams: http::push_places(),
    });
    let administrator = app.bootstrap().await.map_err(in_one_line)?;
    Box::pin(app.put_policy_in_force()).await.map_err(in_one_line)?;
    app.begin_workflows(workflow_files.as_deref()).await.map_err(in_one_line)?;
    app.begin_alerts(config.alerts.as_ref()).await.map_err(in_one_line)?;
    // Before anybody asks: nobody comes in while it is not known who is refused.
    app.read_blocked().await.map_err(in_one_line)?;
    let listener = http::listen(Arc::clone(&app), socket, config.tls.as_ref())?;
    let waking = tokio::spawn(app::wake::follow(Arc::clone(&app)));
    let configuring = tokio::spawn(app::policies::follow(Arc::clone(&app)));
    let errands = app::errands::run(Arc::clone(&app));
    let untold = app.untold.clone();
    let following = tokio::spawn(app::workflows::follow(Arc::clone(&app)));
    let blocking = tokio::spawn(app::blocked::follow(Arc::clone(&app)));
    let switching = tokio::spawn(app::switches::follow(Arc::clone(&app)));
    let working = tokio::spawn(app::workflows::work(Arc::clone(&app)));
    let letting_go = tokio::spawn(app::workflows::let_go(Arc::clone(&app)));
    let counting = tokio::spawn(app::alerts::follow(Arc::clone(&app)));
    let upkeep = tokio::spawn(app::upkeep::run(app));
    let tasks = vec![upkeep, waking, configuring, following, working, letting_go, counting, blocking, switching];
    let administrator_key = administrator.map(|key| key.text);
    Ok(Running { address, url, administrator_key, listener, tasks, errands, untold, store })
}

/// Whether people can sign in at each site.
fn have_a_way_in(sites: &Sites, knows_passkeys: bool, public_url: &str) -> Result<(), StartError> {
    match sites.with_our_login().filter(|_| !knows_passkeys) {
        Some(site) => Err(StartError::NoPasskeys(site.to_owned(), public_url.to_owned())),
        None => Ok(()),
    }
}

fn settings(config: &Config, url: &str, relying_party: Option<Arc<webauthn::RelyingParty>>) -> Settings {
    Settings {
        relying_party,
        issuer: config.public_url.clone().unwrap_or_else(|| url.to_owned()),
        issuer_name: config.issuer.clone(),
        view_lifetime: config.view_lifetime,
        max_session_age: config.max_session_age,
        factors: config.factors.clone(),
        fall_back: config.fall_back,
        remembered_browsers: config.remembered_browsers,
        brand: config.brand.clone(),
        enrollment_url: config.enrollment_url.clone(),
        shut_out: config.shut_out,
        release_role: config.release_role.clone(),
        events_retention: config.events_retention,
        push_digits: config.push_digits,
        movable_clock: config.movable_clock.clone(),
        confinement: config.confinement.clone(),
        tls: config.tls.is_some(),
        loopback: config.listen.ip().is_loopback(),
        trusted_proxies: config.trusted_proxies.clone(),
        sites: config.sites.clone(),
    }
}

fn in_one_line(error: Error) -> StartError {
    StartError::Bootstrap(match error {
        Error::VaultDown(why) => why,
        other => other.to_string(),
    })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The administrator's key, at the first start: to be shown once.
    pub fn administrator_key(&self) -> Option<&str> {
        self.administrator_key.as_ref().map(|key| key.as_str())
    }

    /// Answers what is under way, a few seconds at most, and closes the store.
    pub async fn stop(self) {
        self.listener.stop().await;
        self.errands.stop().await;
        self.untold.settle().await;
        self.tasks.iter().for_each(JoinHandle::abort);
        self.store.close().await;
    }
}
