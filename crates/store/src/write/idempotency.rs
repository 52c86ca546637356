//! At most once for each key of a caller's.

use std::collections::{HashMap, HashSet};

use domain::ApplicationId;

use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Effect, Idempotency};

/// Takes the keys that are free, or were forgotten.
static TAKE_KEYS: Set = Set::new(
    &[("application_id", Id), ("name", Text), ("request_hash", Blob), ("resource", Text), ("at", Int)],
    "INSERT INTO idempotency (application_id, key, request_hash, resource, at)
     SELECT i.application_id, i.name, i.request_hash, i.resource, i.at FROM input i WHERE true
     ON CONFLICT (application_id, key) DO UPDATE
        SET request_hash = excluded.request_hash, resource = excluded.resource, at = excluded.at
        WHERE idempotency.at <= excluded.at - {idempotency_lifetime}
     RETURNING application_id, key",
);

static TAKEN_KEYS: Set = Set::new(
    &[("application_id", Id), ("name", Text)],
    "SELECT n.application_id, n.key, n.request_hash, n.resource
     FROM input i {then} idempotency n ON n.application_id = i.application_id AND n.key = i.name",
);

static RELEASE_KEYS: Set = Set::new(
    &[("application_id", Id), ("name", Text)],
    "DELETE FROM idempotency WHERE (application_id, key) IN (SELECT i.application_id, i.name FROM input i)",
);

type Key = (ApplicationId, String);

fn key(idempotency: &Idempotency) -> Key {
    (idempotency.application_id, idempotency.key.clone())
}

/// Takes each key; answers what came of the requests whose key was taken before, by their place in `wanted`.
pub(super) async fn take(
    connection: &mut Connection,
    wanted: &[(usize, &Idempotency)],
) -> Result<Vec<(usize, Effect)>, Fault> {
    let mut input = Rows::default();
    for (_, idempotency) in wanted {
        input.push(&[
            idempotency.application_id.into(),
            idempotency.key.as_str().into(),
            (&idempotency.request_hash).into(),
            idempotency.resource.as_str().into(),
            idempotency.at.into(),
        ]);
    }
    let taken = TAKE_KEYS.fetch(connection, input, |row| Ok((ApplicationId::from_uuid(row.get(0)?), row.get(1)?)));
    let taken: HashSet<Key> = taken.await?.into_iter().collect();
    let repeated: Vec<_> = wanted.iter().filter(|(_, idempotency)| !taken.contains(&key(idempotency))).collect();
    let before = TAKEN_KEYS.fetch(connection, names(repeated.iter().map(|(_, key)| *key)), |row| {
        let request_hash: Vec<u8> = row.get(2)?;
        let request_hash =
            request_hash.try_into().map_err(|_| Fault::Damaged("the hash of a request is not 32 bytes".to_owned()))?;
        let effect = Effect::Repeated { request_hash, resource: row.get(3)? };
        Ok(((ApplicationId::from_uuid(row.get(0)?), row.get(1)?), effect))
    });
    let before: HashMap<Key, Effect> = before.await?.into_iter().collect();
    repeated
        .into_iter()
        .map(|(index, idempotency)| match before.get(&key(idempotency)) {
            Some(effect) => Ok((*index, effect.clone())),
            None => Err(Fault::Collided("an idempotency key was forgotten while it was asked for".to_owned())),
        })
        .collect()
}

/// Gives back the keys of what was refused: nothing was made by it.
pub(super) async fn release(connection: &mut Connection, keys: &[&Idempotency]) -> Result<(), Fault> {
    RELEASE_KEYS.execute(connection, names(keys.iter().copied())).await.map(drop)
}

fn names<'a>(keys: impl Iterator<Item = &'a Idempotency>) -> Rows {
    let mut input = Rows::default();
    for idempotency in keys {
        input.push(&[idempotency.application_id.into(), idempotency.key.as_str().into()]);
    }
    input
}

#[cfg(test)]
pub(super) static ALL: [&Set; 3] = [&TAKE_KEYS, &TAKEN_KEYS, &RELEASE_KEYS];
