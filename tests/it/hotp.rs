//! Devices that count their codes: what is left out, what is used, and what finds them again (I-02).

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::harness::{Answer, Api, Database, Server, Started, Token};

/// Past the longest wait after a wrong code.
const PAST_ANY_WAIT: i64 = 15 * 60 + 1;

/// Somebody with a device that counts.
struct Holder {
    user_id: String,
    authenticator_id: String,
    token: Token,
}

/// Enrolls a new user with an app that counts.
async fn enroll(api: &Api, external_id: &str) -> Holder {
    let started = api.start(external_id, json!({ "kind": "hotp", "view": "inline" })).await;
    let enrollment = &started.answer["enrollment"];
    assert_eq!((&enrollment["kind"], &enrollment["period"]), (&json!("hotp"), &Value::Null), "{enrollment}");
    let view = &started.answer["view"];
    let uri = view["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://hotp/") && uri.ends_with("&counter=0"), "{uri}");
    let mut token = Token::with_key(view["secret"].as_str().unwrap());
    api.confirm(&started.enrollment_id, &token.press()).await.expect(200);
    let Started { user_id, authenticator_id, .. } = started;
    Holder { user_id, authenticator_id, token }
}

async fn pair(api: &Api, ana: &Holder, codes: [&str; 2]) -> Answer {
    let path = format!("/v1/authenticators/{}/resynchronize", ana.authenticator_id);
    api.post(&path, json!({ "codes": codes })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i02_codes_may_be_left_out_and_each_is_used_once_on_sqlite() {
    codes_may_be_left_out(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i02_codes_may_be_left_out_and_each_is_used_once_on_postgresql() {
    codes_may_be_left_out(Database::Postgres).await;
}

async fn codes_may_be_left_out(database: Database) {
    let mut server = Server::on(database).await;
    let api = server.api();
    let mut ana = enroll(&api, "ana").await;
    let first = ana.token.press();
    let verified = api.prove(&ana.user_id, &first).await.expect(200);
    assert_eq!(verified["authenticator"]["kind"].as_str().or(verified["kind"].as_str()), Some("hotp"), "{verified}");
    // Ten codes that nobody typed, and the eleventh.
    ana.token.skip(10);
    let ahead = ana.token.press();
    api.prove(&ana.user_id, &ahead).await.expect(200);
    // Neither those that were typed nor those before are good any more; a restart brings none back.
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.begin().await;
        }
        let api = server.api();
        for used in [&first, &ahead, &ana.token.code(5)] {
            api.advance(PAST_ANY_WAIT).await;
            api.prove(&ana.user_id, used).await.expect_problem(422, "proof-rejected");
        }
    }
    let api = server.api();
    api.advance(PAST_ANY_WAIT).await;
    let next = ana.token.press();
    let spaced = format!("{} {}", &next[..3], &next[3..]);
    api.prove(&ana.user_id, &spaced).await.expect(200);
    // Eleven left out are one too many.
    ana.token.run_ahead(11);
    api.prove(&ana.user_id, &ana.token.press()).await.expect_problem(422, "proof-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn i02_two_codes_in_a_row_find_a_device_that_ran_ahead() {
    let server = Server::new().await;
    let api = server.api();
    let mut ana = enroll(&api, "ana").await;
    ana.token.run_ahead(300);
    let (one, two) = (ana.token.press(), ana.token.press());
    api.prove(&ana.user_id, &one).await.expect_problem(422, "proof-rejected");
    let found = pair(&api, &ana, [&one, &two]).await.expect(200);
    assert_eq!((&found["id"], &found["state"]), (&json!(ana.authenticator_id), &json!("active")), "{found}");
    let path = format!("/v1/events?kind=authenticator.verified&authenticator_id={}", ana.authenticator_id);
    let told = api.all(&path).await;
    assert_eq!(told.last().unwrap()["data"]["action"], "resynchronize", "{told:?}");
    api.prove(&ana.user_id, &ana.token.press()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_two_codes_that_somebody_saw_bring_none_back() {
    let server = Server::new().await;
    let api = server.api();
    let mut ana = enroll(&api, "ana").await;
    ana.token.skip(40);
    let codes = ana.token.codes(0, 60);
    pair(&api, &ana, [&codes[41], &codes[42]]).await.expect(200);
    // Both used, the first used, before those, not in a row, the wrong way round, one twice, other digits.
    let wide: String = codes[43].chars().map(|digit| char::from_u32(digit as u32 + 0xfee0).unwrap()).collect();
    for [first, second] in [[41, 42], [42, 43], [40, 41], [1, 2], [43, 45], [44, 43], [43, 43]] {
        api.advance(PAST_ANY_WAIT).await;
        pair(&api, &ana, [&codes[first], &codes[second]]).await.expect_problem(422, "proof-rejected");
    }
    for malformed in [json!([codes[43], wide]), json!([codes[43]]), json!([codes[43], codes[44], codes[45]]), json!([])]
    {
        let path = format!("/v1/authenticators/{}/resynchronize", ana.authenticator_id);
        api.post(&path, json!({ "codes": malformed })).await.expect_problem(422, "invalid-request");
    }
    api.advance(PAST_ANY_WAIT).await;
    api.prove(&ana.user_id, &codes[43]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t05_of_64_parallel_uses_of_one_counted_code_one_is_accepted() {
    let server = Server::new().await;
    let api = server.api();
    let mut ana = enroll(&api, "ana").await;
    for round in 0..8 {
        let code = ana.token.press();
        // At once as a code of a challenge, and as the first of a pair.
        let next = ana.token.code(ana.token.counter);
        let (barrier, path) =
            (Arc::new(Barrier::new(64)), format!("/v1/authenticators/{}/resynchronize", ana.authenticator_id));
        let challenges = join_all((0..64).map(|_| api.challenge(&ana.user_id))).await;
        let uses = challenges.into_iter().enumerate().map(|(number, challenge)| {
            let (api, barrier, path) = (api.apart(), Arc::clone(&barrier), path.clone());
            let (code, pair) = (code.clone(), json!({ "codes": [code, next] }));
            tokio::spawn(async move {
                barrier.wait().await;
                if number % 8 == 0 { api.post(&path, pair).await } else { api.verify(&challenge, &code).await }
            })
        });
        let mut accepted = 0;
        for answer in join_all(uses).await {
            let answer = answer.unwrap();
            match answer.status {
                200 => accepted += 1,
                _ => drop(answer.expect_problem(422, "proof-rejected")),
            }
        }
        assert_eq!(accepted, 1, "round {round}");
        api.advance(PAST_ANY_WAIT).await;
        ana.token.skip(1);
        // Whichever of the two it was, the device is still found, and what failed meanwhile is set back.
        api.prove(&ana.user_id, &ana.token.press()).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timed_and_counted_codes_stand_side_by_side() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let now = api.now().await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let started = api.start_in(&ana.user_id, &session, json!({ "kind": "hotp", "view": "inline" })).await;
    let mut token = Token::with_key(started.answer["view"]["secret"].as_str().unwrap());
    api.confirm(&started.enrollment_id, &token.press()).await.expect(200);
    let now = api.advance(60).await;
    api.prove(&ana.user_id, &token.press()).await.expect(200);
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    // Only what counts gets out of step, and only what is timed has a period.
    let path = format!("/v1/authenticators/{}/resynchronize", ana.authenticator_id);
    api.post(&path, json!({ "codes": ["123456", "123456"] })).await.expect_problem(409, "conflict");
    let session = api.session(&api.user("ben").await).await;
    let refused = json!({ "session_id": session, "kind": "hotp", "period": 30 });
    api.post("/v1/enrollments", refused).await.expect_problem(422, "invalid-request");
}

/// Guesses by pairs and by codes share one budget; a pair is no cheaper for being two codes. For `guessing.rs`.
pub(crate) async fn attack_resynchronization(api: &Api) {
    let ana = enroll(api, "t02-resynchronize").await;
    let wrong = ana.token.wrong_code();
    for _ in 0..7 {
        api.advance(PAST_ANY_WAIT).await;
        pair(api, &ana, [&wrong, &wrong]).await.expect_problem(422, "proof-rejected");
        api.advance(PAST_ANY_WAIT).await;
        api.prove(&ana.user_id, &wrong).await.expect_problem(422, "proof-rejected");
    }
    assert_eq!(api.failures(&ana.authenticator_id).await, 14);
    // While it has to wait the right pair is refused as well, and so is the right code.
    let codes = ana.token.codes(ana.token.counter, 2);
    pair(api, &ana, [&codes[0], &codes[1]]).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, &codes[0]).await.expect_problem(422, "proof-rejected");
    assert_eq!(api.failures(&ana.authenticator_id).await, 14);
}
