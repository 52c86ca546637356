//! The server process, as the supervisor starts it: opens the store, is given a vault, serves until told to end.

mod confinement;

use std::sync::Arc;

use domain::{Clock, MovableClock, SystemClock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::{OpenError, Store};
use tokio::signal::unix::{SignalKind, signal};
use vault_proto::control::{AsyncControl, Control, inherited};
use vault_proto::{Client, Connector};

use crate::config::{Database, Settings};
use crate::failure::{Failure, Reason};
use crate::log;
use crate::policy_folder;
use crate::sending::sending;
use crate::supervisor::message::{FromServer, ToServer, decode, encode, settings_from};

/// Runs the process; ends when the supervisor is gone or asks for it.
///
/// # Errors
/// Only where nobody can be told: without a supervisor. Everything else goes there as a message.
pub(crate) fn run() -> Result<(), Failure> {
    let control = inherited()
        .map_err(|_| Failure::usage("`serve-process` is started by `countersign serve`; start that instead"))?;
    let (settings, movable_clock) = first_message(&control)?;
    log::start(&settings.log);
    tracing::debug!("up to {} files and connections at a time", most_files());
    // Before there are threads: they inherit it.
    let confinement = confinement::enforce(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::defect(format!("the server's threads cannot be started ({error})")))?;
    runtime.block_on(async {
        let control = AsyncControl::new(control).map_err(|error| Failure::defect(error.to_string()))?;
        if let Err(failure) = Box::pin(serve(&control, &settings, movable_clock, confinement)).await {
            let fatal = FromServer::Fatal { message: failure.message.clone(), reason: failure.reason };
            // If the supervisor is gone there is nobody to tell.
            let _ = tell(&control, &fatal).await;
            std::process::exit(1);
        }
        Ok(())
    })
}

/// Takes all files that may be open at a time, of which a connection is one: shells and containers give 1,024 unless asked. Answers how many
/// those are.
fn most_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Refused it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn first_message(control: &Control) -> Result<(Box<Settings>, bool), Failure> {
    let unsaid = || Failure::defect("the supervisor did not say what to serve");
    let message = control.receive().map_err(|error| Failure::defect(error.to_string()))?.ok_or_else(unsaid)?;
    match (decode(&message), message.fd) {
        (Ok(ToServer::Start { movable_clock }), Some(file)) => {
            let settings = settings_from(file).map_err(|error| Failure::defect(error.to_string()))?;
            Ok((settings, movable_clock))
        }
        _ => Err(unsaid()),
    }
}

async fn serve(
    control: &AsyncControl,
    settings: &Settings,
    movable_clock: bool,
    confinement: Vec<server::Protection>,
) -> Result<(), Failure> {
    let mut asked_to_end = Ending::listen()?;
    let movable = movable_clock.then(|| Arc::new(MovableClock::default()));
    let clock: Arc<dyn Clock> = match &movable {
        Some(clock) => Arc::<MovableClock>::clone(clock),
        None => Arc::new(SystemClock),
    };
    let options = store::Options { location: location(&settings.database), movable_clock };
    let gateway_clock = Arc::clone(&clock);
    let store = tokio::select! {
        opened = Store::open(&options, clock) => opened.map_err(|error| open_failure(&error))?,
        // As by a crash: what is half done is undone.
        () = asked_to_end.come() => return Ok(()),
    };
    let known = tell_keyring(control, &store).await?;
    let (client, connector) = Client::new();
    tokio::select! {
        connected = next_vault(control, &connector) => if !connected { return Ok(()) },
        () = asked_to_end.come() => { store.close().await; return Ok(()) }
    }
    let sending = sending(settings, gateway_clock, Arc::new(server::OsEntropy))?;
    let policy = policy_folder::source(settings.policy_folder.as_deref())?;
    policy_folder::can_be_used(&policy, sending.as_ref())?;
    let risk = server::RiskWorld::open(&settings.risk).map_err(Failure::configuration)?;
    let sites = crate::config::sites(&settings.sites)?;
    let workflows = settings.workflows.as_ref().map(crate::config::WorkflowSettings::read).transpose()?;
    let alerts = settings.alerts.as_ref().map(crate::config::AlertSettings::read).transpose()?;
    let config = configuration(settings, movable, confinement, sending, (policy, risk, sites, workflows, alerts));
    let starting = Box::pin(server::start(config, store.clone(), client));
    let Some(running) = meanwhile(control, &connector, &mut asked_to_end, starting).await else {
        store.close().await;
        return Ok(());
    };
    let running = running.map_err(|error| start_failure(&error))?;
    if known.is_none() {
        tell_keyring(control, &store).await?;
    }
    let ready = FromServer::Ready {
        address: running.url().to_owned(),
        socket: running.address(),
        administrator_key: running.administrator_key().map(str::to_owned),
    };
    tell(control, &ready).await?;
    meanwhile(control, &connector, &mut asked_to_end, std::future::pending::<()>()).await;
    running.stop().await;
    Ok(())
}

/// Waits for something and takes new vaults meanwhile; `None` if the process is to end first.
async fn meanwhile<T>(
    control: &AsyncControl,
    connector: &Connector,
    asked_to_end: &mut Ending,
    something: impl Future<Output = T>,
) -> Option<T> {
    let mut something = std::pin::pin!(something);
    loop {
        tokio::select! {
            value = &mut something => return Some(value),
            () = asked_to_end.come() => return None,
            connected = next_vault(control, connector) => if !connected { return None },
        }
    }
}

/// Takes the next vault; `false` once the supervisor is gone.
async fn next_vault(control: &AsyncControl, connector: &Connector) -> bool {
    loop {
        let Ok(Some(message)) = control.receive().await else { return false };
        if let (Ok(ToServer::Vault), Some(socket)) = (decode(&message), message.fd) {
            if let Err(error) = connector.connect(socket.into()) {
                tracing::error!("the vault's socket cannot be used ({error})");
            }
            return true;
        }
    }
}

async fn tell_keyring(control: &AsyncControl, store: &Store) -> Result<Option<String>, Failure> {
    let keyring = store.keyring().await.map_err(|error| Failure::unavailable(error.to_string()))?;
    let root_key_id = match &keyring {
        None => None,
        Some(keyring) => Some(vault_proto::wrapped_root_key_id(&keyring.wrapped).ok_or_else(|| {
            Failure::configuration(
                "the keyring in the database is damaged: restore the database from a backup; nothing was changed",
            )
        })?),
    };
    tell(control, &FromServer::Keyring { root_key_id: root_key_id.clone() }).await?;
    Ok(root_key_id)
}

async fn tell(control: &AsyncControl, message: &FromServer) -> Result<(), Failure> {
    let bytes = encode(message).map_err(|error| Failure::defect(error.to_string()))?;
    control.send(&bytes, None).await.map_err(|error| Failure::defect(error.to_string()))
}

pub(crate) fn location(database: &Database) -> store::Location {
    match database {
        Database::Sqlite(path) => store::Location::Sqlite(path.clone()),
        Database::Postgres(url) => store::Location::Postgres(url.clone()),
    }
}

fn configuration(
    settings: &Settings,
    movable_clock: Option<Arc<MovableClock>>,
    confinement: Vec<server::Protection>,
    sending: Option<server::Sending>,
    (policy, risk, sites, workflows, alerts): (
        server::PolicySource,
        server::RiskWorld,
        server::Sites,
        Option<server::WorkflowFiles>,
        Option<server::AlertFiles>,
    ),
) -> server::Config {
    server::Config {
        listen: settings.listen,
        public_url: settings.public_url.clone(),
        issuer: settings.issuer.clone(),
        tls: settings.tls.as_ref().map(|tls| server::Tls {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
            client_ca: tls.client_ca.clone(),
        }),
        trusted_proxies: settings.trusted_proxies.clone(),
        view_lifetime: settings.view_lifetime,
        max_session_age: settings.max_session_age,
        policy,
        record_facts: settings.record_facts,
        risk,
        sites,
        workflows,
        alerts,
        secrets: settings.policy_secrets.all().into(),
        factors: settings.factors.clone(),
        fall_back: settings.fall_back,
        webauthn: settings.webauthn.clone(),
        remembered_browsers: settings.remembered_browsers,
        brand: settings.brand.clone(),
        sending,
        enrollment_url: settings.enrollment_url.clone(),
        shut_out: settings.shut_out.into(),
        release_role: settings.release_role.clone(),
        events_retention: settings.events_retention,
        push_digits: domain::push::Digits::new(settings.push.digits).unwrap_or(domain::push::Digits::DEFAULT),
        movable_clock,
        confinement,
    }
}

pub(crate) fn open_failure(error: &OpenError) -> Failure {
    let reason = match error {
        OpenError::ReadOnly { .. } => Reason::CannotWrite,
        OpenError::InUse { .. } | OpenError::InTheWay { .. } | OpenError::Unreachable(_) => Reason::Unavailable,
        _ => Reason::Configuration,
    };
    Failure::new(reason, error.to_string())
}

fn start_failure(error: &server::StartError) -> Failure {
    let reason = match error {
        server::StartError::Listen { .. } => Reason::Unavailable,
        _ => Reason::Configuration,
    };
    Failure::new(reason, error.to_string())
}

/// The signals at which the process ends.
struct Ending {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ending {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::defect(error.to_string()));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_open_as_many_files_as_it_may_at_most() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let less = maximum.map_or(4096, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(less), maximum }).unwrap();
        assert_eq!(most_files(), maximum.unwrap_or(u64::MAX));
    }
}
