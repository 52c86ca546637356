//! Who is trusted waits by themselves, and nobody else does (T-04).

use domain::*;
use store::*;

use crate::home::*;

/// By which door a proof for a new challenge comes.
async fn door(store: &Store, user: UserId, session: Option<SessionId>) -> Door {
    let asked = challenge(Some(user), session);
    apply(store, Change::CreateChallenge(asked.clone())).await;
    store.attempt(asked.id, ProofKind::Otp).await.unwrap().unwrap().door
}

/// A session on a device, registered just now.
async fn on(store: &Store, user: UserId, device_id: Option<DeviceId>) -> Session {
    let session = Session { device_id, ..session(user) };
    apply(store, Change::RegisterSession(session.clone().into())).await;
    session
}

/// Gives the code of a step in a session.
async fn prove(store: &Store, person: &Person, session: SessionId, door: Door, step: i64) -> Effect {
    let asked = challenge(Some(person.user.id), Some(session));
    apply(store, Change::CreateChallenge(asked.clone())).await;
    commit(store, Change::Satisfy(Satisfy { door, ..satisfy(&asked, person.authenticator, step) })).await
}

on_both_engines! {
    async fn t04_trust_is_what_was_proved_in_the_session_or_on_its_device(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let user = ann.user.id;
        assert_eq!(door(&store, user, None).await, Door::Open);
        assert_eq!(door(&store, user, Some(ann.session.id)).await, Door::Trusted);
        let (laptop, other) = (device(user), device(user));
        let plain = on(&store, user, None).await;
        let first = on(&store, user, Some(laptop.id)).await;
        for session in [&plain, &first] {
            assert_eq!(door(&store, user, Some(session.id)).await, Door::Open);
        }
        assert_eq!(prove(&store, &ann, first.id, Door::Open, 200).await, Effect::Applied);
        // The next log-in there, and nowhere else; nor is it another user's.
        let again = on(&store, user, Some(laptop.id)).await;
        assert_eq!(door(&store, user, Some(again.id)).await, Door::Trusted);
        let elsewhere = on(&store, user, Some(other.id)).await;
        assert_eq!(door(&store, user, Some(elsewhere.id)).await, Door::Open);
        let bobs = on(&store, bob.user.id, Some(laptop.id)).await;
        assert_eq!(door(&store, bob.user.id, Some(bobs.id)).await, Door::Open);
        // It outlives its session, and not what was proved there.
        apply(&store, Change::EndSession { id: first.id, by: None, at: after(2) }).await;
        assert_eq!(door(&store, user, Some(again.id)).await, Door::Trusted);
        let lost = Change::SetAuthenticatorState { id: ann.authenticator, to: AuthenticatorState::Lost, by: None, at: after(3) };
        apply(&store, lost).await;
        assert_eq!(door(&store, user, Some(again.id)).await, Door::Open);
        assert_eq!(door(&store, user, Some(ann.session.id)).await, Door::Open);
    }

    async fn t04_each_door_has_its_wait_and_the_guard_asks_who_may_come_by_it(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let weak = on(&store, ann.user.id, None).await;
        let spray = |door| {
            let store = store.clone();
            async move {
                for _ in 0..9 {
                    let asked = challenge(Some(ann.user.id), None);
                    apply(&store, Change::CreateChallenge(asked.clone())).await;
                    let reject = Reject { door, ..reject(asked.id, &[ann.authenticator], after(1)) };
                    apply(&store, Change::Reject(reject)).await;
                }
            }
        };
        let at = || async { store.authenticator(ann.authenticator).await.unwrap().unwrap() };
        spray(Door::Open).await;
        assert_eq!((at().await.failures, at().await.trusted), (9, Wait::default()));
        assert_eq!(prove(&store, &ann, weak.id, Door::Open, 200).await, Effect::Refused, "it has to wait");
        assert_eq!(prove(&store, &ann, weak.id, Door::Trusted, 200).await, Effect::Refused, "it is not trusted");
        assert_eq!(prove(&store, &ann, ann.session.id, Door::Trusted, 200).await, Effect::Applied);
        // In all it begins anew; whoever guesses goes on waiting where they were.
        assert_eq!((at().await.failures, at().await.open.failures), (0, 9));
        assert_eq!(prove(&store, &ann, weak.id, Door::Open, 201).await, Effect::Refused);
        spray(Door::Trusted).await;
        assert_eq!((at().await.failures, at().await.open.failures, at().await.trusted.failures), (9, 9, 9));
        assert_eq!(prove(&store, &ann, ann.session.id, Door::Trusted, 201).await, Effect::Refused, "it has to wait too");
        // No door leads past the hundred.
        for _ in 0..5 {
            spray(Door::Open).await;
            spray(Door::Trusted).await;
        }
        assert_eq!(at().await.failures, 99);
        spray(Door::Trusted).await;
        assert_eq!((at().await.failures, at().await.state), (100, AuthenticatorState::Suspended));
    }
}
