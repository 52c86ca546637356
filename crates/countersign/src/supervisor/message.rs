//! What supervisor and server process tell each other over the control socket: JSON, one object a message.

use serde::{Deserialize, Serialize};
use vault_proto::control::Message;

use crate::config::Settings;
use crate::failure::Reason;

/// To the server process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToServer {
    /// The first message: what to serve. The server process reads neither file, flags nor environment.
    Start {
        /// The settings.
        settings: Box<Settings>,
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

/// A message's bytes.
pub(crate) fn encode(message: &impl Serialize) -> std::io::Result<Vec<u8>> {
    serde_json::to_vec(message).map_err(Into::into)
}

/// A message from its bytes.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(message: &Message) -> std::io::Result<T> {
    serde_json::from_slice(&message.bytes).map_err(Into::into)
}
