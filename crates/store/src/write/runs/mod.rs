//! Runs of workflows: started, claimed, advanced.
//!
//! Whoever does something for a run has claimed it, and writes with the number of the claim in the condition: a server that was paused
//! for longer than its claim lasted finds that it writes nothing. The claim's row is written first, and held until the end of the transaction;
//! so what comes for a run meanwhile, which counts up `pokes` in the same row, is before or after all of it.

mod advance;
mod begin;
mod claims;
mod end;
mod erase;
mod inbox;
mod workflows;

pub(super) use advance::{advance_all, is_by_itself};
pub(crate) use claims::let_go;
pub(super) use erase::erase_of_user;
pub(super) use inbox::{poke, tell};
pub(super) use workflows::put_with_policy;

use crate::engine::{Connection, Fault};
use crate::set::Rows;
#[cfg(test)]
use crate::set::Set;
use crate::write::outcome::Outcomes;
use crate::write::rest::one;
use crate::{Change, Effect};
use advance::advance_run;
use begin::begin_runs;
use claims::{CLAIM_RUNS, GIVE_BACK, RENEW_RUNS, let_go_of};
use workflows::put_workflows;

pub(super) async fn write(
    connection: &mut Connection,
    index: usize,
    change: &Change,
    outcomes: &mut Outcomes,
) -> Result<Effect, Fault> {
    match change {
        Change::PutWorkflows(put) => put_workflows(connection, put).await,
        Change::BeginRuns(begin) => {
            let (effect, told) = begin_runs(connection, begin).await?;
            outcomes.tell(index, told);
            Ok(effect)
        }
        Change::ClaimRuns { claim, now, until, at_most } => {
            let row = [(*claim).into(), (*now).into(), (*until).into(), i64::from(*at_most).into()];
            one(connection, &CLAIM_RUNS, &row).await
        }
        Change::RenewRuns { runs, until } => {
            let mut rows = Rows::default();
            for (id, fence) in runs {
                rows.push(&[(*id).into(), (*fence).into(), (*until).into()]);
            }
            let renewed = RENEW_RUNS.execute(connection, rows).await?;
            Ok(if renewed == 0 { Effect::Refused } else { Effect::Applied })
        }
        Change::ReleaseRuns { runs, due_at } => {
            let mut rows = Rows::default();
            for (id, fence) in runs {
                rows.push(&[(*id).into(), (*fence).into(), (*due_at).into()]);
            }
            let released = GIVE_BACK.execute(connection, rows).await?;
            Ok(if released == 0 { Effect::Refused } else { Effect::Applied })
        }
        Change::LetGoOfRuns { of, now } => let_go_of(connection, of, *now).await,
        Change::AdvanceRun(advance) => {
            let (effect, told) = advance_run(connection, advance).await?;
            outcomes.tell(index, told);
            Ok(effect)
        }
        Change::TellRun(input) => {
            let told = tell(connection, std::slice::from_ref(input)).await?;
            Ok(if told == 0 { Effect::Refused } else { Effect::Applied })
        }
        _ => Ok(Effect::Refused),
    }
}

#[cfg(test)]
pub(super) static ALL: [&Set; 40] = [
    &workflows::PUT_DOCUMENTS,
    &workflows::PUT_WORKFLOWS,
    &workflows::REMOVE_WORKFLOWS,
    &workflows::HOLD_WORKFLOWS,
    &workflows::WORKFLOWS,
    &begin::MOVE_CURSOR,
    &begin::FIRE_SCHEDULE,
    &begin::TAKE_SLOT,
    &begin::HOLD_SLOT,
    &begin::QUEUED,
    &begin::INSERT_RUNS,
    &begin::INSERT_CLAIMS,
    &begin::INSERT_AWAITS,
    &begin::PACE,
    &begin::BEGINS_AT,
    &claims::CLAIM_RUNS,
    &claims::RENEW_RUNS,
    &claims::GIVE_BACK,
    &claims::HOLD_CLAIMS,
    &claims::RELEASE_CLAIMS,
    &advance::ADVANCE_RUNS,
    &advance::MOVE_RUNS,
    &advance::INSERT_LINES,
    &advance::TAKE_INPUTS,
    &end::REMOVE_CLAIM,
    &end::REMOVE_INBOX,
    &end::REMOVE_AWAITS,
    &end::SLOTS_OF,
    &end::GIVE_SLOT,
    &end::LEAVE_SLOT,
    &end::PACE_OF,
    &end::LET_BEGIN,
    &end::NOW_DUE,
    &inbox::INSERT_INPUTS,
    &inbox::POKE,
    &erase::LIVE_RUNS_OF_USER,
    &erase::WITHDRAW_QUEUED,
    &erase::RUNS_OF_USER,
    &erase::ERASE_LINES,
    &erase::ERASE_RUNS,
];

/// What SQLite has no need of.
#[cfg(test)]
pub(super) static OF_MANY_SERVERS: [&Set; 1] = [&claims::LET_GO_OF];
