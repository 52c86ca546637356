//! What comes for runs: once, in time, and to those whom it is about.

use domain::*;
use store::*;

use super::{advance, claim, over, started, write};
use crate::home::*;

/// When a run is due that waits for what has no time.
const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

fn input(run_id: RunId, number: i64) -> RunInput {
    let id = RunInput::id_of_event(number);
    RunInput { run_id, id, input: format!("{number}"), at: after(1) }
}

on_both_engines! {
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
}
