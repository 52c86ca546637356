//! The asking side, on tokio: many questions in flight on one socket.

use std::time::Duration;

use crate::{Refusal, Reply, Verb};

/// Asks the vault. Clones share the connection; when the vault is restarted the next connection takes over.
#[derive(Clone, Debug)]
pub struct Client {}

/// Hands a [`Client`] the socket of each vault that is started.
#[derive(Debug)]
pub struct Connector {}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The vault is not there: died, restarting, or its connection broke with the question under way.
    #[error("the vault is not there")]
    Down,
    /// Too many questions are in flight.
    #[error("the vault is busy")]
    Busy,
    /// No answer within the deadline.
    #[error("the vault did not answer in time")]
    TimedOut,
    /// The vault refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Client {
    /// A client with no vault yet, and what gives it one.
    pub fn new() -> (Self, Connector) {
        todo!()
    }
    /// Asks, and waits for the answer, `within` at most.
    pub async fn ask(&self, verb: Verb, within: Duration) -> Result<Reply, Error> {
        todo!()
    }
    /// Whether a vault is connected.
    pub fn is_connected(&self) -> bool {
        todo!()
    }
}

impl Connector {
    /// From here on questions go to the vault at the other end of `socket`; those in flight on an older one fail with [`Error::Down`].
    pub fn connect(&self, socket: std::os::unix::net::UnixStream) -> std::io::Result<()> {
        todo!()
    }
}
