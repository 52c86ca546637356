//! One code in many hands at once: exactly one of them gets in (T-05).

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use crate::harness::{Api, Database, Enrolled, Server, rounds};

/// Requests that are released together.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn t05_of_64_parallel_uses_of_one_code_one_is_accepted_on_sqlite() {
    one_of_64_is_accepted(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t05_of_64_parallel_uses_of_one_code_one_is_accepted_on_postgresql() {
    one_of_64_is_accepted(Database::Postgres).await;
}

async fn one_of_64_is_accepted(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let clients: Vec<Api> = (0..AT_ONCE).map(|_| api.apart()).collect();
    let mut ana = api.enroll("ana-0").await;
    for round in 0..rounds(50, 10_000) {
        if ana.backup_codes.is_empty() {
            ana = api.enroll(&format!("ana-{round}")).await;
        }
        // A backup code that comes too late is a wrong one, and the next of them has to wait.
        let now = api.advance(if round % 5 == 0 { 15 * 60 + 1 } else { 31 }).await;
        // A fifth of the rounds is for backup codes: they are used up in another way.
        let code = if round % 5 == 4 { ana.backup_codes.pop().unwrap() } else { ana.phone.code_at(now) };
        // Each request with a challenge of its own, or all of them with the same one.
        let accepted = race(&clients, &ana, &code, round % 2 == 0).await;
        assert_eq!(accepted, 1, "round {round}: {accepted} of {AT_ONCE} were accepted");
    }
}

/// Uses `code` everywhere at once, and answers how often it was accepted.
async fn race(clients: &[Api], ana: &Enrolled, code: &str, one_challenge: bool) -> usize {
    let shared = clients[0].challenge(&ana.user_id).await;
    let challenges = join_all(
        clients
            .iter()
            .map(|api| async { if one_challenge { shared.clone() } else { api.challenge(&ana.user_id).await } }),
    );
    let challenges = challenges.await;
    let barrier = Arc::new(Barrier::new(clients.len()));
    let uses = clients.iter().zip(challenges).map(|(api, challenge)| {
        let (api, code, barrier) = (api.clone(), code.to_owned(), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            api.verify(&challenge, &code).await
        })
    });
    let mut accepted = 0;
    for answer in join_all(uses).await {
        let answer = answer.unwrap();
        match answer.status {
            200 => accepted += 1,
            410 if one_challenge => drop(answer.expect_problem(410, "challenge-over")),
            _ => drop(answer.expect_problem(422, "proof-rejected")),
        }
    }
    accepted
}
