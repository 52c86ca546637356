//! Ends and rotations of authenticators, sessions that have to prove again, and how users stand (P-09, W-08).

use std::time::Duration;

use domain::*;
use store::*;

use crate::home::*;

fn expired(id: AuthenticatorId, at: Timestamp) -> Change {
    Change::SetAuthenticatorState { id, to: AuthenticatorState::Expired, by: None, at }
}

on_both_engines! {
    async fn p09_an_end_holds_in_the_statement_that_uses_a_code(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let id = ann.authenticator;
        let limit = |ends_at| Change::LimitAuthenticator { id, ends_at };
        assert_eq!(commit(&store, limit(after(100))).await, Effect::Applied);
        // Never further away, and no other one of the same.
        assert_eq!(commit(&store, limit(after(200))).await, Effect::Refused);
        assert_eq!(commit(&store, limit(after(100))).await, Effect::Refused);
        assert_eq!(commit(&store, limit(after(60))).await, Effect::Applied);
        assert_eq!(store.authenticator(id).await.unwrap().unwrap().expires_at(), Some(after(60)));
        let (first, second) = (ask(&store, &ann).await, ask(&store, &ann).await);
        let at = |challenge, step, at| Change::Satisfy(Satisfy { at, ..satisfy(challenge, id, step) });
        assert_eq!(commit(&store, at(&first, 110, after(59))).await, Effect::Applied);
        assert_eq!(commit(&store, at(&second, 111, after(60))).await, Effect::Refused, "used past its end");

        assert!(store.ended_authenticators(after(59), 10).await.unwrap().is_empty());
        let ended = store.ended_authenticators(after(60), 10).await.unwrap();
        assert_eq!(ended.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
        apply(&store, expired(id, after(60))).await;
        assert!(store.ended_authenticators(after(90), 10).await.unwrap().is_empty());
        assert_eq!(commit(&store, limit(after(10))).await, Effect::Refused, "what has expired has no other end");
        // It is not swept away as what is bound for a while only: it was somebody's.
        store.sweep(after(1_000_000), Duration::ZERO).await.unwrap();
        assert_eq!(store.authenticator(id).await.unwrap().unwrap().state, AuthenticatorState::Expired);
    }

    async fn p09_a_key_is_to_be_replaced_once(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let id = ann.authenticator;
        assert_eq!(commit(&store, Change::AskRotation { id, at: after(1) }).await, Effect::Applied);
        assert_eq!(commit(&store, Change::AskRotation { id, at: after(2) }).await, Effect::Refused);
        assert_eq!(store.authenticator(id).await.unwrap().unwrap().rotation_asked_at, Some(after(1)));
    }

    async fn t22_a_session_that_has_to_prove_again_has_proved_nothing(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let id = ann.session.id;
        let forget = |from_level| Change::ForgetProofs { id, from_level };
        assert_eq!(commit(&store, forget(3)).await, Effect::Refused, "it has not reached that");
        assert_eq!(commit(&store, forget(2)).await, Effect::Applied);
        let session = store.session(id).await.unwrap().unwrap();
        assert_eq!((session.aal, session.proofs.len()), (Aal::Aal1, 0));
        assert_eq!(commit(&store, forget(2)).await, Effect::Refused, "nothing is proved in it any more");
        // Another proof raises it again.
        let challenge = ask(&store, &ann).await;
        apply(&store, Change::Satisfy(satisfy(&challenge, ann.authenticator, 110))).await;
        assert_eq!(store.session(id).await.unwrap().unwrap().aal, Aal::Aal2);
    }

    async fn how_somebody_stands_is_changed_by_whoever_saw_it(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user;
        let put = |seen: &Standing, to: &Standing| Change::PutStanding {
            user_id: ann.id,
            seen: Box::new(seen.clone()),
            to: Box::new(to.clone()),
        };
        let staff = Standing { groups: ["staff".to_owned()].into(), ..Standing::default() };
        let more = Standing { grace_until: Some(after(5)), ..staff.clone() };
        assert_eq!(commit(&store, put(&Standing::default(), &staff)).await, Effect::Applied);
        assert_eq!(commit(&store, put(&Standing::default(), &more)).await, Effect::Refused);
        assert_eq!(commit(&store, put(&staff, &more)).await, Effect::Applied);
        assert_eq!(store.user(ann.id).await.unwrap().unwrap().standing, more);
        assert_eq!(commit(&store, put(&more, &Standing::default())).await, Effect::Applied);
        assert_eq!(store.user(ann.id).await.unwrap().unwrap().standing, Standing::default());
    }

    async fn w08_that_somebody_was_there_is_known_without_their_session(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, user("bob"));
        apply(&store, Change::CreateUser(bob.clone())).await;
        let later = Session { created_at: after(3600), expires_at: after(7200), ..session(bob.id) };
        apply(&store, Change::RegisterSession(later.into())).await;
        let active = async || {
            let page = store.active_users(whole()).await.unwrap();
            let found = page.items.iter().map(|one| (one.user.id, (one.last_active_at, one.has_authenticator)));
            found.collect::<std::collections::HashMap<_, _>>()
        };
        let before = active().await;
        assert_eq!(before[&bob.id], (after(3600), false));
        assert!(before[&ann.user.id].1);
        let day = Duration::from_hours(24);
        while store.sweep(after(1_000_000), day).await.unwrap() > 0 {}
        assert_eq!(count(&home, "sessions"), 0);
        assert_eq!(active().await, before);
        // One page after the other.
        let first = store.active_users(PageRequest { after: None, limit: 1 }).await.unwrap();
        let rest = store.active_users(PageRequest { after: first.next, limit: 1 }).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), rest.next), (1, 1, None));
    }

    async fn w08_authenticators_in_use_are_gone_through_page_by_page(home: Home) {
        let store = home.open().await;
        let mut all = Vec::new();
        for n in 0..5 {
            all.push(settle(&store, &format!("ann-{n}")).await.authenticator);
        }
        let gone = all.remove(2);
        apply(&store, Change::SetAuthenticatorState { id: gone, to: AuthenticatorState::Revoked, by: None, at: after(1) }).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.authenticators_in_use(PageRequest { after, limit: 2 }).await.unwrap();
            seen.extend(page.items.iter().map(|one| one.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.sort();
        // Backup codes are among them.
        seen.retain(|id| all.contains(id) || *id == gone);
        assert_eq!(seen, all);
    }
}
