//! What happened in runs, over months: how it is kept, found, and let go of.

use std::time::Duration;

use domain::*;
use store::*;

use crate::home::*;
use crate::runs::{advance, begin, claim, new, over, run, write};

/// What brought a store to the version that had the history of runs in one piece.
const MIGRATIONS_TO_0010: [[&str; 2]; 10] = [
    [include_str!("../../migrations/sqlite/0001_first.sql"), include_str!("../../migrations/postgres/0001_first.sql")],
    [
        include_str!("../../migrations/sqlite/0002_factors.sql"),
        include_str!("../../migrations/postgres/0002_factors.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0003_decisions.sql"),
        include_str!("../../migrations/postgres/0003_decisions.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0004_workflows.sql"),
        include_str!("../../migrations/postgres/0004_workflows.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0005_people.sql"),
        include_str!("../../migrations/postgres/0005_people.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0006_hygiene.sql"),
        include_str!("../../migrations/postgres/0006_hygiene.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0007_webhooks.sql"),
        include_str!("../../migrations/postgres/0007_webhooks.sql"),
    ],
    [
        include_str!("../../migrations/sqlite/0008_releases.sql"),
        include_str!("../../migrations/postgres/0008_releases.sql"),
    ],
    [include_str!("../../migrations/sqlite/0009_pace.sql"), include_str!("../../migrations/postgres/0009_pace.sql")],
    [
        include_str!("../../migrations/sqlite/0010_alerts.sql"),
        include_str!("../../migrations/postgres/0010_alerts.sql"),
    ],
];

fn day(day: u64) -> Timestamp {
    after(day * 86_400)
}

fn lines(from: i64, many: i64) -> Vec<RunLine> {
    let line = |line| RunLine { line, at: after(1), step: Some("a".to_owned()), entry: format!("{{\"n\":{line}}}") };
    (from..from + many).map(line).collect()
}

/// A run that is made at a time, with some lines of history; and its claim.
async fn made(store: &Store, at: Timestamp, user: Option<UserId>, many: i64) -> ClaimedRun {
    let run = Run { id: RunId::generate(at, &Counter), created_at: at, ..run(user, None) };
    let id = run.id;
    assert_eq!(begin(store, vec![new(run, Meeting::Queue)]).await, Effect::Applied);
    let mut claimed = claim(store, at, at.plus(Duration::from_hours(9999))).await;
    claimed.retain(|claimed| claimed.run.id == id);
    let claimed = claimed.remove(0);
    let step = AdvanceRun { lines: lines(0, many), at, ..advance(&claimed) };
    assert_eq!(write(store, step).await, Effect::Applied);
    claimed
}

async fn end(store: &Store, claimed: &ClaimedRun, at: Timestamp) {
    assert_eq!(write(store, AdvanceRun { at, ..over(claimed) }).await, Effect::Applied);
}

async fn history(store: &Store, claimed: &ClaimedRun) -> Vec<RunLine> {
    store.run_lines(claimed.run.id, whole()).await.unwrap().items
}

async fn sweep(store: &Store, now: Timestamp) {
    while store.sweep(now, Duration::from_hours(24)).await.unwrap() > 0 {}
}

/// The names of the partitions.
fn partitions(home: &Home) -> String {
    let Location::Postgres(url) = &home.options.location else { panic!("SQLite has none") };
    let sql = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'run_lines'::regclass ORDER BY relname";
    throwaway_postgres::Cluster::shared().unwrap().run_sql(url, sql).unwrap().replace('\n', " ")
}

// A partition is thirty days: the start is 16.7 days before the end of the first.
const FIRST: &str = "run_lines_20270102";
const SECOND: &str = "run_lines_20270201";
const OTHERS: &str = "run_lines_others";

on_both_engines! {
    async fn w11_history_is_found_wherever_it_lies(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user.id;
        let mut all = Vec::new();
        for at in [0, 5, 20, 40, 80] {
            if at != 80 {
                store.make_room(day(at)).await.unwrap();
            }
            all.push(made(&store, day(at), Some(ann), 3).await);
        }
        for claimed in &all {
            assert_eq!(history(&store, claimed).await, lines(0, 3));
            let page = PageRequest { after: Some(0), limit: 1 };
            let next = store.run_lines(claimed.run.id, page).await.unwrap();
            assert_eq!((next.items, next.next), (lines(1, 1), Some(1)));
        }
        let ids: Vec<RunId> = all.iter().map(|claimed| claimed.run.id).collect();
        assert_eq!(store.step_lines(&ids).await.unwrap().len(), 15);
        apply(&store, Change::EraseUser { id: ann }).await;
        assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (0, 0), "from each partition");
    }

    async fn w12_history_goes_however_long_runs_last_and_clocks_jump(home: Home) {
        let store = home.open().await;
        let of_now = made(&store, START, None, 3).await;
        let long = made(&store, day(1), None, 3).await;
        // Nobody made room for it.
        let later = made(&store, day(100), None, 3).await;
        end(&store, &of_now, day(1)).await;
        end(&store, &later, day(101)).await;
        store.make_room(day(100)).await.unwrap();
        sweep(&store, day(130)).await;
        assert_eq!(count(&home, "runs"), 2);
        assert_eq!((history(&store, &long).await, history(&store, &later).await), (lines(0, 3), lines(0, 3)));
        let step = AdvanceRun { lines: lines(3, 2), at: day(131), ..advance(&long) };
        assert_eq!(write(&store, step).await, Effect::Applied);
        assert_eq!(history(&store, &long).await, lines(0, 5));
        end(&store, &long, day(140)).await;
        sweep(&store, day(169)).await;
        assert!(store.run(long.run.id).await.unwrap().is_some());
        sweep(&store, day(300)).await;
        assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (0, 0));
    }

    async fn w12_a_store_with_its_history_in_one_piece_is_taken_over(home: Home) {
        let engine = usize::from(!home.is_sqlite());
        for migration in MIGRATIONS_TO_0010 {
            run_sql(&home, migration[engine]);
        }
        run_sql(&home, "CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version (version) VALUES (10)");
        let (old, live) = (RunId::generate(START, &Counter), RunId::generate(day(1), &Counter));
        let quoted = |id: RunId| match &home.options.location {
            Location::Sqlite(_) => format!("x'{}'", id.uuid().simple()),
            Location::Postgres(_) => format!("'{}'", id.uuid()),
        };
        for (id, ended) in [(old, day(1).unix_millis().to_string()), (live, "NULL".to_owned())] {
            let id = quoted(id);
            run_sql(&home, &format!(
                "INSERT INTO runs (id, workflow, digest, state, cause, pending, lines, created_at, ended_at, pace, begins_at)
                 VALUES ({id}, 'lost', 'd1', 'running', '{{}}', '[]', 3, {}, {ended}, 0, 0);
                 INSERT INTO run_lines (run_id, line, at, step, entry)
                 VALUES ({id}, 0, 1, 'a', '{{}}'), ({id}, 1, 1, NULL, '{{}}'), ({id}, 2, 1, NULL, '{{}}');",
                START.unix_millis(),
            ));
        }
        run_sql(&home, &format!(
            "INSERT INTO run_claims (run_id, due_at, fence, pokes) VALUES ({}, 0, 0, 0)", quoted(live)
        ));
        if !home.is_sqlite() {
            // Somebody began this before, and was stopped.
            run_sql(&home, "ALTER TABLE run_lines ADD CONSTRAINT run_lines_before CHECK (run_id IS NOT NULL) NOT VALID");
        }
        let store = home.open().await;
        for id in [old, live] {
            assert_eq!(store.run_lines(id, whole()).await.unwrap().items.len(), 3);
        }
        let claimed = claim(&store, day(2), day(3)).await.remove(0);
        let step = AdvanceRun { lines: lines(3, 2), at: day(2), ..advance(&claimed) };
        assert_eq!(write(&store, step).await, Effect::Applied);
        assert_eq!(store.run_lines(live, whole()).await.unwrap().items.len(), 5);
        if !home.is_sqlite() {
            assert_eq!(partitions(&home), "run_lines_before run_lines_others", "there is room up to the end of the next period");
            assert_eq!(count(&home, "pg_constraint WHERE contype = 'c' AND conrelid = 'run_lines_before'::regclass"), 0);
        }
        store.make_room(day(40)).await.unwrap();
        let next = made(&store, day(40), None, 4).await;
        // It began long ago, and lasts: what is old goes, and it stays.
        sweep(&store, day(100)).await;
        assert_eq!(count(&home, "runs"), 2);
        assert_eq!(store.run_lines(live, whole()).await.unwrap().items.len(), 5);
        assert_eq!(history(&store, &next).await, lines(0, 4));
        if !home.is_sqlite() {
            assert_eq!(partitions(&home), "run_lines_20270303 run_lines_others");
        }
        store.close().await;
        home.open().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_partition_of_history_lies_ahead() {
    let home = Home::postgres();
    let store = home.open().await;
    assert_eq!(partitions(&home), [FIRST, SECOND, OTHERS].join(" "));
    store.make_room(day(16)).await.unwrap();
    assert_eq!(partitions(&home), [FIRST, SECOND, OTHERS].join(" "));
    store.make_room(day(17)).await.unwrap();
    assert_eq!(partitions(&home), [FIRST, SECOND, "run_lines_20270303", OTHERS].join(" "));
    // What came where the clock jumped to stays where it is.
    made(&store, day(500), None, 1).await;
    store.make_room(day(500)).await.unwrap();
    assert_eq!(count(&home, OTHERS), 1);
    assert_eq!(partitions(&home).split(' ').count(), 5, "the next one, not that one");
    // Another server finds what there is, and so does one that starts.
    let other = home.open().await;
    assert!(!other.make_room(day(17)).await.unwrap());
}

/// W-12: rows are not deleted one by one where a whole month of them is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w12_a_month_of_history_goes_at_once() {
    let home = Home::postgres();
    let store = home.open().await;
    for number in 0..20 {
        let claimed = made(&store, day(number % 10), None, 5).await;
        end(&store, &claimed, day(10)).await;
    }
    let live = made(&store, day(2), None, 5).await;
    let next = made(&store, day(20), None, 5).await;
    end(&store, &next, day(20)).await;
    assert_eq!((count(&home, FIRST), count(&home, SECOND)), (105, 5));
    sweep(&store, day(46)).await;
    assert_eq!(
        (count(&home, "runs"), count(&home, "run_lines")),
        (22, 110),
        "it is kept whole until all of it is over"
    );
    let Location::Postgres(url) = home.options.location.clone() else { panic!() };
    let reader = std::thread::spawn(move || {
        let cluster = throwaway_postgres::Cluster::shared().unwrap();
        let read = format!("BEGIN; SELECT 1 FROM {FIRST} LIMIT 1; SELECT pg_sleep(2); COMMIT");
        cluster.run_sql(&url, &read).unwrap();
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    sweep(&store, day(47)).await;
    assert_eq!(count(&home, "run_lines"), 110, "somebody reads in it, and is not waited for");
    reader.join().unwrap();
    sweep(&store, day(47)).await;
    assert_eq!(partitions(&home), [SECOND, OTHERS].join(" "));
    assert_eq!((count(&home, "runs"), count(&home, "run_lines"), count(&home, OTHERS)), (2, 10, 5));
    assert_eq!(history(&store, &live).await, lines(0, 5), "it lasts longer than its month");
    assert_eq!(history(&store, &next).await, lines(0, 5));
}

/// W-12: what cannot go with its partition is kept a month longer, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w12_history_beside_much_that_is_not_over_goes_in_pieces() {
    let home = Home::postgres();
    let store = home.open().await;
    let ended = made(&store, START, None, 5).await;
    end(&store, &ended, START).await;
    let live = made(&store, day(2), None, 5001).await;
    sweep(&store, day(60)).await;
    assert_eq!(history(&store, &ended).await, lines(0, 5));
    sweep(&store, day(61)).await;
    assert_eq!((count(&home, "runs"), count(&home, FIRST)), (1, 5001));
    end(&store, &live, day(62)).await;
    sweep(&store, day(91)).await;
    assert_eq!(count(&home, FIRST), 5001);
    sweep(&store, day(92)).await;
    assert_eq!((count(&home, "runs"), count(&home, "run_lines")), (0, 0));
    assert_eq!(partitions(&home), OTHERS, "and so did the next one, in which there was nothing");
}
