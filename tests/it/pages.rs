//! Hosted pages, as a browser goes through them (P-04, P-05, P-06, T-13, T-17).

use serde_json::{Value, json};

use crate::browser::{SHOP, Shop, code_of};
use crate::harness::{Answer, Api, Database, Server};

async fn kinds_about_page(api: &Api, id: &str) -> Vec<String> {
    let events = api.all("/v1/events").await.into_iter().filter(|event| event["data"]["page"] == id);
    events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

fn assert_back(done: &Value, id: &str, outcome: &str) {
    assert_eq!(done["step"], "done", "{done}");
    let wanted = format!("{SHOP}/back?a=b&state=x%26y%3D%C3%BC&page={id}&outcome={outcome}");
    assert_eq!(done["return_to"], wanted);
}

fn assert_not_kept(answer: &Answer) {
    assert!(answer.headers["cache-control"].contains("no-store"), "{answer}");
}

/// T-02, T-12: a challenge is proved on a page, and the session it was for has risen.
#[tokio::test(flavor = "multi_thread")]
async fn p06_a_challenge_is_proved_on_a_page_on_sqlite() {
    a_challenge_is_proved(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_challenge_is_proved_on_a_page_on_postgresql() {
    a_challenge_is_proved(Database::Postgres).await;
}

async fn a_challenge_is_proved(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let shop = Shop::of(&api).await;
    let session = api.session(&ana.user_id).await;
    let context = json!({ "amount": 100, "reference": "x" });
    let asked = json!({ "session_id": session, "action": "transfer", "context": context, "shown": ["amount"] });
    let challenge = api.post("/v1/challenges", asked).await.expect(201);
    let mut browser = shop.challenge_page(challenge["id"].as_str().unwrap()).await;

    let opened = browser.opens_first().await;
    assert_not_kept(&opened);
    let cookie = &opened.headers["set-cookie"];
    assert!(cookie.starts_with("__Host-countersign-page-"), "{cookie}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(&format!("; {attribute}")), "{cookie}");
    }
    let seen = opened.expect(200);
    assert_eq!((&seen["step"], &seen["challenge"]), (&json!("redeem"), &Value::Null), "nothing is told before");
    let code = code_of(&opened);
    assert_eq!(seen["return_to"], format!("{SHOP}/back?a=b&state=x%26y%3D%C3%BC&page={}&code={code}", browser.id));
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["purpose"], &seen["step"]), (&json!("challenge"), &json!("prove")));
    assert_eq!(seen["application"], "Administrator");
    assert_eq!(seen["expires_at"], challenge["expires_at"]);
    assert_eq!(
        (&seen["challenge"]["action"], &seen["challenge"]["shown"]),
        (&json!("transfer"), &json!({ "amount": 100 }))
    );
    let ways = seen["challenge"]["ways"].as_array().unwrap();
    assert_eq!(ways.iter().map(|way| way["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["totp", "backup_codes"]);
    assert_eq!(ways[0]["authenticator_id"], ana.authenticator_id);
    // Loaded again it is the same page, and the browser keeps what it has.
    let again = browser.opens().await;
    assert!(!again.headers.contains_key("set-cookie"), "{again}");
    assert_eq!(again.expect(200), seen);

    let now = api.now().await;
    browser.prove(&ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    browser.post("finish", json!({})).await.expect_problem(409, "conflict");
    let path = format!("/v1/challenges/{}", challenge["id"].as_str().unwrap());
    api.post(&format!("{path}/assertion"), json!({})).await.expect_problem(409, "conflict");
    let done = browser.prove(&ana.phone.code_at(now)).await.expect(200);
    assert_back(&done, &browser.id, "proved");
    assert_eq!(browser.post("finish", json!({})).await.expect(200)["return_to"], done["return_to"]);
    // The truth is asked for with the key.
    let challenge = api.get(&path).await.expect(200);
    assert_eq!(challenge["state"], "satisfied");
    assert_eq!(challenge["satisfied_by"], json!({ "id": ana.authenticator_id, "kind": "totp" }));
    // The proof was given to the page; what it yields is for the application, and for a while.
    let asserted = api.post(&format!("{path}/assertion"), json!({})).await.expect(200);
    let claims = asserted["assertion"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])));
    assert_eq!(claims["action_hash"], challenge["action_hash"]);
    api.advance(5 * 60 + 1).await;
    api.post(&format!("{path}/assertion"), json!({})).await.expect_problem(410, "challenge-over");
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
    let page = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
    assert_eq!((&page["state"], &page["opened"]), (&json!("proved"), &json!(true)));
    assert_eq!(
        kinds_about_page(&api, &browser.id).await,
        ["page.created", "page.opened", "page.redeemed", "page.finished"]
    );
}

/// P-05, P-08: an authenticator is enrolled on a page; the key is sealed to the browser.
#[tokio::test(flavor = "multi_thread")]
async fn p05_an_authenticator_is_enrolled_on_a_page_on_sqlite() {
    an_authenticator_is_enrolled(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p05_an_authenticator_is_enrolled_on_a_page_on_postgresql() {
    an_authenticator_is_enrolled(Database::Postgres).await;
}

async fn an_authenticator_is_enrolled(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let mut browser = shop.enroll_page(&session).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["purpose"], &seen["step"]), (&json!("enroll"), &json!("choose")));
    let offered: Vec<&str> =
        seen["factors"].as_array().unwrap().iter().map(|factor| factor["kind"].as_str().unwrap()).collect();
    assert!(offered.contains(&"totp") && !offered.contains(&"backup_codes"), "{offered:?}");

    let begun = browser.begin().await;
    assert_not_kept(&begun);
    let view = begun.expect(200)["view"].clone();
    let mut members: Vec<&String> = view.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["authenticator_id", "kind", "link", "prompt", "sealed", "view_expires_at"]);
    assert_eq!((&view["prompt"], &view["link"]), (&Value::Null, &Value::Null));
    let phone = browser.scans(&begun);
    let code = phone.code_at(api.now().await);
    browser.confirm(&phone.wrong_code(api.now().await)).await.expect_problem(422, "proof-rejected");
    let confirmed = browser.confirm(&code).await;
    assert_not_kept(&confirmed);
    let confirmed = confirmed.expect(200);
    assert_eq!((&confirmed["step"], &confirmed["return_to"]), (&json!("backup_codes"), &Value::Null));
    assert_eq!(confirmed["backup_codes"].as_array().unwrap().len(), 10);
    let done = browser.post("finish", json!({})).await.expect(200);
    assert_eq!(done["backup_codes"], Value::Null, "they are shown once");
    assert_back(&done, &browser.id, "enrolled");
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
    let kinds = kinds_about_page(&api, &browser.id).await;
    assert_eq!(kinds, ["page.created", "page.opened", "page.redeemed", "page.advanced", "page.finished"]);
    // It works, and so does one of the codes.
    let code = phone.code_near(api.now().await, 1);
    api.prove(&user, &code).await.expect(200);
    api.prove(&user, confirmed["backup_codes"][0].as_str().unwrap()).await.expect(200);
}

/// P-06, T-13: where the user has an authenticator, a page enrolls another once that one was proved on it, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn p06_a_weak_session_proves_something_on_the_page_before_it_enrolls() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let mut browser = shop.enroll_page(&api.session(&ana.user_id).await).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["step"], &seen["challenge"]["action"]), (&json!("prove"), &json!("enroll")));
    browser.begin().await.expect_problem(403, "step-up-needed");
    browser.confirm("123456").await.expect_problem(409, "conflict");
    let now = api.now().await;
    browser.prove(&ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    browser.begin().await.expect_problem(403, "step-up-needed");
    assert_eq!(browser.opens().await.expect(200)["step"], "prove");
    assert_eq!(browser.prove(&ana.phone.code_at(now)).await.expect(200)["step"], "choose");
    browser.prove(&ana.phone.code_near(now, 1)).await.expect_problem(409, "conflict");
    let phone = browser.begins().await;
    let code = phone.code_at(api.now().await);
    // The user has backup codes already.
    assert_back(&browser.confirm(&code).await.expect(200), &browser.id, "enrolled");
    let authenticators = api.get(&format!("/v1/users/{}/authenticators", ana.user_id)).await.expect(200);
    let items = authenticators["items"].as_array().unwrap();
    assert_eq!(items.iter().filter(|item| item["kind"] == "totp" && item["state"] == "active").count(), 2);
}

/// P-06, T-13: a log-in that is too old makes no page where there is nothing to prove; nor does one that is over, or another's.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_page_is_made_for_a_session_that_can_come_to_enroll() {
    let server = Server::new().await;
    let api = server.api();
    Shop::of(&api).await;
    let user = api.user("dormant").await;
    let session = api.session(&user).await;
    let ask = json!({ "purpose": "enroll", "session_id": session, "return_url": format!("{SHOP}/") });
    api.post("/v1/pages", ask.clone()).await.expect(201);
    api.advance(16 * 60).await;
    api.post("/v1/pages", ask.clone()).await.expect_problem(403, "step-up-needed");
    api.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    api.post("/v1/pages", ask.clone()).await.expect_problem(410, "session-over");
    let other = json!({ "name": "other", "scopes": ["admin"], "return_origins": [SHOP] });
    let other = api.post("/v1/applications", other).await.expect(201);
    let other = api.with_key(other["api_key"]["key"].as_str().unwrap());
    other.post("/v1/pages", ask).await.expect_problem(404, "not-found");
}

/// P-04, T-17: the view is handed out once; whoever did not keep it gets another key, and the first never counts.
#[tokio::test(flavor = "multi_thread")]
async fn t17_a_key_is_shown_on_a_page_once() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let mut browser = shop.enroll_page(&api.session(&user).await).await;
    browser.opens().await.expect(200);
    let first = browser.begins().await;
    let again = browser.opens().await.expect(200);
    assert_eq!((&again["step"], &again["view"]["sealed"]), (&json!("view"), &Value::Null), "{again}");
    let page = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
    let enrollment = format!("/v1/enrollments/{}", page["enrollment_id"].as_str().unwrap());
    api.get(&format!("{enrollment}/view")).await.expect_problem(410, "view-gone");
    let second = browser.begins().await;
    assert_ne!(first.key, second.key);
    assert_eq!(api.get(&enrollment).await.expect(200)["state"], "cancelled");
    let now = api.now().await;
    browser.confirm(&first.code_at(now)).await.expect_problem(422, "proof-rejected");
    browser.confirm(&second.code_at(now)).await.expect(200);
    browser.begin().await.expect_problem(410, "page-over");
}

/// T-17: of two that begin at once, in one browser, at most one sees a key that can be confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn t17_who_begins_twice_at_once_gets_one_key() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    for round in 0..5 {
        let session = api.session(&api.user(&format!("ana-{round}")).await).await;
        let mut browser = shop.enroll_page(&session).await;
        browser.opens().await.expect(200);
        let tries = (0..8).map(|_| {
            let mut same = browser.another();
            same.cookies.clone_from(&browser.cookies);
            async move {
                let answer = same.begin().await;
                (same, answer)
            }
        });
        let mut confirmed = 0;
        for (mut same, answer) in futures_util::future::join_all(tries).await {
            if answer.status != 200 {
                assert!([409, 410].contains(&answer.status), "{answer}");
                continue;
            }
            let code = same.scans(&answer).code_at(api.now().await);
            confirmed += usize::from(same.confirm(&code).await.status == 200);
        }
        assert!(confirmed <= 1, "{confirmed} keys were bound by one page");
    }
}

/// A person who does not want to goes back, and the link leads nowhere any more.
#[tokio::test(flavor = "multi_thread")]
async fn t12_what_is_cancelled_on_a_page_is_taken_back() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let challenge = api.challenge(&ana.user_id).await;
    let mut browser = shop.challenge_page(&challenge).await;
    browser.opens().await.expect(200);
    let done = browser.post("cancel", json!({})).await.expect(200);
    assert_back(&done, &browser.id, "cancelled");
    assert_eq!(api.get(&format!("/v1/challenges/{challenge}")).await.expect(200)["state"], "cancelled");
    let code = ana.phone.code_at(api.now().await);
    browser.prove(&code).await.expect_problem(410, "page-over");

    let mut browser = shop.enroll_page(&api.session(&api.user("ben").await).await).await;
    browser.opens().await.expect(200);
    let phone = browser.begins().await;
    assert_back(&browser.post("cancel", json!({})).await.expect(200), &browser.id, "cancelled");
    browser.confirm(&phone.code_at(api.now().await)).await.expect_problem(410, "page-over");
    // Where there is nothing to be proved any more one can still go back.
    let challenge = api.challenge(&ana.user_id).await;
    let mut browser = shop.challenge_page(&challenge).await;
    api.delete(&format!("/v1/challenges/{challenge}")).await.expect(204);
    browser.opens().await.expect_problem(410, "challenge-over");
    assert_back(&browser.post("cancel", json!({})).await.expect(200), &browser.id, "cancelled");
}

/// T-19: a page for somebody unknown looks like any other, and can only fail.
#[tokio::test(flavor = "multi_thread")]
async fn t19_a_page_for_nobody_is_like_any_other() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let unknown = api.post("/v1/challenges", json!({ "external_id": "nobody" })).await.expect(201);
    let (known, unknown) = (api.challenge(&ana.user_id).await, unknown["id"].as_str().unwrap().to_owned());
    let mut answers = Vec::new();
    for challenge in [known, unknown] {
        let mut browser = shop.challenge_page(&challenge).await;
        let mut seen = browser.opens().await.expect(200);
        seen["expires_at"] = Value::Null;
        let shown = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
        let rejected = browser.prove(&ana.phone.wrong_code(api.now().await)).await;
        answers.push((seen, shown["user_id"].clone(), rejected.expect_problem(422, "proof-rejected")));
    }
    assert_eq!(answers[0], answers[1]);
}
