//! Runs about a user who is erased.

use domain::{RunId, Timestamp, UserId};
use uuid::Uuid;

use super::end::end;
use super::inbox::tell;
use crate::engine::{Connection, Fault};
use crate::runs::RunInput;
use crate::set::Kind::Id;
use crate::set::{Rows, Set};
use crate::write::{links, tasks};

pub(super) static LIVE_RUNS_OF_USER: Set = Set::new(
    &[("user_id", Id)],
    "SELECT r.id, r.caller, r.caller_key FROM input i {then} runs r ON r.user_id = i.user_id
     WHERE COALESCE(r.ended_at, -1) < 0 ORDER BY r.id",
);

/// Before any of them ends: a slot is handed on to none that is erased as well.
pub(super) static WITHDRAW_QUEUED: Set = Set::new(
    &[("user_id", Id)],
    "UPDATE runs SET state = 'cancelled' WHERE COALESCE(state, '') = 'queued' AND user_id IN (SELECT i.user_id FROM input i)",
);

pub(super) static RUNS_OF_USER: Set =
    Set::new(&[("user_id", Id)], "SELECT r.id FROM input i {then} runs r ON r.user_id = i.user_id");

pub(super) static ERASE_LINES: Set = Set::new(
    &[("user_id", Id)],
    "DELETE FROM run_lines WHERE run_id IN (SELECT r.id FROM runs r WHERE r.user_id IN (SELECT i.user_id FROM input i))",
);

pub(super) static ERASE_RUNS: Set =
    Set::new(&[("user_id", Id)], "DELETE FROM runs WHERE user_id IN (SELECT i.user_id FROM input i)");

/// Erases the runs about a user; whoever does something for one finds that it is gone, and whoever called one, that it was cancelled.
pub(in crate::write) async fn erase_of_user(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    let of_user = || Rows::one(&[user.into()]);
    let live = LIVE_RUNS_OF_USER
        .fetch(connection, of_user(), |row| Ok((row.get(0)?, row.get::<Option<Uuid>>(1)?, row.get(2)?)))
        .await?;
    WITHDRAW_QUEUED.execute(connection, of_user()).await?;
    for (run, caller, key) in live {
        let at = Timestamp::default();
        end(connection, &[(RunId::from_uuid(run), at)]).await?;
        if let (Some(caller), Some(key)) = (caller, key) {
            let (run_id, key): (_, String) = (RunId::from_uuid(caller), key);
            tell(connection, &[RunInput { run_id, id: run, input: RunInput::gone(&key), at }]).await?;
        }
    }
    let all: Vec<RunId> = RUNS_OF_USER.ids(connection, of_user()).await?.into_iter().map(RunId::from_uuid).collect();
    tasks::erase_of_runs(connection, &all).await?;
    tasks::erase_by_user(connection, user).await?;
    links::erase_of_runs(connection, &all).await?;
    links::erase_of_user(connection, user).await?;
    ERASE_LINES.execute(connection, of_user()).await?;
    ERASE_RUNS.execute(connection, of_user()).await.map(drop)
}
