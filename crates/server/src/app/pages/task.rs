//! Deciding what a run asks, on a page: for the person whose session the application made it for, with the roles that it vouched for then. What
//! may be said, and what it takes, is for [`workflows`](super::super::workflows) to say, as where an application says it.

use domain::{
    Aal, Challenge, ChallengeId, ChallengeState, Deciding, HostedPage, PagePurpose, PageState, Task, TaskState, UserId,
    Wanted,
};

use super::super::challenges::Whom;
use super::super::workflows::{AboutToSay, NewVerdict, People, ShownTask};
use super::super::{App, Error, Made, UserRef};
use super::{Seen, Step, TWICE, Visit, Visitor};

/// What a page shows of what is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The task, as it is.
    pub(crate) task: Task,
    /// Whom it names.
    pub(crate) people: People,
}

/// What somebody says on a page.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) approves: bool,
    pub(crate) evidence: Vec<String>,
    pub(crate) reason: Option<String>,
}

impl App {
    /// What there is to do: to decide, to prove for it, or to go back. What was proved by whichever way is said to the task here.
    pub(super) async fn step_of_task(&self, visit: &mut Visit) -> Result<Step, Error> {
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        if !session.is_live(self.now()) {
            return Err(Error::SessionOver);
        }
        let task_id = deciding(&visit.page)?.task_id;
        let (shown, user) = (self.task(task_id).await?, user_of(visit)?);
        if shown.verdicts.iter().any(|verdict| verdict.user_id == user) {
            return Ok(Step::Done);
        }
        let is_open = shown.task.state_at(self.now()) == TaskState::Open;
        let challenge = if is_open { self.challenge_of(visit).await? } else { None };
        let Some(challenge) = challenge else { return Ok(asked(shown)) };
        match challenge.state_at(self.now()) {
            // A verdict takes a proof by the person, and is worth no browser's being remembered.
            ChallengeState::Open => self.to_prove(visit, challenge.action, challenge.shown, None).await,
            ChallengeState::Satisfied => match self.say(visit, user, challenge.id).await {
                Ok(()) => Ok(Step::Done),
                // What is asked was closed meanwhile, and that is what there is to see.
                Err(Error::Conflict(why)) => match self.task(task_id).await? {
                    shown if shown.task.state_at(self.now()) != TaskState::Open => Ok(asked(shown)),
                    _ => Err(Error::Conflict(why)),
                },
                // It was proved too long ago.
                Err(Error::Invalid(_)) => self.ask_again(visit, shown).await,
                Err(other) => Err(other),
            },
            ChallengeState::Failed | ChallengeState::Expired | ChallengeState::Cancelled => {
                self.ask_again(visit, shown).await
            }
        }
    }

    /// What was said cannot be proved any more: it is said anew.
    async fn ask_again(&self, visit: &mut Visit, shown: ShownTask) -> Result<Step, Error> {
        let before = deciding(&visit.page)?.clone();
        let anew = Deciding { approves: None, evidence: Vec::new(), reason: None, ..before };
        let next = HostedPage { challenge_id: None, wanted: Some(Wanted::Decide(anew)), ..visit.page.clone() };
        self.go_on(visit, next).await?;
        Ok(asked(shown))
    }

    /// Takes what somebody says on a page, and has them prove for it first where that is asked for. What could not count is refused before
    /// anything is proved for it.
    pub(crate) async fn decide_on_page(&self, visitor: &Visitor, said: Said) -> Result<Seen, Error> {
        let mut visit = self.visit_open(visitor).await?;
        if visit.page.purpose != PagePurpose::Task {
            return Err(Error::Conflict("this page is not for deciding a task"));
        }
        let (before, user) = (deciding(&visit.page)?.clone(), user_of(&visit)?);
        if before.approves.is_some() {
            return Err(Error::Conflict("something was said on this page already: prove it, or cancel the page"));
        }
        let Said { approves, evidence, reason } = said;
        let deciding = Deciding { approves: Some(approves), evidence, reason, ..before };
        let new = NewVerdict { page: Some(visit.page.clone()), ..verdict(&deciding, user, None)? };
        let (task, _) = self.may_say(deciding.task_id, &new).await?;
        if task.level == Aal::Aal1 {
            // That it is them the application says, as where it says the verdict by itself.
            self.give_verdict(&visit.actor, task.id, new).await?;
            return self.look(visit).await;
        }
        let whom = Whom::Session(visit.session_id()?);
        let says = AboutToSay { approves, roles: Some(new.roles), evidence: Some(new.evidence) };
        let made = self.challenge_for_task(&visit.actor, task.id, whom, &says, None).await?;
        let Made::New(Challenge { id, .. }) = made else {
            return Err(Error::Internal("a challenge without an idempotency key was made before".to_owned()));
        };
        let next = HostedPage { challenge_id: Some(id), wanted: Some(Wanted::Decide(deciding)), ..visit.page.clone() };
        if !self.advance(&mut visit, next).await? {
            self.cancel_challenge(&visit.actor, id).await?;
            return Err(TWICE);
        }
        self.look(visit).await
    }

    /// Whether a page may be made on which somebody decides: they may say no at least, and have said nothing yet.
    pub(super) async fn may_decide_on_page(&self, deciding: &Deciding, user: UserId) -> Result<Task, Error> {
        let no = Deciding { approves: Some(false), ..deciding.clone() };
        let (task, _) = self.may_say(deciding.task_id, &verdict(&no, user, None)?).await?;
        if self.task(task.id).await?.verdicts.iter().any(|verdict| verdict.user_id == user) {
            return Err(Error::Conflict("this person has decided before: each one does once, and for good"));
        }
        Ok(task)
    }

    /// What came of a page on which somebody has decided.
    pub(super) async fn outcome_of_task(&self, visit: &Visit) -> Result<PageState, Error> {
        let (shown, user) = (self.task(deciding(&visit.page)?.task_id).await?, user_of(visit)?);
        let said = shown.verdicts.iter().find(|verdict| verdict.user_id == user);
        Ok(match said {
            Some(verdict) if verdict.approves => PageState::Approved,
            Some(_) => PageState::Rejected,
            None => PageState::Cancelled,
        })
    }

    async fn say(&self, visit: &Visit, user: UserId, challenge: ChallengeId) -> Result<(), Error> {
        let deciding = deciding(&visit.page)?;
        let verdict = NewVerdict { page: Some(visit.page.clone()), ..verdict(deciding, user, Some(challenge))? };
        self.give_verdict(&visit.actor, deciding.task_id, verdict).await.map(drop)
    }
}

fn asked(shown: ShownTask) -> Step {
    let ShownTask { task, people, .. } = shown;
    Step::Decide(Box::new(Asked { task, people }))
}

fn deciding(page: &HostedPage) -> Result<&Deciding, Error> {
    match &page.wanted {
        Some(Wanted::Decide(deciding)) => Ok(deciding),
        _ => Err(Error::Internal("a page for deciding names no task".to_owned())),
    }
}

fn user_of(visit: &Visit) -> Result<UserId, Error> {
    visit.page.user_id.ok_or(Error::PageOver)
}

fn verdict(deciding: &Deciding, user: UserId, challenge_id: Option<ChallengeId>) -> Result<NewVerdict, Error> {
    let Deciding { roles, approves, evidence, reason, .. } = deciding.clone();
    let approves = approves.ok_or(Error::Conflict("nothing was said on this page yet"))?;
    Ok(NewVerdict { who: UserRef::Id(user), approves, roles, evidence, reason, challenge_id, page: None })
}

/// The challenge of what was said on a page.
pub(super) fn challenge_to_decide(visit: &Visit, by_browser: bool) -> Result<ChallengeId, Error> {
    if by_browser {
        return Err(Error::Conflict("being remembered is not enough to decide something"));
    }
    visit.page.challenge_id.ok_or(Error::Conflict("no proof is wanted here now"))
}
