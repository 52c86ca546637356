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
        let attempt = store.attempt(challenge.id).await.unwrap().unwrap();
        assert_eq!(attempt.challenge, challenge);
        assert_eq!(attempt.user_state, Some(UserState::Active));
        assert_eq!(attempt.session, Some(session));
        assert_eq!(attempt.authenticators.len(), 2);
        assert_eq!(attempt.authenticators[0].id, ann.authenticator, "the one used last is first");
        assert_eq!(attempt.authenticators[0].sealed, Some(sealed(1)));
        assert_eq!(attempt.backup_codes, codes(ann.user.id).1);
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
        let left = store.attempt(third.id).await.unwrap().unwrap().backup_codes;
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
        assert_eq!(authenticator.retry_at, Some(after(11)));
    }
}
