//! Many at once, over one store and over two.

use std::task::Poll;
use std::time::Duration;

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

async fn race(stores: &[&Store], person: &Person, proof: impl Fn(&Challenge) -> Satisfy) -> usize {
    let mut proofs = Vec::new();
    for _ in 0..64 {
        let challenge = challenge(Some(person.user.id), Some(person.session.id));
        proofs.push(proof(&challenge));
        proofs.last_mut().unwrap().challenge_id = challenge.id;
        apply(stores[0], Change::CreateChallenge(challenge)).await;
    }
    let all = proofs.into_iter().enumerate().map(|(number, proof)| {
        let store = stores[number % stores.len()];
        async move { commit(store, Change::Satisfy(proof)).await }
    });
    join_all(all).await.into_iter().filter(|effect| *effect == Effect::Applied).count()
}

on_both_engines! {
    async fn t05_of_sixty_four_that_use_one_step_one_wins(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        for round in 0..20 {
            let won = race(&[&store], &ann, |asked| satisfy(asked, ann.authenticator, 200 + round)).await;
            assert_eq!(won, 1, "round {round}");
        }
        for position in 0..10 {
            let with = |asked: &Challenge| Satisfy {
                generation: 0,
                used: Used::BackupCode(position),
                ..satisfy(asked, ann.codes, 0)
            };
            assert_eq!(race(&[&store], &ann, with).await, 1, "code {position}");
        }
    }

    async fn t06_t29_a_step_is_never_taken_back(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        for (step, right) in [(500, true), (499, false), (500, false), (1, false), (501, true)] {
            home.clock.set(if step % 2 == 0 { after(3600) } else { START.minus(Duration::from_hours(1)) });
            let asked = ask(&store, &ann).await;
            let effect = commit(&store, Change::Satisfy(satisfy(&asked, ann.authenticator, step))).await;
            assert_eq!(effect == Effect::Applied, right, "{step}");
        }
        assert_eq!(store.authenticator(ann.authenticator).await.unwrap().unwrap().last_step, 501);
    }

    async fn t03_a_failure_counts_though_its_caller_goes_away(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = ask(&store, &ann).await;
        for _ in 0..4 {
            let change = Change::Reject(reject(asked.id, &[ann.authenticator], after(1)));
            let mut waiting = Box::pin(store.commit(plain(change)));
            let once = futures_util::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context)));
            assert!(once.await.is_pending());
            drop(waiting);
        }
        store.close().await;
        let store = home.open().await;
        assert_eq!(store.authenticator(ann.authenticator).await.unwrap().unwrap().failures, 4);
    }

    async fn failures_that_come_together_all_count(home: Home) {
        let store = home.open().await;
        let people = join_all((0..8).map(|number| {
            let store = &store;
            async move { settle(store, &format!("user {number}")).await }
        }))
        .await;
        let mut all = Vec::new();
        for person in &people {
            for _ in 0..4 {
                let asked = ask(&store, person).await;
                all.push(Change::Reject(reject(asked.id, &[person.authenticator, person.codes], after(1))));
            }
        }
        let effects = join_all(all.into_iter().map(|change| commit(&store, change))).await;
        assert!(effects.iter().all(|effect| *effect == Effect::Applied));
        for person in &people {
            for authenticator in store.authenticators_of(person.user.id).await.unwrap() {
                assert_eq!(authenticator.failures, 4);
            }
        }
    }

    async fn events_have_every_position_once_and_in_order(home: Home) {
        let store = home.open().await;
        let mut head = store.head();
        let commits = (0..600).map(|number| {
            let store = &store;
            async move {
                let name = format!("user {}", number % 400);
                let mut commit = plain(Change::CreateUser(user(&name)));
                commit.events.push(event(EventKind::UserCreated, domain::event::About::default()));
                store.commit(commit).await.unwrap()
            }
        });
        let effects = join_all(commits).await;
        let applied = effects.iter().filter(|effect| **effect == Effect::Applied).count();
        assert_eq!(applied, 400);
        assert_eq!(*head.borrow_and_update(), 800);
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = PageRequest { after, limit: 300 };
            let page = store.events(&EventFilter::default(), page).await.unwrap();
            seen.extend(page.items.iter().map(|event| event.position));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=800).collect::<Vec<_>>());
        let page = PageRequest { after: Some(4), limit: 2 };
        let back = store.events_backward(&EventFilter::default(), page).await.unwrap();
        assert_eq!(back.items.iter().map(|event| event.position).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(back.next, Some(2));
    }

    async fn one_poisonous_change_fails_alone(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let mut twice = start(&ann.session);
        twice.authenticator.id = ann.authenticator;
        let poison = store.commit(plain(Change::StartEnrollment(Box::new(twice.clone()))));
        let good = (0..100).map(|number| store.commit(plain(Change::CreateUser(user(&format!("user {number}"))))));
        let (poisoned, good) = futures_util::future::join(poison, join_all(good)).await;
        assert_eq!(poisoned.unwrap(), Effect::Exists);
        assert!(good.iter().all(|effect| *effect.as_ref().unwrap() == Effect::Applied));
        assert_eq!(store.enrollment(twice.enrollment.id).await.unwrap(), None, "all of it or nothing");
        assert_eq!(store.device(twice.device.unwrap().id).await.unwrap(), None);
    }

    async fn more_than_the_queue_holds_is_turned_away(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = (0..6000).map(|_| store.commit(plain(Change::CreateChallenge(challenge(Some(ann.user.id), None)))));
        let made = join_all(asked).await;
        let busy = made.iter().filter(|made| matches!(made, Err(StoreError::Busy))).count();
        let applied = made.iter().filter(|made| matches!(made, Ok(Effect::Applied))).count();
        assert!(busy > 0, "nothing was turned away");
        assert_eq!(busy + applied, 6000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t05_two_servers_on_one_postgresql_have_one_winner_too() {
    let home = Home::postgres();
    let (one, other) = (home.open().await, home.open().await);
    let ann = settle(&one, "ann").await;
    for round in 0..20 {
        let won = race(&[&one, &other], &ann, |asked| satisfy(asked, ann.authenticator, 200 + round)).await;
        assert_eq!(won, 1, "round {round}");
    }
    // One challenge, two authenticators: each server's first statement sees it open.
    for round in 0..20 {
        let asked = ask(&one, &ann).await;
        let mut by_code = satisfy(&asked, ann.codes, 0);
        (by_code.generation, by_code.used) = (0, Used::BackupCode(round % 10));
        let by_step = satisfy(&asked, ann.authenticator, 300 + i64::from(round));
        let both = futures_util::future::join(
            commit(&one, Change::Satisfy(by_step)),
            commit(&other, Change::Satisfy(by_code)),
        );
        let (first, second) = both.await;
        let won = [first, second].into_iter().filter(|effect| *effect == Effect::Applied).count();
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_postgresql_share_one_order_of_events() {
    let home = Home::postgres();
    let (one, other) = (home.open().await, home.open().await);
    let mut head = other.head();
    let commits = (0..400).map(|number| {
        let store = if number % 2 == 0 { &one } else { &other };
        async move { commit(store, Change::CreateUser(user(&format!("user {number}")))).await }
    });
    // Whoever follows the head misses nothing: what it points at is there, without gaps.
    let follow = async {
        let mut seen = 0;
        while seen < 400 {
            tokio::time::timeout(Duration::from_secs(20), head.changed()).await.unwrap().unwrap();
            let now = *head.borrow_and_update();
            let page = PageRequest { after: Some(seen), limit: 500 };
            let events = other.events(&EventFilter::default(), page).await.unwrap().items;
            let positions: Vec<_> = events.iter().map(|event| event.position).collect();
            let last = seen + i64::try_from(positions.len()).unwrap();
            assert_eq!(positions, (seen + 1..=last).collect::<Vec<_>>());
            assert!(last >= now, "{last} < {now}");
            seen = last;
        }
    };
    let (effects, ()) = futures_util::future::join(join_all(commits), follow).await;
    assert!(effects.iter().all(|effect| *effect == Effect::Applied));
    one.close().await;
    other.close().await;
}

/// A key that is sealed while its data keys are retired elsewhere: one of the two is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p11_two_servers_on_one_postgresql_do_not_retire_what_the_other_seals_with() {
    let home = Home::postgres();
    let (one, other) = (home.open().await, home.open().await);
    apply(&one, Change::PutKeyring { expected: 0, keyring: vec![0] }).await;
    let mut expected = 1;
    let (mut sealed, mut retired) = (0, 0);
    for version in 1..60 {
        let session = settle(&one, &format!("user {version}")).await.session;
        let mut start = start(&session);
        start.authenticator.sealed = Some(sealed_with(version));
        let id = start.enrollment.id;
        let retire = Change::RetireKeys { expected, keyring: vec![1], oldest: version + 1 };
        let seal = Change::StartEnrollment(Box::new(start));
        let (seal, retire) = futures_util::future::join(commit(&one, seal), commit(&other, retire)).await;
        assert!(
            (seal == Effect::Applied) != (retire == Effect::Applied),
            "version {version}: sealed {seal:?}, retired {retire:?}"
        );
        if retire == Effect::Applied {
            expected += 1;
            retired += 1;
        } else {
            sealed += 1;
            apply(&one, Change::CancelEnrollment { id, at: after(1) }).await;
        }
    }
    println!("{sealed} times the key was first, {retired} times its end");
    assert!(sealed > 0 && retired > 0);
    one.close().await;
    other.close().await;
}
