//! Whom runs leave with nothing to prove by: no more than there may be, but for what people release.

use domain::*;
use store::*;

use super::{advance, claim, over, started, write};
use crate::home::*;
use crate::tasks::{give, people as some_people, task, verdict};

on_both_engines! {
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
}
