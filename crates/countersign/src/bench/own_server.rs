//! A server of the load test's own, on a store that is thrown away.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::carrier::Carrier;
use super::gauge::Gauge;
use super::{Suite, decisions, passkeys, workflows};
use crate::failure::{Failure, describe};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct OwnServer {
    child: Child,
    folder: PathBuf,
    /// Where it answers.
    pub(crate) address: String,
    /// Its administrator's key.
    pub(crate) key: String,
    /// Who carries its messages.
    pub(crate) carrier: Arc<Carrier>,
    /// What it uses.
    pub(crate) gauge: Gauge,
    /// From start to ready.
    pub(crate) ready_after: Duration,
}

/// What another server takes that shares its database.
#[derive(Debug, Clone)]
pub(crate) struct Fellow {
    database: String,
    root_key: PathBuf,
    key: String,
}

#[derive(Debug, Deserialize)]
struct Ready {
    address: String,
    administrator_key: Option<String>,
    pid: u32,
    vault_pid: u32,
    server_pid: u32,
}

impl OwnServer {
    /// Starts one, on the database if one is given.
    ///
    /// # Errors
    /// What the server said, or that it says nothing.
    pub(crate) async fn start(what: Option<Suite>, database: Option<&str>) -> Result<Self, Failure> {
        Self::launch(what, database, None).await
    }

    /// Starts another one on the database of the first, as on a second machine.
    ///
    /// # Errors
    /// The same.
    pub(crate) async fn beside(what: Option<Suite>, fellow: &Fellow) -> Result<Self, Failure> {
        Self::launch(what, Some(&fellow.database), Some(fellow)).await
    }

    async fn launch(what: Option<Suite>, database: Option<&str>, fellow: Option<&Fellow>) -> Result<Self, Failure> {
        let folder = folder()?;
        let carrier = Carrier::start().await?;
        let started = Instant::now();
        let mut child = match spawn(&folder, what, database, fellow, &carrier) {
            Ok(child) => child,
            Err(error) => {
                remove(&folder);
                return Err(Failure::unavailable(format!("the server cannot be started ({})", describe(&error))));
            }
        };
        let line = match child.stdout.take() {
            Some(stdout) => tokio::time::timeout(PATIENCE, BufReader::new(stdout).lines().next_line()).await,
            None => Ok(Ok(None)),
        };
        let ready_after = started.elapsed();
        let ready = line.ok().and_then(Result::ok).flatten().and_then(|line| serde_json::from_str::<Ready>(&line).ok());
        let key_of = |ready: &Ready| match fellow {
            Some(fellow) => Some(fellow.key.clone()),
            None => ready.administrator_key.clone(),
        };
        let Some((ready, key)) = ready.and_then(|ready| key_of(&ready).map(|key| (ready, key))) else {
            let _ = child.start_kill();
            remove(&folder);
            return Err(Failure::unavailable(
                "the server of the load test did not become ready, for the reason above; --database needs an empty database",
            ));
        };
        let gauge = Gauge::new(ready.pid, ready.server_pid, ready.vault_pid);
        Ok(Self { child, folder, address: ready.address, key, carrier, gauge, ready_after })
    }

    /// What another one takes that is to share this database.
    pub(crate) fn fellow(&self, database: &str) -> Fellow {
        let root_key = self.folder.join("vault/root.key");
        Fellow { database: database.to_owned(), root_key, key: self.key.clone() }
    }

    /// Where it keeps its data.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.terminate();
        let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
    }

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.terminate();
        remove(&self.folder);
    }
}

fn spawn(
    folder: &Path,
    what: Option<Suite>,
    database: Option<&str>,
    fellow: Option<&Fellow>,
    carrier: &Carrier,
) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--json", "--movable-clock", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
    // The clock is moved by hours while it is measured; the logins of its users stay fresh.
    command.args(["--max-session-age", "30d", "--data"]).arg(folder);
    if let Some(fellow) = fellow {
        command.arg(format!("--root-key=file:{}", fellow.root_key.display()));
    }
    // What the surroundings configure is not what is measured.
    let ours =
        std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("COUNTERSIGN_"));
    for name in ours {
        command.env_remove(name);
    }
    command.envs(messages(carrier));
    command.env("COUNTERSIGN_POLICY_FOLDER", decisions::write_policy(folder)?);
    command.env("COUNTERSIGN_WEBAUTHN_RP_ID", passkeys::RP_ID).env("COUNTERSIGN_WEBAUTHN_ORIGINS", passkeys::ORIGIN);
    if what == Some(Suite::Workflows) {
        command.env("COUNTERSIGN_WORKFLOWS_FOLDER", workflows::write_workflows(folder)?);
    }
    if let Some(database) = database {
        // By the environment: a URL can hold a password, and flags are seen by everybody.
        command.env("COUNTERSIGN_DATABASE", database);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

/// Gateways that lead to the carrier, and budgets that a load test does not use up.
fn messages(carrier: &Carrier) -> [(&'static str, String); 17] {
    let much = || "1000000000/1h".to_owned();
    [
        ("COUNTERSIGN_GATEWAY_SMS_KIND", "http".to_owned()),
        ("COUNTERSIGN_GATEWAY_SMS_URL", format!("http://127.0.0.1:{}/", carrier.sms)),
        ("COUNTERSIGN_GATEWAY_SMS_BODY", r#"{"to":"{{ to }}","text":"{{ text }}"}"#.to_owned()),
        ("COUNTERSIGN_GATEWAY_MAIL_KIND", "smtp".to_owned()),
        ("COUNTERSIGN_GATEWAY_MAIL_HOST", format!("127.0.0.1:{}", carrier.mail)),
        ("COUNTERSIGN_GATEWAY_MAIL_ENCRYPTION", "none".to_owned()),
        ("COUNTERSIGN_GATEWAY_MAIL_FROM", "bench@example.org".to_owned()),
        ("COUNTERSIGN_OUTSIDE_ALLOWED", "127.0.0.1".to_owned()),
        ("COUNTERSIGN_SMS_COUNTRIES", "DE".to_owned()),
        ("COUNTERSIGN_SMS_USER_BUDGET", much()),
        ("COUNTERSIGN_SMS_NUMBER_BUDGET", much()),
        ("COUNTERSIGN_SMS_PREFIX_BUDGET", much()),
        ("COUNTERSIGN_SMS_GLOBAL_BUDGET", much()),
        ("COUNTERSIGN_EMAIL_USER_BUDGET", much()),
        ("COUNTERSIGN_EMAIL_ADDRESS_BUDGET", much()),
        ("COUNTERSIGN_EMAIL_DOMAIN_BUDGET", much()),
        ("COUNTERSIGN_EMAIL_GLOBAL_BUDGET", much()),
    ]
}

/// A folder on a real disk: where the temporary one is in memory a write costs nothing, and nothing is measured.
fn folder() -> Result<PathBuf, Failure> {
    const IN_MEMORY: i64 = 0x0102_1994;
    let usual = std::env::temp_dir();
    let is_in_memory = rustix::fs::statfs(&usual).is_ok_and(|system| system.f_type == IN_MEMORY);
    let base = if is_in_memory { PathBuf::from("/var/tmp") } else { usual };
    let folder = base.join(format!("countersign-bench-{}", super::random_name()?));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| Failure::cannot_write(&folder, &error))?;
    Ok(folder)
}

fn remove(folder: &Path) {
    // It may be gone already.
    let _ = std::fs::remove_dir_all(folder);
}
