//! What runs ask people, and what these say.
//!
//! `asking` opens and closes tasks, `deciders` says who may decide one, `proof` what they prove for it, and `verdicts` takes what they say. How tasks are
//! seen is here.

mod asking;
mod deciders;
mod proof;
mod verdicts;

use domain::event::About;
use domain::{Event, Page, PageRequest, Task, TaskId, TaskVerdict};
use store::TaskFilter;

use super::people::People;
use crate::app::telling::With;
use crate::app::{App, Error};
pub(in crate::app::workflows) use asking::opened;
pub(crate) use deciders::AboutToSay;
pub(crate) use verdicts::NewVerdict;

/// A task with whom it names, and what was said to it.
#[derive(Debug)]
pub(crate) struct ShownTask {
    pub(crate) task: Task,
    pub(crate) people: People,
    pub(crate) verdicts: Vec<TaskVerdict>,
}

impl App {
    /// What runs ask people, the oldest first.
    pub(crate) async fn tasks(
        &self,
        filter: &TaskFilter,
        page: PageRequest<TaskId>,
    ) -> Result<Page<(Task, People), TaskId>, Error> {
        let found = self.store.tasks(filter, page).await?;
        Ok(Page { items: self.with_people(found.items).await?, next: found.next })
    }

    /// A task, and what was said to it.
    pub(crate) async fn task(&self, id: TaskId) -> Result<ShownTask, Error> {
        let task = self.store.task(id).await?.ok_or(Error::NotFound("task"))?;
        let people = self.people_of(&task).await?;
        Ok(ShownTask { verdicts: self.store.task_verdicts(id).await?, people, task })
    }
}

fn about(task: &Task) -> About {
    About { user_id: task.user_id, ..About::default() }
}

pub(in crate::app::workflows) fn of_task(event: Event, task: &Task) -> Event {
    let event = event.with("task", task.id.to_string()).with("run", task.run_id.to_string());
    event.with("workflow", task.workflow.as_str()).with("step", task.step.as_str())
}

#[cfg(test)]
pub(in crate::app::workflows) mod tests {
    use domain::{Aal, Excludes, Run, RunId, ShutOut, TaskState, Timestamp};

    use super::*;

    pub(in crate::app::workflows) fn task() -> (Task, Run) {
        let (run_id, at) = (RunId::from_uuid(uuid::Uuid::from_u128(2)), Timestamp::from_unix_millis(1));
        let task = Task {
            id: TaskId::from_uuid(uuid::Uuid::from_u128(1)),
            run_id,
            step: "verified".to_owned(),
            releases: None,
            lets: ShutOut::default(),
            used: ShutOut::default(),
            workflow: "recovery".to_owned(),
            user_id: None,
            subject: Some("usr_1".to_owned()),
            requester: Some("ana".to_owned()),
            message: Some("May Ann come back?".to_owned()),
            quorum: 1,
            approvals: 0,
            roles: vec!["helpdesk".to_owned()],
            evidence: vec!["in_person".to_owned()],
            excludes: vec![Excludes::Subject],
            level: Aal::Aal2,
            digest: [0; 32],
            state: TaskState::Open,
            created_at: at,
            expires_at: at,
            closed_at: None,
        };
        let run = Run {
            id: run_id,
            workflow: "recovery".to_owned(),
            digest: "d".to_owned(),
            state: domain::RunState::Running,
            user_id: None,
            key: None,
            cause: "{}".to_owned(),
            machine: None,
            pending: "[]".to_owned(),
            error: None,
            caller: None,
            lines: 0,
            created_at: at,
            ended_at: None,
        };
        (task, run)
    }
}
