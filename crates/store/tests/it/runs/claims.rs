//! Claims: a run has one, and what was begun goes on with whoever claims it next.

use domain::*;
use futures_util::future::join_all;
use store::*;
use uuid::Uuid;

use super::{claim, new, over, run, started, write};
use crate::home::*;

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
}
