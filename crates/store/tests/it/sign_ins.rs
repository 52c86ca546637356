//! Browsers that are signed in at a site: by a link, in one browser, once.

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;
use crate::pages::{application, page};

fn sign_in(session: &Session, code: u8) -> SignIn {
    SignIn {
        id: SignInId::generate(START, &Counter),
        application_id: session.application_id,
        user_id: session.user_id,
        session_id: session.id,
        site: "wiki".to_owned(),
        groups: vec!["staff".to_owned(), "über alles".to_owned()],
        return_url: ReturnUrl::parse("https://wiki.example/a?b=c").unwrap(),
        code: TokenHash([code; 32]),
        state: TokenHash([code + 1; 32]),
        browser: None,
        seen_at: START,
        created_at: START,
        expires_at: after(60),
    }
}

fn create(sign_in: &SignIn) -> Change {
    Change::CreateSignIn(Box::new(sign_in.clone()))
}

fn finish(sign_in: &SignIn, browser: u8, at: u64) -> FinishSignIn {
    let (at, expires_at) = (after(at), after(3600));
    FinishSignIn { id: sign_in.id, state: sign_in.state, browser: TokenHash([browser; 32]), at, expires_at }
}

fn finished(finish: FinishSignIn) -> Change {
    Change::FinishSignIn(Box::new(finish))
}

/// A session of an application that is there.
async fn session_of(store: &Store, app: ApplicationId, name: &str) -> Session {
    let user = settle(store, name).await.session.user_id;
    let session = Session { application_id: app, ..session(user) };
    apply(store, Change::RegisterSession(session.clone().into())).await;
    session
}

on_both_engines! {
    async fn t12_a_link_signs_in_once_and_in_the_browser_that_was_sent(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let ann = session_of(&store, app, "ann").await;
        let link = sign_in(&ann, 1);
        apply(&store, create(&link)).await;
        assert_eq!(store.sign_in_by_code(link.code).await.unwrap(), Some(link.clone()));
        assert!(store.signed_in(TokenHash([9; 32])).await.unwrap().is_none(), "nobody is yet");
        for wrong in [
            FinishSignIn { state: TokenHash([7; 32]), ..finish(&link, 9, 1) },
            finish(&link, 9, 60),
            FinishSignIn { id: SignInId::generate(START, &Counter), ..finish(&link, 9, 1) },
        ] {
            assert_eq!(commit(&store, finished(wrong.clone())).await, Effect::Refused, "{wrong:?}");
        }
        let many = join_all((10..26).map(|browser| commit(&store, finished(finish(&link, browser, 1))))).await;
        assert_eq!(many.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{many:?}");
        let browser = store.sign_in_by_code(link.code).await.unwrap().unwrap().browser.unwrap();
        let (found, application) = store.signed_in(browser).await.unwrap().unwrap();
        assert_eq!((found.expires_at, found.seen_at, application.id), (after(3600), after(1), app));
        assert_eq!(commit(&store, Change::RefuseSignIn { id: link.id, at: after(2) }).await, Effect::Refused);
    }

    async fn t12_a_link_that_was_refused_is_over(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let ann = session_of(&store, app, "ann").await;
        let link = sign_in(&ann, 1);
        apply(&store, create(&link)).await;
        apply(&store, Change::RefuseSignIn { id: link.id, at: after(2) }).await;
        assert_eq!(commit(&store, finished(finish(&link, 9, 2))).await, Effect::Refused);
        assert_eq!(commit(&store, Change::RefuseSignIn { id: link.id, at: after(2) }).await, Effect::Refused);
    }

    async fn t22_nobody_is_signed_in_by_a_session_that_is_over_or_anothers(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (ann, bob) = (session_of(&store, app, "ann").await, session_of(&store, app, "bob").await);
        let foreign = SignIn { application_id: application_id(), ..sign_in(&ann, 1) };
        let swapped = SignIn { user_id: bob.user_id, ..sign_in(&ann, 1) };
        for wrong in [foreign, swapped] {
            assert_eq!(commit(&store, create(&wrong)).await, Effect::Refused, "{wrong:?}");
        }
        let link = sign_in(&ann, 1);
        apply(&store, create(&link)).await;
        apply(&store, Change::EndSession { id: ann.id, by: None, at: after(1) }).await;
        assert_eq!(commit(&store, finished(finish(&link, 9, 2))).await, Effect::Refused);
        assert_eq!(commit(&store, create(&sign_in(&ann, 3))).await, Effect::Refused);
    }

    async fn t12_who_signs_in_is_named_once_on_a_page_that_is_for_it(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (ann, bob) = (settle(&store, "ann").await.user.id, settle(&store, "bob").await.user.id);
        let asked = challenge(None, None);
        let own = HostedPage { purpose: PagePurpose::SignIn, challenge_id: Some(asked.id), ..page(app, None, 1) };
        let other = HostedPage { purpose: PagePurpose::Challenge, ..page(app, None, 2) };
        let other = HostedPage { challenge_id: Some(asked.id), ..other };
        let theirs = challenge(Some(bob), None);
        let with_theirs = HostedPage { challenge_id: Some(theirs.id), ..HostedPage { purpose: PagePurpose::SignIn, ..page(app, None, 3) } };
        for challenge in [&asked, &theirs] {
            apply(&store, Change::CreateChallenge(challenge.clone())).await;
        }
        for page in [&own, &other, &with_theirs] {
            apply(&store, Change::CreatePage(Box::new(page.clone()))).await;
        }
        let hash = ActionHash([5; 32]);
        let right = NameChallenge { id: asked.id, page_id: own.id, user_id: ann, action_hash: hash, at: after(1) };
        let name = |name: &NameChallenge| Change::NameChallenge(Box::new(name.clone()));
        for wrong in [
            NameChallenge { page_id: other.id, ..right.clone() },
            NameChallenge { page_id: with_theirs.id, ..right.clone() },
            NameChallenge { id: theirs.id, page_id: with_theirs.id, ..right.clone() },
            NameChallenge { user_id: UserId::generate(START, &Counter), ..right.clone() },
            NameChallenge { at: after(300), ..right.clone() },
        ] {
            assert_eq!(commit(&store, name(&wrong)).await, Effect::Refused, "{wrong:?}");
        }
        apply(&store, name(&right)).await;
        for again in [&right, &NameChallenge { user_id: bob, ..right.clone() }] {
            assert_eq!(commit(&store, name(again)).await, Effect::Refused, "{again:?}");
        }
        let named = store.challenge(asked.id).await.unwrap().unwrap();
        assert_eq!((named.user_id, named.action_hash), (Some(ann), hash));
    }

    /// T-05, S-01: with the proof that it is begun by, or not at all.
    async fn a_session_begins_with_its_proof_or_not_at_all(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let begun = || {
            let proof = satisfy(&challenge(None, Some(ann.session.id)), ann.authenticator, 1).raise.unwrap().proof;
            Session { proofs: vec![proof], aal: Aal::Aal2, ..session(ann.user.id) }
        };
        let asked = challenge(Some(ann.user.id), None);
        apply(&store, Change::CreateChallenge(asked.clone())).await;
        let tries: Vec<Session> = (0..8).map(|_| begun()).collect();
        let all = join_all(tries.iter().map(|session| {
            let begins = Some(session.clone().into());
            commit(&store, Change::Satisfy(Satisfy { begins, ..satisfy(&asked, ann.authenticator, 900) }))
        }));
        let all = all.await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        for (session, effect) in tries.iter().zip(all) {
            let kept = store.session(session.id).await.unwrap();
            assert_eq!(kept.as_ref(), (effect == Effect::Applied).then_some(session));
        }
    }

    async fn that_a_browser_was_seen_is_noted_now_and_then(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let ann = session_of(&store, app, "ann").await;
        let link = sign_in(&ann, 1);
        apply(&store, create(&link)).await;
        apply(&store, finished(finish(&link, 9, 1))).await;
        for (at, effect) in [(30, Effect::Refused), (61, Effect::Applied), (62, Effect::Refused), (30, Effect::Refused)] {
            assert_eq!(commit(&store, Change::SeeSignIn { id: link.id, at: after(at) }).await, effect, "{at}");
        }
    }

    async fn what_belongs_to_whom_goes_with_them(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (ann, bob) = (session_of(&store, app, "ann").await, session_of(&store, app, "bob").await);
        apply(&store, create(&sign_in(&ann, 1))).await;
        apply(&store, create(&sign_in(&bob, 3))).await;
        apply(&store, Change::EraseUser { id: ann.user_id }).await;
        assert_eq!(count(&home, "sign_ins"), 1);
        store.sweep(after(120), std::time::Duration::from_secs(30)).await.unwrap();
        assert_eq!(count(&home, "sign_ins"), 0);
    }
}
