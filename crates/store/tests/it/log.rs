//! The event log: what is found in it, and what has no place in it any more.

use domain::event::About;
use domain::*;
use store::*;

use crate::home::*;

on_both_engines! {
    async fn events_are_found_by_what_they_are_about(home: Home) {
        let store = home.open().await;
        // From one stretch of the log into the next.
        let before = 3 * 4096 - 30;
        run_sql(&home, &format!("UPDATE event_head SET position = {before}"));
        let (ann, bob) = (user("ann").id, user("bob").id);
        let phone = AuthenticatorId::generate(START, &Counter);
        let mut told = Vec::new();
        for number in 0..60 {
            let mut about = About { user_id: Some(if number % 3 == 0 { ann } else { bob }), ..About::default() };
            about.authenticator_id = (number % 6 == 0).then_some(phone);
            let kind = if number % 2 == 0 { EventKind::AuthenticatorVerified } else { EventKind::SessionEnded };
            let mut event = event(kind, about);
            event.at = after(number);
            told.push(event);
        }
        store.commit(Commit { change: Change::Tell, events: told.clone(), idempotency: None }).await.unwrap();
        for (position, event) in (before + 1..).zip(&mut told) {
            event.position = position;
        }
        let none = EventFilter::default();
        let filters = [
            none.clone(),
            EventFilter { user_id: Some(ann), ..none.clone() },
            EventFilter { authenticator_id: Some(phone), ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded], ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded, EventKind::UserErased], user_id: Some(ann), ..none.clone() },
            EventFilter { since: Some(after(10)), until: Some(after(20)), ..none.clone() },
            EventFilter { since: Some(after(30)), user_id: Some(bob), ..none.clone() },
            EventFilter { kinds: vec![EventKind::UserErased], ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded], until: Some(after(7)), ..none.clone() },
            EventFilter { since: Some(after(59)), ..none.clone() },
            EventFilter { until: Some(START), ..none },
        ];
        for filter in filters {
            let matches = |event: &&Event| {
                filter.user_id.is_none_or(|user| event.about.user_id == Some(user))
                    && filter.authenticator_id.is_none_or(|id| event.about.authenticator_id == Some(id))
                    && (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                    && filter.since.is_none_or(|since| event.at >= since)
                    && filter.until.is_none_or(|until| event.at < until)
            };
            let want: Vec<Event> = told.iter().filter(matches).cloned().collect();
            let mut page = PageRequest { after: None, limit: 7 };
            let mut seen = Vec::new();
            loop {
                let found = store.events(&filter, page).await.unwrap();
                seen.extend(found.items);
                page.after = found.next;
                if page.after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, want, "{filter:?}");
            let mut back = store.events_backward(&filter, whole()).await.unwrap().items;
            back.reverse();
            assert_eq!(back, want, "{filter:?}, backwards");
        }
    }

    async fn who_waits_is_found_by_what_concerns_them(home: Home) {
        let store = home.open().await;
        let (ann, bob, carl) = (create(&store, "ann").await, create(&store, "bob").await, create(&store, "carl").await);
        let start = *store.head().borrow();
        let told = [
            (EventKind::SessionEnded, Some(ann)),
            (EventKind::SessionEnded, Some(ann)),
            (EventKind::PromptCreated, Some(bob)),
            (EventKind::SessionEnded, None),
            (EventKind::SessionEnded, Some(carl)),
        ];
        let told = told.map(|(kind, user_id)| event(kind, About { user_id, ..About::default() }));
        store.commit(Commit { change: Change::Tell, events: told.to_vec(), idempotency: None }).await.unwrap();
        let concerned = async |kinds: &[EventKind], after, to| {
            let mut users = store.concerned(kinds, start + after, start + to).await.unwrap();
            users.sort();
            users
        };
        let sorted = |mut users: Vec<UserId>| {
            users.sort();
            users
        };
        let ended = &[EventKind::SessionEnded];
        assert_eq!(concerned(ended, 0, 5).await, sorted(vec![ann, carl]));
        assert_eq!(concerned(ended, 0, 4).await, [ann]);
        assert_eq!(concerned(ended, 2, 4).await, []);
        assert_eq!(concerned(&[EventKind::PromptCreated], 0, 5).await, [bob]);
        assert_eq!(concerned(&[EventKind::PromptCreated, EventKind::SessionEnded], 1, 3).await, sorted(vec![ann, bob]));
    }

    /// W-12: what is not to be kept any longer goes, and that is told.
    async fn w12_events_whose_time_is_over_go_and_that_is_told(home: Home) {
        let store = home.open().await;
        let ann = create(&store, "ann").await;
        for many in [399, 400, 400, 400, 400, 400] {
            tell_of(&store, ann, START, many).await;
        }
        tell_of(&store, ann, days(100), 10).await;
        assert_eq!(expire(&store, days(50), days(100)).await, [1024, 1024, 352]);
        assert!(expire(&store, days(50), days(101)).await.is_empty());

        let all = store.events(&EventFilter::default(), whole()).await.unwrap().items;
        let positions: Vec<i64> = all.iter().map(|event| event.position).collect();
        assert_eq!(positions, (2401..=2413).collect::<Vec<_>>());
        let told: Vec<_> = all[10..].iter().map(|event| (event.kind, &event.data["first"], &event.data["last"])).collect();
        let expired = |first: i64, last: i64| (serde_json::json!(first), serde_json::json!(last));
        let want = [expired(1, 1024), expired(1025, 2048), expired(2049, 2400)];
        assert_eq!(told, want.each_ref().map(|(first, last)| (EventKind::EventsExpired, first, last)));
        assert_eq!(*store.head().borrow(), 2413);
        assert_eq!((count(&home, "events"), count(&home, "event_details")), (13, 10));

        let ann = EventFilter { user_id: Some(ann), ..EventFilter::default() };
        let old = EventFilter { until: Some(days(50)), ..EventFilter::default() };
        assert_eq!(store.events(&ann, whole()).await.unwrap().items.len(), 10);
        assert_eq!(store.events_backward(&ann, whole()).await.unwrap().items.len(), 10);
        assert_eq!(store.events(&old, whole()).await.unwrap().items, []);
    }

    async fn who_goes_on_before_the_oldest_event_is_told(home: Home) {
        let store = home.open().await;
        let ann = create(&store, "ann").await;
        tell_of(&store, ann, START, 19).await;
        tell_of(&store, ann, days(100), 10).await;
        assert_eq!(expire(&store, days(50), days(100)).await, [20]);
        for filter in [EventFilter::default(), EventFilter { user_id: Some(ann), ..EventFilter::default() }] {
            let forward = async |after| store.events(&filter, PageRequest { after: Some(after), limit: 5 }).await;
            for after in [0, 20] {
                assert_eq!(forward(after).await.unwrap().items[0].position, 21);
            }
            for after in [1, 19] {
                assert!(matches!(forward(after).await, Err(StoreError::Expired { oldest: 21 })));
            }
            let backward = async |before| store.events_backward(&filter, PageRequest { after: Some(before), limit: 5 }).await;
            assert_eq!(backward(22).await.unwrap().items.len(), 1);
            assert_eq!(backward(21).await.unwrap().items, []);
            assert!(matches!(backward(20).await, Err(StoreError::Expired { oldest: 21 })));
        }
        let concerned = async |after| store.concerned(&[EventKind::SessionEnded], after, 30).await;
        assert_eq!(concerned(20).await.unwrap(), [ann]);
        assert!(matches!(concerned(19).await, Err(StoreError::Expired { oldest: 21 })));
    }

    async fn a_clock_that_jumped_neither_keeps_events_nor_removes_them(home: Home) {
        let store = home.open().await;
        let ann = create(&store, "ann").await;
        for (at, many) in [(START, 4), (days(5000), 1), (START, 5), (days(5000), 1), (days(100), 3)] {
            tell_of(&store, ann, at, many).await;
        }
        assert_eq!(expire(&store, days(50), days(100)).await, [11]);
        assert!(expire(&store, days(50), days(101)).await.is_empty());
    }

    async fn an_erased_user_is_erased_also_where_the_log_begins_late(home: Home) {
        let store = home.open().await;
        let ann = create(&store, "ann").await;
        run_sql(&home, "UPDATE event_head SET position = 8999");
        tell_of(&store, ann, START, 1).await;
        tell_of(&store, ann, days(100), 10).await;
        assert_eq!(expire(&store, days(50), days(100)).await, [9000]);
        assert_eq!(count(&home, "event_details"), 10);
        apply(&store, Change::EraseUser { id: ann }).await;
        assert_eq!(count(&home, "event_details"), 0);
    }
}

fn days(days: u64) -> Timestamp {
    after(days * 86400)
}

async fn create(store: &Store, name: &str) -> UserId {
    let user = user(name);
    apply(store, Change::CreateUser(user.clone())).await;
    user.id
}

async fn tell_of(store: &Store, user: UserId, at: Timestamp, many: usize) {
    let about = About { user_id: Some(user), ..About::default() };
    let told = Event { at, details: Some(details("somewhere")), ..event(EventKind::SessionEnded, about) };
    store.commit(Commit { change: Change::Tell, events: vec![told; many], idempotency: None }).await.unwrap();
}

/// Removes events until there are none to be removed; answers how many went each time.
async fn expire(store: &Store, before: Timestamp, now: Timestamp) -> Vec<u64> {
    let mut gone = Vec::new();
    loop {
        let told = Event { at: now, ..event(EventKind::EventsExpired, About::default()) };
        match store.expire_events(before, told).await.unwrap() {
            0 => return gone,
            removed => gone.push(removed),
        }
    }
}

/// Writes this many events and answers their positions.
async fn tell(store: &Store, many: usize) -> Vec<i64> {
    let before = *store.head().borrow();
    let events = (0..many).map(|_| event(EventKind::ServerStarted, About::default())).collect();
    store.commit(Commit { change: Change::Tell, events, idempotency: None }).await.unwrap();
    let page = PageRequest { after: Some(before), limit: 500 };
    store.events(&EventFilter::default(), page).await.unwrap().items.iter().map(|event| event.position).collect()
}

fn partitions(home: &Home) -> String {
    let Location::Postgres(url) = &home.options.location else { panic!("SQLite has none") };
    let sql = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent IN ('events'::regclass, 'event_details'::regclass) ORDER BY inhrelid";
    throwaway_postgres::Cluster::shared().unwrap().run_sql(url, sql).unwrap().replace('\n', " ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_partition_lies_ahead() {
    let home = Home::postgres();
    let store = home.open().await;
    tell(&store, 1).await;
    assert!(store.make_room(START).await.unwrap(), "the first one is in use");
    assert!(!store.make_room(START).await.unwrap(), "the second one is empty");
    let made = "events_0 event_details_0 events_262144 event_details_262144";
    assert_eq!(partitions(&home), made);
    run_sql(&home, "UPDATE event_head SET position = 262142");
    assert!(!store.make_room(START).await.unwrap());
    assert_eq!(tell(&store, 3).await, [262_143, 262_144, 262_145]);
    // Ten days for 262,144 events: a month is thrice that.
    assert!(store.make_room(START.plus(std::time::Duration::from_hours(240))).await.unwrap());
    assert_eq!(partitions(&home), format!("{made} events_524288 event_details_524288"));
    let Location::Postgres(url) = &home.options.location else { panic!() };
    let cluster = throwaway_postgres::Cluster::shared().unwrap();
    let bound = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'events_524288'";
    assert_eq!(cluster.run_sql(url, bound).unwrap(), "FOR VALUES FROM ('524288') TO ('1310720')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_finds_no_partition_makes_one() {
    let home = Home::postgres();
    let (one, other) = (home.open().await, home.open().await);
    run_sql(&home, "UPDATE event_head SET position = 262142");
    let told = futures_util::future::join_all((0..20).map(|number| {
        let store = if number % 2 == 0 { &one } else { &other };
        store.commit(plain(Change::CreateUser(user(&format!("user {number}")))))
    }));
    assert!(told.await.into_iter().all(|effect| effect.unwrap() == Effect::Applied));
    let page = PageRequest { after: Some(262_142), limit: 500 };
    let positions: Vec<i64> =
        one.events(&EventFilter::default(), page).await.unwrap().items.iter().map(|event| event.position).collect();
    assert_eq!(positions, (262_143..262_163).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w12_a_partition_whose_time_is_over_is_dropped() {
    let home = Home::postgres();
    let store = home.open().await;
    tell(&store, 10).await;
    run_sql(&home, "UPDATE event_head SET position = 262140");
    assert_eq!(tell(&store, 8).await, (262_141..=262_148).collect::<Vec<_>>());
    assert!(expire(&store, START, days(1)).await.is_empty(), "nothing is that old");
    let Location::Postgres(url) = home.options.location.clone() else { panic!() };
    let reader = std::thread::spawn(move || {
        let cluster = throwaway_postgres::Cluster::shared().unwrap();
        cluster.run_sql(&url, "BEGIN; SELECT 1 FROM events_0 LIMIT 1; SELECT pg_sleep(2); COMMIT").unwrap();
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let told = || Event { at: days(1), ..event(EventKind::EventsExpired, About::default()) };
    assert!(matches!(store.expire_events(days(1), told()).await, Err(StoreError::Busy)), "somebody reads in it");
    apply(&store, Change::CreateUser(user("ann"))).await;
    reader.join().unwrap();
    assert_eq!(expire(&store, days(1), days(1)).await, [262_143]);
    assert_eq!(partitions(&home), "events_262144 event_details_262144");
    let left = store.events(&EventFilter::default(), whole()).await.unwrap().items;
    assert_eq!(left.first().map(|event| event.position), Some(262_144));
    assert_eq!(left.last().map(|event| event.kind), Some(EventKind::EventsExpired));
    assert!(
        expire(&store, days(1), days(1)).await.is_empty(),
        "what is left goes with its partition, or a month later"
    );
    assert_eq!(expire(&store, days(32), days(33)).await, [6]);
}
