//! A caller's promise that two requests with one key are one (`Idempotency-Key`).

use domain::Timestamp;
use store::{Effect, Idempotency};

use super::{Actor, Error};

/// The key of a request that is to be carried out at most once.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    /// The caller's key.
    pub(crate) key: String,
    /// SHA-256 over the request.
    pub(crate) request_hash: [u8; 32],
}

/// What came of a request to make something.
#[derive(Debug)]
pub(crate) enum Made<T> {
    /// It was made.
    New(T),
    /// An earlier request with the same key made it: its id, in text.
    Before(String),
}

impl Once {
    /// What the store keeps of it.
    pub(crate) fn record(
        once: Option<&Self>,
        actor: &Actor,
        resource: impl std::fmt::Display,
        at: Timestamp,
    ) -> Option<Idempotency> {
        once.map(|once| Idempotency {
            application_id: actor.application.id,
            key: once.key.clone(),
            request_hash: once.request_hash,
            resource: resource.to_string(),
            at,
        })
    }

    /// What an effect means to a request that made `made`.
    pub(crate) fn made<T>(once: Option<&Self>, effect: Effect, made: T, refused: Error) -> Result<Made<T>, Error> {
        match effect {
            Effect::Applied => Ok(Made::New(made)),
            Effect::Refused | Effect::Exists => Err(refused),
            Effect::Repeated { request_hash, resource } => match once {
                Some(once) if once.request_hash == request_hash => Ok(Made::Before(resource)),
                _ => Err(Error::IdempotencyMismatch),
            },
        }
    }
}
