//! What runs would do to people and may not without two of them: asked by tasks, with the same verdicts and proofs as approvals.
//!
//! A task releases one step of one run, in every round of the loops around it, for so many users and so many administrators among them: beyond these it is asked again. Whoever carries the run looks whether it was decided each time before
//! it rests, and a verdict has the run looked at: so nothing hangs on what comes when.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::event::About;
use domain::{Aal, EventKind, Run, ShutOut, Task, TaskState, Timestamp, User};
use store::{Change, CloseTask};
use workflow::{Entry, Excluded, FailureKind, Key, Run as Machine, What};

use super::inside::Own;
use super::tasks::{of_task, opened};
use crate::app::telling::With;
use crate::app::{App, Error};

/// How many people have to approve.
pub(super) const QUORUM: usize = 2;
/// How long it can be decided. Afterwards the step stays held; trying it again asks again.
const PATIENCE: Duration = Duration::from_hours(7 * 24);

/// What a task for a step releases: the step, in whichever round.
pub(super) fn released_by(key: &Key) -> String {
    Key { iteration: Vec::new(), ..key.clone() }.to_string()
}

/// What people said of a step that is held: yes or no, if they did. The last question counts: it was asked as what was said before did not let it. After a yes
/// the step is tried; what that does not let either is asked then.
pub(super) fn decided(releases: &[Task]) -> Option<&Task> {
    releases.last().filter(|task| matches!(task.state, TaskState::Approved | TaskState::Rejected))
}

/// Whether people have to be asked, or asked again, to let a step to so many.
fn is_to_be_asked(releases: &[Task], more: ShutOut, now: Timestamp) -> bool {
    let is_said = |task: &Task| match task.state_at(now) {
        TaskState::Open | TaskState::Rejected => true,
        TaskState::Approved => more.is_within(task.still_lets()),
        TaskState::Timeout | TaskState::Cancelled => false,
    };
    !releases.iter().any(is_said)
}

/// The steps that are under way, each in whichever round.
fn under_way(machine: Option<&Machine>) -> BTreeSet<String> {
    machine.into_iter().flat_map(Machine::under_way).map(released_by).collect()
}

impl App {
    /// Asks people for what is held for them by this: part of its commit.
    pub(super) async fn asked_to_release(
        &self,
        run: &Run,
        depth: u32,
        machine: Option<&Machine>,
        history: &[Entry],
        lets: ShutOut,
    ) -> Result<Own, Error> {
        let (mut own, mut asked) = (Own::default(), BTreeSet::new());
        for entry in history {
            let (Some(key), What::Held(failure)) = (&entry.key, &entry.what) else { continue };
            let step = released_by(key);
            if failure.kind != FailureKind::ShutOut || !asked.insert(step.clone()) {
                continue;
            }
            let earlier = self.store.releases_of_run(run.id, Some(&step)).await?;
            if !is_to_be_asked(&earlier, lets, self.now()) {
                continue;
            }
            for over in earlier.iter().filter(|task| task.state == TaskState::Open) {
                self.close_release(&mut own, over, TaskState::Timeout, depth);
            }
            let asks = workflow::Task {
                quorum: QUORUM,
                roles: vec![self.settings.release_role.clone()],
                // Whom it is about is told from others where that is a user; whoever started it always.
                excludes: run.user_id.map(|_| Excluded::Subject).into_iter().chain([Excluded::Requester]).collect(),
                evidence: Vec::new(),
                level: Aal::Aal2,
                message: Some(format!("{step}: {}", failure.message)),
                until: self.now().plus(PATIENCE),
            };
            let task = self.new_task(run, machine, key, &asks, Some((step, lets)));
            let event = self.event(EventKind::TaskOpened, None, About { user_id: task.user_id, ..About::default() });
            own.events.push(opened(event, &task, depth));
            own.changes.push(Change::OpenTask(Box::new(task)));
        }
        Ok(own)
    }

    /// Asks no more for steps that were given up or done otherwise, as a run goes on.
    pub(super) async fn released_otherwise(
        &self,
        run: &Run,
        depth: u32,
        before: Option<&Machine>,
        after: Option<&Machine>,
    ) -> Result<Own, Error> {
        let mut own = Own::default();
        let still = under_way(after.filter(|machine| machine.outcome().is_none()));
        if under_way(before).is_subset(&still) {
            return Ok(own);
        }
        for task in self.store.releases_of_run(run.id, None).await? {
            let is_wanted = task.releases.as_ref().is_some_and(|step| still.contains(step));
            if task.state == TaskState::Open && !is_wanted {
                self.close_release(&mut own, &task, TaskState::Cancelled, depth);
            }
        }
        Ok(own)
    }

    /// Whether somebody is one of those who release: where the policy names administrators, one of these, whatever role the application says. Or else two
    /// people of anybody's would let a run leave the administrators with nothing.
    pub(super) async fn may_release(&self, task: &Task, user: &User) -> Result<(), Error> {
        if task.releases.is_none() {
            return Ok(());
        }
        let known = self.policy_in_force().await?;
        let policy = &known.policy;
        let is_named = policy.names_administrator(user.external_id.as_given(), &user.standing.groups);
        if is_named || !policy.names_administrators() {
            return Ok(());
        }
        Err(Error::MayNot(
            "releasing this takes two of the administrators whom the policy names (`administrators:`), by themselves or by a group that they are \
             known to be in here: a role that the application says is not enough"
                .to_owned(),
        ))
    }

    /// That the run goes by what people said: told once, by the step that asked.
    pub(super) fn told_of_release(&self, task: &Task, key: &Key, depth: u32) -> Own {
        let mut own = Own::default();
        if task.step == key.to_string() {
            self.tell_closed(&mut own, task, task.state, depth);
        }
        own
    }

    fn close_release(&self, own: &mut Own, task: &Task, to: TaskState, depth: u32) {
        self.tell_closed(own, task, to, depth);
        let (run_id, step, at) = (task.run_id, task.step.clone(), self.now());
        own.changes.push(Change::CloseTask(CloseTask { run_id, step, to, only_open: false, at }));
    }

    fn tell_closed(&self, own: &mut Own, task: &Task, to: TaskState, depth: u32) {
        let about = About { user_id: task.user_id, ..About::default() };
        let event = of_task(self.event(EventKind::TaskClosed, None, about), task);
        own.events.push(event.with("outcome", to.name()).with("depth", depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::workflows::tasks::tests::task;

    fn in_state(state: TaskState) -> Task {
        let lets = ShutOut { users: 3, administrators: 0 };
        Task { state, lets, expires_at: Timestamp::from_unix_millis(10), ..task().0 }
    }

    #[test]
    fn w09_a_step_is_asked_for_again_once_its_time_is_over_and_never_once_it_is_decided() {
        let now = Timestamp::from_unix_millis(5);
        let later = Timestamp::from_unix_millis(10);
        let one = ShutOut { users: 1, administrators: 0 };
        let asks = |states: &[TaskState], now| {
            is_to_be_asked(&states.iter().copied().map(in_state).collect::<Vec<_>>(), one, now)
        };
        assert!(asks(&[], now));
        assert!(!asks(&[TaskState::Open], now));
        assert!(asks(&[TaskState::Open], later), "its time is over");
        assert!(asks(&[TaskState::Cancelled, TaskState::Timeout], now));
        assert!(!asks(&[TaskState::Timeout, TaskState::Rejected], now));
        assert!(!asks(&[TaskState::Approved], later));
    }

    #[test]
    fn w09_beyond_what_was_approved_it_is_asked_again_and_the_last_answer_counts() {
        let now = Timestamp::from_unix_millis(5);
        let of = |users, administrators| ShutOut { users, administrators };
        let approved = |used| Task { used, ..in_state(TaskState::Approved) };
        let releases = [approved(of(0, 0))];
        assert!(!is_to_be_asked(&releases, of(3, 0), now));
        assert!(is_to_be_asked(&releases, of(4, 0), now), "more users than were asked about");
        assert!(is_to_be_asked(&releases, of(1, 1), now), "an administrator, whom nobody was asked about");
        assert!(is_to_be_asked(&[approved(of(3, 0))], of(1, 0), now), "it is used up");
        let tasks = |states: &[TaskState]| states.iter().copied().map(in_state).collect::<Vec<_>>();
        let said = |states: &[TaskState]| decided(&tasks(states)).map(|task| task.state);
        assert_eq!(said(&[TaskState::Approved]), Some(TaskState::Approved));
        assert_eq!(
            said(&[TaskState::Approved, TaskState::Open]),
            None,
            "the new question is not answered by the old one"
        );
        assert_eq!(said(&[TaskState::Approved, TaskState::Timeout]), None);
        assert_eq!(said(&[TaskState::Approved, TaskState::Rejected]), Some(TaskState::Rejected));
    }

    #[test]
    fn w09_a_release_is_of_a_step_in_every_round_and_of_no_other() {
        let released = |key: &str| released_by(&key.parse().unwrap());
        assert_eq!(released("suspend@3.7"), released("suspend"));
        assert_ne!(released("suspend@3!undo"), released("suspend@3"));
    }
}
