//! What runs ask people: each person counts once, a proof serves one verdict, and what was answered stays so.

use domain::*;
use futures_util::future::join_all;
use store::*;
use uuid::Uuid;

use crate::home::*;
use crate::runs::{advance, claim, started, write};

pub(crate) fn task(run: RunId, quorum: i16) -> Task {
    Task {
        id: TaskId::generate(START, &Counter),
        run_id: run,
        step: "verified@3".to_owned(),
        releases: None,
        lets: ShutOut::default(),
        used: ShutOut::default(),
        workflow: "lost".to_owned(),
        user_id: None,
        subject: Some("usr_1".to_owned()),
        requester: None,
        message: Some("May she?".to_owned()),
        quorum,
        approvals: 0,
        roles: vec!["help desk".to_owned(), "a \"quoted\" one".to_owned()],
        evidence: vec!["in_person".to_owned()],
        excludes: vec![Excludes::Subject],
        level: Aal::Aal2,
        digest: [9; 32],
        state: TaskState::Open,
        created_at: START,
        expires_at: after(100),
        closed_at: None,
    }
}

/// A run that asks this.
async fn asked(store: &Store, quorum: i16) -> (ClaimedRun, Task) {
    let run = started(store, None, None, Meeting::Queue).await;
    let claimed = claim(store, after(1), after(1000)).await.into_iter().find(|one| one.run.id == run).unwrap();
    let task = task(run, quorum);
    let changes = vec![Change::OpenTask(Box::new(task.clone()))];
    assert_eq!(write(store, AdvanceRun { changes, ..advance(&claimed) }).await, Effect::Applied);
    (claimed, task)
}

pub(crate) fn verdict(task: &Task, user: UserId, approves: bool) -> GiveVerdict {
    let verdict = TaskVerdict {
        task_id: task.id,
        user_id: user,
        approves,
        roles: vec!["help desk".to_owned()],
        evidence: vec!["in_person".to_owned()],
        reason: Some("her passport".to_owned()),
        level: Aal::Aal2,
        challenge_id: None,
        authenticator_id: None,
        application_id: application_id(),
        at: after(2),
    };
    let id = RunId::generate(after(2), &Counter).uuid();
    let input = RunInput { run_id: task.run_id, id, input: "{}".to_owned(), at: after(2) };
    let input = task.releases.is_none().then_some(input);
    GiveVerdict { verdict, session_id: None, page_id: None, run_id: task.run_id, input }
}

pub(crate) async fn give(store: &Store, give: GiveVerdict) -> Effect {
    commit(store, Change::GiveVerdict(Box::new(give))).await
}

pub(crate) async fn people(store: &Store, count: usize) -> Vec<UserId> {
    let mut ids = Vec::new();
    for number in 0..count {
        let user = user(&format!("person-{number}"));
        ids.push(user.id);
        apply(store, Change::CreateUser(user)).await;
    }
    ids
}

fn applied(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| **effect == Effect::Applied).count()
}

on_both_engines! {
    async fn w03_of_verdicts_that_come_at_once_as_many_count_as_are_asked_for_and_each_person_once(home: Home) {
        let store = home.open().await;
        let other = if home.is_sqlite() { store.clone() } else { home.open().await };
        let (claimed, task) = asked(&store, 3).await;
        let people = people(&store, 10).await;
        // Each says yes twice, at two servers.
        let all = people.iter().flat_map(|id| [(&store, *id), (&other, *id)]);
        let all = join_all(all.map(|(store, id)| give(store, verdict(&task, id, true)))).await;
        assert_eq!(applied(&all), 3, "{all:?}");
        let found = store.task(task.id).await.unwrap().unwrap();
        assert_eq!((found.state, found.approvals, found.closed_at), (TaskState::Approved, 3, Some(after(2))));
        let said = store.task_verdicts(task.id).await.unwrap();
        assert_eq!(said.len(), 3);
        assert_eq!(store.run_inbox(task.run_id).await.unwrap().len(), 3, "the run hears of those that count");
        // It was open for each of them, and is as it was asked.
        assert_eq!(Task { state: TaskState::Open, approvals: 0, closed_at: None, ..found }, task);
        assert_eq!(give(&store, verdict(&task, said[0].user_id, true)).await, Effect::Exists);
        assert_eq!(claimed.run.id, task.run_id);
    }

    async fn w03_one_no_ends_it(home: Home) {
        let store = home.open().await;
        let (_, task) = asked(&store, 2).await;
        let people = people(&store, 3).await;
        assert_eq!(give(&store, verdict(&task, people[0], true)).await, Effect::Applied);
        assert_eq!(give(&store, verdict(&task, people[1], false)).await, Effect::Applied);
        assert_eq!(give(&store, verdict(&task, people[2], true)).await, Effect::Refused);
        assert_eq!(store.task(task.id).await.unwrap().unwrap().state, TaskState::Rejected);
    }

    /// T-31: whoever is erased and made anew, under another id, is no second person.
    async fn w03_t31_what_somebody_approved_who_is_erased_counts_only_where_it_was_decided(home: Home) {
        let store = home.open().await;
        let (_, open) = asked(&store, 2).await;
        let (_, decided) = asked(&store, 1).await;
        let people = people(&store, 3).await;
        for task in [&open, &decided] {
            assert_eq!(give(&store, verdict(task, people[0], true)).await, Effect::Applied);
        }
        apply(&store, Change::EraseUser { id: people[0] }).await;
        let of = async |task: &Task| store.task(task.id).await.unwrap().map(|task| (task.state, task.approvals)).unwrap();
        assert_eq!(of(&open).await, (TaskState::Open, 0));
        assert_eq!(of(&decided).await, (TaskState::Approved, 1));
        let inbox = store.run_inbox(open.run_id).await.unwrap();
        assert_eq!(inbox.len(), 2, "what was said, and that it does not count");
        assert_eq!(inbox[1].1, RunInput::withdrawn(&open.step, people[0]), "and that after it");
        assert_eq!(store.run_inbox(decided.run_id).await.unwrap().len(), 1);
        assert_eq!(give(&store, verdict(&open, people[1], true)).await, Effect::Applied);
        assert_eq!(of(&open).await, (TaskState::Open, 1), "one person is one");
        assert_eq!(give(&store, verdict(&open, people[2], true)).await, Effect::Applied);
        assert_eq!(of(&open).await, (TaskState::Approved, 2));
    }

    async fn w03_who_is_suspended_or_too_late_or_unknown_does_not_count(home: Home) {
        let store = home.open().await;
        let (_, task) = asked(&store, 1).await;
        let people = people(&store, 2).await;
        apply(&store, Change::SetUserState { id: people[0], to: UserState::Suspended }).await;
        assert_eq!(give(&store, verdict(&task, people[0], true)).await, Effect::Refused);
        let nobody = UserId::from_uuid(Uuid::from_u128(1));
        assert_eq!(give(&store, verdict(&task, nobody, true)).await, Effect::Refused);
        let mut late = verdict(&task, people[1], true);
        late.verdict.at = task.expires_at;
        assert_eq!(give(&store, late).await, Effect::Refused);
        assert_eq!(store.task_verdicts(task.id).await.unwrap(), []);
        assert_eq!(store.run_inbox(task.run_id).await.unwrap(), [], "the run hears of none of them");
        assert_eq!(give(&store, verdict(&task, people[1], true)).await, Effect::Applied);
    }

    /// S-05: a proof is used up by the verdict, in one commit with it.
    async fn w03_a_proof_serves_one_verdict_and_counts_as_long_as_what_it_was_given_with(home: Home) {
        let store = home.open().await;
        let (_, task) = asked(&store, 9).await;
        let ann = settle(&store, "ann").await;
        let bob = settle(&store, "bob").await;
        let challenge = ask(&store, &ann).await;
        let resting = |task: &Task, user: UserId, challenge: &Challenge, authenticator: AuthenticatorId| {
            let mut give = verdict(task, user, true);
            give.verdict.challenge_id = Some(challenge.id);
            give.verdict.authenticator_id = Some(authenticator);
            give.session_id = challenge.session_id;
            give
        };
        let by_ann = resting(&task, ann.user.id, &challenge, ann.authenticator);
        assert_eq!(give(&store, by_ann.clone()).await, Effect::Refused, "it is not satisfied yet");
        apply(&store, Change::Satisfy(satisfy(&challenge, ann.authenticator, 200))).await;
        let by_bob = resting(&task, bob.user.id, &challenge, bob.authenticator);
        assert_eq!(give(&store, by_bob).await, Effect::Refused, "it is somebody else's");
        // Two tasks at once by one proof.
        let (_, second) = asked(&store, 9).await;
        let by_ann_too = resting(&second, ann.user.id, &challenge, ann.authenticator);
        let both = join_all([give(&store, by_ann.clone()), give(&store, by_ann_too)]).await;
        assert_eq!(applied(&both), 1, "{both:?}");
        let use_it = Change::UseChallenge { id: challenge.id, at: after(3) };
        assert_eq!(commit(&store, use_it).await, Effect::Refused, "it is used up");

        let challenge = ask(&store, &bob).await;
        apply(&store, Change::Satisfy(satisfy(&challenge, bob.authenticator, 200))).await;
        let suspend = |to| Change::SetAuthenticatorState { id: bob.authenticator, to, by: None, at: after(2) };
        apply(&store, suspend(AuthenticatorState::Suspended)).await;
        let by_bob = resting(&task, bob.user.id, &challenge, bob.authenticator);
        assert_eq!(give(&store, by_bob.clone()).await, Effect::Refused, "what it was given with is out of use");
        apply(&store, suspend(AuthenticatorState::Active)).await;
        assert_eq!(give(&store, by_bob).await, Effect::Applied);
    }

    async fn w03_a_time_that_is_over_takes_back_no_answer(home: Home) {
        let store = home.open().await;
        let (claimed, task) = asked(&store, 1).await;
        let people = people(&store, 1).await;
        assert_eq!(give(&store, verdict(&task, people[0], true)).await, Effect::Applied);
        let close = |to, only_open| {
            let close = CloseTask { run_id: task.run_id, step: task.step.clone(), to, only_open, at: after(200) };
            AdvanceRun { changes: vec![Change::CloseTask(close)], pending: "[1]".to_owned(), ..advance(&claimed) }
        };
        assert_eq!(write(&store, close(TaskState::Timeout, true)).await, Effect::Refused);
        let run = store.run(task.run_id).await.unwrap().unwrap();
        assert_eq!(run.pending, "[]", "nothing of that step is written");
        assert_eq!(write(&store, close(TaskState::Cancelled, false)).await, Effect::Applied);
        assert_eq!(store.task(task.id).await.unwrap().unwrap().state, TaskState::Approved, "that is what people said");

        let (claimed, task) = asked(&store, 1).await;
        let close = CloseTask { run_id: task.run_id, step: task.step.clone(), to: TaskState::Timeout, only_open: true, at: after(200) };
        let advance = AdvanceRun { changes: vec![Change::CloseTask(close)], ..advance(&claimed) };
        assert_eq!(write(&store, advance).await, Effect::Applied);
        let found = store.task(task.id).await.unwrap().unwrap();
        assert_eq!((found.state, found.closed_at), (TaskState::Timeout, Some(after(200))));
        assert_eq!(give(&store, verdict(&task, people[0], true)).await, Effect::Refused);
    }

    async fn w03_tasks_are_found_by_role_and_go_with_their_run_and_those_who_decided(home: Home) {
        let store = home.open().await;
        let (_, task) = asked(&store, 2).await;
        let found = |role: &str| {
            let filter = TaskFilter { role: Some(role.to_owned()), state: Some(TaskState::Open), ..TaskFilter::default() };
            let store = store.clone();
            async move { store.tasks(&filter, PageRequest { after: None, limit: 10 }).await.unwrap().items.len() }
        };
        for (role, count) in [("help desk", 1), ("a \"quoted\" one", 1), ("desk", 0), ("quoted", 0), ("%", 0), ("", 0), ("in_person", 0)] {
            assert_eq!(found(role).await, count, "{role}");
        }
        let people = people(&store, 1).await;
        assert_eq!(give(&store, verdict(&task, people[0], true)).await, Effect::Applied);
        apply(&store, Change::EraseUser { id: people[0] }).await;
        assert_eq!(store.task_verdicts(task.id).await.unwrap(), [], "what a person said goes with them");
        assert_eq!(store.task(task.id).await.unwrap().unwrap().approvals, 0, "nor does it count");

        let ann = settle(&store, "ann").await;
        let run = started(&store, Some(ann.user.id), None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(1000)).await.into_iter().find(|one| one.run.id == run).unwrap();
        let about_ann = Task { user_id: Some(ann.user.id), ..self::task(run, 1) };
        let changes = vec![Change::OpenTask(Box::new(about_ann.clone()))];
        assert_eq!(write(&store, AdvanceRun { changes, ..advance(&claimed) }).await, Effect::Applied);
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(store.task(about_ann.id).await.unwrap(), None, "what was asked about a person goes with them");
    }
}
