//! What a step writes: all of it or nothing, and by whoever has the last claim.

use domain::*;
use store::*;

use super::{advance, claim, over, started, state, write};
use crate::home::*;

on_both_engines! {
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
}
