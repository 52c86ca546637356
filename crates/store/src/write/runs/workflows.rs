//! Which workflows are in force.

use crate::Effect;
use crate::engine::{Connection, Fault};
use crate::runs::PutWorkflows;
use crate::set::Kind::{Int, Text};
use crate::set::{Rows, Set};

pub(super) static PUT_DOCUMENTS: Set = Set::new(
    &[("digest", Text), ("name", Text), ("file", Text), ("document", Text), ("at", Int)],
    "INSERT INTO workflow_documents (digest, name, file, document, at)
     SELECT i.digest, i.name, i.file, i.document, i.at FROM input i WHERE true ON CONFLICT DO NOTHING",
);

pub(super) static PUT_WORKFLOWS: Set = Set::new(
    &[("name", Text), ("digest", Text), ("at", Int), ("since", Int), ("next_at", Int)],
    "INSERT INTO workflows AS w (name, digest, at, since, next_at, begin_at)
     SELECT i.name, i.digest, i.at, i.since, i.next_at, 0 FROM input i WHERE true
     ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, at = excluded.at,
        since = CASE WHEN excluded.since < 0 THEN w.since ELSE excluded.since END,
        next_at = CASE WHEN excluded.next_at < 0 THEN w.next_at ELSE excluded.next_at END
     WHERE w.digest <> excluded.digest",
);

/// What stays as it is where a workflow is changed; of one that was seen, which is therefore there.
const STAYS: i64 = -1;

pub(super) static REMOVE_WORKFLOWS: Set =
    Set::new(&[("name", Text)], "DELETE FROM workflows WHERE name IN (SELECT i.name FROM input i)");

/// The cursor's row stands for the workflows as a whole: whoever changes them, or starts runs by them, holds it.
pub(super) static HOLD_WORKFLOWS: Set =
    Set::new(&[("one", Int)], "SELECT c.one FROM workflow_cursor c WHERE c.one IN (SELECT i.one FROM input i) {alone}");

pub(super) static WORKFLOWS: Set =
    Set::new(&[("one", Int)], "SELECT w.name, w.digest FROM input i {then} workflows w ON w.name >= '' AND i.one = 1");

/// Those that files say which come into force as a whole: with all of it, or not at all.
pub(in crate::write) async fn put_with_policy(
    connection: &mut Connection,
    put: &PutWorkflows,
) -> Result<Effect, Fault> {
    match put_workflows(connection, put).await? {
        Effect::Applied => Ok(Effect::Applied),
        _ => Err(Fault::Raced("other workflows came into force meanwhile".to_owned())),
    }
}

pub(super) async fn put_workflows(connection: &mut Connection, put: &PutWorkflows) -> Result<Effect, Fault> {
    let one = || Rows::one(&[1_i64.into()]);
    HOLD_WORKFLOWS.fetch(connection, one(), |row| row.get::<i64>(0)).await?;
    let mut there = WORKFLOWS.fetch(connection, one(), |row| Ok((row.get(0)?, row.get(1)?))).await?;
    let mut seen: Vec<(String, String)> = put.seen.clone();
    there.sort();
    seen.sort();
    if there != seen {
        return Ok(Effect::Refused);
    }
    let (mut documents, mut workflows, mut gone) = (Rows::default(), Rows::default(), Rows::default());
    for workflow in &put.put {
        let (name, digest) = (workflow.name.as_str().into(), workflow.digest.as_str().into());
        let (file, document) = (workflow.file.as_str().into(), workflow.document.as_str().into());
        documents.push(&[digest, name, file, document, workflow.at.into()]);
        let seen =
            |names: &[String]| names.contains(&workflow.name) && seen.iter().any(|(name, _)| *name == workflow.name);
        let since = if seen(&put.same_events) { STAYS } else { workflow.since };
        let next_at = if seen(&put.same_schedules) { STAYS.into() } else { workflow.next_at.into() };
        workflows.push(&[name, digest, workflow.at.into(), since.into(), next_at]);
    }
    for (name, _) in seen.iter().filter(|(name, _)| put.put.iter().all(|workflow| workflow.name != *name)) {
        gone.push(&[name.as_str().into()]);
    }
    PUT_DOCUMENTS.execute(connection, documents).await?;
    REMOVE_WORKFLOWS.execute(connection, gone).await?;
    PUT_WORKFLOWS.execute(connection, workflows).await?;
    Ok(Effect::Applied)
}
