//! Runs are over, and whoever waited for one begins.

use domain::{RunId, Timestamp};
use uuid::Uuid;

use super::begin::{QUEUED, begins_at};
use crate::engine::{Connection, Fault, Row};
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};

pub(super) static REMOVE_CLAIM: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_claims WHERE run_id IN (SELECT i.run_id FROM input i)");
pub(super) static REMOVE_INBOX: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_inbox WHERE run_id IN (SELECT i.run_id FROM input i)");
pub(super) static REMOVE_AWAITS: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_awaits WHERE run_id IN (SELECT i.run_id FROM input i)");

/// Their slots, of those that have them, are held until the end of the transaction.
pub(super) static SLOTS_OF: Set = Set::new(
    &[("run_id", Id)],
    "SELECT s.run_id, s.workflow, s.key FROM run_slots s
     WHERE (s.workflow, s.key) IN (SELECT r.workflow, r.key FROM input i {then} runs r ON r.id = i.run_id)
        AND s.run_id IN (SELECT i.run_id FROM input i) {alone}",
);

pub(super) static GIVE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text), ("to_run", Id)],
    "UPDATE run_slots AS s SET run_id = i.to_run FROM input i WHERE s.workflow = i.workflow AND s.key = i.key",
);

pub(super) static LEAVE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "DELETE FROM run_slots WHERE (workflow, key) IN (SELECT i.workflow, i.key FROM input i)",
);

pub(super) static PACE_OF: Set =
    Set::new(&[("run_id", Id)], "SELECT r.pace FROM runs r WHERE r.id IN (SELECT i.run_id FROM input i)");

pub(super) static LET_BEGIN: Set = Set::new(
    &[("run_id", Id), ("may_begin_at", Int)],
    "UPDATE runs AS r SET state = 'running', begins_at = i.may_begin_at
     FROM input i WHERE r.id = i.run_id AND COALESCE(r.state, '') = 'queued'",
);

/// Of one that waited for its turn, and is due from now on.
pub(super) static NOW_DUE: Set = Set::new(
    &[("run_id", Id), ("may_begin_at", Int)],
    "UPDATE run_claims AS c SET pokes = c.pokes + 1, due_at = CASE WHEN c.claim IS NULL THEN i.may_begin_at ELSE c.due_at END
     FROM input i WHERE c.run_id = i.run_id",
);

/// Runs are over: nothing comes for them any more, and whoever waited for one begins.
pub(super) async fn end(connection: &mut Connection, over: &[(RunId, Timestamp)]) -> Result<(), Fault> {
    let runs = || Rows::of_ids(over.iter().map(|(id, _)| id.uuid()));
    for removed in [&REMOVE_CLAIM, &REMOVE_INBOX, &REMOVE_AWAITS] {
        removed.execute(connection, runs()).await?;
    }
    let read = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?, row.get::<String>(2)?));
    for (id, workflow, key) in SLOTS_OF.fetch(connection, runs(), read).await? {
        let slot = [workflow.as_str().into(), key.as_str().into()];
        match QUEUED.ids(connection, Rows::one(&slot)).await?.into_iter().find(|next| *next != id) {
            Some(next) => {
                let [name, key] = slot;
                let at = over.iter().find(|(of, _)| of.uuid() == id).map_or_else(Timestamp::default, |(_, at)| *at);
                GIVE_SLOT.all(connection, Rows::one(&[name, key, next.into()])).await?;
                let pace = PACE_OF.fetch(connection, Rows::of_ids([next]), |row| row.get::<i64>(0)).await?;
                let pace = pace.first().copied().unwrap_or(0);
                let begins_at = begins_at(connection, &workflow, pace, at).await?;
                LET_BEGIN.all(connection, Rows::one(&[next.into(), begins_at.into()])).await?;
                NOW_DUE.execute(connection, Rows::one(&[next.into(), begins_at.into()])).await?;
            }
            None => LEAVE_SLOT.all(connection, Rows::one(&slot)).await?,
        }
    }
    Ok(())
}
