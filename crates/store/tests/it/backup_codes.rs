//! Another set of backup codes in the place of the one that was seen.

use domain::*;
use store::*;

use crate::home::*;

fn replacement(person: &Person, session: &Session, seen: Option<AuthenticatorId>) -> ReplaceBackupCodes {
    let (set, codes) = codes(person.user.id);
    ReplaceBackupCodes { trust: trust(session, Some(person.authenticator)), seen, set, codes, at: after(10) }
}

async fn replace(store: &Store, replacement: &ReplaceBackupCodes) -> Effect {
    commit(store, Change::ReplaceBackupCodes(Box::new(replacement.clone()))).await
}

async fn state(store: &Store, id: AuthenticatorId) -> AuthenticatorState {
    store.authenticator(id).await.unwrap().unwrap().state
}

on_both_engines! {
    async fn i05_the_set_that_was_seen_is_replaced_and_no_other(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let held = store.authenticators_of(ann.user.id).await.unwrap();
        let old = held.iter().find(|a| a.kind == AuthenticatorKind::BackupCodes).map(|a| a.id);
        // A session that proved nothing, one that is over, somebody else's, and a set that is not the one in use.
        let weak = session(ann.user.id);
        apply(&store, Change::RegisterSession(weak.clone().into())).await;
        assert_eq!(replace(&store, &replacement(&ann, &weak, old)).await, Effect::Refused);
        let bob = settle(&store, "bob").await;
        assert_eq!(replace(&store, &replacement(&ann, &bob.session, old)).await, Effect::Refused);
        let other = AuthenticatorId::generate(START, &Counter);
        assert_eq!(replace(&store, &replacement(&ann, &ann.session, Some(other))).await, Effect::Refused);
        if old.is_some() {
            assert_eq!(replace(&store, &replacement(&ann, &ann.session, None)).await, Effect::Refused);
        }

        let first = replacement(&ann, &ann.session, old);
        assert_eq!(replace(&store, &first).await, Effect::Applied);
        if let Some(old) = old {
            assert_eq!(state(&store, old).await, AuthenticatorState::Revoked);
        }
        assert_eq!(state(&store, first.set.id).await, AuthenticatorState::Active);
        assert_eq!(store.backup_codes_left(first.set.id).await.unwrap(), u32::try_from(first.codes.len()).unwrap());
        // Eight at once that saw the same set: one has its way.
        let next: Vec<_> = (0..8).map(|_| replacement(&ann, &ann.session, Some(first.set.id))).collect();
        let effects = futures_util::future::join_all(next.iter().map(|next| replace(&store, next))).await;
        assert_eq!(effects.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        assert_eq!(state(&store, first.set.id).await, AuthenticatorState::Revoked);
        // Without an authenticator in use there are none.
        apply(&store, Change::SetAuthenticatorState { id: ann.authenticator, to: AuthenticatorState::Revoked, by: None, at: after(20) }).await;
        let won = next.iter().zip(&effects).find(|(_, effect)| **effect == Effect::Applied).unwrap().0.set.id;
        assert_eq!(replace(&store, &replacement(&ann, &ann.session, Some(won))).await, Effect::Refused);
    }
}
