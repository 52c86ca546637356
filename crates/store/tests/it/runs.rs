//! Runs of workflows: claimed by one, advanced by whoever has the last claim, started once.

use domain::event::About;
use domain::*;
use futures_util::future::join_all;
use store::*;
use uuid::Uuid;

use crate::home::*;
use crate::tasks::{give, people as some_people, task, verdict};

const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

pub(crate) fn run(user: Option<UserId>, key: Option<&str>) -> Run {
    Run {
        id: RunId::generate(START, &Counter),
        workflow: "lost".to_owned(),
        digest: "d1".to_owned(),
        state: RunState::Running,
        user_id: user,
        key: key.map(str::to_owned),
        cause: "{}".to_owned(),
        machine: None,
        pending: "[]".to_owned(),
        error: None,
        caller: None,
        lines: 0,
        created_at: START,
        ended_at: None,
    }
}

pub(crate) fn new(run: Run, meeting: Meeting) -> NewRun {
    let of = |kind| event(kind, About { user_id: run.user_id, ..About::default() });
    NewRun {
        meeting,
        pace: 0,
        started: of(EventKind::RunStarted),
        skipped: of(EventKind::RunSkipped),
        awaits: vec![EventKind::AuthenticatorActivated, EventKind::GatewayUp],
        since: 5,
        run,
    }
}

pub(crate) async fn begin(store: &Store, runs: Vec<NewRun>) -> Effect {
    commit(store, Change::BeginRuns(Box::new(BeginRuns { runs, ..BeginRuns::default() }))).await
}

/// Starts a run, and answers its id.
pub(crate) async fn started(store: &Store, user: Option<UserId>, key: Option<&str>, meeting: Meeting) -> RunId {
    let run = run(user, key);
    let id = run.id;
    assert_eq!(begin(store, vec![new(run, meeting)]).await, Effect::Applied);
    id
}

pub(crate) async fn claim(store: &Store, now: Timestamp, until: Timestamp) -> Vec<ClaimedRun> {
    let claim = Uuid::from_bytes({
        let mut bytes = [0; 16];
        Counter.fill(&mut bytes);
        bytes
    });
    commit(store, Change::ClaimRuns { claim, now, until, at_most: 100 }).await;
    store.claimed_runs(claim).await.unwrap()
}

pub(crate) fn advance(claimed: &ClaimedRun) -> AdvanceRun {
    AdvanceRun {
        id: claimed.run.id,
        fence: claimed.fence,
        unless_poked: None,
        was: claimed.run.state,
        state: RunState::Running,
        machine: Some("{}".to_owned()),
        pending: "[]".to_owned(),
        error: None,
        at: after(1),
        release: None,
        taken: Vec::new(),
        lines: Vec::new(),
        changes: Vec::new(),
        spares: None,
        calls: Vec::new(),
        inputs: Vec::new(),
    }
}

pub(crate) fn over(claimed: &ClaimedRun) -> AdvanceRun {
    AdvanceRun { state: RunState::Completed, ..advance(claimed) }
}

pub(crate) async fn write(store: &Store, advance: AdvanceRun) -> Effect {
    commit(store, Change::AdvanceRun(Box::new(advance))).await
}

fn input(run_id: RunId, number: i64) -> RunInput {
    let id = RunInput::id_of_event(number);
    RunInput { run_id, id, input: format!("{number}"), at: after(1) }
}

pub(crate) async fn state(store: &Store, id: RunId) -> RunState {
    store.run(id).await.unwrap().unwrap().state
}

on_both_engines! {
    async fn w04_of_those_who_claim_runs_at_once_each_run_has_one(home: Home) {
        let store = home.open().await;
        for _ in 0..40 {
            started(&store, None, None, Meeting::Queue).await;
        }
        let all = join_all((0..8).map(|_| claim(&store, after(1), after(16)))).await.concat();
        assert_eq!(all.len(), 40);
        let ids: std::collections::BTreeSet<RunId> = all.iter().map(|one| one.run.id).collect();
        assert_eq!(ids.len(), 40);
        assert_eq!(claim(&store, after(15), after(30)).await, [], "all are claimed");
        assert_eq!(claim(&store, after(16), after(30)).await.len(), 40, "the claims are over");
    }

    /// W-04: a server that is started goes on at once with what another one left, where there can be no other one.
    async fn w04_on_sqlite_nobody_waits_for_the_claims_of_a_server_that_is_no_more(home: Home) {
        let store = home.open().await;
        let id = started(&store, None, None, Meeting::Queue).await;
        let lost = claim(&store, after(1), after(16)).await.remove(0);
        store.close().await;
        drop(store);
        let store = home.open().await;
        let taken = claim(&store, after(2), after(17)).await;
        if home.is_sqlite() {
            assert_eq!(taken.iter().map(|one| (one.run.id, one.fence)).collect::<Vec<_>>(), [(id, lost.fence + 1)]);
            assert_eq!(write(&store, over(&lost)).await, Effect::Refused, "it is another's claim");
        } else {
            assert_eq!(taken, [], "another server may go on with it");
        }
    }

    /// W-04: whoever starts runs claims as many as there is room for with it, and what is known of them is what the store has.
    async fn w04_runs_are_claimed_by_whoever_starts_them_and_by_nobody_else(home: Home) {
        let store = home.open().await;
        let queued = new(run(None, Some("one at a time")), Meeting::Queue);
        let runs = vec![queued, new(run(None, None), Meeting::Queue), new(run(None, None), Meeting::Queue), new(run(None, None), Meeting::Queue)];
        let others: Vec<RunId> = [0, 3].map(|place: usize| runs[place].run.id).to_vec();
        let claim_id = Uuid::from_u128(7);
        let begin = BeginRuns { runs, claim: Some(FirstClaim { claim: claim_id, until: after(16), at_most: 2 }), ..BeginRuns::default() };
        let mut claimed = begin.claimed();
        assert_eq!(commit(&store, Change::BeginRuns(Box::new(begin))).await, Effect::Applied);
        let mut kept = store.claimed_runs(claim_id).await.unwrap();
        claimed.sort_by_key(|one| one.run.id);
        kept.sort_by_key(|one| one.run.id);
        assert_eq!(claimed, kept);
        assert_eq!(claimed.len(), 2);

        let mut left: Vec<RunId> = claim(&store, after(1), after(16)).await.into_iter().map(|one| one.run.id).collect();
        left.sort();
        assert_eq!(left, { let mut others = others; others.sort(); others });
        assert_eq!(write(&store, over(&claimed[0])).await, Effect::Applied);
        // Whoever does not go on has lost it once the claim is over.
        let taken = claim(&store, after(17), after(30)).await;
        assert!(taken.iter().any(|one| one.run.id == claimed[1].run.id && one.fence == claimed[1].fence + 1), "{taken:?}");
        assert_eq!(write(&store, over(&claimed[1])).await, Effect::Refused);
    }

    async fn w09_no_run_leaves_an_administrator_or_too_many_with_nothing_unless_two_people_let_it(home: Home) {
        let store = home.open().await;
        let people = [settle(&store, "ann").await, settle(&store, "bob").await, settle(&store, "carl").await];
        let [ann, bob, carl] = people.each_ref().map(|person| person.user.id);
        for _ in 0..2 {
            started(&store, None, None, Meeting::Queue).await;
        }
        let claimed = claim(&store, after(1), after(60)).await;
        let spares = |users: &[UserId], administrators: &[UserId], most| {
            Some(Spares { users: users.to_vec(), administrators: administrators.to_vec(), demotes: Vec::new(), step: "suspend".to_owned(), budget: String::new(), most })
        };
        let suspend = |place: usize| Change::SetAuthenticatorState {
            id: people[place].authenticator,
            to: AuthenticatorState::Suspended,
            by: None,
            at: after(2),
        };
        let lock = |id| Change::SetUserState { id, to: UserState::Suspended };
        let step = |changes, spares| AdvanceRun { changes, spares, ..advance(&claimed[0]) };

        // What is locked, and the last factor that could be used: the backup codes beside it are none.
        assert_eq!(write(&store, step(vec![suspend(0)], spares(&[ann], &[ann], 9))).await, Effect::Refused);
        assert_eq!(write(&store, step(vec![lock(ann)], spares(&[ann], &[ann], 9))).await, Effect::Refused);
        assert_eq!(store.user(ann).await.unwrap().unwrap().state, UserState::Active, "all of it is undone");
        // As many as there may be, and by all runs together: two at once have one winner.
        let first = step(vec![suspend(1)], spares(&[bob], &[], 1));
        let second = AdvanceRun { changes: vec![lock(carl)], spares: spares(&[carl], &[], 1), ..advance(&claimed[1]) };
        let (first, second) = tokio::join!(write(&store, first), write(&store, second));
        assert!([&first, &second].into_iter().filter(|effect| **effect == Effect::Applied).count() == 1, "{first:?} {second:?}");
        let run = claimed[0].run.id;
        let leeway = store.run_leeway(run, "suspend", "", after(3)).await.unwrap();
        assert_eq!((leeway.shut_out, leeway.released, leeway.is_asked), (1, Vec::new(), false));
        // Who has nothing already loses nothing.
        if first == Effect::Applied {
            assert_eq!(write(&store, step(vec![lock(bob)], spares(&[bob], &[], 1))).await, Effect::Applied);
        }
        // A day later it is counted from nothing.
        assert_eq!(store.run_leeway(run, "suspend", "", START.plus(std::time::Duration::from_hours(25))).await.unwrap().shut_out, 0);

        // A release is a task of this run, for this step: two people, each once, and nothing before the second one.
        let lets = ShutOut { users: 1, administrators: 1 };
        let release = |run, releases: &str| Task { releases: Some(releases.to_owned()), step: releases.to_owned(), lets, ..task(run, 2) };
        let open = |claimed: &ClaimedRun, task: &Task| AdvanceRun { changes: vec![Change::OpenTask(Box::new(task.clone()))], ..advance(claimed) };
        let (other_run, other_step) = (release(claimed[1].run.id, "suspend"), release(run, "lock"));
        let theirs = release(run, "suspend");
        for (claimed, task) in [(&claimed[1], &other_run), (&claimed[0], &other_step), (&claimed[0], &theirs)] {
            assert_eq!(write(&store, open(claimed, task)).await, Effect::Applied);
        }
        let again = AdvanceRun { pending: "[1]".to_owned(), ..open(&claimed[0], &Task { id: TaskId::generate(after(9), &Counter), ..theirs.clone() }) };
        assert_eq!(write(&store, again).await, Effect::Exists, "one for a step at a time");
        let both = some_people(&store, 2).await;
        for who in both.iter().copied() {
            assert_eq!(give(&store, verdict(&other_run, who, true)).await, Effect::Applied);
            assert_eq!(give(&store, verdict(&other_step, who, true)).await, Effect::Applied);
        }
        let shuts_out = || step(vec![suspend(0)], spares(&[ann], &[ann], 0));
        assert_eq!(write(&store, shuts_out()).await, Effect::Refused, "another run's, and another step's");
        assert_eq!(give(&store, verdict(&theirs, both[0], true)).await, Effect::Applied);
        assert_eq!(give(&store, verdict(&theirs, both[0], true)).await, Effect::Exists, "the same one is one");
        assert_eq!(write(&store, shuts_out()).await, Effect::Refused);
        assert_eq!(give(&store, verdict(&theirs, both[1], true)).await, Effect::Applied);
        assert!(store.run_inbox(run).await.unwrap().is_empty() && store.run_pokes(run, claimed[0].fence).await.unwrap() > Some(0));
        assert_eq!(write(&store, shuts_out()).await, Effect::Applied);
        assert_eq!(write(&store, over(&claimed[0])).await, Effect::Applied);
    }

    /// W-09: who uses up what there may be of one workflow uses up nothing of others, who can prove again counts no more, and no day, wherever it begins, has
    /// more than there may be.
    async fn w09_who_is_left_with_nothing_counts_once_in_any_day_to_one_budget_and_as_long_as_it_is_so(home: Home) {
        let store = home.open().await;
        let mut people = Vec::new();
        for name in ["ann", "bob", "carl", "dora", "emil"] {
            people.push(settle(&store, name).await);
        }
        started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(60)).await.remove(0);
        let hour = |hours: u64| START.plus(std::time::Duration::from_hours(hours));
        let advanced = async |changes, users: &[usize], budget: &str, at| {
            let users = users.iter().map(|place| people[*place].user.id).collect();
            let spares = Spares { users, administrators: vec![], demotes: Vec::new(), step: "lock".to_owned(), budget: budget.to_owned(), most: 2 };
            write(&store, AdvanceRun { changes, spares: Some(spares), at, ..advance(&claimed) }).await
        };
        let into = |place: usize, to| Change::SetUserState { id: people[place].user.id, to };
        let locks = async |place: usize, budget, at| advanced(vec![into(place, UserState::Suspended)], &[place], budget, at).await;
        let counted = async |budget, at| store.shut_out(budget, at).await.unwrap();
        let (yes, no) = (Effect::Applied, Effect::Refused);

        assert_eq!([locks(0, "w", hour(0)).await, locks(1, "w", hour(1)).await, locks(2, "w", hour(2)).await], [yes.clone(), yes.clone(), no.clone()]);
        assert_eq!(locks(2, "", hour(2)).await, yes, "another budget");
        assert_eq!((counted("w", hour(2)).await, counted("", hour(2)).await), (2, 1));
        // Whoever lets them prove again gives it back, and only who can.
        let suspend = |to| Change::SetAuthenticatorState { id: people[0].authenticator, to, by: None, at: after(2) };
        apply(&store, suspend(AuthenticatorState::Suspended)).await;
        apply(&store, into(0, UserState::Active)).await;
        assert_eq!(counted("w", hour(2)).await, 2, "it is not locked, and has nothing");
        apply(&store, suspend(AuthenticatorState::Active)).await;
        assert_eq!(counted("w", hour(2)).await, 1);
        assert_eq!(locks(3, "w", hour(3)).await, yes);
        // The same one again in the day is one.
        apply(&store, into(3, UserState::Active)).await;
        assert_eq!((locks(3, "w", hour(4)).await, counted("w", hour(4)).await), (yes.clone(), 2));
        // No day has more: that of the second is over an hour after that of the first.
        assert_eq!(locks(0, "w", hour(23)).await, no);
        assert_eq!(counted("w", hour(25)).await, 2);
        assert_eq!((locks(0, "w", hour(26)).await, counted("w", hour(26)).await), (yes.clone(), 2));
        assert_eq!(locks(4, "w", hour(28)).await, no);
        assert_eq!(locks(4, "w", hour(29)).await, yes);
        // Who was counted then counts anew, where it happens anew.
        apply(&store, into(1, UserState::Active)).await;
        assert_eq!((locks(1, "w", hour(40)).await, counted("w", hour(40)).await), (no, 2));
        assert_eq!((locks(1, "w", hour(80)).await, counted("w", hour(80)).await), (yes, 1));
    }

    /// A run lifts what it has suspended itself, as long as no person has taken that over.
    async fn w05_a_run_lifts_what_is_suspended_by_it_and_by_others_where_it_says_so(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        for _ in 0..2 {
            started(&store, None, None, Meeting::Queue).await;
        }
        let claimed = claim(&store, after(1), after(60)).await;
        let does = async |place: usize, change| write(&store, AdvanceRun { changes: vec![change], ..advance(&claimed[place]) }).await;
        let suspend = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: after(2) };
        let lock = |to| Change::SetUserState { id: ann.user.id, to };
        for (whose, into) in [
            (Suspended::User(ann.user.id), [lock(UserState::Suspended), lock(UserState::Active)]),
            (Suspended::Authenticator(ann.authenticator), [suspend(AuthenticatorState::Suspended), suspend(AuthenticatorState::Active)]),
        ] {
            let [out, back] = into;
            let lift = |lifts| Change::Lift { whose, lifts, at: after(3) };
            // By one run: by that one, and by another one where its file says so.
            assert_eq!(does(0, lift(Lifts::Anybody)).await, Effect::Refused, "{whose:?} is not suspended");
            assert_eq!(does(0, out.clone()).await, Effect::Applied);
            assert_eq!(store.suspended_by(ann.user.id).await.unwrap(), [(whose.uuid(), HeldBy::Run(claimed[0].run.id))]);
            assert_eq!(does(1, lift(Lifts::ThisRun)).await, Effect::Refused);
            assert_eq!(does(0, lift(Lifts::ThisRun)).await, Effect::Applied);
            assert_eq!(does(0, out.clone()).await, Effect::Applied);
            assert_eq!(does(1, lift(Lifts::Workflows)).await, Effect::Applied);
            // A person takes it over, once: then no run lifts it by itself.
            assert_eq!(does(0, out.clone()).await, Effect::Applied);
            apply(&store, out.clone()).await;
            assert_eq!(commit(&store, out.clone()).await, Effect::Refused);
            assert_eq!(store.suspended_by(ann.user.id).await.unwrap(), []);
            for lifts in [Lifts::ThisRun, Lifts::Workflows] {
                assert_eq!(does(0, lift(lifts)).await, Effect::Refused, "{whose:?} {lifts:?}");
            }
            assert_eq!(does(0, lift(Lifts::Anybody)).await, Effect::Applied);
            // What another run suspends as well neither lifts by itself, whichever came first; and it is told and written once.
            assert_eq!(does(1, Change::Hold(whose)).await, Effect::Refused, "{whose:?} is not suspended");
            assert_eq!(does(0, out.clone()).await, Effect::Applied);
            assert_eq!(does(0, Change::Hold(whose)).await, Effect::Refused, "its own");
            assert_eq!(commit(&store, Change::Hold(whose)).await, Effect::Refused, "by no run");
            assert_eq!(does(1, Change::Hold(whose)).await, Effect::Applied);
            for place in [0, 1] {
                assert_eq!(does(place, Change::Hold(whose)).await, Effect::Refused, "{whose:?} is held by both");
                assert_eq!(does(place, lift(Lifts::ThisRun)).await, Effect::Refused, "{whose:?} by {place}");
            }
            assert_eq!(store.suspended_by(ann.user.id).await.unwrap(), [(whose.uuid(), HeldBy::Several)]);
            assert_eq!(does(0, lift(Lifts::Workflows)).await, Effect::Applied);
            // What several hold, and what a person does.
            for of_several in [true, false] {
                assert_eq!(does(0, out.clone()).await, Effect::Applied);
                if of_several {
                    assert_eq!(does(1, Change::Hold(whose)).await, Effect::Applied);
                }
                apply(&store, out.clone()).await;
                assert_eq!(does(1, Change::Hold(whose)).await, Effect::Refused, "it is a person's");
                assert_eq!(does(1, lift(Lifts::Workflows)).await, Effect::Refused);
                apply(&store, back.clone()).await;
            }
            // What a person does leaves nothing of a run.
            assert_eq!(does(0, out.clone()).await, Effect::Applied);
            apply(&store, back).await;
            apply(&store, out).await;
            assert_eq!(does(0, lift(Lifts::Workflows)).await, Effect::Refused);
            assert_eq!(does(0, lift(Lifts::Anybody)).await, Effect::Applied);
        }
    }

    /// A person who suspends what a run lifts at that moment: whichever comes first, it is suspended then, and by the person.
    async fn w05_who_suspends_what_a_run_is_lifting_has_it_suspended(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(60)).await.remove(0);
        let does = async |change| write(&store, AdvanceRun { changes: vec![change], ..advance(&claimed) }).await;
        let suspend = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: after(2) };
        let lock = |to| Change::SetUserState { id: ann.user.id, to };
        for (whose, [out, back]) in [
            (Suspended::User(ann.user.id), [lock(UserState::Suspended), lock(UserState::Active)]),
            (Suspended::Authenticator(ann.authenticator), [suspend(AuthenticatorState::Suspended), suspend(AuthenticatorState::Active)]),
        ] {
            for round in 0..40 {
                assert_eq!(does(out.clone()).await, Effect::Applied);
                let lifts = does(Change::Lift { whose, lifts: Lifts::ThisRun, at: after(3) });
                let person = commit(&store, out.clone());
                let effect = if round % 2 == 0 { tokio::join!(lifts, person).1 } else { tokio::join!(person, lifts).0 };
                assert_eq!(effect, Effect::Applied, "{whose:?}");
                let user = store.user(ann.user.id).await.unwrap().unwrap().state;
                let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap().state;
                let is_out = match whose {
                    Suspended::User(_) => user == UserState::Suspended,
                    Suspended::Authenticator(_) => authenticator == AuthenticatorState::Suspended,
                };
                assert!(is_out, "{whose:?} {round}");
                assert_eq!(store.suspended_by(ann.user.id).await.unwrap(), []);
                apply(&store, back.clone()).await;
            }
        }
    }

    /// W-09: who was asked about one user let nobody else, and no administrator; what was let is used up, and nothing of it by what did not happen.
    async fn w09_a_release_lets_no_more_users_and_no_more_administrators_than_were_asked_about(home: Home) {
        let store = home.open().await;
        let people = [settle(&store, "ann").await, settle(&store, "bob").await, settle(&store, "carl").await, settle(&store, "dora").await];
        let [ann, bob, carl, dora] = people.each_ref().map(|person| person.user.id);
        let run = started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(60)).await.remove(0);
        let both = some_people(&store, 2).await;
        let approved = async |users, administrators| {
            let lets = ShutOut { users, administrators };
            let task = Task { releases: Some("lock".to_owned()), step: "lock".to_owned(), lets, ..task(run, 2) };
            let open = AdvanceRun { changes: vec![Change::OpenTask(Box::new(task.clone()))], ..advance(&claimed) };
            assert_eq!(write(&store, open).await, Effect::Applied);
            for who in both.iter().copied() {
                assert_eq!(store.run_leeway(run, "lock", "", after(3)).await.unwrap().released.iter().filter(|left| left.users == users).count(), 0);
                assert_eq!(give(&store, verdict(&task, who, true)).await, Effect::Applied);
            }
            assert_eq!(store.task(task.id).await.unwrap().unwrap().lets, lets);
            task.id
        };
        // Ann is an administrator, and nobody may be left with nothing.
        let locks = async |users: &[UserId]| {
            let changes = users.iter().map(|id| Change::SetUserState { id: *id, to: UserState::Suspended }).collect();
            let spares = Spares { users: users.to_vec(), administrators: vec![ann], demotes: Vec::new(), step: "lock".to_owned(), budget: String::new(), most: 0 };
            write(&store, AdvanceRun { changes, spares: Some(spares), ..advance(&claimed) }).await
        };
        let task = approved(1, 0).await;
        assert_eq!(locks(&[ann]).await, Effect::Refused, "an administrator");
        assert_eq!(locks(&[bob, carl]).await, Effect::Refused, "two");
        assert_eq!(store.task(task).await.unwrap().unwrap().used, ShutOut::default());
        assert_eq!(locks(&[bob]).await, Effect::Applied);
        assert_eq!(store.task(task).await.unwrap().unwrap().used, ShutOut { users: 1, administrators: 0 });
        assert_eq!(locks(&[carl]).await, Effect::Refused, "it is used up");
        // Another question is another one: neither lets what both do together.
        let task = approved(2, 1).await;
        assert_eq!(locks(&[ann, carl, dora]).await, Effect::Refused);
        assert_eq!(locks(&[ann, carl]).await, Effect::Applied);
        assert_eq!(store.task(task).await.unwrap().unwrap().used, ShutOut { users: 2, administrators: 1 });
        assert_eq!(locks(&[dora]).await, Effect::Refused);
        let leeway = store.run_leeway(run, "lock", "", after(3)).await.unwrap();
        assert_eq!((leeway.shut_out, leeway.released), (0, vec![ShutOut::default(); 2]), "what is released counts to no day");
    }

    async fn w04_what_is_written_by_a_claim_that_was_lost_is_refused_as_a_whole(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        started(&store, Some(ann.user.id), None, Meeting::Queue).await;
        let [paused] = claim(&store, after(1), after(16)).await[..].to_vec().try_into().unwrap_or_else(|_| panic!("one"));
        let [other] = claim(&store, after(20), after(35)).await[..].to_vec().try_into().unwrap_or_else(|_| panic!("one"));
        let lock = Change::SetUserState { id: ann.user.id, to: UserState::Suspended };
        let late = AdvanceRun { changes: vec![lock.clone()], ..over(&paused) };
        assert_eq!(write(&store, late).await, Effect::Refused);
        assert_eq!(store.user(ann.user.id).await.unwrap().unwrap().state, UserState::Active);
        assert_eq!(commit(&store, Change::RenewRuns { runs: vec![(paused.run.id, paused.fence)], until: after(99) }).await, Effect::Refused);
        assert_eq!(store.run_pokes(paused.run.id, paused.fence).await.unwrap(), None);
        let locks = AdvanceRun { changes: vec![lock], ..over(&other) };
        assert_eq!(write(&store, locks).await, Effect::Applied);
        assert_eq!(store.user(ann.user.id).await.unwrap().unwrap().state, UserState::Suspended);
        assert_eq!(state(&store, other.run.id).await, RunState::Completed);
        assert_eq!(write(&store, over(&other)).await, Effect::Refused, "it is over");
    }

    async fn w02_a_call_that_came_before_starts_nothing_however_many_come_at_once(home: Home) {
        let store = home.open().await;
        let call = |workflow: &str, id: &str| {
            let call = Some(WebhookCall { workflow: workflow.to_owned(), id: id.to_owned(), at: START });
            let runs = vec![new(run(None, None), Meeting::Queue)];
            Change::BeginRuns(Box::new(BeginRuns { call, runs, ..BeginRuns::default() }))
        };
        let all = join_all((0..16).map(|_| commit(&store, call("lost", "msg_1")))).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        assert_eq!(count(&home, "runs"), 1);
        // Another id, and the same one for another workflow, are others.
        for (workflow, id) in [("lost", "msg_2"), ("found", "msg_1")] {
            assert_eq!(commit(&store, call(workflow, id)).await, Effect::Applied);
        }
        store.sweep(after(29 * 86_400), std::time::Duration::ZERO).await.unwrap();
        assert_eq!(count(&home, "webhook_calls"), 3);
        store.sweep(after(30 * 86_400), std::time::Duration::ZERO).await.unwrap();
        assert_eq!(count(&home, "webhook_calls"), 0);
    }

    async fn w04_a_step_and_what_it_does_are_one_commit(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        started(&store, Some(ann.user.id), None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        let end = Change::EndSession { id: ann.session.id, by: None, at: after(2) };
        let revoke = |id| Change::SetAuthenticatorState { id, to: AuthenticatorState::Revoked, by: None, at: after(2) };
        // One of them is not as it was seen: none of them is done.
        let resume = Change::SetUserState { id: ann.user.id, to: UserState::Active };
        let line = RunLine { line: 0, at: after(2), step: Some("a".to_owned()), entry: "{}".to_owned() };
        let step = |changes| AdvanceRun { changes, lines: vec![line.clone()], ..advance(&claimed) };
        assert_eq!(write(&store, step(vec![end.clone(), resume])).await, Effect::Refused);
        assert_eq!(store.session(ann.session.id).await.unwrap().unwrap().ended_at, None);
        assert_eq!(store.run_lines(claimed.run.id, whole()).await.unwrap().items, []);
        // As whoever else does it, what is proved with it counts no more.
        assert_eq!(write(&store, step(vec![revoke(ann.authenticator)])).await, Effect::Applied);
        assert_eq!(store.session(ann.session.id).await.unwrap().unwrap().aal, Aal::Aal1);
        let kinds = store.events(&EventFilter::default(), whole()).await.unwrap();
        assert!(kinds.items.iter().any(|event| event.kind == EventKind::SessionLowered));
        assert_eq!(store.run_lines(claimed.run.id, whole()).await.unwrap().items, [line]);
    }

    async fn w04_what_comes_while_a_run_is_carried_makes_it_due_at_once(home: Home) {
        let store = home.open().await;
        let id = started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        assert_eq!(commit(&store, Change::TellRun(input(id, 7))).await, Effect::Applied);
        assert_eq!(claim(&store, after(2), after(16)).await, [], "it stays with whoever has it");
        let release = Some(Release { due_at: NEVER, pokes: claimed.pokes });
        let rests = AdvanceRun { state: RunState::Waiting, release, ..advance(&claimed) };
        assert_eq!(write(&store, rests).await, Effect::Applied);
        let again = claim(&store, after(2), after(16)).await.remove(0);
        // What comes twice is there once, and is taken in the commit that takes it.
        commit(&store, Change::TellRun(input(id, 7))).await;
        commit(&store, Change::TellRun(input(id, 9))).await;
        let inbox = store.run_inbox(id).await.unwrap();
        assert_eq!(inbox.iter().map(|(_, input)| input.as_str()).collect::<Vec<_>>(), ["7", "9"]);
        let pokes = store.run_pokes(id, again.fence).await.unwrap().unwrap();
        let release = Some(Release { due_at: NEVER, pokes });
        let taken = inbox.into_iter().map(|(id, _)| id).collect();
        write(&store, AdvanceRun { state: RunState::Waiting, release, taken, ..advance(&again) }).await;
        assert_eq!(store.run_inbox(id).await.unwrap(), []);
        assert_eq!(claim(&store, after(999), after(1000)).await, [], "nothing is to be done");
        // What comes while nobody carries it makes it due, and to one that is over nothing comes.
        commit(&store, Change::TellRun(input(id, 11))).await;
        let last = claim(&store, after(3), after(18)).await.remove(0);
        write(&store, over(&last)).await;
        assert_eq!(commit(&store, Change::TellRun(input(id, 12))).await, Effect::Refused);
        assert_eq!(count(&home, "run_inbox") + count(&home, "run_claims") + count(&home, "run_awaits"), 0);
    }

    async fn w04_of_runs_of_one_kind_one_goes_on(home: Home) {
        let store = home.open().await;
        let all = join_all((0..8).map(|_| started(&store, None, Some("k"), Meeting::Queue))).await;
        let first = claim(&store, after(1), after(16)).await;
        assert_eq!(first.len(), 1, "one of them goes on");
        let dropped = started(&store, None, Some("k"), Meeting::Drop).await;
        let merged = started(&store, None, Some("k"), Meeting::Coalesce).await;
        assert_eq!((store.run(dropped).await.unwrap(), store.run(merged).await.unwrap()), (None, None));
        let told = store.events(&EventFilter { kinds: vec![EventKind::RunSkipped], ..EventFilter::default() }, whole()).await.unwrap();
        assert_eq!(told.items.len(), 2);
        // One after the other, until all have gone.
        let mut went = vec![first[0].run.id];
        let mut claimed = first;
        for _ in 1..all.len() {
            write(&store, over(&claimed[0])).await;
            claimed = claim(&store, after(2), after(17)).await;
            assert_eq!(claimed.len(), 1);
            went.push(claimed[0].run.id);
        }
        went.sort();
        let mut wanted = all.clone();
        wanted.sort();
        assert_eq!(went, wanted);
        // The last one is told to end by whoever takes its place.
        let input = "cancel".to_owned();
        let next = started(&store, None, Some("k"), Meeting::Replace { input }).await;
        assert_eq!(state(&store, next).await, RunState::Queued);
        assert_eq!(store.run_inbox(claimed[0].run.id).await.unwrap().len(), 1);
        write(&store, AdvanceRun { state: RunState::Cancelled, ..over(&claimed[0]) }).await;
        assert_eq!(state(&store, next).await, RunState::Running);
        let next = claim(&store, after(2), after(17)).await.remove(0);
        write(&store, over(&next)).await;
        assert_eq!(count(&home, "run_slots"), 0);
    }

    async fn w02_of_those_who_read_the_same_events_one_starts_runs(home: Home) {
        let store = home.open().await;
        let start = |seen, to| {
            let runs = vec![new(run(None, None), Meeting::Queue)];
            Change::BeginRuns(Box::new(BeginRuns { cursor: Some((seen, to)), runs, ..BeginRuns::default() }))
        };
        let all = join_all((0..8).map(|_| commit(&store, start(0, 10)))).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        assert_eq!((store.workflow_cursor().await.unwrap(), count(&home, "runs")), (10, 1));
        assert_eq!(commit(&store, start(9, 11)).await, Effect::Refused);
        assert_eq!(commit(&store, start(10, 11)).await, Effect::Applied);
    }

    async fn w03_runs_are_told_of_events_about_their_user_and_about_nobody(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await.user.id, settle(&store, "bob").await.user.id);
        let of_ann = started(&store, Some(ann), None, Meeting::Queue).await;
        let of_nobody = started(&store, None, None, Meeting::Queue).await;
        let (activated, up) = (EventKind::AuthenticatorActivated, EventKind::GatewayUp);
        let asked = [(activated, Some(ann), 6), (activated, Some(bob), 6), (up, None, 6), (activated, Some(ann), 5)];
        let mut told = store.awaiting_runs(&asked).await.unwrap();
        told.sort();
        let mut wanted = vec![(0, of_ann), (0, of_nobody), (1, of_nobody), (2, of_ann), (2, of_nobody)];
        wanted.sort();
        assert_eq!(told, wanted, "none is told of what was before it began");
    }

    async fn w02_which_workflows_are_in_force_is_changed_by_whoever_saw_them(home: Home) {
        let store = home.open().await;
        let workflow = |name: &str, digest: &str| WorkflowInForce {
            name: name.to_owned(),
            digest: digest.to_owned(),
            file: format!("{name}.yaml"),
            document: format!("document {digest}"),
            at: START,
            since: 3,
            next_at: Some(after(60)),
        };
        let put = |seen: &[(&str, &str)], put: Vec<WorkflowInForce>| {
            let seen = seen.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
            Change::PutWorkflows(Box::new(PutWorkflows { seen, put, ..PutWorkflows::default() }))
        };
        let (one, two) = (workflow("one", "d1"), workflow("two", "d2"));
        apply(&store, put(&[], vec![one.clone(), two.clone()])).await;
        assert_eq!(store.workflows().await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!(commit(&store, put(&[], vec![one.clone()])).await, Effect::Refused);
        let newer = workflow("one", "d3");
        apply(&store, put(&[("two", "d2"), ("one", "d1")], vec![newer.clone()])).await;
        assert_eq!(store.workflows().await.unwrap(), [newer]);
        // What a run may still go by is there.
        assert_eq!(store.workflow_document("d1").await.unwrap(), Some(("one.yaml".to_owned(), "document d1".to_owned())));
        assert_eq!(store.workflow_digests().await.unwrap(), ["d1", "d2", "d3"]);
        // Each time of a schedule fires once.
        let fire = |seen, next| {
            let schedule = Some(("one".to_owned(), seen, Some(next)));
            Change::BeginRuns(Box::new(BeginRuns { schedule, ..BeginRuns::default() }))
        };
        let all = join_all((0..4).map(|_| commit(&store, fire(after(60), after(120))))).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        // Runs begin no faster than the workflow says.
        for _ in 0..3 {
            let mut paced = new(Run { workflow: "one".to_owned(), ..run(None, None) }, Meeting::Queue);
            paced.pace = 10_000;
            begin(&store, vec![paced]).await;
        }
        for (now, due) in [(1, 1), (9, 0), (10, 1), (20, 1)] {
            assert_eq!(claim(&store, after(now), after(99)).await.len(), due, "after {now} s");
        }
    }

    async fn w03_runs_that_waited_for_their_turn_begin_no_faster_than_their_workflow_says(home: Home) {
        let store = home.open().await;
        let put = WorkflowInForce {
            name: "lost".to_owned(),
            digest: "d1".to_owned(),
            file: "lost.yaml".to_owned(),
            document: String::new(),
            at: START,
            since: 0,
            next_at: None,
        };
        apply(&store, Change::PutWorkflows(Box::new(PutWorkflows { put: vec![put], ..PutWorkflows::default() }))).await;
        for _ in 0..3 {
            let paced = NewRun { pace: 10_000, ..new(run(None, Some("k")), Meeting::Queue) };
            begin(&store, vec![paced]).await;
        }
        let mut began = Vec::new();
        for second in 1..40 {
            for claimed in claim(&store, after(second), after(999)).await {
                assert!(claimed.begins_at <= after(second));
                began.push(second);
                write(&store, AdvanceRun { at: after(second), ..over(&claimed) }).await;
            }
        }
        assert_eq!(began, [1, 10, 20]);
    }

    async fn w04_a_long_history_goes_in_pieces_and_its_run_after_it(home: Home) {
        let store = home.open().await;
        started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        let line = |line| RunLine { line, at: after(1), step: None, entry: "{}".to_owned() };
        write(&store, AdvanceRun { lines: (0..6000).map(line).collect(), ..over(&claimed) }).await;
        let day = std::time::Duration::from_hours(24);
        if home.is_sqlite() {
            store.sweep(gone_at(&home), day).await.unwrap();
            assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (1, 1000));
        }
        store.sweep(gone_at(&home), day).await.unwrap();
        assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (0, 0));
    }

    async fn w02_what_came_and_was_to_fire_before_a_workflow_was_changed_is_not_lost(home: Home) {
        let store = home.open().await;
        let workflow = |digest: &str, since: i64, next_at: u64| WorkflowInForce {
            name: "one".to_owned(),
            digest: digest.to_owned(),
            file: "one.yaml".to_owned(),
            document: digest.to_owned(),
            at: START,
            since,
            next_at: Some(after(next_at)),
        };
        let put = |seen: &[&str], put: WorkflowInForce, same: &[&str]| {
            let seen = seen.iter().map(|digest| ("one".to_owned(), (*digest).to_owned())).collect();
            let same: Vec<String> = same.iter().map(|name| (*name).to_owned()).collect();
            let put = PutWorkflows { seen, put: vec![put], same_events: same.clone(), same_schedules: same };
            Change::PutWorkflows(Box::new(put))
        };
        let seen = async || {
            let one = store.workflows().await.unwrap().remove(0);
            (one.digest, one.since, one.next_at)
        };
        // One that was not there has nothing that could stay.
        apply(&store, put(&[], workflow("d1", 3, 60), &["one"])).await;
        assert_eq!(seen().await, ("d1".to_owned(), 3, Some(after(60))));
        apply(&store, put(&["d1"], workflow("d2", 9, 90), &["one"])).await;
        assert_eq!(seen().await, ("d2".to_owned(), 3, Some(after(60))));
        apply(&store, put(&["d2"], workflow("d3", 9, 90), &[])).await;
        assert_eq!(seen().await, ("d3".to_owned(), 9, Some(after(90))));
    }

    async fn w04_runs_are_given_back_by_whoever_has_the_last_claim(home: Home) {
        let store = home.open().await;
        started(&store, None, None, Meeting::Queue).await;
        let paused = claim(&store, after(1), after(16)).await.remove(0);
        let other = claim(&store, after(20), after(35)).await.remove(0);
        let release = |claimed: &ClaimedRun| Change::ReleaseRuns { runs: vec![(claimed.run.id, claimed.fence)], due_at: after(25) };
        assert_eq!(commit(&store, release(&paused)).await, Effect::Refused);
        assert_eq!(commit(&store, release(&other)).await, Effect::Applied);
        assert_eq!(claim(&store, after(24), after(50)).await, []);
        assert_eq!(claim(&store, after(25), after(50)).await.len(), 1);
    }

    async fn t31_a_timer_that_is_due_loses_against_what_came_for_its_run(home: Home) {
        let store = home.open().await;
        let id = started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        let fires = |pokes| AdvanceRun { unless_poked: Some(pokes), ..advance(&claimed) };
        assert_eq!(write(&store, fires(claimed.pokes)).await, Effect::Applied);
        commit(&store, Change::TellRun(input(id, 1))).await;
        assert_eq!(write(&store, fires(claimed.pokes)).await, Effect::Refused);
        let pokes = store.run_pokes(id, claimed.fence).await.unwrap().unwrap();
        assert_eq!(write(&store, fires(pokes)).await, Effect::Applied);
    }

    async fn w04_what_people_have_for_a_run_is_found_behind_any_number_of_events(home: Home) {
        let store = home.open().await;
        let id = started(&store, None, None, Meeting::Queue).await;
        for position in 1..=150 {
            commit(&store, Change::TellRun(input(id, position))).await;
        }
        let cancel = RunInput { id: RunId::generate(after(1), &Counter).uuid(), input: "cancel".to_owned(), ..input(id, 1) };
        commit(&store, Change::TellRun(cancel)).await;
        let found = store.run_instructions(id).await.unwrap();
        assert_eq!(found.iter().map(|(_, input)| input.as_str()).collect::<Vec<_>>(), ["cancel"]);
    }

    async fn w12_whoever_is_erased_leaves_no_run(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await.user.id, settle(&store, "bob").await.user.id);
        let of_ann = started(&store, Some(ann), Some("k"), Meeting::Queue).await;
        let of_bob = started(&store, Some(bob), Some("k"), Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        assert_eq!((claimed.run.id, state(&store, of_bob).await), (of_ann, RunState::Queued));
        let line = RunLine { line: 0, at: after(1), step: None, entry: "{}".to_owned() };
        write(&store, AdvanceRun { lines: vec![line], ..advance(&claimed) }).await;
        apply(&store, Change::EraseUser { id: ann }).await;
        assert_eq!(write(&store, over(&claimed)).await, Effect::Refused);
        assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (1, 0));
        // Who waited for it goes on.
        assert_eq!(state(&store, of_bob).await, RunState::Running);
        assert_eq!(claim(&store, after(1), after(16)).await.len(), 1);
    }

    async fn w12_whoever_called_a_run_that_is_erased_is_told_that_it_is_gone(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user.id;
        let caller = started(&store, None, None, Meeting::Queue).await;
        let inner = Run { caller: Some((caller, "each@3".to_owned())), ..run(Some(ann), None) };
        begin(&store, vec![new(inner, Meeting::Queue)]).await;
        apply(&store, Change::EraseUser { id: ann }).await;
        let inbox = store.run_inbox(caller).await.unwrap();
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        assert_eq!(inbox[0].1, RunInput::gone("each@3"));
        assert_eq!(claim(&store, after(1), after(16)).await.len(), 1, "it is due at once, and the other one is gone");
    }

    async fn w12_a_slot_is_handed_on_to_none_that_is_erased_as_well(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await.user.id, settle(&store, "bob").await.user.id);
        // Whoever has the slot came last: those that wait are looked at first.
        let mut last = run(Some(ann), Some("k"));
        let waits: Vec<Run> = (0..3).map(|_| run(Some(ann), Some("k"))).collect();
        let of_bob = run(Some(bob), Some("k"));
        last.id = RunId::generate(after(9), &Counter);
        let (last, of_bob_id) = (last, of_bob.id);
        begin(&store, vec![new(last, Meeting::Queue)]).await;
        for waits in waits {
            begin(&store, vec![new(waits, Meeting::Queue)]).await;
        }
        begin(&store, vec![new(of_bob, Meeting::Queue)]).await;
        apply(&store, Change::EraseUser { id: ann }).await;
        assert_eq!(state(&store, of_bob_id).await, RunState::Running);
        let next = claim(&store, after(1), after(16)).await.remove(0);
        assert_eq!(next.run.id, of_bob_id);
        write(&store, over(&next)).await;
        assert_eq!(count(&home, "run_slots"), 0);
    }

    async fn w11_the_workflows_that_have_runs_are_known_as_long_as_these_are_not_over(home: Home) {
        let store = home.open().await;
        assert_eq!(store.workflows_with_live_runs().await.unwrap(), Vec::<String>::new());
        for workflow in ["b", "a", "b", "c"] {
            let run = Run { workflow: workflow.to_owned(), ..run(None, None) };
            begin(&store, vec![new(run, Meeting::Queue)]).await;
        }
        assert_eq!(store.workflows_with_live_runs().await.unwrap(), ["a", "b", "c"]);
        for claimed in claim(&store, after(1), after(16)).await {
            if claimed.run.workflow != "c" {
                write(&store, over(&claimed)).await;
            }
        }
        assert_eq!(store.workflows_with_live_runs().await.unwrap(), ["c"]);
    }

    async fn w04_runs_are_kept_for_a_while_and_go_with_their_history(home: Home) {
        let store = home.open().await;
        let id = started(&store, None, None, Meeting::Queue).await;
        let claimed = claim(&store, after(1), after(16)).await.remove(0);
        let line = RunLine { line: 0, at: after(1), step: None, entry: "{}".to_owned() };
        write(&store, AdvanceRun { lines: vec![line], ..over(&claimed) }).await;
        let day = std::time::Duration::from_hours(24);
        store.sweep(after(1).plus(day * 29), day).await.unwrap();
        assert!(store.run(id).await.unwrap().is_some());
        store.sweep(gone_at(&home), day).await.unwrap();
        assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (0, 0));
    }
}
