//! Runs that are no more: after a while, or with whom they are about.

use domain::*;
use store::*;

use super::{advance, begin, claim, new, over, run, started, state, write};
use crate::home::*;

on_both_engines! {
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
}
