//! Asking people, and asking no more: a task is opened and closed in the commit of the step that does so.

use aws_lc_rs::digest;
use domain::{Event, EventKind, Excludes, Run, ShutOut, Task, TaskId, TaskState};
use serde_json::json;
use store::{Change, CloseTask};
use workflow::{Closed, Effect as Wanted, Excluded, Key, Run as Machine};

use super::{about, of_task};
use crate::app::telling::With;
use crate::app::workflows::inside::Own;
use crate::app::{App, Error};

impl App {
    /// What a step asks people, and asks no more: part of its commit.
    pub(in crate::app::workflows) async fn asked(
        &self,
        run: &Run,
        depth: u32,
        machine: Option<&Machine>,
        effects: &[Wanted],
    ) -> Result<Own, Error> {
        let mut own = Own::default();
        for effect in effects {
            match effect {
                Wanted::Ask { key, task } => {
                    let task = self.new_task(run, machine, key, task, None);
                    own.events.push(opened(self.event(EventKind::TaskOpened, None, about(&task)), &task, depth));
                    own.changes.push(Change::OpenTask(Box::new(task)));
                }
                Wanted::Close { key, closed } => {
                    let (step, to) = (key.to_string(), state_of(*closed));
                    // One that was asked by an earlier version of this program, which kept none.
                    let Some(task) = self.store.task_of_step(run.id, &step).await? else { continue };
                    let event = of_task(self.event(EventKind::TaskClosed, None, about(&task)), &task);
                    own.events.push(event.with("outcome", to.name()).with("depth", depth));
                    let only_open = *closed == Closed::Timeout;
                    let close = CloseTask { run_id: run.id, step, to, only_open, at: self.now() };
                    own.changes.push(Change::CloseTask(close));
                }
                _ => {}
            }
        }
        Ok(own)
    }

    pub(in crate::app::workflows) fn new_task(
        &self,
        run: &Run,
        machine: Option<&Machine>,
        key: &Key,
        asked: &workflow::Task,
        releases: Option<(String, ShutOut)>,
    ) -> Task {
        let now = self.now();
        let (releases, lets) = releases.unzip();
        let text = |text: Option<&str>| text.map(str::to_owned);
        let mut task = Task {
            id: TaskId::generate(now, &*self.entropy),
            run_id: run.id,
            step: key.to_string(),
            releases,
            lets: lets.unwrap_or_default(),
            used: ShutOut::default(),
            workflow: run.workflow.clone(),
            user_id: run.user_id,
            subject: text(machine.and_then(Machine::subject)),
            requester: text(machine.and_then(Machine::requester)),
            message: asked.message.clone(),
            quorum: i16::try_from(asked.quorum).unwrap_or(i16::MAX),
            approvals: 0,
            roles: asked.roles.clone(),
            evidence: asked.evidence.clone(),
            excludes: asked.excludes.iter().filter_map(|one| excludes(*one)).collect(),
            level: asked.level,
            digest: [0; 32],
            state: TaskState::Open,
            created_at: now,
            expires_at: asked.until,
            closed_at: None,
        };
        task.digest = digest_of(&task, run);
        task
    }
}

/// SHA-256 over the length-prefixed task, run, step, workflow as it is written, what started the run, and all that is asked.
fn digest_of(task: &Task, run: &Run) -> [u8; 32] {
    let asked = json!({
        "subject": task.subject, "user": task.user_id, "requester": task.requester, "message": task.message, "quorum": task.quorum,
        "roles": task.roles, "evidence": task.evidence, "level": task.level, "releases": task.releases,
        "lets": { "users": task.lets.users, "administrators": task.lets.administrators },
        "excludes": task.excludes.iter().map(|one| one.name()).collect::<Vec<_>>(),
    });
    let (id, run_id, asked) = (task.id.to_string(), run.id.to_string(), asked.to_string());
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in ["countersign task v1", &id, &run_id, &task.step, &run.digest, &run.cause, &asked] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

pub(in crate::app::workflows) fn opened(event: Event, task: &Task, depth: u32) -> Event {
    of_task(event, task)
        .with("roles", task.roles.clone())
        .with("quorum", task.quorum)
        .with("aal", task.level.number())
        .with("expires_at", json!(task.expires_at))
        .with("depth", depth)
}

const fn state_of(closed: Closed) -> TaskState {
    match closed {
        Closed::Approved => TaskState::Approved,
        Closed::Rejected => TaskState::Rejected,
        Closed::Timeout => TaskState::Timeout,
        Closed::Cancelled => TaskState::Cancelled,
    }
}

fn excludes(excluded: Excluded) -> Option<Excludes> {
    Excludes::from_name(excluded.name())
}

#[cfg(test)]
mod tests {
    use domain::{Aal, RunId, UserId};

    use super::*;
    use crate::app::workflows::tasks::tests::task;

    type Change = fn(&mut Task, &mut Run);

    #[test]
    fn w03_each_part_of_what_is_asked_changes_what_a_proof_for_it_is_bound_to() {
        let (task, run) = task();
        let digest = digest_of(&task, &run);
        let changes: [Change; 16] = [
            |task, _| task.id = TaskId::from_uuid(uuid::Uuid::from_u128(9)),
            |_, run| run.id = RunId::from_uuid(uuid::Uuid::from_u128(9)),
            |task, _| task.step = "verified@1".to_owned(),
            |_, run| run.digest = "e".to_owned(),
            |_, run| run.cause = "[]".to_owned(),
            |task, _| task.subject = Some("usr_2".to_owned()),
            |task, _| task.user_id = Some(UserId::from_uuid(uuid::Uuid::from_u128(9))),
            |task, _| task.requester = None,
            |task, _| task.message = Some("May Bob come back?".to_owned()),
            |task, _| task.quorum = 2,
            |task, _| task.roles = vec!["anybody".to_owned()],
            |task, _| task.evidence = Vec::new(),
            |task, _| task.level = Aal::Aal1,
            |task, _| task.releases = Some("verified".to_owned()),
            |task, _| task.lets.users = 2,
            |task, _| task.lets.administrators = 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let (mut other, mut of) = (task.clone(), run.clone());
            change(&mut other, &mut of);
            assert_ne!(digest_of(&other, &of), digest, "change {number}");
        }
    }
}
