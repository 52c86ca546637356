//! Sessions fall back when what they proved goes out of use (T-09).

use domain::*;
use store::*;

use crate::home::*;

/// A second authenticator of somebody's, proved in the same session.
async fn second(store: &Store, person: &Person, replaces: Option<AuthenticatorId>) -> AuthenticatorId {
    let mut next = start(&person.session);
    next.enrollment.replaces = replaces;
    next.authenticator.sealed = Some(sealed(1));
    next.viewed = true;
    let (id, authenticator_id) = (next.enrollment.id, next.authenticator.id);
    apply(store, Change::StartEnrollment(Box::new(next))).await;
    let confirm = ConfirmEnrollment {
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
    };
    apply(store, Change::ConfirmEnrollment(Box::new(confirm))).await;
    authenticator_id
}

/// A session's level, and the authenticators that it has proved.
async fn standing(store: &Store, session: SessionId) -> (Aal, Vec<AuthenticatorId>) {
    let session = store.session(session).await.unwrap().unwrap();
    (session.aal, session.proofs.iter().map(|proof| proof.authenticator_id).collect())
}

/// The sessions that fell, by which authenticator, and to which level.
async fn told(store: &Store) -> Vec<(Option<SessionId>, Option<AuthenticatorId>, i64)> {
    let filter = EventFilter { kinds: vec![EventKind::SessionLowered], ..EventFilter::default() };
    let events = store.events(&filter, whole()).await.unwrap().items;
    events.iter().map(|e| (e.about.session_id, e.about.authenticator_id, e.data["aal"].as_i64().unwrap())).collect()
}

on_both_engines! {
    /// T-09: what a person's session was trusted to do, it does no more once what it proved is forgotten, or it is over.
    async fn t09_what_a_session_does_holds_as_long_as_what_it_proved(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (weak, other) = (session(ann.user.id), session(ann.user.id));
        for session in [&weak, &other] {
            apply(&store, Change::RegisterSession(session.clone().into())).await;
        }
        let changes = |session: &Session| {
            let (id, by, at) = (ann.authenticator, Some(trust(session, Some(ann.authenticator))), after(20));
            [
                Change::RenameAuthenticator { id, label: "mine".to_owned(), by, at },
                Change::EndSession { id: other.id, by, at },
                Change::SetAuthenticatorState { id, to: AuthenticatorState::Suspended, by, at },
            ]
        };
        let all = async |session: &Session| {
            let mut effects = Vec::new();
            for change in changes(session) {
                effects.push(commit(&store, change).await);
            }
            effects
        };
        assert_eq!(all(&weak).await, vec![Effect::Refused; 3], "it proved nothing");
        // The last of them takes from the session what it rests on.
        assert_eq!(all(&ann.session).await, vec![Effect::Applied; 3]);
        let resume = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: after(21) };
        apply(&store, resume(AuthenticatorState::Active)).await;
        assert_eq!(all(&ann.session).await, vec![Effect::Refused; 3], "it is lowered");
        let ended = settle(&store, "bob").await;
        apply(&store, Change::EndSession { id: ended.session.id, by: None, at: after(22) }).await;
        let by = Some(trust(&ended.session, Some(ended.authenticator)));
        let renames =
            Change::RenameAuthenticator { id: ended.authenticator, label: "mine".to_owned(), by, at: after(23) };
        assert_eq!(commit(&store, renames).await, Effect::Refused, "it is over");
    }

    async fn t09_a_session_keeps_nothing_of_what_is_out_of_use(home: Home) {
        let store = home.open().await;
        for to in [AuthenticatorState::Suspended, AuthenticatorState::Lost, AuthenticatorState::Revoked] {
            let before = told(&store).await.len();
            let (ann, bob) = (settle(&store, &format!("ann {to:?}")).await, settle(&store, &format!("bob {to:?}")).await);
            let other = second(&store, &ann, None).await;
            assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal2, vec![ann.authenticator, other]));
            let set = |id, to| Change::SetAuthenticatorState { id, to, by: None, at: after(20) };
            apply(&store, set(ann.authenticator, to)).await;
            assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal2, vec![other]));
            apply(&store, set(other, to)).await;
            assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal1, vec![]));
            assert_eq!(standing(&store, bob.session.id).await, (Aal::Aal2, vec![bob.authenticator]));
            let expected =
                [(Some(ann.session.id), Some(ann.authenticator), 2), (Some(ann.session.id), Some(other), 1)];
            assert_eq!(told(&store).await[before..], expected);
            // Resuming it brings no proof back.
            if to == AuthenticatorState::Suspended {
                apply(&store, set(other, AuthenticatorState::Active)).await;
                assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal1, vec![]));
            }
        }
    }

    async fn t09_two_that_go_at_once_are_both_forgotten(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let other = second(&store, &ann, None).await;
        let revoke = |id| commit(&store, Change::SetAuthenticatorState { id, to: AuthenticatorState::Revoked, by: None, at: after(20) });
        let both = futures_util::future::join(revoke(ann.authenticator), revoke(other)).await;
        assert_eq!(both, (Effect::Applied, Effect::Applied));
        assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal1, vec![]));
        assert_eq!(told(&store).await.len(), 2);
    }

    async fn t09_what_was_rotated_away_is_forgotten(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let elsewhere = session(ann.user.id);
        apply(&store, Change::RegisterSession(elsewhere.clone().into())).await;
        let challenge = challenge(Some(ann.user.id), Some(elsewhere.id));
        apply(&store, Change::CreateChallenge(challenge.clone())).await;
        apply(&store, Change::Satisfy(satisfy(&challenge, ann.authenticator, 200))).await;
        assert_eq!(standing(&store, elsewhere.id).await, (Aal::Aal2, vec![ann.authenticator]));
        let new = second(&store, &ann, Some(ann.authenticator)).await;
        assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal2, vec![new]));
        assert_eq!(standing(&store, elsewhere.id).await, (Aal::Aal1, vec![]));
    }

    async fn t09_an_exhausted_budget_takes_the_proofs_along(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        for tries in 1..=backoff::BUDGET {
            assert_eq!(standing(&store, ann.session.id).await.0, Aal::Aal2, "after {tries}");
            let challenge = challenge(Some(ann.user.id), None);
            apply(&store, Change::CreateChallenge(challenge.clone())).await;
            apply(&store, Change::Reject(reject(challenge.id, &[ann.authenticator], after(20)))).await;
        }
        assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal1, vec![]));
        assert_eq!(told(&store).await, [(Some(ann.session.id), Some(ann.authenticator), 1)]);
    }

    async fn t09_an_ended_session_forgets_without_being_told_of(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        apply(&store, Change::EndSession { id: ann.session.id, by: None, at: after(11) }).await;
        let revoke = Change::SetAuthenticatorState { id: ann.authenticator, to: AuthenticatorState::Revoked, by: None, at: after(20) };
        apply(&store, revoke).await;
        assert_eq!(standing(&store, ann.session.id).await, (Aal::Aal1, vec![]));
        assert_eq!(told(&store).await, []);
    }
}
