//! What decisions rest on: proofs that serve one of them, and the policy that is in force.

use std::collections::BTreeMap;

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

fn policy(number: i64, version: u8) -> PolicyInForce {
    let at = after(number.unsigned_abs());
    PolicyInForce {
        id: PolicyId::generate(at, &Counter),
        number,
        version: version.to_string(),
        files: BTreeMap::from([("policy.yaml".to_owned(), format!("policy: {{version: {version}}}"))]),
        enforced_since: (version > 1).then(|| after(2)),
        at,
        origin: PolicyOrigin::Applied,
        by: PolicyAuthor {
            application_id: Some(ApplicationId::generate(at, &Counter)),
            certificate: Some(CertificateFingerprint([7; 32])),
            name: Some("ana".to_owned()),
            reference: Some("commit 1f2e".to_owned()),
        },
        signature: format!("signature {number}"),
    }
}

on_both_engines! {
    async fn s02_a_proof_serves_one_decision(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let challenge = ask(&store, &ann).await;
        let uses = Change::UseChallenge { id: challenge.id, at: after(1) };
        assert_eq!(commit(&store, uses.clone()).await, Effect::Refused, "it has no proof yet");
        apply(&store, Change::Satisfy(satisfy(&challenge, ann.authenticator, 200))).await;
        let both = join_all((0..16).map(|_| commit(&store, uses.clone()))).await;
        assert_eq!(both.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{both:?}");
        assert_eq!(commit(&store, uses).await, Effect::Refused);
    }

    async fn s11_the_policy_in_force_is_the_one_that_was_put_last(home: Home) {
        let store = home.open().await;
        assert_eq!((store.policy().await.unwrap(), store.policy_id().await.unwrap()), (None, None));
        let put = |policy: &PolicyInForce| Change::PutPolicy(Box::new(policy.clone()), Vec::new(), None);
        assert_eq!(commit(&store, put(&policy(2, 1))).await, Effect::Refused, "there is none that it could follow");
        let (first, mut second) = (policy(1, 1), policy(2, 2));
        second.by = PolicyAuthor::default();
        apply(&store, put(&first)).await;
        assert_eq!(store.policy().await.unwrap(), Some(first.clone()));
        apply(&store, put(&second)).await;
        assert_eq!(store.policy().await.unwrap(), Some(second.clone()));
        assert_eq!(store.policy_id().await.unwrap(), Some(second.id));
        for taken in [1, 2, 4, 0, -1] {
            assert_eq!(commit(&store, put(&policy(taken, 3))).await, Effect::Refused, "{taken} does not follow");
        }
        // What is there stays as it was, and can be had again.
        assert_eq!(store.policy_by_id(first.id).await.unwrap(), Some(first.clone()));
        let page = store.policies(PageRequest { after: None, limit: 1 }).await.unwrap();
        let bare = |policy: &PolicyInForce| PolicyInForce { files: BTreeMap::new(), ..policy.clone() };
        assert_eq!((page.items, page.next), (vec![bare(&second)], Some(2)));
        let page = store.policies(PageRequest { after: Some(2), limit: 1 }).await.unwrap();
        assert_eq!((page.items, page.next), (vec![bare(&first)], None));
    }

    async fn s11_of_policies_that_were_to_follow_the_same_one_does(home: Home) {
        let store = home.open().await;
        let other = if home.is_sqlite() { store.clone() } else { home.open().await };
        let all = join_all((0..16_u8).map(|version| {
            let store = if version % 2 == 0 { &store } else { &other };
            async move { commit(store, Change::PutPolicy(Box::new(policy(1, version)), Vec::new(), None)).await }
        }))
        .await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        let winner = (0..16_u8).zip(&all).find(|(_, effect)| **effect == Effect::Applied).map(|(version, _)| version);
        for store in [&store, &other] {
            assert_eq!(store.policy().await.unwrap().map(|policy| policy.version), winner.map(|v| v.to_string()));
        }
    }

    async fn what_is_remembered_of_a_user_is_never_overwritten_unseen(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        assert_eq!(store.risk_history(ann.user.id).await.unwrap(), (0, Vec::new()), "nobody was seen yet");
        let put = |seen, byte: u8| Change::PutRiskHistory { user_id: ann.user.id, seen, history: vec![byte; 40] };
        // Of several that saw the same, also that there was nothing, one is written.
        for seen in 0..3 {
            let all = join_all((0..8).map(|byte| commit(&store, put(seen, byte)))).await;
            let applied: Vec<u8> =
                (0..).zip(&all).filter(|(_, e)| **e == Effect::Applied).map(|(byte, _)| byte).collect();
            let [winner] = applied[..] else { panic!("{all:?}") };
            assert_eq!(store.risk_history(ann.user.id).await.unwrap(), (seen + 1, vec![winner; 40]));
        }
        assert_eq!(commit(&store, put(7, 9)).await, Effect::Refused, "ahead of what there is");
        // It goes with the user, and comes back for nobody.
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(store.risk_history(ann.user.id).await.unwrap(), (0, Vec::new()));
        for seen in [0, 3] {
            assert_eq!(commit(&store, put(seen, 1)).await, Effect::Refused);
        }
        assert_eq!(store.risk_history(ann.user.id).await.unwrap(), (0, Vec::new()));
    }

    async fn what_is_kept_with_a_session_is_never_overwritten_unseen(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        // S-09: with the key that it is bound to.
        let cnf = Some(domain::Confirmation::Jkt(domain::Thumbprint([7; 32])));
        let session = domain::Session { cnf, ..session(ann.user.id) };
        let new = RegisterSession { session: session.clone(), risk: vec![1, 2, 3] };
        apply(&store, Change::RegisterSession(Box::new(new))).await;
        assert_eq!(store.session_risk(session.id).await.unwrap(), [1, 2, 3]);
        assert_eq!(store.session(session.id).await.unwrap(), Some(session.clone()));
        let put = |seen: &[u8], risk: &[u8]| {
            Change::PutSessionRisk { id: session.id, seen: seen.to_vec(), risk: risk.to_vec() }
        };
        assert_eq!(commit(&store, put(&[], &[4])).await, Effect::Refused);
        let all = join_all((0..8).map(|byte| commit(&store, put(&[1, 2, 3], &[byte])))).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        let bare = self::session(ann.user.id);
        apply(&store, Change::RegisterSession(bare.clone().into())).await;
        assert_eq!(store.session_risk(bare.id).await.unwrap(), Vec::<u8>::new());
        apply(&store, Change::PutSessionRisk { id: bare.id, seen: Vec::new(), risk: vec![5] }).await;
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(store.session_risk(session.id).await.unwrap(), Vec::<u8>::new());
    }

    async fn what_a_decision_goes_by_is_read_at_once_and_is_what_the_parts_say(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let of = |user| RegisterSession { session: session(user), risk: vec![1, 2, 3] };
        let (anns, bobs) = (of(ann.user.id), of(bob.user.id));
        let [in_anns, in_bobs] = [anns.session.id, bobs.session.id];
        apply(&store, Change::RegisterSession(Box::new(anns))).await;
        apply(&store, Change::RegisterSession(Box::new(bobs))).await;
        let both = || async { [store.deciding(in_anns).await.unwrap(), store.deciding(in_bobs).await.unwrap()] };
        let [anns, bobs] = both().await.map(Option::unwrap);
        assert_eq!((&anns.policy_id, &anns.risk_history), (&None, &Vec::new()), "there is nothing yet");
        assert_eq!((anns.user.id, bobs.user.id), (ann.user.id, bob.user.id));
        apply(&store, Change::PutPolicy(Box::new(policy(1, 1)), Vec::new(), None)).await;
        apply(&store, Change::PutRiskHistory { user_id: ann.user.id, seen: 0, history: vec![7; 40] }).await;
        for found in both().await.map(Option::unwrap) {
            assert_eq!(Some(&found.session), store.session(found.session.id).await.unwrap().as_ref());
            assert_eq!(found.session_risk, [1, 2, 3]);
            assert_eq!(Some(&found.user), store.user(found.session.user_id).await.unwrap().as_ref());
            assert_eq!(found.risk_history, store.risk_history(found.user.id).await.unwrap().1);
            assert_eq!(found.authenticators[..], store.authenticators_of(found.user.id).await.unwrap());
            assert!(!found.authenticators.is_empty());
            assert_eq!(found.policy_id, store.policy_id().await.unwrap());
        }
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        let [anns, bobs] = both().await;
        assert_eq!((anns.is_some(), bobs.is_some()), (false, true));
    }
}
