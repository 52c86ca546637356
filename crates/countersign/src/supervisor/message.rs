//! What supervisor and server process tell each other over the control socket: JSON, one object a message.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use vault_proto::control::Message;

use crate::config::Settings;
use crate::failure::Reason;

/// To the server process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToServer {
    /// The first message, with what to serve in a file (see [`settings_file`]). The server process reads neither configuration, flags nor environment.
    Start {
        /// Whether the clock can be moved.
        movable_clock: bool,
    },
    /// A vault; its socket comes with the message.
    Vault,
}

/// From the server process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromServer {
    /// Which root key the store was sealed with; sent again once a first one was made.
    Keyring {
        /// Its id, `rk_…`; `None` where there is no keyring yet.
        root_key_id: Option<String>,
    },
    /// It answers requests.
    Ready {
        /// Where, as a URL.
        address: String,
        /// Where, as address and port.
        socket: std::net::SocketAddr,
        /// The key of the first administrator, at first start.
        administrator_key: Option<String>,
    },
    /// It cannot start.
    Fatal {
        /// Why, in one line.
        message: String,
        /// Of which sort.
        reason: Reason,
    },
}

/// The settings in a file that is in memory alone: with a logo or certificates they are longer than a message may be.
pub(crate) fn settings_file(settings: &Settings) -> std::io::Result<OwnedFd> {
    let made = |flags| memfd_create("settings", MemfdFlags::CLOEXEC | flags);
    // Kernels before 6.3 do not know the flag, hardened ones (`vm.memfd_noexec=2`) take no file without it.
    let file = made(MemfdFlags::NOEXEC_SEAL).or_else(|_| made(MemfdFlags::empty()))?;
    let mut file = BufWriter::new(File::from(file));
    serde_json::to_writer(&mut file, settings)?;
    file.flush()?;
    let mut file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file.into())
}

/// What [`settings_file`] wrote.
pub(crate) fn settings_from(file: OwnedFd) -> std::io::Result<Box<Settings>> {
    Ok(serde_json::from_reader(BufReader::new(File::from(file)))?)
}

/// A message's bytes.
pub(crate) fn encode(message: &impl Serialize) -> std::io::Result<Vec<u8>> {
    serde_json::to_vec(message).map_err(Into::into)
}

/// A message from its bytes.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(message: &Message) -> std::io::Result<T> {
    serde_json::from_slice(&message.bytes).map_err(Into::into)
}
