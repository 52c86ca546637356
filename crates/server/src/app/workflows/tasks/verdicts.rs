//! Taking what people say.
//!
//! A verdict is counted in a commit of its own, together with the proof that it rests on, which is used up by it, and what comes for the run. Whether it
//! can count is found out there, where somebody hears of it: the run takes every verdict that was counted.

use domain::event::About;
use domain::{ChallengeId, Event, EventKind, HostedPage, RunId, Task, TaskId, TaskVerdict};
use serde_json::json;
use store::{Change, Effect, GiveVerdict, RunInput};
use workflow::{Input, Key, Verdict};

use super::deciders::DECIDED;
use super::proof::Rests;
use super::{ShownTask, about, of_task};
use crate::app::telling::With;
use crate::app::{Actor, App, Error, UserRef};

/// What somebody says.
#[derive(Debug)]
pub(crate) struct NewVerdict {
    /// Who.
    pub(crate) who: UserRef,
    /// Yes or no.
    pub(crate) approves: bool,
    /// The roles that they have, in the application's words.
    pub(crate) roles: Vec<String>,
    /// What they say that they have seen.
    pub(crate) evidence: Vec<String>,
    /// Why, in their words.
    pub(crate) reason: Option<String>,
    /// What they proved for it.
    pub(crate) challenge_id: Option<ChallengeId>,
    /// The page that they say it on, which is over with it.
    pub(crate) page: Option<HostedPage>,
}

impl App {
    /// Takes what somebody says to a task. What cannot count is refused, and changes nothing.
    pub(crate) async fn give_verdict(&self, actor: &Actor, id: TaskId, new: NewVerdict) -> Result<ShownTask, Error> {
        let now = self.now();
        let (task, user) = self.may_say(id, &new).await?;
        let rests = self.verdict_rests_on(actor, &task, user.id, &new, now).await?;
        let page = new.page;
        let verdict = TaskVerdict {
            task_id: task.id,
            user_id: user.id,
            approves: new.approves,
            roles: new.roles,
            // What was not asked for is nothing that anything rests on.
            evidence: task.evidence.iter().filter(|one| new.evidence.contains(one)).cloned().collect(),
            reason: new.reason,
            level: rests.level,
            challenge_id: rests.challenge_id,
            authenticator_id: rests.authenticator_id,
            application_id: actor.application.id,
            at: now,
        };
        let mut events = vec![self.told_of_verdict(actor, &task, &verdict, &rests)];
        if let Some(page) = &page {
            events.push(self.page_decided(actor, page, verdict.approves));
        }
        let input = self.verdict_for_run(&task, &verdict)?;
        // Whoever has signed out decides nothing on a page that was left open.
        let session_id = rests.session_id.or_else(|| page.as_ref()?.session_id);
        let page_id = page.map(|page| page.id);
        let give = GiveVerdict { verdict, session_id, page_id, run_id: task.run_id, input };
        match self.commit(Change::GiveVerdict(Box::new(give)), events).await? {
            Effect::Applied => {
                self.workflows.due.notify_one();
                self.task(id).await
            }
            Effect::Exists => Err(DECIDED),
            _ => Err(Error::Conflict(
                "the task wants no verdict any more, or what this one rests on counts no more: look at it again",
            )),
        }
    }

    /// What comes for the run. Whether a step is released it sees by the task itself.
    fn verdict_for_run(&self, task: &Task, verdict: &TaskVerdict) -> Result<Option<RunInput>, Error> {
        if task.releases.is_some() {
            return Ok(None);
        }
        let key: Key = task.step.parse().map_err(|why: &str| Error::Internal(why.to_owned()))?;
        let said = Verdict {
            by: verdict.user_id.to_string(),
            approves: verdict.approves,
            roles: verdict.roles.clone(),
            evidence: verdict.evidence.clone(),
            level: verdict.level,
        };
        let input = json!(Input::Verdict { key, verdict: said }).to_string();
        let id = RunId::generate(verdict.at, &*self.entropy).uuid();
        Ok(Some(RunInput { run_id: task.run_id, id, input, at: verdict.at }))
    }

    fn told_of_verdict(&self, actor: &Actor, task: &Task, verdict: &TaskVerdict, rests: &Rests) -> Event {
        let kind = if verdict.approves { EventKind::TaskApproved } else { EventKind::TaskRejected };
        let about = About {
            authenticator_id: rests.authenticator_id,
            session_id: rests.session_id,
            challenge_id: rests.challenge_id,
            ..about(task)
        };
        let event = of_task(self.event(kind, Some(actor), about), task)
            .with("by", verdict.user_id.to_string())
            .with("evidence", verdict.evidence.clone())
            .with("aal", verdict.level.number());
        let event = match rests.action_hash {
            Some(hash) => event.with("action_hash", data_encoding::BASE64URL_NOPAD.encode(&hash.0)),
            None => event,
        };
        event.detailed(self.details(verdict.reason.clone().map(|reason| ("reason", reason))))
    }
}
