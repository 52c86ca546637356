//! A vault without a server, for a command that needs one for a moment.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;
use vault_proto::control::Introduction;
use vault_proto::{Client, Connector, Verb};

use super::process::{Process, VaultStart};
use crate::failure::Failure;

/// How long it may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What such a command asks: no verb that makes, opens or checks anybody's key.
const VERBS: [&str; 3] = ["unlock", "change_root_key", "status"];

/// A vault that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct LoneVault {
    process: Option<Process>,
    client: Client,
    _connector: Connector,
}

impl LoneVault {
    /// Starts one and waits until it has its root key. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// What the vault said, where its root key is not to be had.
    pub(crate) async fn start(start: &VaultStart<'_>) -> Result<Self, Failure> {
        let mut process = Process::vault(start)?;
        let (client, connector) = Client::new();
        let connected = || -> std::io::Result<()> {
            let (asking, answering) = UnixStream::pair()?;
            let caller = Introduction::new("command line", &VERBS).to_bytes()?;
            process.control.send(&caller, Some(answering.as_fd()))?;
            connector.connect(asking)
        };
        let connected = connected();
        let answer = client.ask(Verb::Status, PATIENCE).await;
        if connected.is_ok() && answer.is_ok() {
            return Ok(Self { process: Some(process), client, _connector: connector });
        }
        process.hang_up();
        if process.ends_within(PATIENCE).is_none() {
            process.signal(Signal::KILL);
        }
        Err(Failure::configuration(process.last_words()))
    }

    /// Who asks it.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }
}

impl Drop for LoneVault {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.hang_up();
        if process.ends_within(PATIENCE).is_none() {
            process.signal(Signal::KILL);
        }
        process.wait();
    }
}
