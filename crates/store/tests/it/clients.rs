//! API clients, their keys and certificates; idempotency keys.

use std::collections::{BTreeMap, BTreeSet};

use domain::*;
use store::*;

use crate::home::*;

fn application(name: &str, scopes: &[Scope], certificate: Option<u8>) -> Application {
    Application {
        id: application_id(),
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect(),
        certificates: certificate.map(|byte| CertificateFingerprint([byte; 32])).into_iter().collect(),
        return_origins: BTreeSet::new(),
        version: 1,
        created_at: START,
    }
}

fn update(application: &Application) -> Change {
    Change::UpdateApplication { application: application.clone(), at: after(1) }
}

fn key(of: &Application, byte: u8) -> ApiKey {
    let id = ApiKeyId::generate(START, &Counter);
    ApiKey { id, application_id: of.id, hash: KeyHash([byte; 32]), created_at: START, expires_at: None }
}

pub(crate) fn policy(number: i64, at: Timestamp) -> Box<PolicyInForce> {
    Box::new(PolicyInForce {
        id: PolicyId::generate(at, &Counter),
        number,
        version: number.to_string(),
        files: BTreeMap::new(),
        enforced_since: None,
        at,
        origin: PolicyOrigin::Applied,
        by: PolicyAuthor::default(),
        signature: String::new(),
    })
}

on_both_engines! {
    async fn a_key_and_a_certificate_stand_for_an_application(home: Home) {
        let store = home.open().await;
        let mut app = application("app", &[Scope::Admin, Scope::EventsRead], Some(1));
        let first = key(&app, 1);
        apply(&store, Change::CreateApplication(app.clone(), first.clone())).await;
        let caller = store.caller(first.hash).await.unwrap().unwrap();
        assert_eq!(caller, Caller { application: app.clone().into(), api_key_id: Some(first.id), expires_at: None });
        let by_certificate = store.caller_by_certificate(CertificateFingerprint([1; 32])).await.unwrap().unwrap();
        assert_eq!(by_certificate, Caller { application: app.clone().into(), api_key_id: None, expires_at: None });
        assert_eq!(store.caller(KeyHash([9; 32])).await.unwrap(), None);
        assert_eq!(store.caller_by_certificate(CertificateFingerprint([9; 32])).await.unwrap(), None);

        let other = application("other", &[Scope::Sessions], None);
        apply(&store, Change::CreateApplication(other.clone(), key(&other, 2))).await;
        let same_name = application("app", &[], None);
        assert_eq!(commit(&store, Change::CreateApplication(same_name.clone(), key(&same_name, 3))).await, Effect::Exists);
        let same_certificate = application("third", &[], Some(1));
        let change = Change::CreateApplication(same_certificate.clone(), key(&same_certificate, 3));
        assert_eq!(commit(&store, change).await, Effect::Exists);
        assert_eq!(store.applications().await.unwrap(), [app.clone(), other.clone()]);

        let mut renamed = other.clone();
        "app".clone_into(&mut renamed.name);
        assert_eq!(commit(&store, update(&renamed)).await, Effect::Exists);
        "else".clone_into(&mut renamed.name);
        renamed.certificates = BTreeSet::from([CertificateFingerprint([1; 32])]);
        assert_eq!(commit(&store, update(&renamed)).await, Effect::Exists);
        assert_eq!(store.application(other.id).await.unwrap(), Some(other));
        app.certificates = BTreeSet::from([CertificateFingerprint([5; 32]), CertificateFingerprint([6; 32])]);
        app.scopes.insert(Scope::Challenges);
        app.return_origins = ["https://shop.example", "http://localhost:3000"].map(|text| ReturnOrigin::parse(text).unwrap()).into();
        apply(&store, update(&app)).await;
        assert_eq!(commit(&store, update(&app)).await, Effect::Refused, "it was changed since it was seen");
        app.version += 1;
        assert_eq!(store.caller(first.hash).await.unwrap().unwrap().application.as_ref(), &app);
        let nobody = application("nobody", &[], None);
        assert_eq!(commit(&store, update(&nobody)).await, Effect::Refused);
    }

    async fn keys_rotate_with_overlap(home: Home) {
        let store = home.open().await;
        let app = application("app", &[Scope::Admin], None);
        let (first, second) = (key(&app, 1), key(&app, 2));
        apply(&store, Change::CreateApplication(app.clone(), first.clone())).await;
        let create = Change::CreateApiKey { key: second.clone(), others_expire_at: Some(after(60)) };
        apply(&store, create).await;
        assert_eq!(store.caller(first.hash).await.unwrap().unwrap().expires_at, Some(after(60)));
        let sooner = Change::CreateApiKey { key: key(&app, 3), others_expire_at: Some(after(90)) };
        apply(&store, sooner).await;
        let ends: Vec<_> = store.api_keys(app.id).await.unwrap().into_iter().map(|key| key.expires_at).collect();
        assert_eq!(ends, [Some(after(60)), Some(after(90)), None], "an end is never put off");
        let stray = key(&application("nobody", &[], None), 4);
        let create = Change::CreateApiKey { key: stray, others_expire_at: None };
        assert_eq!(commit(&store, create).await, Effect::Refused);
    }

    async fn the_last_administrator_stays(home: Home) {
        let store = home.open().await;
        let (app, plain) = (application("app", &[Scope::Admin], None), application("plain", &[Scope::Sessions], None));
        let (first, second) = (key(&app, 1), key(&plain, 2));
        apply(&store, Change::CreateApplication(app.clone(), first.clone())).await;
        apply(&store, Change::CreateApplication(plain.clone(), second.clone())).await;
        let delete = |id| Change::DeleteApplication { id, at: after(1) };
        let revoke = |id, at| Change::RevokeApiKey { id, at };
        assert_eq!(commit(&store, delete(app.id)).await, Effect::Refused);
        assert_eq!(commit(&store, revoke(first.id, after(1))).await, Effect::Refused);
        apply(&store, revoke(second.id, after(1))).await;
        assert_eq!(commit(&store, revoke(second.id, after(1))).await, Effect::Refused, "it has ended");
        assert_eq!(store.caller(second.hash).await.unwrap().unwrap().expires_at, Some(after(1)));
        let third = key(&app, 3);
        apply(&store, Change::CreateApiKey { key: third.clone(), others_expire_at: None }).await;
        apply(&store, revoke(first.id, after(1))).await;
        assert_eq!(commit(&store, revoke(third.id, after(1))).await, Effect::Refused);
        let next = application("next", &[Scope::Admin], None);
        apply(&store, Change::CreateApplication(next.clone(), key(&next, 4))).await;
        let ann = user("ann");
        apply(&store, Change::CreateUser(ann.clone())).await;
        let mut session = session(ann.id);
        session.application_id = app.id;
        let mut asked = challenge(Some(ann.id), Some(session.id));
        asked.application_id = app.id;
        apply(&store, Change::RegisterSession(session.clone().into())).await;
        apply(&store, Change::CreateChallenge(asked.clone())).await;
        apply(&store, delete(app.id)).await;
        assert_eq!(store.caller(third.hash).await.unwrap(), None);
        assert_eq!(store.session(session.id).await.unwrap().unwrap().ended_at, Some(after(1)));
        assert_eq!(store.challenge(asked.id).await.unwrap().unwrap().state, ChallengeState::Cancelled);
        apply(&store, delete(plain.id)).await;
        assert_eq!(commit(&store, delete(next.id)).await, Effect::Refused);
        assert_eq!(commit(&store, delete(plain.id)).await, Effect::Refused, "it is gone");
    }

    async fn an_idempotency_key_makes_two_requests_one(home: Home) {
        let store = home.open().await;
        let app = application_id();
        let keyed = |user: &User, key: &str, hash: u8, at| Commit {
            change: Change::CreateUser(user.clone()),
            events: vec![event(EventKind::UserCreated, domain::event::About::default())],
            idempotency: Some(Idempotency {
                application_id: app,
                key: key.to_owned(),
                request_hash: [hash; 32],
                resource: user.id.to_string(),
                at,
            }),
        };
        let ann = user("ann");
        assert_eq!(store.commit(keyed(&ann, "k", 1, after(0))).await.unwrap(), Effect::Applied);
        let repeated = Effect::Repeated { request_hash: [1; 32], resource: ann.id.to_string() };
        assert_eq!(store.commit(keyed(&user("bob"), "k", 2, after(1))).await.unwrap(), repeated);
        let bob = ExternalId::parse("bob").unwrap();
        assert_eq!(store.user_by_external_id(&bob).await.unwrap(), None);

        // What is refused leaves its key unused.
        assert_eq!(store.commit(keyed(&user("ann"), "other", 3, after(1))).await.unwrap(), Effect::Exists);
        assert_eq!(store.commit(keyed(&user("eve"), "other", 3, after(1))).await.unwrap(), Effect::Applied);

        let later = after(Idempotency::LIFETIME.as_secs());
        assert_eq!(store.commit(keyed(&user("bob"), "k", 2, later)).await.unwrap(), Effect::Applied, "forgotten");

        let users: Vec<User> = (0..32).map(|number| user(&format!("user {number}"))).collect();
        let made = users.iter().map(|user| store.commit(keyed(user, "together", 7, later)));
        let made = futures_util::future::join_all(made).await;
        let applied: Vec<_> = made.iter().zip(&users).filter(|(it, _)| *it.as_ref().unwrap() == Effect::Applied).collect();
        assert_eq!(applied.len(), 1);
        let winner = applied[0].1.id.to_string();
        for effect in &made {
            match effect.as_ref().unwrap() {
                Effect::Applied => {}
                Effect::Repeated { resource, .. } => assert_eq!(*resource, winner),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.head().borrow().to_owned(), 4, "what is repeated tells nothing");
    }

    async fn of_changes_to_one_version_one_counts(home: Home) {
        let store = home.open().await;
        let app = application("app", &[Scope::Sessions, Scope::EventsRead], None);
        apply(&store, Change::CreateApplication(app.clone(), key(&app, 1))).await;
        let (mut renamed, mut narrowed) = (app.clone(), app.clone());
        "other".clone_into(&mut renamed.name);
        narrowed.scopes.remove(&Scope::EventsRead);
        let both = futures_util::future::join(commit(&store, update(&narrowed)), commit(&store, update(&renamed))).await;
        assert!(matches!(both, (Effect::Applied, Effect::Refused) | (Effect::Refused, Effect::Applied)), "{both:?}");
    }

    async fn two_administrators_do_not_take_the_scope_from_each_other(home: Home) {
        let store = home.open().await;
        let (one, two) = (application("one", &[Scope::Admin], None), application("two", &[Scope::Admin], None));
        for (app, byte) in [(&one, 1), (&two, 2)] {
            apply(&store, Change::CreateApplication(app.clone(), key(app, byte))).await;
        }
        let without = |app: &Application| update(&Application { scopes: BTreeSet::new(), ..app.clone() });
        let both = futures_util::future::join(commit(&store, without(&one)), commit(&store, without(&two))).await;
        assert!(matches!(both, (Effect::Applied, Effect::Refused) | (Effect::Refused, Effect::Applied)), "{both:?}");
    }

    /// A policy and what its files say of applications: all of it, or nothing.
    async fn s11_applications_come_with_their_policy_or_not_at_all(home: Home) {
        let store = home.open().await;
        let admin = application("admin", &[Scope::Admin], None);
        apply(&store, Change::CreateApplication(admin.clone(), key(&admin, 1))).await;
        let (shop, bank) = (application("shop", &[Scope::Sessions], Some(1)), application("bank", &[], None));
        let made = vec![ApplicationChange::Create(shop.clone()), ApplicationChange::Create(bank.clone())];
        apply(&store, Change::PutPolicy(policy(1, after(1)), made, None)).await;
        let all = [admin.clone(), shop.clone(), bank.clone()];
        assert_eq!(store.applications().await.unwrap(), all);
        assert_eq!(store.api_keys(shop.id).await.unwrap(), []);

        let wider = Application { scopes: BTreeSet::from([Scope::Sessions, Scope::UsersRead]), ..shop.clone() };
        let late = Application { version: 7, ..bank.clone() };
        let weaker = Application { scopes: BTreeSet::new(), ..admin.clone() };
        let taken = Application { certificates: shop.certificates.clone(), ..bank.clone() };
        let nobody = application("nobody", &[], None);
        let put = |number, with: Vec<ApplicationChange>| {
            let mut changes = vec![ApplicationChange::Update(wider.clone())];
            changes.extend(with);
            Change::PutPolicy(policy(number, after(2)), changes, None)
        };
        for (why, change, effect) in [
            ("another policy came first", put(1, Vec::new()), Effect::Refused),
            ("it was changed since", put(2, vec![ApplicationChange::Update(late)]), Effect::Refused),
            ("it was changed since", put(2, vec![ApplicationChange::Delete(bank.id, 7)]), Effect::Refused),
            ("whoever applies was changed since", put(2, vec![ApplicationChange::Stay(admin.id, 7)]), Effect::Refused),
            ("whoever applies is gone", put(2, vec![ApplicationChange::Stay(nobody.id, 1)]), Effect::Refused),
            ("nobody would administer", put(2, vec![ApplicationChange::Update(weaker)]), Effect::Refused),
            ("nobody would administer", put(2, vec![ApplicationChange::Delete(admin.id, 1)]), Effect::Refused),
            ("the name", put(2, vec![ApplicationChange::Create(application("bank", &[], None))]), Effect::Exists),
            ("the certificate", put(2, vec![ApplicationChange::Update(taken)]), Effect::Exists),
        ] {
            assert_eq!(commit(&store, change).await, effect, "{why}");
            assert_eq!(store.applications().await.unwrap(), all, "{why}");
            assert_eq!(store.policy().await.unwrap().map(|policy| policy.number), Some(1), "{why}");
        }
        // What one gives up another gets in the same commit, in whichever order.
        let certificates = shop.certificates.clone();
        let gives = Application { certificates: BTreeSet::new(), ..shop.clone() };
        let gets = Application { certificates, ..bank.clone() };
        let stays = ApplicationChange::Stay(admin.id, 1);
        let moved = vec![stays, ApplicationChange::Update(gets), ApplicationChange::Update(gives)];
        apply(&store, Change::PutPolicy(policy(2, after(3)), moved, None)).await;
        let caller = store.caller_by_certificate(CertificateFingerprint([1; 32])).await.unwrap().unwrap();
        assert_eq!((caller.application.id, caller.application.version), (bank.id, 2));
        // What was known of whom keys stand for is known no more.
        let first = key(&shop, 5);
        apply(&store, Change::CreateApiKey { key: first.clone(), others_expire_at: None }).await;
        assert!(store.caller(first.hash).await.unwrap().is_some());
        apply(&store, Change::PutPolicy(policy(3, after(4)), vec![ApplicationChange::Delete(shop.id, 2)], None)).await;
        assert_eq!(store.caller(first.hash).await.unwrap(), None);
    }
}
