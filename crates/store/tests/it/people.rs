//! Lists of people, and people who are erased; what is swept out.

use std::time::Duration;

use domain::event::About;
use domain::*;
use store::*;

use crate::home::*;

fn found(page: &Page<User, UserId>) -> Vec<&str> {
    page.items.iter().map(|user| user.external_id.as_given()).collect()
}

on_both_engines! {
    async fn people_are_found_by_the_beginning_of_an_id_or_a_part_of_a_name(home: Home) {
        let store = home.open().await;
        for (id, name) in [("ann", Some("Ä. Smith_")), ("anton", None), ("bob", Some("ANNA 100%")), ("Éva", None)] {
            let mut user = user(id);
            user.display_name = name.map(str::to_owned);
            apply(&store, Change::CreateUser(user)).await;
        }
        let search = |text: &str| UserFilter { search: Some(text.to_owned()), ..UserFilter::default() };
        for (text, want) in [
            ("an", vec!["ann", "anton", "bob"]),
            ("ANN", vec!["ann", "bob"]),
            ("é", vec!["Éva"]),
            ("ä.", vec!["ann"]),
            ("100%", vec!["bob"]),
            ("_", vec!["ann"]),
            ("%", vec!["bob"]),
            ("zz", vec![]),
        ] {
            let page = store.users(&search(text), whole()).await.unwrap();
            assert_eq!(found(&page), want, "{text}");
        }
        let all = UserFilter::default();
        let first = store.users(&all, PageRequest { after: None, limit: 3 }).await.unwrap();
        assert_eq!(found(&first), ["ann", "anton", "bob"]);
        let rest = store.users(&all, PageRequest { after: first.next, limit: 3 }).await.unwrap();
        assert_eq!((found(&rest), rest.next), (vec!["Éva"], None));
    }

    async fn people_are_found_by_state_and_factor(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        apply(&store, Change::CreateUser(user("bob"))).await;
        apply(&store, Change::SetUserState { id: ann.user.id, to: UserState::Suspended }).await;
        let with = |state, has| UserFilter { state, has, search: None };
        for (filter, want) in [
            (with(Some(UserState::Suspended), None), vec!["ann"]),
            (with(Some(UserState::Active), None), vec!["bob"]),
            (with(None, Some(AuthenticatorKind::Totp)), vec!["ann"]),
            (with(None, Some(AuthenticatorKind::Push)), vec![]),
            (with(Some(UserState::Active), Some(AuthenticatorKind::Totp)), vec![]),
        ] {
            assert_eq!(found(&store.users(&filter, whole()).await.unwrap()), want, "{filter:?}");
        }
    }

    async fn people_are_looked_for_together_by_their_ids_and_by_what_they_are_called(home: Home) {
        let store = home.open().await;
        let mut ids = Vec::new();
        // More than go at a time on either engine.
        for number in 0..300 {
            let user = user(&format!("Person-{number:03}"));
            ids.push(user.id);
            apply(&store, Change::CreateUser(user)).await;
        }
        let called = |name: String| ExternalId::parse(&name).unwrap();
        let names: Vec<ExternalId> = (0..300).map(|number| called(format!(" PERSON-{number:03}"))).collect();
        let numbers = async |ids: &[UserId], names: &[ExternalId]| {
            let found = store.users_called(ids, names).await.unwrap();
            let mut numbers: Vec<usize> =
                found.iter().map(|user| user.external_id.key().trim_start_matches("person-").parse().unwrap()).collect();
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(numbers(&[ids[7]], &[names[9].clone()]).await, [7, 9]);
        assert_eq!(numbers(&ids, &[]).await, (0..300).collect::<Vec<_>>());
        assert_eq!(numbers(&[], &names).await, (0..300).collect::<Vec<_>>());
        assert_eq!(numbers(&ids[..200], &names[200..]).await, (0..300).collect::<Vec<_>>());
        let nobody = UserId::generate(after(9), &Counter);
        assert_eq!(numbers(&[nobody], &[called("person".to_owned()), called("nobody".to_owned())]).await, [0_usize; 0]);
        assert_eq!(numbers(&[], &[]).await, [0_usize; 0]);
    }

    async fn i05_erasing_somebody_leaves_nothing_about_them(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann-canary@example.org").await, settle(&store, "bob").await);
        let about = About { user_id: Some(ann.user.id), ..About::default() };
        for (about, name) in [(about, "canary-detail"), (About { user_id: Some(bob.user.id), ..about }, "bobs")] {
            let mut told = event(EventKind::SessionRegistered, about);
            told.details = Some(details(name));
            store.commit(Commit { change: Change::Tell, events: vec![told], idempotency: None }).await.unwrap();
        }
        let name = Change::UpdateUser {
            id: ann.user.id,
            display_name: Some("canary-name".to_owned()),
            kind: UserKind::Person,
        };
        apply(&store, name).await;
        let challenges = [ask(&store, &ann).await, ask(&store, &bob).await];
        let filter = |user| EventFilter { user_id: Some(user), ..EventFilter::default() };
        let of_ann = store.events(&filter(ann.user.id), whole()).await.unwrap().items;
        assert_eq!(of_ann[0].details, Some(details("canary-detail")));

        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(commit(&store, Change::EraseUser { id: ann.user.id }).await, Effect::Refused);
        assert_eq!(store.user(ann.user.id).await.unwrap(), None);
        assert_eq!(store.session(ann.session.id).await.unwrap(), None);
        assert_eq!(store.enrollment(ann.enrollment).await.unwrap(), None);
        assert_eq!(store.authenticators_of(ann.user.id).await.unwrap(), []);
        assert_eq!(store.devices_of(ann.user.id).await.unwrap(), []);
        assert_eq!(store.challenge(challenges[0].id).await.unwrap(), None);
        assert_eq!(store.backup_codes_left(ann.codes).await.unwrap(), 0);
        let of_ann = store.events(&filter(ann.user.id), whole()).await.unwrap().items;
        assert_eq!((of_ann.len(), of_ann[0].details.clone()), (1, None), "the fact stays");

        // Nor does what is told afterwards.
        let mut late = event(EventKind::SessionEnded, about);
        late.details = Some(details("canary-late"));
        store.commit(Commit { change: Change::Tell, events: vec![late], idempotency: None }).await.unwrap();
        let of_bob = store.events(&filter(bob.user.id), whole()).await.unwrap().items;
        assert_eq!(of_bob[0].details, Some(details("bobs")));
        assert!(store.challenge(challenges[1].id).await.unwrap().is_some());
        assert_eq!(store.backup_codes_left(bob.codes).await.unwrap(), 10);
        store.close().await;
        let left = everything(&home);
        assert!(left.contains("bobs"), "the search finds what is there");
        assert!(!left.contains("canary"), "something is left");
    }

    async fn what_has_served_its_time_is_swept_out(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let asked = ask(&store, &ann).await;
        let pending = start(&ann.session);
        apply(&store, Change::StartEnrollment(Box::new(pending.clone()))).await;
        let keep = Duration::from_hours(1);
        assert_eq!(store.sweep(after(300 + 3599), keep).await.unwrap(), 0);
        assert_eq!(store.sweep(after(300 + 3600), keep).await.unwrap(), 1);
        assert_eq!(store.challenge(asked.id).await.unwrap(), None);
        assert_eq!(store.sweep(after(900 + 3600), keep).await.unwrap(), 3, "both enrollments, and what was never proved");
        assert_eq!(store.authenticator(pending.authenticator.id).await.unwrap(), None, "it was never proved");
        assert!(store.authenticator(ann.authenticator).await.unwrap().is_some());
        assert_eq!(store.sweep(after(9 * 3600), keep).await.unwrap(), 1);
        assert_eq!(store.session(ann.session.id).await.unwrap(), None);
    }
}

/// All that the store has, as text.
fn everything(home: &Home) -> String {
    match &home.options.location {
        Location::Sqlite(_) => {
            let files = std::fs::read_dir(home.folder.path()).unwrap();
            files
                .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
                .collect()
        }
        Location::Postgres(url) => {
            let cluster = throwaway_postgres::Cluster::shared().unwrap();
            let tables = cluster
                .run_sql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'x'")
                .unwrap();
            tables.lines().map(|table| cluster.run_sql(url, &format!("SELECT * FROM {table}")).unwrap()).collect()
        }
    }
}
