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
}
