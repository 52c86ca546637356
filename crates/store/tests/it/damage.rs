//! A row that cannot be understood is trouble for whoever needs it, and for nobody else.

use futures_util::future::join_all;
use store::*;

use crate::home::*;

/// Changes what is stored behind the store's back.
fn spoil(home: &Home, sql: &str) {
    match &home.options.location {
        Location::Sqlite(path) => {
            rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
        }
        Location::Postgres(url) => {
            throwaway_postgres::Cluster::shared().unwrap().run_sql(url, sql).unwrap();
        }
    }
}

/// How many of these were answered; each of the others was told that its own row is damaged.
async fn answered<T>(asked: impl IntoIterator<Item = impl Future<Output = Result<T, StoreError>>>) -> usize {
    let all = join_all(asked).await;
    all.into_iter()
        .filter(|answer| match answer {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged(_)), "{error}");
                false
            }
        })
        .count()
}

on_both_engines! {
    async fn one_damaged_row_fails_nobody_else(home: Home) {
        let store = home.open().await;
        let mut people = Vec::new();
        for n in 0..20 {
            people.push(settle(&store, &format!("ann{n}")).await);
        }
        let mut challenges = Vec::new();
        for person in &people {
            challenges.push(ask(&store, person).await.id);
        }
        store.close().await;
        let hex = |id: uuid::Uuid| if home.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'") };
        let (victim, user) = (&people[7], hex(people[7].user.id.uuid()));
        spoil(&home, &format!("UPDATE authenticators SET kind = 'nonsense' WHERE user_id = {user}"));
        spoil(&home, &format!("UPDATE sessions SET proofs = 'nonsense' WHERE user_id = {user}"));
        spoil(&home, &format!("UPDATE enrollments SET state = 'nonsense' WHERE user_id = {user}"));
        spoil(&home, &format!("UPDATE users SET state = 'nonsense' WHERE id = {user}"));

        let store = home.open().await;
        assert!(matches!(store.user(victim.user.id).await, Err(StoreError::Damaged(_))));
        for _ in 0..3 {
            assert_eq!(answered(people.iter().map(|person| store.user(person.user.id))).await, 19);
            assert_eq!(answered(people.iter().map(|person| store.session(person.session.id))).await, 19);
            assert_eq!(answered(people.iter().map(|person| store.enrollment(person.enrollment))).await, 19);
            assert_eq!(answered(people.iter().map(|person| store.authenticator(person.authenticator))).await, 19);
            assert_eq!(answered(people.iter().map(|person| store.authenticators_of(person.user.id))).await, 19);
            assert_eq!(answered(challenges.iter().map(|id| store.attempt(*id, domain::ProofKind::Otp))).await, 19);
        }
    }
}
