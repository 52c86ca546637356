//! Browsers that are remembered: bound by a proof, for a while, and forgotten with any change of what their user has (T-25).

use domain::*;
use store::*;

use crate::home::*;

/// A challenge of the person's session, proved with their authenticator.
async fn proved(store: &Store, person: &Person, step: i64) -> Challenge {
    let asked = ask(store, person).await;
    apply(store, Change::Satisfy(satisfy(&asked, person.authenticator, step))).await;
    asked
}

fn browser(person: &Person, key: &str) -> Authenticator {
    let credential = BrowserCredential { public_key: key.to_owned(), expires_at: after(1000) };
    Authenticator {
        state: AuthenticatorState::Active,
        credential: Some(Credential::Browser(credential)),
        ..authenticator(person.user.id, AuthenticatorKind::Browser)
    }
}

fn remember(person: &Person, asked: &Challenge, browser: Authenticator) -> RememberBrowser {
    let (session_id, challenge_id, proved) = (person.session.id, asked.id, person.authenticator);
    RememberBrowser { browser, session_id, challenge_id, proved, at: after(5) }
}

async fn tell(store: &Store, remember: RememberBrowser) -> Effect {
    commit(store, Change::RememberBrowser(Box::new(remember))).await
}

/// Somebody with a browser that is remembered.
async fn settle_with_browser(store: &Store, name: &str) -> (Person, AuthenticatorId) {
    let person = settle(store, name).await;
    let asked = proved(store, &person, 200).await;
    let browser = browser(&person, name);
    let id = browser.id;
    assert_eq!(tell(store, remember(&person, &asked, browser)).await, Effect::Applied);
    (person, id)
}

async fn state(store: &Store, id: AuthenticatorId) -> AuthenticatorState {
    store.authenticator(id).await.unwrap().unwrap().state
}

/// A session in which the browser was proved, and nothing else.
async fn raised_by(store: &Store, person: &Person, browser: AuthenticatorId, at: Timestamp) -> (Session, Effect) {
    let session = session(person.user.id);
    apply(store, Change::RegisterSession(session.clone().into())).await;
    let asked = Challenge { expires_at: after(5000), ..challenge(Some(person.user.id), Some(session.id)) };
    apply(store, Change::CreateChallenge(asked.clone())).await;
    let prompt = Prompt {
        id: PromptId::generate(START, &Counter),
        challenge_id: Some(asked.id),
        enrollment_id: None,
        user_id: Some(person.user.id),
        authenticator_id: Some(browser),
        kind: AuthenticatorKind::Browser,
        state: PromptState::Open,
        hash: None,
        data: None,
        sends: 1,
        created_at: START,
        sent_at: START,
        expires_at: after(5000),
    };
    apply(store, Change::CreatePrompt(Box::new(prompt.clone()))).await;
    let mut right = Satisfy { generation: 0, used: Used::Prompt(prompt.id, None), at, ..satisfy(&asked, browser, 0) };
    if let Some(raise) = &mut right.raise {
        raise.proof.kind = AuthenticatorKind::Browser;
    }
    (session, commit(store, Change::Satisfy(right)).await)
}

on_both_engines! {
    async fn t25_a_browser_is_remembered_by_a_proof_of_the_session_and_user_alone(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let asked = ask(&store, &ann).await;
        assert_eq!(tell(&store, remember(&ann, &asked, browser(&ann, "a"))).await, Effect::Refused, "not proved yet");
        let asked = proved(&store, &ann, 200).await;
        let theirs = proved(&store, &bob, 200).await;
        let (_, known) = settle_with_browser(&store, "eve").await;
        let refused = [
            remember(&ann, &theirs, browser(&ann, "a")),
            RememberBrowser { proved: bob.authenticator, ..remember(&ann, &asked, browser(&ann, "a")) },
            RememberBrowser { proved: ann.codes, ..remember(&ann, &asked, browser(&ann, "a")) },
            RememberBrowser { proved: known, ..remember(&ann, &asked, browser(&ann, "a")) },
            remember(&ann, &asked, browser(&bob, "a")),
            RememberBrowser { session_id: bob.session.id, ..remember(&ann, &asked, browser(&ann, "a")) },
            RememberBrowser { at: after(8 * 3600), ..remember(&ann, &asked, browser(&ann, "a")) },
        ];
        for wish in refused {
            assert_eq!(tell(&store, wish.clone()).await, Effect::Refused, "{wish:?}");
        }
        let kept = browser(&ann, "a");
        assert_eq!(tell(&store, remember(&ann, &asked, kept.clone())).await, Effect::Applied);
        assert_eq!(store.authenticator(kept.id).await.unwrap(), Some(kept));
        assert_eq!(tell(&store, remember(&bob, &theirs, browser(&bob, "a"))).await, Effect::Exists, "the key is ann's");
        for number in 1..Authenticator::MOST_BROWSERS {
            let more = browser(&ann, &number.to_string());
            assert_eq!(tell(&store, remember(&ann, &asked, more)).await, Effect::Applied);
        }
        assert_eq!(tell(&store, remember(&ann, &asked, browser(&ann, "x"))).await, Effect::Refused, "too many");
        let later = RememberBrowser { at: after(1000), ..remember(&ann, &asked, browser(&ann, "x")) };
        assert_eq!(tell(&store, later).await, Effect::Applied, "those that are over do not count");
    }

    async fn t25_a_browser_counts_until_its_end_and_then_goes(home: Home) {
        let store = home.open().await;
        let (ann, id) = settle_with_browser(&store, "ann").await;
        assert_eq!(raised_by(&store, &ann, id, after(999)).await.1, Effect::Applied);
        assert_eq!(raised_by(&store, &ann, id, after(1000)).await.1, Effect::Refused);
        let keep = std::time::Duration::from_secs(100);
        store.sweep(after(1099), keep).await.unwrap();
        assert!(store.authenticator(id).await.unwrap().is_some());
        store.sweep(after(1100), keep).await.unwrap();
        assert!(store.authenticator(id).await.unwrap().is_none());
        assert_eq!(state(&store, ann.authenticator).await, AuthenticatorState::Active);
    }

    async fn t25_a_browser_dies_with_any_change_of_what_its_user_has_and_with_nobody_elses(home: Home) {
        let store = home.open().await;
        let (bob, bobs) = settle_with_browser(&store, "bob").await;
        let to = |id, to| Change::SetAuthenticatorState { id, to, by: None, at: after(6) };
        for name in ["suspended", "lost", "revoked", "codes", "user", "budget", "confirmed"] {
            let (ann, id) = settle_with_browser(&store, name).await;
            let (weak, effect) = raised_by(&store, &ann, id, after(6)).await;
            assert_eq!(effect, Effect::Applied);
            match name {
                "suspended" => apply(&store, to(ann.authenticator, AuthenticatorState::Suspended)).await,
                "lost" => apply(&store, to(ann.authenticator, AuthenticatorState::Lost)).await,
                "revoked" => apply(&store, to(ann.authenticator, AuthenticatorState::Revoked)).await,
                "codes" => apply(&store, to(ann.codes, AuthenticatorState::Revoked)).await,
                "user" => apply(&store, Change::SetUserState { id: ann.user.id, to: UserState::Suspended }).await,
                "budget" => {
                    let asked = ask(&store, &ann).await;
                    for count in 1..=backoff::BUDGET {
                        assert_eq!(state(&store, id).await, AuthenticatorState::Active, "{count}");
                        apply(&store, Change::Reject(reject(asked.id, &[ann.authenticator], after(6)))).await;
                    }
                }
                _ => confirm_another(&store, &ann).await,
            }
            assert_eq!(state(&store, id).await, AuthenticatorState::Revoked, "{name}");
            let lowered = store.session(weak.id).await.unwrap().unwrap();
            assert_eq!((lowered.aal, lowered.proofs.len()), (Aal::Aal1, 0), "{name}");
            if name == "user" {
                apply(&store, Change::SetUserState { id: ann.user.id, to: UserState::Active }).await;
            }
            assert_eq!(raised_by(&store, &ann, id, after(7)).await.1, Effect::Refused, "{name}");
            let told = store.events_backward(&EventFilter { user_id: None, ..EventFilter::default() }, whole()).await.unwrap();
            let told = told.items.iter().find(|event| event.about.authenticator_id == Some(id)
                && event.kind == EventKind::AuthenticatorRevoked);
            assert_eq!(told.map(|event| event.data["reason"].clone()), Some("credential_change".into()), "{name}");
        }
        assert_eq!(state(&store, bobs).await, AuthenticatorState::Active);
        // One that is taken back says nothing of the others.
        let asked = proved(&store, &bob, 300).await;
        let second = browser(&bob, "second");
        let id = second.id;
        assert_eq!(tell(&store, remember(&bob, &asked, second)).await, Effect::Applied);
        apply(&store, to(id, AuthenticatorState::Revoked)).await;
        assert_eq!(state(&store, bobs).await, AuthenticatorState::Active);
    }

    async fn t09_t25_a_session_that_only_proved_a_browser_binds_nothing(home: Home) {
        let store = home.open().await;
        let (ann, id) = settle_with_browser(&store, "ann").await;
        let (weak, effect) = raised_by(&store, &ann, id, after(6)).await;
        assert_eq!(effect, Effect::Applied);
        assert_eq!(store.session(weak.id).await.unwrap().unwrap().aal, Aal::Aal2);
        let remembered = Person { session: weak, ..ann };
        assert_eq!(confirmed(&store, &remembered).await, Effect::Refused);
        assert_eq!(state(&store, id).await, AuthenticatorState::Active);
    }
}

async fn confirm_another(store: &Store, person: &Person) {
    assert_eq!(confirmed(store, person).await, Effect::Applied);
}

/// A further authenticator, bound in the person's session.
async fn confirmed(store: &Store, person: &Person) -> Effect {
    let start = start(&person.session);
    apply(store, Change::StartEnrollment(Box::new(start.clone()))).await;
    let (id, authenticator_id) = (start.enrollment.id, start.authenticator.id);
    let view = RecordView { id, authenticator_id, sealed: Some(sealed(1)), prompt: None, at: after(6) };
    apply(store, Change::RecordView(view)).await;
    let confirm = ConfirmEnrollment {
        id,
        user_id: person.user.id,
        trust: trust(&person.session, Some(person.authenticator)),
        authenticator_id,
        generation: 1,
        step: 400,
        at: after(7),
        replaces: None,
        credential: None,
        prompt_id: None,
        backup_codes: None,
        raise: None,
    };
    commit(store, Change::ConfirmEnrollment(Box::new(confirm))).await
}
