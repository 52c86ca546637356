//! Each change where its guard holds, and where it does not.

use domain::*;
use store::*;

use crate::home::*;

on_both_engines! {
    async fn somebody_enrolls_and_proves(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "Ann@example.org").await;
        let session = store.session(ann.session.id).await.unwrap().unwrap();
        assert_eq!(session.aal, Aal::Aal2);
        assert_eq!(session.proofs.len(), 1);
        let enrollment = store.enrollment(ann.enrollment).await.unwrap().unwrap();
        assert_eq!(enrollment.state, EnrollmentState::Confirmed);
        let challenge = ask(&store, &ann).await;
        let attempt = store.attempt(challenge.id, ProofKind::Otp).await.unwrap().unwrap();
        assert_eq!(attempt.challenge, challenge);
        assert_eq!(attempt.user_state, Some(UserState::Active));
        assert_eq!(attempt.session, Some(session));
        assert_eq!(attempt.authenticators.len(), 1);
        assert_eq!(attempt.authenticators[0].id, ann.authenticator, "the one used last is first");
        assert_eq!(attempt.authenticators[0].sealed, Some(sealed(1)));
        assert!(attempt.backup_codes.is_empty(), "codes are read where codes are proved");
        let with_codes = store.attempt(challenge.id, ProofKind::Of(AuthenticatorKind::BackupCodes)).await.unwrap().unwrap();
        assert_eq!(with_codes.authenticators[0].id, ann.codes);
        assert_eq!(*with_codes.backup_codes, codes(ann.user.id).1);
        let proof = satisfy(&challenge, ann.authenticator, 101);
        apply(&store, Change::Satisfy(proof.clone())).await;
        assert_eq!(commit(&store, Change::Satisfy(proof)).await, Effect::Refused);
        let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!(authenticator.last_step, 101);
        assert_eq!(authenticator.last_used_at, Some(after(1)));
        let challenge = store.challenge(challenge.id).await.unwrap().unwrap();
        assert_eq!(challenge.state, ChallengeState::Satisfied);
        store.close().await;
        assert!(store.session(ann.session.id).await.is_err(), "a closed store answers nothing");
    }

    async fn a_backup_code_is_used_once(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let first = ask(&store, &ann).await;
        let mut proof = satisfy(&first, ann.codes, 0);
        proof.generation = 0;
        proof.used = Used::BackupCode(3);
        apply(&store, Change::Satisfy(proof.clone())).await;
        let second = ask(&store, &ann).await;
        proof.challenge_id = second.id;
        assert_eq!(commit(&store, Change::Satisfy(proof.clone())).await, Effect::Refused);
        proof.used = Used::BackupCode(4);
        apply(&store, Change::Satisfy(proof)).await;
        assert_eq!(store.backup_codes_left(ann.codes).await.unwrap(), 8);
        let third = ask(&store, &ann).await;
        let left = store.attempt(third.id, ProofKind::Of(AuthenticatorKind::BackupCodes)).await.unwrap().unwrap().backup_codes;
        assert_eq!(left.iter().map(|code| code.position).collect::<Vec<_>>(), [0, 1, 2, 5, 6, 7, 8, 9]);
    }

    async fn a_wrong_proof_counts(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let challenge = ask(&store, &ann).await;
        for failures in 1..=Challenge::MAX_FAILURES {
            apply(&store, Change::Reject(reject(challenge.id, &[ann.authenticator], after(10)))).await;
            let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap();
            assert_eq!(authenticator.failures, i32::from(failures));
        }
        let failed = store.challenge(challenge.id).await.unwrap().unwrap();
        assert_eq!((failed.state, failed.failures), (ChallengeState::Failed, 5));
        let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!(authenticator.open.retry_at, Some(after(11)));
    }
}

on_both_engines! {
    async fn what_is_written_reads_back(home: Home) {
        let store = home.open().await;
        let mut ann = user(" Ann ");
        ann.display_name = Some("Ann \"Änn\" \\ O'Neill\n".to_owned());
        ann.kind = UserKind::Service;
        apply(&store, Change::CreateUser(ann.clone())).await;
        assert_eq!(store.user(ann.id).await.unwrap(), Some(ann.clone()));
        let alias = ExternalId::parse("ANN").unwrap();
        assert_eq!(store.user_by_external_id(&alias).await.unwrap(), Some(ann.clone()));
        let mut session = session(ann.id);
        session.device_id = Some(device(ann.id).id);
        session.amr.insert(Amr::parse("fed").unwrap());
        let at = after(3);
        let proof = |kind| Proof { authenticator_id: authenticator(ann.id, kind).id, kind, verified_at: at, quality: Quality::default() };
        session.proofs = vec![proof(AuthenticatorKind::Totp), proof(AuthenticatorKind::Push)];
        apply(&store, Change::RegisterSession(session.clone().into())).await;
        assert_eq!(store.session(session.id).await.unwrap(), Some(session.clone()));
        assert_eq!(store.sessions_of(ann.id, at).await.unwrap(), [session.clone()]);
        let mut start = start(&session);
        start.enrollment.recipient_key = Some(vec![0, 1, 255]);
        start.enrollment.replaces = Some(authenticator(ann.id, AuthenticatorKind::Totp).id);
        apply(&store, Change::StartEnrollment(Box::new(start.clone()))).await;
        assert_eq!(store.enrollment(start.enrollment.id).await.unwrap(), Some(start.enrollment.clone()));
        assert_eq!(store.authenticators_of(ann.id).await.unwrap(), [start.authenticator.clone()]);
        assert_eq!(store.device(start.device.clone().unwrap().id).await.unwrap(), start.device);
        assert_eq!(store.devices_of(ann.id).await.unwrap(), start.device.into_iter().collect::<Vec<_>>());
        let unknown = challenge(None, None);
        apply(&store, Change::CreateChallenge(unknown.clone())).await;
        assert_eq!(store.challenge(unknown.id).await.unwrap(), Some(unknown.clone()));
        let attempt = store.attempt(unknown.id, ProofKind::Otp).await.unwrap().unwrap();
        assert_eq!((attempt.user_state, attempt.session, attempt.authenticators.len()), (None, None, 0));
    }

    async fn a_name_is_taken_once(home: Home) {
        let store = home.open().await;
        apply(&store, Change::CreateUser(user("ann"))).await;
        assert_eq!(commit(&store, Change::CreateUser(user("ANN"))).await, Effect::Exists);
        let made = futures_util::future::join_all((0..20).map(|_| commit(&store, Change::CreateUser(user("bob"))))).await;
        assert_eq!(made.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{made:?}");
    }

    async fn a_session_needs_an_active_user(home: Home) {
        let store = home.open().await;
        let ann = user("ann");
        assert_eq!(commit(&store, Change::RegisterSession(session(ann.id).into())).await, Effect::Refused);
        apply(&store, Change::CreateUser(ann.clone())).await;
        apply(&store, Change::SetUserState { id: ann.id, to: UserState::Suspended }).await;
        assert_eq!(commit(&store, Change::RegisterSession(session(ann.id).into())).await, Effect::Refused);
        let again = Change::SetUserState { id: ann.id, to: UserState::Suspended };
        assert_eq!(commit(&store, again).await, Effect::Refused);
        apply(&store, Change::SetUserState { id: ann.id, to: UserState::Active }).await;
        let session = session(ann.id);
        apply(&store, Change::RegisterSession(session.clone().into())).await;
        apply(&store, Change::EndSession { id: session.id, by: None, at: after(5) }).await;
        assert_eq!(commit(&store, Change::EndSession { id: session.id, by: None, at: after(6) }).await, Effect::Refused);
        assert_eq!(store.session(session.id).await.unwrap().unwrap().ended_at, Some(after(5)));
        assert_eq!(store.sessions_of(ann.id, after(6)).await.unwrap(), []);
    }

    async fn p04_there_is_one_view(home: Home) {
        let store = home.open().await;
        let (ann, mut late) = (user("ann"), None);
        apply(&store, Change::CreateUser(ann.clone())).await;
        let session = session(ann.id);
        let stray = start(&session);
        assert_eq!(commit(&store, Change::StartEnrollment(Box::new(stray))).await, Effect::Refused, "no session");
        apply(&store, Change::RegisterSession(session.clone().into())).await;
        let started = start(&session);
        apply(&store, Change::StartEnrollment(Box::new(started.clone()))).await;
        let view = |generation, at| {
            Change::RecordView(RecordView {
                id: started.enrollment.id,
                authenticator_id: started.authenticator.id,
                sealed: Some(sealed(generation)),
                prompt: None,
                at,
            })
        };
        assert_eq!(commit(&store, view(2, after(1))).await, Effect::Refused, "a generation is left out");
        assert_eq!(commit(&store, view(1, after(300))).await, Effect::Refused, "too late");
        let both = [commit(&store, view(1, after(1))), commit(&store, view(1, after(1)))];
        let both = futures_util::future::join_all(both).await;
        assert_eq!(both.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        late.replace(store.authenticator(started.authenticator.id).await.unwrap().unwrap());
        assert_eq!(late.unwrap().sealed, Some(sealed(1)));
        let retry = Change::RetryEnrollment {
            id: started.enrollment.id,
            at: after(2000),
            view_expires_at: after(2300),
            expires_at: after(2900),
        };
        apply(&store, retry.clone()).await;
        let forgotten = store.authenticator(started.authenticator.id).await.unwrap().unwrap().sealed.unwrap();
        assert_eq!((forgotten.blob, forgotten.generation), (Vec::new(), 1));
        assert_eq!(commit(&store, view(1, after(2001))).await, Effect::Refused, "the number was used");
        apply(&store, view(2, after(2001))).await;
        apply(&store, Change::EndSession { id: session.id, by: None, at: after(2002) }).await;
        assert_eq!(commit(&store, retry).await, Effect::Refused, "the session is over");
        apply(&store, Change::CancelEnrollment { id: started.enrollment.id, at: after(2003) }).await;
        let revoked = store.authenticator(started.authenticator.id).await.unwrap().unwrap();
        assert_eq!(revoked.state, AuthenticatorState::Revoked);
        let again = Change::CancelEnrollment { id: started.enrollment.id, at: after(2003) };
        assert_eq!(commit(&store, again).await, Effect::Refused);
        assert_eq!(commit(&store, view(3, after(2004))).await, Effect::Refused);
    }

    async fn a_confirmation_takes_what_was_proved(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let mut next = start(&ann.session);
        next.enrollment.replaces = Some(ann.authenticator);
        next.authenticator.sealed = Some(sealed(1));
        next.viewed = true;
        apply(&store, Change::StartEnrollment(Box::new(next.clone()))).await;
        assert_eq!(store.enrollment(next.enrollment.id).await.unwrap().unwrap().state, EnrollmentState::Viewed);
        let confirm = ConfirmEnrollment {
            id: next.enrollment.id,
            user_id: ann.user.id,
            trust: trust(&ann.session, Some(ann.authenticator)),
            authenticator_id: next.authenticator.id,
            generation: 1,
            step: 7,
            at: after(10),
            replaces: Some(ann.authenticator),
            credential: None,
            prompt_id: None,
            backup_codes: None,
            raise: None,
        };
        let with = |change: &dyn Fn(&mut ConfirmEnrollment)| {
            let mut confirm = confirm.clone();
            change(&mut confirm);
            commit(&store, Change::ConfirmEnrollment(Box::new(confirm)))
        };
        assert_eq!(with(&|it| it.generation = 2).await, Effect::Refused);
        assert_eq!(with(&|it| it.at = after(900)).await, Effect::Refused);
        assert_eq!(with(&|it| it.backup_codes = Some(codes(ann.user.id))).await, Effect::Refused);
        let suspend = |to| Change::SetUserState { id: ann.user.id, to };
        apply(&store, suspend(UserState::Suspended)).await;
        assert_eq!(with(&|_| ()).await, Effect::Refused, "the user is suspended");
        apply(&store, suspend(UserState::Active)).await;
        let pending = store.authenticator(next.authenticator.id).await.unwrap().unwrap();
        assert_eq!(pending.state, AuthenticatorState::Pending);
        assert_eq!(with(&|_| ()).await, Effect::Applied);
        assert_eq!(with(&|_| ()).await, Effect::Refused);
        let store = &store;
        let state = |id| async move { store.authenticator(id).await.unwrap().unwrap().state };
        assert_eq!(state(ann.authenticator).await, AuthenticatorState::Revoked);
        assert_eq!(state(next.authenticator.id).await, AuthenticatorState::Active);
    }

    async fn t09_a_confirmation_needs_a_live_session_that_proved_what_there_is(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (weak, ended) = (session(ann.user.id), session(ann.user.id));
        for session in [&weak, &ended] {
            apply(&store, Change::RegisterSession(session.clone().into())).await;
            let mut next = start(session);
            next.authenticator.sealed = Some(sealed(1));
            next.viewed = true;
            apply(&store, Change::StartEnrollment(Box::new(next.clone()))).await;
            let confirm = ConfirmEnrollment {
                id: next.enrollment.id,
                user_id: ann.user.id,
                trust: trust(session, Some(ann.authenticator)),
                authenticator_id: next.authenticator.id,
                generation: 1,
                step: 7,
                at: after(10),
                replaces: None,
                credential: None,
                prompt_id: None,
                backup_codes: None,
                raise: None,
            };
            if session.id == ended.id {
                let challenge = challenge(Some(ann.user.id), Some(ended.id));
                apply(&store, Change::CreateChallenge(challenge.clone())).await;
                apply(&store, Change::Satisfy(satisfy(&challenge, ann.authenticator, 200))).await;
                apply(&store, Change::EndSession { id: ended.id, by: None, at: after(5) }).await;
            }
            assert_eq!(commit(&store, Change::ConfirmEnrollment(Box::new(confirm))).await, Effect::Refused);
        }
    }

    async fn wrong_codes_fail_an_enrollment(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let next = start(&ann.session);
        apply(&store, Change::StartEnrollment(Box::new(next.clone()))).await;
        let id = next.enrollment.id;
        assert_eq!(commit(&store, Change::RejectEnrollment { id, at: after(1) }).await, Effect::Refused);
        let view = RecordView { id, authenticator_id: next.authenticator.id, sealed: Some(sealed(1)), prompt: None, at: after(1) };
        apply(&store, Change::RecordView(view)).await;
        for _ in 0..Enrollment::MAX_FAILURES {
            apply(&store, Change::RejectEnrollment { id, at: after(1) }).await;
        }
        assert_eq!(store.enrollment(id).await.unwrap().unwrap().state, EnrollmentState::Failed);
        assert_eq!(commit(&store, Change::RejectEnrollment { id, at: after(1) }).await, Effect::Refused);
    }

    async fn each_guard_of_a_right_proof(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let challenge = ask(&store, &ann).await;
        let right = satisfy(&challenge, ann.authenticator, 200);
        let with = |change: &dyn Fn(&mut Satisfy)| {
            let mut proof = right.clone();
            change(&mut proof);
            commit(&store, Change::Satisfy(proof))
        };
        assert_eq!(with(&|it| it.at = after(300)).await, Effect::Refused, "the challenge has expired");
        assert_eq!(with(&|it| it.generation = 2).await, Effect::Refused, "another key");
        assert_eq!(with(&|it| it.used = Used::Step(100)).await, Effect::Refused, "the step was used");
        assert_eq!(with(&|it| it.used = Used::Step(99)).await, Effect::Refused, "an older step");
        assert_eq!(with(&|it| it.authenticator_id = bob.authenticator).await, Effect::Refused, "somebody else's");
        assert_eq!(with(&|it| it.raise.as_mut().unwrap().session_id = bob.session.id).await, Effect::Refused);
        let suspend = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: after(1) };
        apply(&store, suspend(AuthenticatorState::Suspended)).await;
        assert_eq!(with(&|_| ()).await, Effect::Refused, "suspended");
        apply(&store, suspend(AuthenticatorState::Active)).await;
        apply(&store, Change::SetUserState { id: ann.user.id, to: UserState::Suspended }).await;
        assert_eq!(with(&|_| ()).await, Effect::Refused, "its user is suspended");
        apply(&store, Change::SetUserState { id: ann.user.id, to: UserState::Active }).await;
        let other = ask(&store, &ann).await;
        for _ in 0..5 {
            apply(&store, Change::Reject(reject(other.id, &[ann.authenticator], after(1)))).await;
        }
        assert_eq!(with(&|_| ()).await, Effect::Refused, "it has to wait");
        assert_eq!(with(&|it| it.at = after(2)).await, Effect::Applied, "the wait is over");
        let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!((authenticator.failures, authenticator.open.retry_at), (0, None));
        let late = ask(&store, &ann).await;
        apply(&store, Change::EndSession { id: ann.session.id, by: None, at: after(3) }).await;
        let proof = satisfy(&late, ann.authenticator, 300);
        assert_eq!(commit(&store, Change::Satisfy(proof)).await, Effect::Refused, "the session is over");
        let nobody = challenge_of_nobody(&store).await;
        let proof = satisfy(&nobody, ann.authenticator, 300);
        assert_eq!(commit(&store, Change::Satisfy(proof)).await, Effect::Refused, "for nobody we know");
        let cancelled = ask_without_session(&store, &ann).await;
        apply(&store, Change::CancelChallenge { id: cancelled.id, at: after(4) }).await;
        let again = Change::CancelChallenge { id: cancelled.id, at: after(4) };
        assert_eq!(commit(&store, again).await, Effect::Refused);
        assert_eq!(commit(&store, Change::Satisfy(satisfy(&cancelled, ann.authenticator, 300))).await, Effect::Refused);
        let last = ask_without_session(&store, &ann).await;
        apply(&store, Change::Satisfy(satisfy(&last, ann.authenticator, 300))).await;
    }

    async fn t01_guesses_that_were_judged_together_count_each(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (now, mut asked) = (after(10), Vec::new());
        for _ in 0..backoff::BUDGET {
            asked.push(ask(&store, &ann).await);
        }
        let at_once = asked.iter().map(|challenge| {
            commit(&store, Change::Reject(reject(challenge.id, &[ann.authenticator], now)))
        });
        futures_util::future::join_all(at_once).await;
        let spent = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!((spent.failures, spent.state), (backoff::BUDGET, AuthenticatorState::Suspended));
    }

    async fn t01_every_count_waits_as_the_rule_says_until_the_budget_is_spent(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let mut now = after(10);
        for failures in 1..=backoff::BUDGET {
            let challenge = ask(&store, &ann).await;
            apply(&store, Change::Reject(reject(challenge.id, &[ann.authenticator], now))).await;
            let authenticator = store.authenticator(ann.authenticator).await.unwrap().unwrap();
            assert_eq!(authenticator.failures, failures);
            let wait = backoff::wait_after(failures);
            assert_eq!(authenticator.open.retry_at, (!wait.is_zero()).then(|| now.plus(wait)), "after {failures}");
            now = now.plus(wait);
        }
        let spent = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!(spent.state, AuthenticatorState::Suspended);
        let resume = Change::SetAuthenticatorState { id: ann.authenticator, to: AuthenticatorState::Active, by: None, at: now };
        assert_eq!(commit(&store, resume).await, Effect::Refused);
        let filter = EventFilter { kinds: vec![EventKind::AuthenticatorSuspended], ..EventFilter::default() };
        let told = store.events(&filter, whole()).await.unwrap().items;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].about.authenticator_id, Some(ann.authenticator));
        assert_eq!(told[0].about.user_id, Some(ann.user.id));
        assert_eq!(told[0].data["reason"], "failure_budget");
        let all = EventFilter { kinds: vec![EventKind::ServerStarted], ..EventFilter::default() };
        let newest = store.events_backward(&all, PageRequest { after: None, limit: 1 }).await.unwrap().items;
        assert_eq!(newest[0].data["failures"], 100);
    }

    async fn a_wrong_proof_needs_its_challenge(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let never = challenge(Some(ann.user.id), None);
        let both = [ann.authenticator, ann.codes];
        assert_eq!(commit(&store, Change::Reject(reject(never.id, &both, after(1)))).await, Effect::Refused);
        for authenticator in store.authenticators_of(ann.user.id).await.unwrap() {
            assert_eq!(authenticator.failures, 0);
        }
        let asked = ask(&store, &ann).await;
        apply(&store, Change::Reject(reject(asked.id, &both, after(1)))).await;
        for authenticator in store.authenticators_of(ann.user.id).await.unwrap() {
            assert_eq!(authenticator.failures, 1, "{:?}", authenticator.kind);
        }
        apply(&store, Change::Reject(reject(asked.id, &[], after(1)))).await;
        assert_eq!(store.challenge(asked.id).await.unwrap().unwrap().failures, 2);
    }

    async fn p09_states_change_only_as_they_may(home: Home) {
        let store = home.open().await;
        for from in AuthenticatorState::ALL {
            for to in AuthenticatorState::ALL {
                let ann = settle(&store, &format!("{from:?} {to:?}")).await;
                let mut start = start(&ann.session);
                start.authenticator.state = from;
                apply(&store, Change::StartEnrollment(Box::new(start.clone()))).await;
                let id = start.authenticator.id;
                let effect = commit(&store, Change::SetAuthenticatorState { id, to, by: None, at: after(1) }).await;
                let may = to.reachable_from().contains(&from);
                assert_eq!(effect == Effect::Applied, may, "{from:?} to {to:?}");
                let state = store.authenticator(id).await.unwrap().unwrap().state;
                assert_eq!(state, if may { to } else { from });
            }
        }
    }

    async fn p11_data_keys_are_retired_when_nothing_needs_them_any_more(home: Home) {
        let store = home.open().await;
        apply(&store, Change::PutKeyring { expected: 0, keyring: vec![1] }).await;
        let ann = settle(&store, "ann").await;
        let rewrap = |from: u32, to: u32| Change::Rewrap {
            id: ann.authenticator,
            from: if from == 0 { sealed(1).blob } else { sealed_with(from).blob },
            to: sealed_with(to).blob,
        };
        apply(&store, rewrap(0, 255)).await;
        let retire = |expected, oldest| Change::RetireKeys { expected, keyring: vec![2], oldest };
        assert_eq!(commit(&store, retire(1, 256)).await, Effect::Refused, "a key needs 255");
        assert_eq!(commit(&store, retire(2, 255)).await, Effect::Refused, "another keyring");
        apply(&store, rewrap(255, 256)).await;
        // Somebody whose key is not shown yet, and somebody whose key will never count again.
        let ben = user("ben");
        apply(&store, Change::CreateUser(ben.clone())).await;
        let session = session(ben.id);
        apply(&store, Change::RegisterSession(session.clone().into())).await;
        let mut inline = start(&session);
        inline.authenticator.sealed = Some(sealed_with(255));
        inline.viewed = true;
        apply(&store, Change::StartEnrollment(Box::new(inline.clone()))).await;
        assert_eq!(commit(&store, retire(1, 256)).await, Effect::Refused, "one that is pending needs 255");
        apply(&store, Change::CancelEnrollment { id: inline.enrollment.id, at: after(1) }).await;
        apply(&store, retire(1, 256)).await;
        assert_eq!(store.keyring().await.unwrap(), Some(Keyring { version: 2, wrapped: vec![2] }));

        // From here on nobody seals with what is retired.
        assert_eq!(commit(&store, rewrap(256, 255)).await, Effect::Refused);
        let mut late = start(&session);
        late.authenticator.sealed = Some(sealed_with(255));
        assert_eq!(commit(&store, Change::StartEnrollment(Box::new(late))).await, Effect::Refused);
        let later = start(&session);
        let (id, authenticator_id) = (later.enrollment.id, later.authenticator.id);
        apply(&store, Change::StartEnrollment(Box::new(later))).await;
        let view = |sealed| Change::RecordView(RecordView { id, authenticator_id, sealed: Some(sealed), prompt: None, at: after(1) });
        assert_eq!(commit(&store, view(sealed_with(255))).await, Effect::Refused);
        apply(&store, view(sealed_with(256))).await;
    }

    async fn what_is_rare(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let id = ann.user.id;
        let rename = |id| Change::UpdateUser { id, display_name: Some("Ann".to_owned()), kind: UserKind::Service };
        apply(&store, rename(id)).await;
        assert_eq!(commit(&store, rename(user("x").id)).await, Effect::Refused);
        assert_eq!(store.user(id).await.unwrap().unwrap().display_name.as_deref(), Some("Ann"));
        let stray = device(user("x").id);
        assert_eq!(commit(&store, Change::CreateDevice(stray)).await, Effect::Refused);
        let spare = device(id);
        apply(&store, Change::CreateDevice(spare.clone())).await;
        let used = store.authenticator(ann.authenticator).await.unwrap().unwrap().device_id.unwrap();
        assert_eq!(commit(&store, Change::DeleteDevice { id: used }).await, Effect::Refused);
        apply(&store, Change::DeleteDevice { id: spare.id }).await;
        assert_eq!(commit(&store, Change::DeleteDevice { id: spare.id }).await, Effect::Refused);
        let label = |id| Change::RenameAuthenticator { id, label: "other".to_owned(), by: None, at: after(1) };
        apply(&store, label(ann.authenticator)).await;
        assert_eq!(commit(&store, label(AuthenticatorId::generate(START, &Counter))).await, Effect::Refused);
        let rewrap = Change::Rewrap { id: ann.authenticator, from: sealed(1).blob, to: vec![9; 61] };
        apply(&store, rewrap.clone()).await;
        assert_eq!(commit(&store, rewrap).await, Effect::Refused);
        let page = store.sealed_authenticators(whole()).await.unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.items[0].sealed.clone().unwrap().blob, vec![9; 61]);
        assert_eq!(page.items[0].label, "other");
        let put = |expected, byte| Change::PutKeyring { expected, keyring: vec![byte] };
        assert_eq!(store.keyring().await.unwrap(), None);
        assert_eq!(commit(&store, put(1, 1)).await, Effect::Refused);
        apply(&store, put(0, 1)).await;
        assert_eq!(commit(&store, put(0, 2)).await, Effect::Refused);
        apply(&store, put(1, 2)).await;
        assert_eq!(store.keyring().await.unwrap(), Some(Keyring { version: 2, wrapped: vec![2] }));
        assert_eq!(commit(&store, put(1, 3)).await, Effect::Refused);
        store.ping().await.unwrap();
        store.ping().await.unwrap();
    }
}

async fn challenge_of_nobody(store: &Store) -> Challenge {
    let challenge = challenge(None, None);
    apply(store, Change::CreateChallenge(challenge.clone())).await;
    challenge
}

async fn ask_without_session(store: &Store, person: &Person) -> Challenge {
    let challenge = challenge(Some(person.user.id), None);
    apply(store, Change::CreateChallenge(challenge.clone())).await;
    challenge
}
