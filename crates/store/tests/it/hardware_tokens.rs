//! Hardware tokens: imported once, one person's at a time, and no code comes back with the next one.

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

fn token(serial: &str) -> HardwareToken {
    HardwareToken {
        id: HardwareTokenId::generate(START, &Counter),
        serial: serial.to_owned(),
        sealed: Sealed { period: 0, generation: 0, ..sealed(1) },
        last_step: 40,
        authenticator_id: None,
        is_free: true,
        assigned_to: None,
        failures: 0,
        imported_at: START,
    }
}

/// What makes a token somebody's, in their session.
fn enrolling(token: &HardwareToken, session: &Session) -> EnrollHardwareToken {
    let mut start = start(session);
    (start.enrollment.kind, start.authenticator.kind) = (AuthenticatorKind::Hotp, AuthenticatorKind::Hotp);
    start.authenticator.sealed = Some(Sealed { generation: 1, ..token.sealed.clone() });
    start.authenticator.last_step = token.last_step;
    start.viewed = true;
    EnrollHardwareToken { start, token_id: token.id, seen: token.authenticator_id, assigned_only: false }
}

async fn enroll(store: &Store, token: &HardwareToken, session: &Session) -> (EnrollHardwareToken, Effect) {
    let enrolling = enrolling(token, session);
    let effect = commit(store, Change::EnrollHardwareToken(Box::new(enrolling.clone()))).await;
    (enrolling, effect)
}

async fn confirm(store: &Store, enrolled: &EnrollHardwareToken, step: i64) {
    let enrollment = &enrolled.start.enrollment;
    apply(
        store,
        Change::ConfirmEnrollment(Box::new(ConfirmEnrollment {
            id: enrollment.id,
            user_id: enrollment.user_id,
            trust: Trust { session_id: enrollment.session_id, proved: None },
            authenticator_id: enrollment.authenticator_id,
            generation: 1,
            step,
            at: after(10),
            replaces: None,
            credential: None,
            prompt_id: None,
            backup_codes: None,
            raise: None,
        })),
    )
    .await;
}

/// A user who has nothing yet, with a session.
async fn arrive(store: &Store, name: &str) -> Session {
    let user = user(name);
    let session = session(user.id);
    apply(store, Change::CreateUser(user)).await;
    apply(store, Change::RegisterSession(session.clone().into())).await;
    session
}

async fn seen(store: &Store, token: &HardwareToken, at: Timestamp) -> HardwareToken {
    store.hardware_token(token.id, at).await.unwrap().unwrap()
}

on_both_engines! {
    async fn a_file_of_tokens_is_imported_whole_or_not_at_all(home: Home) {
        let store = home.open().await;
        let tokens: Vec<HardwareToken> = (0..300).map(|number| token(&format!("F{number:04}"))).collect();
        apply(&store, Change::ImportHardwareTokens(tokens.clone())).await;
        let page = store.hardware_tokens(START, PageRequest { after: None, limit: 200 }).await.unwrap();
        assert_eq!(page.items[..], tokens[..200]);
        let rest = store.hardware_tokens(START, PageRequest { after: page.next, limit: 200 }).await.unwrap();
        assert_eq!((&rest.items[..], rest.next), (&tokens[200..], None));
        assert_eq!(store.hardware_token_by_serial("F0007", START).await.unwrap().as_ref(), Some(&tokens[7]));
        assert_eq!(store.hardware_token_by_serial("f0007", START).await.unwrap(), None);
        assert_eq!(store.known_serials(&["X", "F0001", "Y"]).await.unwrap(), ["F0001"]);
        let again = vec![token("G0001"), token("F0001")];
        assert_eq!(commit(&store, Change::ImportHardwareTokens(again)).await, Effect::Exists);
        assert_eq!(store.known_serials(&["G0001"]).await.unwrap(), Vec::<String>::new());
        // Two servers at once.
        let both = futures_util::future::join_all((0..8).map(|_| commit(&store, Change::ImportHardwareTokens(vec![token("G0002")])))).await;
        assert_eq!(both.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
    }

    async fn p01_a_token_is_one_persons_at_a_time(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (arrive(&store, "ann").await, arrive(&store, "bob").await);
        let one = token("F1");
        apply(&store, Change::ImportHardwareTokens(vec![one.clone()])).await;
        let tries = futures_util::future::join_all((0..8).map(|n| enroll(&store, &one, if n % 2 == 0 { &ann } else { &bob }))).await;
        let won: Vec<_> = tries.into_iter().filter(|(_, effect)| *effect == Effect::Applied).collect();
        assert_eq!(won.len(), 1, "of eight at once one has it");
        let (enrolled, _) = &won[0];
        let authenticator = enrolled.start.authenticator.id;
        let held = seen(&store, &one, after(1)).await;
        assert_eq!((held.is_free, held.authenticator_id), (false, Some(authenticator)));
        assert_eq!(store.hardware_token_of(authenticator, after(1)).await.unwrap(), Some(held.clone()));
        assert_eq!(enroll(&store, &held, &bob).await.1, Effect::Refused);
        assert_eq!(commit(&store, Change::RemoveHardwareToken { id: one.id, at: after(1) }).await, Effect::Refused);
        let enrollment = store.enrollment(enrolled.start.enrollment.id).await.unwrap().unwrap();
        assert_eq!(enrollment.state, EnrollmentState::Viewed);
        confirm(&store, enrolled, 55).await;
        let held = seen(&store, &one, after(100_000)).await;
        assert_eq!((held.is_free, held.last_step), (false, 55));
        // Suspended or lost it stays where it is.
        for to in [AuthenticatorState::Suspended, AuthenticatorState::Lost] {
            apply(&store, Change::SetAuthenticatorState { id: authenticator, to, by: None, at: after(20) }).await;
            assert!(!seen(&store, &one, after(20)).await.is_free, "{to:?}");
        }
        apply(&store, Change::SetAuthenticatorState { id: authenticator, to: AuthenticatorState::Revoked, by: None, at: after(20) }).await;
        let free = seen(&store, &one, after(20)).await;
        assert_eq!((free.is_free, free.last_step), (true, 55), "and its codes stay used");
        assert_eq!(enroll(&store, &one, &bob).await.1, Effect::Refused, "it is not as it was seen");
        assert_eq!(enroll(&store, &free, &bob).await.1, Effect::Applied);
    }

    async fn a_token_that_was_never_confirmed_is_free_when_its_enrollment_is_over(home: Home) {
        let store = home.open().await;
        let ann = arrive(&store, "ann").await;
        let one = token("F1");
        apply(&store, Change::ImportHardwareTokens(vec![one.clone()])).await;
        let (enrolled, _) = enroll(&store, &one, &ann).await;
        let end = enrolled.start.enrollment.expires_at;
        assert!(!seen(&store, &one, after(1)).await.is_free);
        assert!(seen(&store, &one, end).await.is_free);
        apply(&store, Change::CancelEnrollment { id: enrolled.start.enrollment.id, at: after(2) }).await;
        let free = seen(&store, &one, after(2)).await;
        assert!(free.is_free);
        apply(&store, Change::RemoveHardwareToken { id: one.id, at: after(3) }).await;
        assert_eq!(store.hardware_token(one.id, after(3)).await.unwrap(), None);
        // Where the enrollment cannot be started the token is not taken either.
        let two = token("F2");
        apply(&store, Change::ImportHardwareTokens(vec![two.clone()])).await;
        apply(&store, Change::EndSession { id: ann.id, by: None, at: after(4) }).await;
        assert_eq!(enroll(&store, &two, &ann).await.1, Effect::Refused);
        assert_eq!(seen(&store, &two, after(5)).await, two);
    }

    async fn t04_a_token_is_enrolled_by_whom_it_is_meant_for_and_by_nobody_while_it_is_held(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (arrive(&store, "ann").await, arrive(&store, "bob").await);
        let one = token("F1");
        apply(&store, Change::ImportHardwareTokens(vec![one.clone()])).await;
        let only = |session: &Session, seen: &HardwareToken| {
            Change::EnrollHardwareToken(Box::new(EnrollHardwareToken { assigned_only: true, ..enrolling(seen, session) }))
        };
        assert_eq!(commit(&store, only(&ann, &one)).await, Effect::Refused, "it is meant for nobody");
        let assign = |to| Change::AssignHardwareToken { id: one.id, to, at: after(1) };
        assert_eq!(commit(&store, assign(Some(user("nobody").id))).await, Effect::Refused);
        apply(&store, assign(Some(ann.user_id))).await;
        assert_eq!(commit(&store, only(&bob, &one)).await, Effect::Refused);
        assert_eq!(enroll(&store, &one, &bob).await.1, Effect::Refused, "whoever asks");

        // Ten wrong codes, by one enrollment or several, and it is held: also for whom it is meant.
        for round in 0..2 {
            let held = seen(&store, &one, after(1)).await;
            let (tried, effect) = enroll(&store, &held, &ann).await;
            assert_eq!(effect, Effect::Applied);
            assert_eq!(commit(&store, assign(None)).await, Effect::Refused, "it is being enrolled");
            let id = tried.start.enrollment.id;
            let wrong = join_all((0..5).map(|_| commit(&store, Change::RejectEnrollment { id, at: after(2) }))).await;
            assert!(wrong.iter().all(|effect| *effect == Effect::Applied));
            assert_eq!(seen(&store, &one, after(2)).await.failures, 5 * (round + 1));
            apply(&store, Change::CancelEnrollment { id, at: after(3) }).await;
        }
        let held = seen(&store, &one, after(4)).await;
        assert!(held.is_held() && held.is_free);
        assert_eq!(enroll(&store, &held, &ann).await.1, Effect::Refused);
        apply(&store, Change::ReleaseHardwareToken { id: one.id }).await;
        assert_eq!(commit(&store, Change::ReleaseHardwareToken { id: one.id }).await, Effect::Refused, "it is not held");
        // A right code sets it back, and what is counted is this token's.
        let (tried, _) = enroll(&store, &held, &ann).await;
        apply(&store, Change::RejectEnrollment { id: tried.start.enrollment.id, at: after(2) }).await;
        confirm(&store, &tried, 50).await;
        let bound = seen(&store, &one, after(20)).await;
        assert_eq!((bound.failures, bound.assigned_to), (0, Some(ann.user_id)));
        apply(&store, Change::EraseUser { id: ann.user_id }).await;
        assert_eq!(seen(&store, &one, after(20)).await.assigned_to, None);
    }

    async fn t06_what_was_used_stays_used_when_its_holder_is_erased(home: Home) {
        let store = home.open().await;
        let ann = arrive(&store, "ann").await;
        let one = token("F1");
        apply(&store, Change::ImportHardwareTokens(vec![one.clone()])).await;
        let (enrolled, _) = enroll(&store, &one, &ann).await;
        confirm(&store, &enrolled, 77).await;
        apply(&store, Change::EraseUser { id: ann.user_id }).await;
        let free = seen(&store, &one, after(20)).await;
        assert_eq!((free.is_free, free.last_step), (true, 77));
    }

    async fn keys_are_not_retired_while_a_token_is_sealed_with_them(home: Home) {
        let store = home.open().await;
        apply(&store, Change::PutKeyring { expected: 0, keyring: vec![1] }).await;
        let old = HardwareToken { sealed: Sealed { generation: 0, ..sealed_with(1) }, ..token("F1") };
        apply(&store, Change::ImportHardwareTokens(vec![old.clone()])).await;
        let retire = Change::RetireKeys { expected: 1, keyring: vec![2], oldest: 2 };
        assert_eq!(commit(&store, retire.clone()).await, Effect::Refused);
        let to = sealed_with(2).blob;
        let rewrap = Change::RewrapHardwareToken { id: old.id, from: old.sealed.blob.clone(), to };
        apply(&store, rewrap.clone()).await;
        assert_eq!(commit(&store, rewrap).await, Effect::Refused, "it is another blob meanwhile");
        apply(&store, retire).await;
        let late = HardwareToken { sealed: Sealed { generation: 0, ..sealed_with(1) }, ..token("F2") };
        assert_eq!(commit(&store, Change::ImportHardwareTokens(vec![late])).await, Effect::Refused);
    }
}
