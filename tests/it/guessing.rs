//! Guessing codes: the failure budget belongs to the authenticator, whatever way the guesses come (T-01, T-02, T-03, T-07).

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::browser::Shop;
use crate::harness::{Api, Database, Enrolled, Server, Signal, signal};
use crate::hotp::attack_resynchronization;

/// Past the longest wait after a wrong code.
const PAST_ANY_WAIT: i64 = 15 * 60 + 1;

#[tokio::test(flavor = "multi_thread")]
async fn t01_a_thousand_challenges_share_one_budget_on_sqlite() {
    a_thousand_challenges_share_one_budget(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_a_thousand_challenges_share_one_budget_on_postgresql() {
    a_thousand_challenges_share_one_budget(Database::Postgres).await;
}

async fn a_thousand_challenges_share_one_budget(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;

    // Ten challenges and ten guesses at once, a hundred times, each time after the longest wait.
    let mut challenges = 0;
    for _ in 0..100 {
        let now = api.advance(PAST_ANY_WAIT).await;
        let wrong = ana.phone.wrong_code(now);
        let answers = join_all((0..10).map(|_| api.prove(&ana.user_id, &wrong))).await;
        for answer in answers {
            answer.expect_problem(422, "proof-rejected");
            challenges += 1;
        }
        assert!(api.failures(&ana.authenticator_id).await <= 100);
    }
    assert_eq!(challenges, 1000);
    assert_eq!(api.failures(&ana.authenticator_id).await, 100);
    assert_is_stopped(&api, &ana).await;
    assert_only_binding_anew_helps(&api, &ana).await;
}

/// The right code is refused too, at any time, and no resuming brings it back.
async fn assert_is_stopped(api: &Api, ana: &Enrolled) {
    let now = api.advance(PAST_ANY_WAIT).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    let authenticator = format!("/v1/authenticators/{}", ana.authenticator_id);
    assert_eq!(api.get(&authenticator).await.expect(200)["state"], "suspended");
    api.post(&format!("{authenticator}/resume"), json!({})).await.expect_problem(409, "conflict");
    let now = api.advance(24 * 3600).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
}

/// A session that is trusted enough, here by a backup code, binds a new authenticator, and that one works.
async fn assert_only_binding_anew_helps(api: &Api, ana: &Enrolled) {
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &ana.backup_codes[0]).await.expect(200);
    let started = api.start_in(&ana.user_id, &session, json!({ "view": "inline" })).await;
    let secret = started.answer["view"]["secret"].as_str().unwrap();
    let phone = crate::harness::Phone::with_key(secret, &started.answer["enrollment"]);
    let bound = api.finish(started, phone).await;
    let now = api.now().await;
    api.prove(&bound.user_id, &bound.phone.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_no_proof_is_considered_while_an_authenticator_has_to_wait() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    for failures in 1..=4 {
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
        assert_eq!(api.failures(&ana.authenticator_id).await, failures);
    }
    // Four cost no waiting. Later ones do: the right code is refused meanwhile, costs nothing, and is good afterwards.
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    api.exhaust(&ana).await;
    assert_eq!(counted_rejections(&api, &ana).await, 4 + 16);
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    assert_eq!(counted_rejections(&api, &ana).await, 4 + 16);
    let now = api.advance(PAST_ANY_WAIT).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

/// Rejections that were counted, rather than merely told of.
async fn counted_rejections(api: &Api, ana: &Enrolled) -> usize {
    let path = format!("/v1/events?kind=authenticator.rejected&authenticator_id={}", ana.authenticator_id);
    api.all(&path).await.iter().filter(|event| event["data"]["failures"].is_i64()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn t03_a_failure_counts_though_its_caller_hangs_up_and_the_server_is_killed() {
    let mut server = Server::new().await;
    let ana = server.api().enroll("ana").await;
    let mut counted = 0;
    // Three hang up: with the fourth, further down, there is no waiting yet.
    for _ in 0..3 {
        let api = server.api();
        let now = api.now().await;
        let challenge = api.challenge(&ana.user_id).await;
        // The vault is held up meanwhile, so that the caller is gone before there is an answer.
        let vault = server.ready().await.vault;
        signal(vault, Signal::STOP);
        hang_up(&api, &challenge, &ana.phone.wrong_code(now), Duration::from_millis(500)).await;
        signal(vault, Signal::CONT);
        counted += 1;
        assert_failures_reach(&api, &ana, counted).await;
    }
    server.kill();
    server.begin().await;
    let api = server.api();
    assert_eq!(api.failures(&ana.authenticator_id).await, counted);
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    assert_eq!(api.failures(&ana.authenticator_id).await, counted + 1);
}

/// Gives a code for a challenge, and closes the connection that long after.
async fn hang_up(api: &Api, challenge: &str, code: &str, after: Duration) {
    let host = api.address.strip_prefix("http://").unwrap();
    let body = json!({ "code": code }).to_string();
    let request = format!(
        "POST /v1/challenges/{challenge}/verify HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        api.key,
        body.len()
    );
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    sleep(after).await;
}

async fn assert_failures_reach(api: &Api, ana: &Enrolled, wanted: i64) {
    for _ in 0..500 {
        if api.failures(&ana.authenticator_id).await == wanted {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} failures are counted, not {wanted}", api.failures(&ana.authenticator_id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn t03_a_failure_that_was_answered_outlives_a_power_failure_on_sqlite() {
    outlives_a_power_failure(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t03_a_failure_that_was_answered_outlives_a_power_failure_on_postgresql() {
    outlives_a_power_failure(Database::Postgres).await;
}

async fn outlives_a_power_failure(database: Database) {
    let mut server = Server::on(database).await;
    let ana = server.api().enroll("ana").await;
    for failures in 1..=3 {
        let api = server.api();
        let now = api.now().await;
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
        server.kill();
        server.begin().await;
        assert_eq!(server.api().failures(&ana.authenticator_id).await, failures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t07_the_spellings_of_one_name_share_one_budget() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("Ana.Lima@example.org").await;
    let spellings = [
        "ana.lima@example.org",
        "ANA.LIMA@EXAMPLE.ORG",
        " Ana.Lima@example.org ",
        "ａｎａ.lima@example.org",
        "Ana.Lima@Example.Org",
    ];
    for tries in 1..=3 {
        for spelling in spellings {
            let now = api.advance(PAST_ANY_WAIT).await;
            prove_as(&api, spelling, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
        }
        assert_eq!(api.failures(&ana.authenticator_id).await, tries * 5);
    }
    let now = api.now().await;
    for spelling in spellings {
        // All of them together have brought the wait about, which holds for each.
        prove_as(&api, spelling, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
        let again = api.post("/v1/users", json!({ "external_id": spelling })).await;
        again.expect_problem(409, "exists");
    }
}

async fn prove_as(api: &Api, external_id: &str, code: &str) -> crate::harness::Answer {
    let challenge = api.post("/v1/challenges", json!({ "external_id": external_id })).await.expect(201);
    api.verify(challenge["id"].as_str().unwrap(), code).await
}

/// Each route that takes a code, with the test that attacks it. A route that is missing here fails `t02_…`.
const ROUTES_THAT_TAKE_A_CODE: &[&str] = &[
    "POST /pages/confirm",
    "POST /pages/prove",
    "POST /v1/authenticators/{id}/resynchronize",
    "POST /v1/challenges/{id}/verify",
    "POST /v1/enrollments/{id}/confirm",
    "POST /v1/pages/{id}/redeem",
];

#[tokio::test(flavor = "multi_thread")]
async fn t02_every_route_that_takes_a_code_limits_guesses() {
    let server = Server::new().await;
    let api = server.api();
    let document = api.get("/openapi.json").await.expect(200);
    let found = routes_that_take_a_code(&document);
    assert_eq!(found, ROUTES_THAT_TAKE_A_CODE, "a route that takes a code is attacked here, or it is none");
    attack_challenge(&api).await;
    attack_enrollment(&api).await;
    attack_challenge_by_pages(&api).await;
    attack_proof_before_enrolling(&api).await;
    attack_enrollment_on_a_page(&api).await;
    attack_resynchronization(&api).await;
    attack_redemption(&api).await;
}

/// The code of a page is nobody's to type: what is guessed of its 64 bytes neither redeems the page nor ends it, and no authenticator is
/// asked.
async fn attack_redemption(api: &Api) {
    let shop = Shop::of(api).await;
    let ana = api.enroll("redemption").await;
    let session = api.session(&ana.user_id).await;
    let mut browser = shop.challenge_page(&api.challenge_in(&session).await).await;
    let code = crate::browser::code_of(&browser.opens_first().await);
    let whose = json!({ "session_id": session });
    for letter in code.bytes().map(char::from) {
        for guess in [letter.to_string().repeat(86), code.replace(letter, if letter == 'A' { "B" } else { "A" })] {
            browser.redeems(&guess, whose.clone()).await.expect_problem(422, "invalid-request");
        }
    }
    let now = api.now().await;
    browser.redeems(&ana.phone.code_at(now), whose.clone()).await.expect_problem(422, "invalid-request");
    assert_eq!(api.failures(&ana.authenticator_id).await, 0);
    browser.redeems(&code, whose).await.expect(200);
    browser.opens().await.expect(200);
    browser.prove(&ana.phone.code_at(now)).await.expect(200);
}

/// Guesses over many pages share the authenticator's budget with guesses by the API.
async fn attack_challenge_by_pages(api: &Api) {
    let ana = api.enroll("t02-pages").await;
    let shop = Shop::of(api).await;
    for _ in 0..15 {
        let now = api.advance(PAST_ANY_WAIT).await;
        let mut browser = shop.challenge_page(&api.challenge(&ana.user_id).await).await;
        browser.opens().await.expect(200);
        let answer = browser.prove(&ana.phone.wrong_code(now)).await;
        answer.expect_problem(422, "proof-rejected");
    }
    assert_eq!(api.failures(&ana.authenticator_id).await, 15);
    let now = api.now().await;
    let mut browser = shop.challenge_page(&api.challenge(&ana.user_id).await).await;
    browser.opens().await.expect(200);
    browser.prove(&ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
}

/// One page before an enrollment stands no more guesses than a challenge does.
async fn attack_proof_before_enrolling(api: &Api) {
    let ben = api.enroll("t02-before-enrolling").await;
    let shop = Shop::of(api).await;
    let mut browser = shop.enroll_page(&api.session(&ben.user_id).await).await;
    assert_eq!(browser.opens().await.expect(200)["step"], "prove");
    for _ in 0..5 {
        let now = api.advance(20).await;
        browser.prove(&ben.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    let now = api.advance(20).await;
    let last = browser.prove(&ben.phone.code_at(now)).await;
    assert!(last.status == 410 || last.status == 422, "{last}");
}

/// Guesses at one enrollment on a page, then the right code.
async fn attack_enrollment_on_a_page(api: &Api) {
    let user = api.user("t02-page-enrollment").await;
    let shop = Shop::of(api).await;
    let mut browser = shop.enroll_page(&api.session(&user).await).await;
    browser.opens().await.expect(200);
    let phone = browser.begins().await;
    let now = api.now().await;
    for _ in 0..10 {
        browser.confirm(&phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    browser.confirm(&phone.code_at(now)).await.expect_problem(410, "enrollment-over");
}

/// Guesses over many challenges, in sessions and without, then the right code.
async fn attack_challenge(api: &Api) {
    let ana = api.enroll("t02-challenge").await;
    for round in 0..15 {
        let now = api.advance(PAST_ANY_WAIT).await;
        let challenge = if round % 2 == 0 {
            api.challenge(&ana.user_id).await
        } else {
            api.challenge_in(&api.session(&ana.user_id).await).await
        };
        api.verify(&challenge, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    // One challenge by itself stands no more than five, though its authenticator would.
    let ben = api.enroll("t02-one-challenge").await;
    let challenge = api.challenge(&ben.user_id).await;
    for _ in 0..5 {
        let now = api.advance(20).await;
        api.verify(&challenge, &ben.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    let now = api.advance(20).await;
    let last = api.verify(&challenge, &ben.phone.code_at(now)).await;
    assert!(last.status == 410 || last.status == 422, "{last}");
}

/// Guesses at one enrollment, then the right code.
async fn attack_enrollment(api: &Api) {
    let started = api.start("t02-enrollment", json!({ "view": "inline" })).await;
    let secret = started.answer["view"]["secret"].as_str().unwrap();
    let phone = crate::harness::Phone::with_key(secret, &started.answer["enrollment"]);
    let now = api.now().await;
    for _ in 0..10 {
        api.confirm(&started.enrollment_id, &phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    api.confirm(&started.enrollment_id, &phone.code_at(now)).await.expect_problem(410, "enrollment-over");
    let enrollment = api.get(&format!("/v1/enrollments/{}", started.enrollment_id)).await.expect(200);
    assert_eq!(enrollment["state"], "failed");
}

/// The operations of an OpenAPI document whose body has a member that is a code.
fn routes_that_take_a_code(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schema = resolved(document, &operation["requestBody"]["content"]["application/json"]["schema"]);
            let members = schema["properties"].as_object().into_iter().flatten();
            let is_none = ["backup_codes", "code_challenge"];
            let takes = members.map(|(name, _)| name.as_str()).any(|it| it.contains("code") && !is_none.contains(&it));
            if takes {
                found.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found.sort();
    found
}

/// What a schema says, followed through its reference.
pub(crate) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}
