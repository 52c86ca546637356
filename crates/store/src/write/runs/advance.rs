//! A run goes on, with what it does to our own data.

use std::collections::BTreeSet;

use domain::{Event, RunId};

use super::begin::begin_run;
use super::claims::{RELEASE_CLAIMS, hold};
use super::end::end;
use super::inbox::tell;
use crate::engine::{Connection, Fault};
use crate::runs::AdvanceRun;
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};
use crate::write::outcome::Outcomes;
use crate::write::{Item, hygiene, links, rest, shut_out, tasks, took};
use crate::{Change, Effect};

/// That it has not ended is said so that no index of those that have not is gone through for it: while there are none yet, PostgreSQL plans that.
/// Most steps leave a run where it was: what nothing but `state` and `ended_at` are found by is not written anew for them.
pub(super) static ADVANCE_RUNS: Set = Set::new(
    &[("run_id", Id), ("to_machine", Text), ("to_pending", Text), ("to_error", Text), ("more", Int)],
    "UPDATE runs AS r
     SET machine = i.to_machine, pending = i.to_pending, error = i.to_error, lines = r.lines + i.more
     FROM input i WHERE r.id = i.run_id AND COALESCE(r.ended_at, -1) < 0",
);

pub(super) static INSERT_LINES: Set = Set::new(
    &[("run_id", Id), ("line", Int), ("at", Int), ("step", Text), ("entry", Text)],
    "INSERT INTO run_lines (run_id, line, at, step, entry)
     SELECT i.run_id, i.line, i.at, i.step, i.entry FROM input i",
);

pub(super) static TAKE_INPUTS: Set = Set::new(
    &[("run_id", Id), ("id", Id)],
    "DELETE FROM run_inbox WHERE (run_id, id) IN (SELECT i.run_id, i.id FROM input i)",
);

pub(super) async fn advance_run(
    connection: &mut Connection,
    advance: &AdvanceRun,
) -> Result<(Effect, Vec<Event>), Fault> {
    if hold(connection, std::iter::once(advance)).await?.is_empty() {
        return Ok((Effect::Refused, Vec::new()));
    }
    let before = match &advance.spares {
        Some(spares) => shut_out::before(connection, spares).await?,
        None => BTreeSet::new(),
    };
    for change in &advance.changes {
        if write_own(connection, advance.id, change).await? != Effect::Applied {
            // Something of it may be written already: with all of it undone, it is refused as a whole.
            return Err(Fault::Raced("what a run does to our own data was not as it was seen".to_owned()));
        }
    }
    if let Some(spares) = &advance.spares
        && !shut_out::may_stay(connection, advance.id, spares, &before, advance.at).await?
    {
        return Err(Fault::Raced("a run would leave people with nothing to prove by".to_owned()));
    }
    go_on(connection, &[advance]).await?;
    let mut told = Vec::new();
    for call in &advance.calls {
        told.push(begin_run(connection, call).await?);
    }
    tell(connection, &advance.inputs).await?;
    Ok((Effect::Applied, told))
}

/// Whether nothing is written beside what a run is itself.
pub(in crate::write) fn is_by_itself(advance: &AdvanceRun) -> bool {
    advance.changes.is_empty() && advance.calls.is_empty() && advance.inputs.is_empty()
}

/// Many runs that go on by themselves.
pub(in crate::write) async fn advance_all(
    connection: &mut Connection,
    items: &[Item<'_, AdvanceRun>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let held = hold(connection, items.iter().map(|(_, advance)| *advance)).await?;
    let held = took(items, held, |advance| advance.id.uuid());
    go_on(connection, &held.iter().map(|(_, advance)| *advance).collect::<Vec<_>>()).await?;
    outcomes.all(&held, &Effect::Applied);
    Ok(())
}

/// Writes what runs are now, whose claims are held.
async fn go_on(connection: &mut Connection, advances: &[&AdvanceRun]) -> Result<(), Fault> {
    let (mut stay, mut moved) = (Rows::default(), Rows::default());
    let (mut lines, mut taken) = (Rows::default(), Rows::default());
    let (mut over, mut released) = (Vec::new(), Rows::default());
    for advance in advances {
        let id = advance.id.into();
        let is_over = advance.state.is_over();
        let (machine, pending) = (advance.machine.as_deref().into(), advance.pending.as_str().into());
        let (error, more) = (advance.error.as_deref().into(), i64::try_from(advance.lines.len()).unwrap_or(0).into());
        if advance.state == advance.was && !is_over {
            stay.push(&[id, machine, pending, error, more]);
        } else {
            let ended_at = is_over.then_some(advance.at).into();
            moved.push(&[id, advance.state.name().into(), machine, pending, error, more, ended_at]);
        }
        for line in &advance.lines {
            let (step, entry) = (line.step.as_deref().into(), line.entry.as_str().into());
            lines.push(&[id, line.line.into(), line.at.into(), step, entry]);
        }
        for input in &advance.taken {
            taken.push(&[id, (*input).into()]);
        }
        if is_over {
            over.push((advance.id, advance.at));
        } else if let Some(release) = advance.release {
            released.push(&[id, advance.fence.into(), release.due_at.into(), release.pokes.into(), advance.at.into()]);
        }
    }
    ADVANCE_RUNS.all(connection, stay).await?;
    MOVE_RUNS.all(connection, moved).await?;
    INSERT_LINES.all(connection, lines).await?;
    TAKE_INPUTS.execute(connection, taken).await?;
    RELEASE_CLAIMS.all(connection, released).await?;
    end(connection, &over).await
}

/// What a run does to our own data: by the same statements as everybody.
async fn write_own(connection: &mut Connection, run: RunId, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::SetUserState { id, to } => rest::set_user_state(connection, *id, *to, Some(run)).await,
        Change::SetAuthenticatorState { id, to, by, at } => {
            rest::set_authenticator_state(connection, *id, *to, *by, *at, Some(run)).await
        }
        Change::Hold(whose) => rest::hold(connection, *whose, run).await,
        Change::Lift { whose, lifts, at } => rest::lift(connection, *whose, *lifts, run, *at).await,
        Change::EndSession { id, by, at } => rest::end_session(connection, *id, *by, *at).await,
        Change::CancelEnrollment { id, .. } => rest::cancel_enrollment(connection, *id).await,
        Change::LimitAuthenticator { .. }
        | Change::AskRotation { .. }
        | Change::ForgetProofs { .. }
        | Change::BlockAddress { .. }
        | Change::SwitchGateway(_)
        | Change::EndSwitch { .. }
        | Change::PutStanding { .. } => hygiene::write(connection, change).await,
        Change::OpenTask(task) => tasks::open(connection, task).await,
        Change::CloseTask(close) => tasks::close(connection, close).await,
        Change::CreateLink(link) => links::create(connection, link).await,
        Change::WithdrawLink { id, at } => links::withdraw(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

/// That it may begin is not for the run itself to say.
pub(super) static MOVE_RUNS: Set = Set::new(
    &[
        ("run_id", Id),
        ("to_state", Text),
        ("to_machine", Text),
        ("to_pending", Text),
        ("to_error", Text),
        ("more", Int),
        ("over_at", Int),
    ],
    "UPDATE runs AS r
     SET state = CASE WHEN i.to_state = 'queued' THEN r.state ELSE i.to_state END, machine = i.to_machine, pending = i.to_pending, error = i.to_error,
        lines = r.lines + i.more, ended_at = i.over_at
     FROM input i WHERE r.id = i.run_id AND COALESCE(r.ended_at, -1) < 0",
);
