//! How many authenticators somebody may have, and what one may take the place of, whoever races.

use domain::*;
use store::*;

use crate::home::*;

/// An enrollment that only wants confirming.
async fn viewed(store: &Store, person: &Person, replaces: Option<AuthenticatorId>) -> Change {
    let mut next = start(&person.session);
    next.enrollment.replaces = replaces;
    next.authenticator.sealed = Some(sealed(1));
    next.viewed = true;
    let (id, authenticator_id) = (next.enrollment.id, next.authenticator.id);
    apply(store, Change::StartEnrollment(Box::new(next))).await;
    Change::ConfirmEnrollment(Box::new(ConfirmEnrollment {
        id,
        user_id: person.user.id,
        trust: trust(&person.session, Some(person.authenticator)),
        authenticator_id,
        generation: 1,
        step: 7,
        at: after(10),
        replaces,
        credential: None,
        prompt_id: None,
        backup_codes: None,
        raise: Some(Raise {
            session_id: person.session.id,
            proof: Proof {
                authenticator_id,
                kind: AuthenticatorKind::Totp,
                verified_at: after(10),
                quality: Quality::default(),
            },
            aal: Aal::Aal2,
        }),
    }))
}

async fn in_use(store: &Store, person: &Person) -> Vec<AuthenticatorId> {
    let all = store.authenticators_of(person.user.id).await.unwrap();
    all.iter().filter(|a| a.kind == AuthenticatorKind::Totp && a.is_bound()).map(|a| a.id).collect()
}

on_both_engines! {
    async fn no_race_gets_past_five_authenticators(home: Home) {
        let store = home.open().await;
        // A second server, where there can be one.
        let second = if home.is_sqlite() { store.clone() } else { home.open().await };
        let ann = settle(&store, "ann").await;
        let mut confirms = Vec::new();
        for _ in 0..12 {
            confirms.push(viewed(&store, &ann, None).await);
        }
        let at = |n: usize| if n.is_multiple_of(2) { &store } else { &second };
        let all = confirms.iter().enumerate().map(|(n, confirm)| commit(at(n), confirm.clone()));
        let effects = futures_util::future::join_all(all).await;
        assert_eq!(effects.iter().filter(|effect| **effect == Effect::Applied).count(), 4, "{effects:?}");
        assert_eq!(in_use(&store, &ann).await.len(), Authenticator::MOST_OF_A_KIND);
        // A suspended one counts; one that is revoked makes room, and one that takes another's place needs none.
        let own = ann.authenticator;
        let set = |to| Change::SetAuthenticatorState { id: own, to, by: None, at: after(20) };
        // What rests on one that is not suspended.
        let another = in_use(&store, &ann).await.into_iter().find(|id| *id != own).unwrap();
        let resting = |mut change: Change| {
            if let Change::ConfirmEnrollment(confirm) = &mut change {
                confirm.trust.proved = Some(another);
            }
            change
        };
        let further = resting(viewed(&store, &ann, None).await);
        apply(&store, set(AuthenticatorState::Suspended)).await;
        assert_eq!(commit(&store, further.clone()).await, Effect::Refused);
        let replacing = resting(viewed(&store, &ann, Some(own)).await);
        assert_eq!(commit(&store, replacing).await, Effect::Applied);
        assert_eq!(commit(&store, further.clone()).await, Effect::Refused);
        let other = in_use(&store, &ann).await.into_iter().find(|id| *id != another).unwrap();
        apply(&store, Change::SetAuthenticatorState { id: other, to: AuthenticatorState::Revoked, by: None, at: after(20) }).await;
        assert_eq!(commit(&store, further).await, Effect::Applied);
    }

    async fn what_is_out_of_use_cannot_be_replaced(home: Home) {
        let store = home.open().await;
        for to in [AuthenticatorState::Lost, AuthenticatorState::Revoked] {
            let ann = settle(&store, &format!("ann {to:?}")).await;
            let replacing = viewed(&store, &ann, Some(ann.authenticator)).await;
            apply(&store, Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: after(20) }).await;
            assert_eq!(commit(&store, replacing).await, Effect::Refused);
            assert_eq!(store.authenticator(ann.authenticator).await.unwrap().unwrap().state, to);
            assert!(in_use(&store, &ann).await.is_empty());
        }
        // Two that would take the same place have one winner.
        let ann = settle(&store, "ann").await;
        let (one, two) = (viewed(&store, &ann, Some(ann.authenticator)).await, viewed(&store, &ann, Some(ann.authenticator)).await);
        let both = futures_util::future::join(commit(&store, one), commit(&store, two)).await;
        assert!(matches!(both, (Effect::Applied, Effect::Refused) | (Effect::Refused, Effect::Applied)), "{both:?}");
        assert_eq!(in_use(&store, &ann).await.len(), 1);
        // Nor does it take the place of another than the enrollment was granted for.
        let (bob, mut swapped) = (settle(&store, "bob").await, viewed(&store, &ann, None).await);
        if let Change::ConfirmEnrollment(confirm) = &mut swapped {
            confirm.replaces = Some(bob.authenticator);
        }
        assert_eq!(commit(&store, swapped).await, Effect::Refused);
    }
}
