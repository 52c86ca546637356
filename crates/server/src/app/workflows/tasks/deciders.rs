//! Who may decide what a task asks: what could not count is told before anything is proved for it, and again as it is said.

use domain::{Excludes, Task, TaskId, TaskState, User, UserState};

use super::NewVerdict;
use crate::app::{App, Error, UserRef};

/// What somebody is about to say, as far as that is known.
#[derive(Debug)]
pub(crate) struct AboutToSay {
    pub(crate) approves: bool,
    /// The roles that they have, where the application says them already.
    pub(crate) roles: Option<Vec<String>>,
    /// What they say that they have seen, where the application says it already.
    pub(crate) evidence: Option<Vec<String>>,
}

pub(super) const DECIDED: Error = Error::Conflict("this person has decided before: each one does once, and for good");

impl App {
    /// Whether somebody is asked to prove a verdict: they may say it, and did not before.
    pub(super) async fn may_be_asked(&self, task: &Task, who: &UserRef, says: &AboutToSay) -> Result<(), Error> {
        let user = self.who_decides(task, who, says).await?;
        if self.store.task_verdicts(task.id).await?.iter().any(|verdict| verdict.user_id == user.id) {
            return Err(DECIDED);
        }
        Ok(())
    }

    /// Whether somebody may say this, but for what they have to prove: the task, and who.
    pub(crate) async fn may_say(&self, id: TaskId, new: &NewVerdict) -> Result<(Task, User), Error> {
        let task = self.open_task(id).await?;
        let (roles, evidence) = (Some(new.roles.clone()), Some(new.evidence.clone()));
        let says = AboutToSay { approves: new.approves, roles, evidence };
        let user = self.who_decides(&task, &new.who, &says).await?;
        Ok((task, user))
    }

    /// Who decides, if they may.
    async fn who_decides(&self, task: &Task, who: &UserRef, says: &AboutToSay) -> Result<User, Error> {
        let user = self.find_user(who).await?;
        let user =
            user.ok_or_else(|| Error::invalid("/user_id", "there is no such user: who decides is one of ours"))?;
        if user.state != UserState::Active {
            return Err(Error::MayNot("this user is suspended, and decides nothing".to_owned()));
        }
        self.may_decide(task, &user, says).await?;
        Ok(user)
    }

    pub(super) async fn open_task(&self, id: TaskId) -> Result<Task, Error> {
        let task = self.store.task(id).await?.ok_or(Error::NotFound("task"))?;
        match task.state_at(self.now()) {
            TaskState::Open => Ok(task),
            TaskState::Timeout => Err(Error::Conflict("the time in which this task could be decided is over")),
            _ => Err(Error::Conflict("the task is closed: it wants no verdict any more")),
        }
    }

    /// Whether somebody may say this: is none of those who do not, and has the role and has seen what is asked for.
    async fn may_decide(&self, task: &Task, user: &User, says: &AboutToSay) -> Result<(), Error> {
        let leaves_out = task.excludes.contains(&Excludes::Requester);
        let beside = if leaves_out { self.asked_beside(task.run_id).await? } else { Vec::new() };
        let known = [(Excludes::Subject, &task.subject), (Excludes::Requester, &task.requester)];
        let known =
            known.into_iter().filter(|(who, _)| task.excludes.contains(who)).filter_map(|(_, name)| name.as_ref());
        for name in known.chain(&beside) {
            match self.user_called(name).await? {
                Some(known) if known.id == user.id => {
                    let why = "whom a run is about, or who started it, does not decide what it asks";
                    return Err(Error::MayNot(why.to_owned()));
                }
                None if says.approves => {
                    return Err(Error::Conflict(
                        "nobody here is known by the name of whom the run is about or who started it, so that it cannot be told \
                         whether it is somebody else who approves",
                    ));
                }
                _ => {}
            }
        }
        self.may_release(task, user).await?;
        if let Some(roles) = &says.roles
            && !task.roles.iter().any(|role| roles.contains(role))
        {
            return Err(Error::MayNot(format!("deciding this takes a role: {}", task.roles.join(", "))));
        }
        let Some(evidence) = &says.evidence else { return Ok(()) };
        let missing: Vec<&str> =
            task.evidence.iter().filter(|one| !evidence.contains(one)).map(String::as_str).collect();
        if says.approves && !missing.is_empty() {
            return Err(Error::invalid("/evidence", format!("must name what was seen: {}", missing.join(", "))));
        }
        Ok(())
    }
}
