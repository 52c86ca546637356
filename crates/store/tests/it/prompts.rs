//! What is sent to people and asked of devices: answered once, and one approval at a time.

use domain::*;
use store::*;

use crate::home::*;

fn prompt(asked: &Challenge, kind: AuthenticatorKind, authenticator: Option<AuthenticatorId>) -> Prompt {
    Prompt {
        id: PromptId::generate(START, &Counter),
        challenge_id: Some(asked.id),
        enrollment_id: None,
        user_id: asked.user_id,
        authenticator_id: authenticator,
        kind,
        state: PromptState::Open,
        hash: Some([3; 32]),
        data: Some(r#"{"number":"42"}"#.to_owned()),
        sends: 1,
        created_at: START,
        sent_at: START,
        expires_at: after(120),
    }
}

async fn create(store: &Store, prompt: &Prompt) -> Effect {
    commit(store, Change::CreatePrompt(Box::new(prompt.clone()))).await
}

async fn state(store: &Store, prompt: &Prompt) -> PromptState {
    store.prompt(prompt.id).await.unwrap().unwrap().state
}

/// A further authenticator, bound in the person's session.
async fn bind(
    store: &Store,
    person: &Person,
    kind: AuthenticatorKind,
    credential: Credential,
) -> (AuthenticatorId, Effect) {
    let mut next = start(&person.session);
    (next.enrollment.kind, next.authenticator.kind) = (kind, kind);
    let (id, authenticator_id) = (next.enrollment.id, next.authenticator.id);
    apply(store, Change::StartEnrollment(Box::new(next))).await;
    let asked = Prompt {
        challenge_id: None,
        enrollment_id: Some(id),
        ..prompt(&challenge(Some(person.user.id), None), kind, Some(authenticator_id))
    };
    let view = RecordView { id, authenticator_id, sealed: None, prompt: Some(asked.clone()), at: after(1) };
    apply(store, Change::RecordView(view)).await;
    assert_eq!(store.prompts_of_enrollment(id).await.unwrap(), std::slice::from_ref(&asked));
    let confirm = ConfirmEnrollment {
        id,
        user_id: person.user.id,
        trust: trust(&person.session, Some(person.authenticator)),
        authenticator_id,
        generation: 0,
        step: 7,
        at: after(10),
        replaces: None,
        credential: Some(credential),
        prompt_id: Some(asked.id),
        backup_codes: None,
        raise: None,
    };
    let late = ConfirmEnrollment { at: after(121), ..confirm.clone() };
    assert_eq!(commit(store, Change::ConfirmEnrollment(Box::new(late))).await, Effect::Refused, "the prompt is over");
    let effect = commit(store, Change::ConfirmEnrollment(Box::new(confirm.clone()))).await;
    if effect == Effect::Applied {
        assert_eq!(state(store, &asked).await, PromptState::Used);
        assert_eq!(commit(store, Change::ConfirmEnrollment(Box::new(confirm))).await, Effect::Refused);
    }
    (authenticator_id, effect)
}

fn passkey(id: &str) -> Credential {
    let facts = serde_json::json!({ "counter": 7 });
    Credential::Webauthn(Box::new(WebauthnCredential { id: id.to_owned(), facts }))
}

on_both_engines! {
    async fn what_a_credential_is_known_by_is_kept_and_nobody_elses(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (id, effect) = bind(&store, &ann, AuthenticatorKind::Webauthn, passkey("a")).await;
        assert_eq!(effect, Effect::Applied);
        let bound = store.authenticator(id).await.unwrap().unwrap();
        assert_eq!((bound.state, bound.last_step), (AuthenticatorState::Active, 7));
        assert_eq!(bound.credential, Some(passkey("a")));
        let (_, effect) = bind(&store, &bob, AuthenticatorKind::Webauthn, passkey("a")).await;
        assert_eq!(effect, Effect::Refused, "the same key for somebody else");
        apply(&store, Change::SetAuthenticatorState { id, to: AuthenticatorState::Revoked, by: None, at: after(20) }).await;
        let (_, effect) = bind(&store, &bob, AuthenticatorKind::Webauthn, passkey("a")).await;
        assert_eq!(effect, Effect::Applied, "it is nobody's any more");
    }

    async fn t05_t11_a_prompt_is_answered_once_for_its_own_challenge_by_its_own_authenticator(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (id, _) = bind(&store, &ann, AuthenticatorKind::Sms, Credential::Sms("+4915112345678".to_owned())).await;
        let (other, _) = bind(&store, &ann, AuthenticatorKind::Sms, Credential::Sms("+4915187654321".to_owned())).await;
        let asked = ask(&store, &ann).await;
        let sent = prompt(&asked, AuthenticatorKind::Sms, Some(id));
        assert_eq!(create(&store, &sent).await, Effect::Applied);
        assert_eq!(store.prompt(sent.id).await.unwrap(), Some(sent.clone()));
        assert_eq!(store.prompts_of_challenge(asked.id).await.unwrap(), std::slice::from_ref(&sent));
        let by = |challenge: &Challenge, authenticator, step| Satisfy {
            generation: 0,
            used: Used::Prompt(sent.id, step),
            ..satisfy(challenge, authenticator, 0)
        };
        let another = ask(&store, &ann).await;
        let refused = [
            by(&another, id, None),
            by(&asked, other, None),
            by(&asked, ann.authenticator, None),
            by(&asked, id, Some(7)),
            Satisfy { at: after(120), ..by(&asked, id, None) },
        ];
        for proof in refused {
            assert_eq!(commit(&store, Change::Satisfy(proof.clone())).await, Effect::Refused, "{proof:?}");
        }
        assert_eq!(state(&store, &sent).await, PromptState::Open);
        apply(&store, Change::Satisfy(by(&asked, id, Some(8)))).await;
        assert_eq!(state(&store, &sent).await, PromptState::Used);
        assert_eq!(store.authenticator(id).await.unwrap().unwrap().last_step, 8);
        assert_eq!(commit(&store, Change::Satisfy(by(&asked, id, Some(9)))).await, Effect::Refused);
        let closed = store.challenge(asked.id).await.unwrap().unwrap();
        assert_eq!(closed.satisfied.map(|satisfied| satisfied.authenticator_id), Some(id));
        assert_eq!(create(&store, &prompt(&asked, AuthenticatorKind::Sms, Some(id))).await, Effect::Refused, "it is closed");
    }

    async fn i03_a_code_that_is_sent_again_is_another_one_and_the_count_stays(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = ask(&store, &ann).await;
        let sent = prompt(&asked, AuthenticatorKind::Sms, Some(ann.authenticator));
        assert_eq!(create(&store, &sent).await, Effect::Applied);
        let again = |sends, at| Change::ResendPrompt { id: sent.id, sends, hash: Some([4; 32]), at };
        apply(&store, again(1, after(30))).await;
        assert_eq!(commit(&store, again(1, after(31))).await, Effect::Refused, "somebody else sent it again");
        assert_eq!(commit(&store, again(2, after(120))).await, Effect::Refused, "it is over");
        let now = store.prompt(sent.id).await.unwrap().unwrap();
        assert_eq!((now.sends, now.hash, now.sent_at), (2, Some([4; 32]), after(30)));
        let next = prompt(&asked, AuthenticatorKind::Sms, Some(ann.authenticator));
        assert_eq!(create(&store, &next).await, Effect::Applied);
        assert_eq!(state(&store, &sent).await, PromptState::Replaced);
    }

    async fn t15_one_approval_of_a_user_waits_at_a_time(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (first, second, third) = (ask(&store, &ann).await, ask(&store, &ann).await, ask(&store, &bob).await);
        let push = |asked: &Challenge| prompt(asked, AuthenticatorKind::Push, None);
        let one = push(&first);
        assert_eq!(create(&store, &one).await, Effect::Applied);
        let two = push(&second);
        assert_eq!(create(&store, &two).await, Effect::Refused);
        assert_eq!(state(&store, &one).await, PromptState::Open, "what is refused replaces nothing");
        assert_eq!(create(&store, &push(&first)).await, Effect::Refused, "not for the same challenge either");
        assert_eq!(create(&store, &push(&third)).await, Effect::Applied, "somebody else's");
        apply(&store, Change::EndPrompt { id: one.id, to: PromptState::Denied }).await;
        assert_eq!(commit(&store, Change::EndPrompt { id: one.id, to: PromptState::Denied }).await, Effect::Refused);
        assert_eq!(create(&store, &two).await, Effect::Applied);
        let mut later = push(&second);
        later.created_at = after(120);
        later.expires_at = after(240);
        assert_eq!(create(&store, &later).await, Effect::Applied, "the one before was not answered in time");
        let of_ann = store.prompts_of_user(ann.user.id, AuthenticatorKind::Push, START).await.unwrap();
        assert_eq!(of_ann.iter().map(|p| p.state).collect::<Vec<_>>().len(), 3);
        assert!(store.prompts_of_user(ann.user.id, AuthenticatorKind::Sms, START).await.unwrap().is_empty());
    }

    async fn t19_an_approval_that_nobody_is_asked_for_waits_as_one_would(home: Home) {
        let store = home.open().await;
        let nobody = challenge(None, None);
        let another = challenge(None, None);
        for challenge in [&nobody, &another] {
            apply(&store, Change::CreateChallenge(challenge.clone())).await;
        }
        let many: Vec<Prompt> = (0..16).map(|_| prompt(&nobody, AuthenticatorKind::Push, None)).collect();
        let effects = futures_util::future::join_all(many.iter().map(|prompt| create(&store, prompt))).await;
        assert_eq!(effects.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{effects:?}");
        assert_eq!(create(&store, &prompt(&another, AuthenticatorKind::Push, None)).await, Effect::Applied);
        assert_eq!(create(&store, &prompt(&nobody, AuthenticatorKind::Webauthn, None)).await, Effect::Applied);
        let later = Prompt { created_at: after(120), expires_at: after(240), ..many[0].clone() };
        let later = Prompt { id: PromptId::generate(START, &Counter), ..later };
        assert_eq!(create(&store, &later).await, Effect::Applied, "the one before is over");
    }

    async fn t15_of_several_answers_one_is_judged(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = ask(&store, &ann).await;
        let push = Prompt { hash: None, ..prompt(&asked, AuthenticatorKind::Push, Some(ann.authenticator)) };
        assert_eq!(create(&store, &push).await, Effect::Applied);
        apply(&store, Change::ResendPrompt { id: push.id, sends: 1, hash: None, at: after(30) }).await;
        let claim = |answer: u8, at| Change::ClaimPrompt { id: push.id, answer: [answer; 32], at };
        assert_eq!(commit(&store, claim(1, after(120))).await, Effect::Refused, "too late");
        let many = (1..=64).map(|answer| commit(&store, claim(answer, after(40))));
        let effects = futures_util::future::join_all(many).await;
        let won: Vec<u8> = (1..).zip(effects).filter(|(_, effect)| *effect == Effect::Applied).map(|(n, _)| n).collect();
        let [winner] = won.as_slice() else { panic!("{won:?}") };
        assert_eq!(commit(&store, claim(*winner, after(41))).await, Effect::Applied, "the same again is the same");
        assert_eq!(store.prompt(push.id).await.unwrap().unwrap().hash, Some([*winner; 32]));
        apply(&store, Change::EndPrompt { id: push.id, to: PromptState::Denied }).await;
        assert_eq!(commit(&store, claim(*winner, after(42))).await, Effect::Refused, "it is over");
    }

    async fn t15_a_prompt_moves_to_another_app_of_the_same_user_before_it_is_answered(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let app = |key: &str| Credential::Push(Box::new(PushCredential { public_key: key.to_owned(), delivery: None }));
        let (first, _) = bind(&store, &ann, AuthenticatorKind::Push, app("A")).await;
        let (second, _) = bind(&store, &ann, AuthenticatorKind::Push, app("B")).await;
        let (others, _) = bind(&store, &bob, AuthenticatorKind::Push, app("C")).await;
        let asked = ask(&store, &ann).await;
        let push = Prompt { hash: None, ..prompt(&asked, AuthenticatorKind::Push, Some(first)) };
        assert_eq!(create(&store, &push).await, Effect::Applied);
        let moved = |from, to, at| Change::MovePrompt { id: push.id, from, to, data: "{}".to_owned(), at };
        assert_eq!(commit(&store, moved(first, others, after(20))).await, Effect::Refused, "somebody else's");
        assert_eq!(commit(&store, moved(first, ann.authenticator, after(20))).await, Effect::Refused, "no app");
        assert_eq!(commit(&store, moved(second, first, after(20))).await, Effect::Refused, "another one is asked");
        assert_eq!(commit(&store, moved(first, second, after(120))).await, Effect::Refused, "too late");
        assert_eq!(commit(&store, moved(first, second, after(20))).await, Effect::Applied);
        let kept = store.prompt(push.id).await.unwrap().unwrap();
        assert_eq!((kept.authenticator_id, kept.data.as_deref()), (Some(second), Some("{}")));
        apply(&store, Change::ClaimPrompt { id: push.id, answer: [1; 32], at: after(30) }).await;
        assert_eq!(commit(&store, moved(second, first, after(40))).await, Effect::Refused, "it was answered");
    }

    async fn what_reaches_an_app_changes_by_what_was_seen(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let app = |delivery: Option<&str>| {
            let delivery = delivery.map(|token| serde_json::json!({ "fcm": token }));
            Credential::Push(Box::new(PushCredential { public_key: "BA".to_owned(), delivery }))
        };
        let (id, effect) = bind(&store, &ann, AuthenticatorKind::Push, app(None)).await;
        assert_eq!(effect, Effect::Applied);
        let set = |seen: Option<&str>, to: Option<&str>| Change::SetCredential {
            id,
            seen: Box::new(app(seen)),
            to: Box::new(app(to)),
        };
        apply(&store, set(None, Some("a"))).await;
        assert_eq!(commit(&store, set(None, Some("b"))).await, Effect::Refused, "another one was faster");
        assert_eq!(store.authenticator(id).await.unwrap().unwrap().credential, Some(app(Some("a"))));
        let lost = Change::SetAuthenticatorState { id, to: AuthenticatorState::Lost, by: None, at: after(60) };
        apply(&store, lost).await;
        assert_eq!(commit(&store, set(Some("a"), None)).await, Effect::Refused);
    }

    async fn prompts_go_with_their_user_and_when_they_are_over(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = ask(&store, &ann).await;
        assert_eq!(create(&store, &prompt(&asked, AuthenticatorKind::Sms, None)).await, Effect::Applied);
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(count(&home, "prompts"), 0);
        let nobody = challenge(None, None);
        apply(&store, Change::CreateChallenge(nobody.clone())).await;
        assert_eq!(create(&store, &prompt(&nobody, AuthenticatorKind::Sms, None)).await, Effect::Applied);
        store.sweep(after(3600), std::time::Duration::from_mins(1)).await.unwrap();
        assert_eq!(count(&home, "prompts"), 0);
    }
}
