//! What decisions rest on: proofs that serve one of them, and the policy that is in force.

use std::collections::BTreeMap;

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

fn policy(version: u8, enforces: bool, at: Timestamp) -> PolicyInForce {
    let files = BTreeMap::from([("policy.yaml".to_owned(), format!("policy: {{version: {version}}}"))]);
    PolicyInForce { id: PolicyId::generate(at, &Counter), version: version.to_string(), files, enforces, at }
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
        assert_eq!(store.policy().await.unwrap(), None);
        let (lax, first, second) = (policy(1, false, after(1)), policy(2, true, after(2)), policy(3, true, after(3)));
        apply(&store, Change::PutPolicy(lax.clone())).await;
        assert_eq!(store.policy().await.unwrap(), Some((lax, None)));
        apply(&store, Change::PutPolicy(first.clone())).await;
        let again = PolicyInForce { id: PolicyId::generate(after(9), &Counter), ..first.clone() };
        assert_eq!(commit(&store, Change::PutPolicy(again)).await, Effect::Refused, "it is in force already");
        assert_eq!(store.policy().await.unwrap(), Some((first, Some(after(2)))));
        apply(&store, Change::PutPolicy(second.clone())).await;
        assert_eq!(store.policy().await.unwrap(), Some((second, Some(after(2)))), "it went on");
        apply(&store, Change::PutPolicy(policy(1, false, after(4)))).await;
        let back = policy(2, true, after(5));
        apply(&store, Change::PutPolicy(back.clone())).await;
        assert_eq!(store.policy().await.unwrap(), Some((back, Some(after(5)))), "it begins anew");
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
}
