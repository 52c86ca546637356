//! What runs ask people, and what these say.
//!
//! A task is opened and closed in the commit of the step that does so. A verdict is counted in a commit of its own, together with the proof that it
//! rests on, which is used up by it, and what comes for the run. Whether it can count is found out there, where somebody hears of it: the run takes
//! every verdict that was counted.

use aws_lc_rs::digest;
use domain::event::About;
use domain::{
    Aal, ActionHash, AuthenticatorId, Challenge, ChallengeId, ChallengeState, Event, EventKind, Excludes, HostedPage,
    Page, PageRequest, Requirement, Run, RunId, SessionId, ShutOut, Task, TaskId, TaskState, TaskVerdict, Timestamp,
    User, UserId, UserState,
};
use serde_json::{Map, Value, json};
use store::{Change, CloseTask, Effect, GiveVerdict, RunInput, TaskFilter};
use workflow::{Closed, Effect as Wanted, Excluded, Input, Key, Run as Machine, Verdict};

use super::inside::Own;
use super::people::{People, Person};
use crate::app::challenges::{Ask, Whom, action_hash};
use crate::app::telling::With;
use crate::app::{Actor, App, Error, Made, Once, UserRef};

/// How much of a message the person is shown who proves something for it, in characters.
const SHOWN: usize = 500;

/// A task with whom it names, and what was said to it.
#[derive(Debug)]
pub(crate) struct ShownTask {
    pub(crate) task: Task,
    pub(crate) people: People,
    pub(crate) verdicts: Vec<TaskVerdict>,
}

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

/// What somebody is about to say, as far as that is known.
#[derive(Debug)]
pub(crate) struct AboutToSay {
    pub(crate) approves: bool,
    /// The roles that they have, where the application says them already.
    pub(crate) roles: Option<Vec<String>>,
    /// What they say that they have seen, where the application says it already.
    pub(crate) evidence: Option<Vec<String>>,
}

/// What a verdict rests on.
struct Rests {
    level: Aal,
    challenge_id: Option<ChallengeId>,
    authenticator_id: Option<AuthenticatorId>,
    session_id: Option<SessionId>,
    action_hash: Option<ActionHash>,
}

const DECIDED: Error = Error::Conflict("this person has decided before: each one does once, and for good");

impl App {
    /// What a step asks people, and asks no more: part of its commit.
    pub(super) async fn asked(
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

    pub(super) fn new_task(
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

    /// What runs ask people, the oldest first.
    pub(crate) async fn tasks(
        &self,
        filter: &TaskFilter,
        page: PageRequest<TaskId>,
    ) -> Result<Page<(Task, People), TaskId>, Error> {
        let found = self.store.tasks(filter, page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for task in found.items {
            let people = self.people_of(&task).await?;
            items.push((task, people));
        }
        Ok(Page { items, next: found.next })
    }

    /// A task, and what was said to it.
    pub(crate) async fn task(&self, id: TaskId) -> Result<ShownTask, Error> {
        let task = self.store.task(id).await?.ok_or(Error::NotFound("task"))?;
        let people = self.people_of(&task).await?;
        Ok(ShownTask { verdicts: self.store.task_verdicts(id).await?, people, task })
    }

    /// Asks for the proof that a verdict on a task takes, of whoever may say it. It is bound to the task, to whom that is about as they are called now,
    /// and to whether the verdict is a yes.
    pub(crate) async fn challenge_for_task(
        &self,
        actor: &Actor,
        id: TaskId,
        whom: Whom,
        says: &AboutToSay,
        once: Option<&Once>,
    ) -> Result<Made<Challenge>, Error> {
        let task = self.open_task(id).await?;
        let who = match &whom {
            Whom::Session(id) => UserRef::Id(self.own_session(actor, *id).await?.user_id),
            Whom::User(user) => user.clone(),
            Whom::Anybody => return Err(Error::Internal("a verdict is asked for of nobody".to_owned())),
        };
        // What could not count anyway is no use for a code.
        self.may_be_asked(&task, &who, says).await?;
        let about = self.people_of(&task).await?.about;
        let context = context_of(&task, about.as_ref(), says.approves);
        let ask = Ask {
            whom,
            action: action_of(says.approves).to_owned(),
            shown: shown_of(&context).map(|(name, _)| name.clone()).collect(),
            required: Some(Requirement { aal: Some(task.level), ..Requirement::default() }),
            lifetime: Challenge::LIFETIME,
            context,
        };
        self.create_challenge(actor, ask, once).await
    }

    /// Whether somebody is asked to prove a verdict: they may say it, and did not before.
    async fn may_be_asked(&self, task: &Task, who: &UserRef, says: &AboutToSay) -> Result<(), Error> {
        let user = self.who_decides(task, who, says).await?;
        if self.store.task_verdicts(task.id).await?.iter().any(|verdict| verdict.user_id == user.id) {
            return Err(DECIDED);
        }
        Ok(())
    }

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

    async fn open_task(&self, id: TaskId) -> Result<Task, Error> {
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

    /// What a verdict rests on: a proof for this very task, fresh, and of the level that is asked for.
    async fn verdict_rests_on(
        &self,
        actor: &Actor,
        task: &Task,
        user: UserId,
        new: &NewVerdict,
        now: Timestamp,
    ) -> Result<Rests, Error> {
        let Some(id) = new.challenge_id else {
            if task.level > Aal::Aal1 {
                return Err(Error::StepUpNeeded(
                    "deciding this takes a proof for this very task: make a challenge for it, and name that once it is satisfied",
                ));
            }
            // That whoever decides is who they are the application says, and no more.
            return Ok(Rests {
                level: Aal::Aal1,
                challenge_id: None,
                authenticator_id: None,
                session_id: None,
                action_hash: None,
            });
        };
        let unfit = |why: &str| Error::invalid("/challenge_id", why);
        let challenge = self.challenge(actor, id).await?;
        let satisfied = challenge.satisfied.as_ref().filter(|_| challenge.state == ChallengeState::Satisfied);
        let satisfied = satisfied.ok_or_else(|| unfit("names a challenge that is not satisfied"))?;
        let about = self.people_of(task).await?.about;
        if !is_for(&challenge, task, about.as_ref(), user, new.approves) {
            return Err(unfit("names a challenge that was not made for this task, this person and this verdict"));
        }
        if now.since(satisfied.at) > Challenge::ASSERTION_LIFETIME {
            return Err(unfit("names a challenge that was satisfied too long ago"));
        }
        if satisfied.aal < task.level {
            return Err(Error::StepUpNeeded("deciding this takes a proof of a higher level"));
        }
        Ok(Rests {
            level: satisfied.aal,
            challenge_id: Some(id),
            authenticator_id: Some(satisfied.authenticator_id),
            session_id: challenge.session_id,
            action_hash: Some(challenge.action_hash),
        })
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

/// What a proof for a verdict is asked for.
const fn action_of(approves: bool) -> &'static str {
    if approves { "task.approve" } else { "task.reject" }
}

/// What of it the person is shown: whose account it is before everything that somebody wrote. They come in the order of their names.
const FACTS: [&str; 4] = ["about", "display_name", "message", "workflow"];

/// What it is bound to: run, step and input, by the digest of all that is asked; whom it is about, as they are called now; and what of it the person is shown.
/// Who is called otherwise by the time of the verdict was not who was shown, and the proof counts no more.
fn context_of(task: &Task, about: Option<&Person>, approves: bool) -> Map<String, Value> {
    let mut context = Map::from_iter([
        ("task".to_owned(), task.id.to_string().into()),
        ("run".to_owned(), task.run_id.to_string().into()),
        ("step".to_owned(), task.step.as_str().into()),
        ("workflow".to_owned(), task.workflow.as_str().into()),
        ("digest".to_owned(), data_encoding::HEXLOWER.encode(&task.digest).into()),
        ("approves".to_owned(), approves.into()),
    ]);
    let cut = |text: &str| Value::from(text.chars().take(SHOWN).collect::<String>());
    let external_id = about.map(|about| &about.external_id);
    if let Some(name) = external_id.or(task.subject.as_ref()) {
        context.insert("about".to_owned(), cut(name));
    }
    if let Some(name) = about.and_then(|about| about.display_name.as_ref()) {
        context.insert("display_name".to_owned(), cut(name));
    }
    if let Some(message) = &task.message {
        context.insert("message".to_owned(), cut(message));
    }
    context
}

/// Whether a challenge was made for this task, this person and this verdict, and showed all of it. What was shown is no part of the hash: a challenge that was
/// made otherwise for the same may have shown nothing.
fn is_for(challenge: &Challenge, task: &Task, about: Option<&Person>, user: UserId, approves: bool) -> bool {
    let (action, context) = (action_of(approves), context_of(task, about, approves));
    let shown: Map<String, Value> = shown_of(&context).map(|(name, value)| (name.clone(), value.clone())).collect();
    challenge.user_id == Some(user)
        && challenge.action == action
        && challenge.shown == shown
        && challenge.action_hash == action_hash(challenge.id, user, challenge.session_id, action, context)
}

fn shown_of(context: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    FACTS.into_iter().filter_map(|name| context.get_key_value(name))
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

fn about(task: &Task) -> About {
    About { user_id: task.user_id, ..About::default() }
}

pub(super) fn of_task(event: Event, task: &Task) -> Event {
    let event = event.with("task", task.id.to_string()).with("run", task.run_id.to_string());
    event.with("workflow", task.workflow.as_str()).with("step", task.step.as_str())
}

pub(super) fn opened(event: Event, task: &Task, depth: u32) -> Event {
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
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn task() -> (Task, Run) {
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

    #[test]
    fn w03_a_proof_for_a_no_is_none_for_a_yes() {
        let (task, _) = task();
        assert_ne!(context_of(&task, None, true), context_of(&task, None, false));
        assert_ne!(action_of(true), action_of(false));
    }

    #[test]
    fn w03_t31_a_proof_that_showed_less_is_none() {
        let (task, _) = task();
        let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
        let id = ChallengeId::from_uuid(uuid::Uuid::from_u128(8));
        let context = context_of(&task, None, true);
        let shown: Map<String, Value> = shown_of(&context).map(|(name, value)| (name.clone(), value.clone())).collect();
        let made = Challenge {
            id,
            application_id: domain::ApplicationId::from_uuid(uuid::Uuid::from_u128(3)),
            user_id: Some(user),
            session_id: None,
            action: action_of(true).to_owned(),
            shown,
            action_hash: action_hash(id, user, None, action_of(true), context),
            state: ChallengeState::Open,
            failures: 0,
            created_at: task.created_at,
            expires_at: task.expires_at,
            required: None,
            satisfied: None,
        };
        assert!(is_for(&made, &task, None, user, true));
        assert!(!is_for(&made, &task, None, user, false), "a no");
        assert!(!is_for(&made, &task, None, UserId::from_uuid(uuid::Uuid::from_u128(9)), true), "somebody else");
        let blind = Challenge { shown: Map::new(), ..made.clone() };
        assert!(!is_for(&blind, &task, None, user, true), "it showed nothing");
        let mut other = made;
        other.shown.insert("about".to_owned(), json!("somebody else"));
        assert!(!is_for(&other, &task, None, user, true), "it showed somebody else");
    }

    #[test]
    fn w03_t31_a_proof_shows_whose_account_it_is_before_what_somebody_wrote() {
        let (task, _) = task();
        let ann = Person {
            user_id: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            external_id: "ann".to_owned(),
            display_name: Some("Ann Smith".to_owned()),
        };
        let shown = |about: Option<&Person>| -> Vec<(String, Value)> {
            shown_of(&context_of(&task, about, true)).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), json!(value));
        assert_eq!(
            shown(Some(&ann)),
            [
                pair("about", "ann"),
                pair("display_name", "Ann Smith"),
                pair("message", "May Ann come back?"),
                pair("workflow", "recovery"),
            ]
        );
        let renamed = Person { display_name: Some("Bob".to_owned()), ..ann.clone() };
        assert_ne!(context_of(&task, Some(&ann), true), context_of(&task, Some(&renamed), true));
        // Whom nobody here is called like is told in the words of the workflow.
        assert_eq!(shown(None)[0], pair("about", "usr_1"));
    }
}
