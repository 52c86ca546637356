//! Beginning: once for what starts a run, one of a kind at a time, and no faster than its workflow says.

use domain::*;
use futures_util::future::join_all;
use store::*;

use super::{begin, claim, new, over, run, started, state, write};
use crate::home::*;

on_both_engines! {
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
}
