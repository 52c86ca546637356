//! The workflows that runs go by: which are in force, and which still have runs.

use domain::*;
use futures_util::future::join_all;
use store::*;

use super::{begin, claim, new, over, run, write};
use crate::home::*;

on_both_engines! {
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
}
