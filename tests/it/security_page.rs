//! A person's own page: what they have, and changes behind the level that each needs (T-09, T-26).

use serde_json::{Value, json};

use crate::browser::{Browser, SHOP, Shop};
use crate::harness::{Answer, Api, Database, Enrolled, Server};

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_person_looks_after_what_they_have_on_sqlite() {
    a_person_looks_after_what_they_have(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_person_looks_after_what_they_have_on_postgresql() {
    a_person_looks_after_what_they_have(Database::Postgres).await;
}

fn item<'a>(seen: &'a Value, list: &str, id: &str) -> &'a Value {
    let items = seen["overview"][list].as_array().unwrap_or_else(|| panic!("no {list}: {seen}"));
    items.iter().find(|item| item["id"] == id).unwrap_or(&Value::Null)
}

async fn a_person_looks_after_what_they_have(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let bob = api.enroll("bob").await;
    let weak = api.session(&ana.user_id).await;
    let mut browser = shop.security_page(&weak).await;

    // A password shows what there is, and changes nothing.
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["purpose"], &seen["step"]), (&json!("security"), &json!("overview")));
    assert_eq!(seen["overview"]["may_change"], false);
    assert_eq!(item(&seen, "authenticators", &ana.authenticator_id)["state"], "active");
    assert_eq!(item(&seen, "authenticators", &bob.authenticator_id), &Value::Null);
    assert_eq!(item(&seen, "sessions", &weak)["current"], true);
    assert_eq!(item(&seen, "sessions", &ana.session_id)["aal"], "aal2");
    assert_eq!((&seen["overview"]["tells_all"], &seen["overview"]["activity"]), (&json!(false), &json!([])));
    let own = json!({ "authenticator_id": ana.authenticator_id });
    let label = json!({ "authenticator_id": ana.authenticator_id, "label": "Blue phone" });
    let nothing = json!({});
    for (verb, body) in [
        ("remove", &own),
        ("lost", &own),
        ("replace", &own),
        ("add", &nothing),
        ("backup-codes", &nothing),
        ("sign-out", &nothing),
        ("rename", &label),
    ] {
        let asked = browser.post(&format!("security/{verb}"), body.clone()).await.expect(200);
        assert_eq!(asked["step"], "prove", "{verb}");
        assert_eq!(asked["challenge"]["ways"][0]["kind"], "totp");
    }
    // It can be left, and nothing was done.
    assert_eq!(browser.begin().await.expect(200)["step"], "prove");
    assert_eq!(browser.post("cancel", json!({})).await.expect(200)["step"], "overview");
    let state = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert_eq!((&state["state"], &state["label"]), (&json!("active"), &json!("Authenticator app")));
    assert_eq!(api.get(&format!("/v1/sessions/{}", ana.session_id)).await.expect(200)["ended_at"], Value::Null);

    // What is wanted is done once it was proved, also after a reload.
    browser.post("security/rename", label).await.expect(200);
    assert_eq!(browser.opens().await.expect(200)["step"], "prove");
    let now = api.now().await;
    browser.prove(&ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    let seen = browser.prove(&ana.phone.code_at(now)).await.expect(200);
    assert_eq!((&seen["step"], &seen["overview"]["may_change"]), (&json!("overview"), &json!(true)));
    assert_eq!(item(&seen, "authenticators", &ana.authenticator_id)["label"], "Blue phone");
    let kinds: Vec<&str> =
        seen["overview"]["activity"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"authenticator.activated") && kinds.contains(&"session.registered"), "{kinds:?}");
    let theirs = json!({ "authenticator_id": bob.authenticator_id });
    browser.post("security/remove", theirs).await.expect_problem(404, "not-found");
    let theirs = json!({ "session_id": bob.session_id });
    browser.post("security/sign-out", theirs).await.expect_problem(404, "not-found");
    let seen = browser.post("security/sign-out", json!({})).await.expect(200);
    assert_eq!(item(&seen, "sessions", &ana.session_id), &Value::Null);
    assert_eq!(item(&seen, "sessions", &weak)["current"], true);

    it_is_replaced_and_reported_lost(&api, &ana, &mut browser, &weak).await;
}

async fn it_is_replaced_and_reported_lost(api: &Api, ana: &Enrolled, browser: &mut Browser, weak: &str) {
    let own = json!({ "authenticator_id": ana.authenticator_id });
    // Other backup codes: shown once, and those before are over.
    let seen = browser.post("security/backup-codes", json!({})).await.expect(200);
    let codes = seen["backup_codes"].as_array().unwrap_or_else(|| panic!("{seen}")).clone();
    assert_eq!((&seen["step"], codes.len()), (&json!("backup_codes"), 10));
    assert_eq!(browser.opens().await.expect(200)["step"], "overview");
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, codes[0].as_str().unwrap()).await.expect(200);

    // A new phone takes the place of the old one.
    assert_eq!(browser.post("security/replace", own).await.expect(200)["step"], "choose");
    let begun = browser.begin().await;
    assert_eq!(begun.expect(200)["step"], "view");
    let phone = browser.scans(&begun);
    let code = phone.code_at(api.now().await);
    let seen = browser.confirm(&code).await.expect(200);
    assert_eq!(seen["step"], "overview");
    assert_eq!(item(&seen, "authenticators", &ana.authenticator_id), &Value::Null);
    let old = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert_eq!(old["state"], "revoked");
    let fresh = seen["overview"]["authenticators"].as_array().unwrap().iter().find(|it| it["kind"] == "totp").unwrap();
    let fresh = fresh["id"].as_str().unwrap().to_owned();

    // What is begun can be left, and what is lost is gone, with what was proved with it.
    assert_eq!(browser.post("security/add", json!({})).await.expect(200)["step"], "choose");
    browser.begin().await.expect(200);
    let seen = browser.post("cancel", json!({})).await.expect(200);
    assert_eq!(seen["step"], "overview");
    let seen = browser.post("security/lost", json!({ "authenticator_id": fresh })).await.expect(200);
    assert_eq!(seen["overview"]["may_change"], false);
    assert_eq!(api.get(&format!("/v1/authenticators/{fresh}")).await.expect(200)["state"], "lost");
    assert_eq!(api.get(&format!("/v1/sessions/{weak}")).await.expect(200)["aal"], "aal1");
    let done = browser.post("finish", json!({})).await.expect(200);
    assert_eq!(done["step"], "done");
    assert!(done["return_to"].as_str().unwrap().ends_with("&outcome=left"), "{done}");
    browser.post("security/add", json!({})).await.expect_problem(410, "page-over");
}

/// An application with these scopes, and its client.
async fn application(api: &Api, name: &str, scopes: &[&str]) -> Api {
    let made = api.post("/v1/applications", json!({ "name": name, "scopes": scopes })).await.expect(201);
    let id = made["application"]["id"].as_str().unwrap();
    api.patch(&format!("/v1/applications/{id}"), json!({ "return_origins": [SHOP] })).await.expect(200);
    api.with_key(made["api_key"]["key"].as_str().unwrap())
}

async fn asks_for_page(api: &Api, session: &str) -> Answer {
    let wish = json!({ "purpose": "security", "session_id": session, "return_url": format!("{SHOP}/back") });
    api.post("/v1/pages", wish).await
}

/// T-09: a person's page is no way for an application around its scopes, and tells nothing of what others do; and who has the password
/// alone learns neither names nor addresses nor what happened.
#[tokio::test(flavor = "multi_thread")]
async fn t09_a_persons_page_tells_an_application_nothing_of_another_on_sqlite() {
    a_page_tells_nothing_of_another(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_persons_page_tells_an_application_nothing_of_another_on_postgresql() {
    a_page_tells_nothing_of_another(Database::Postgres).await;
}

async fn a_page_tells_nothing_of_another(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let label = json!({ "label": "Ana's secret phone" });
    api.patch(&format!("/v1/authenticators/{}", ana.authenticator_id), label).await.expect(200);
    let bank = application(&api, "bank", &["sessions", "challenges"]).await;
    let in_bank = bank.session(&ana.user_id).await;
    let transfer = json!({ "session_id": in_bank, "action": "transfer-5000" });
    let transfer = bank.post("/v1/challenges", transfer).await.expect(201)["id"].as_str().unwrap().to_owned();
    bank.verify(&transfer, &ana.phone.code_at(api.now().await)).await.expect(200);

    // With the scopes for enrolling alone there is no such page.
    let needed = ["sessions", "enrollments", "authenticators:read", "authenticators:write"];
    for left_out in 0..needed.len() {
        let scopes: Vec<&str> = (0..needed.len()).filter(|n| *n != left_out).map(|n| needed[n]).collect();
        let little = application(&api, needed[left_out], &scopes).await;
        let session = if left_out == 0 { in_bank.clone() } else { little.session(&ana.user_id).await };
        asks_for_page(&little, &session).await.expect_problem(403, "forbidden");
    }

    let all = [&needed[..], &["challenges"]].concat();
    let shop = Shop::with(application(&api, "shop", &all).await);
    let session = shop.api.session(&ana.user_id).await;
    let mut browser = shop.security_page(&session).await;
    let weak = browser.opens().await.expect(200);
    for told in ["secret phone", "transfer-5000", "127.0.0.1", "authenticator.verified", &in_bank] {
        assert!(!weak.to_string().contains(told), "{told}: {weak}");
    }
    assert_eq!(item(&weak, "authenticators", &ana.authenticator_id)["last_used_at"], Value::Null);
    let challenge = shop.api.challenge_in(&session).await;
    shop.api.verify(&challenge, &ana.phone.code_at(api.advance(30).await)).await.expect(200);
    let strong = browser.opens().await.expect(200);
    assert_eq!(strong["overview"]["tells_all"], true);
    assert!(!strong.to_string().contains("transfer-5000"), "{strong}");
    assert!(strong.to_string().contains("secret phone"), "{strong}");
    let activity = strong["overview"]["activity"].as_array().unwrap();
    let verified: Vec<&Value> = activity.iter().filter(|it| it["kind"] == "authenticator.verified").collect();
    assert_eq!(verified.len(), 1, "{activity:?}");
    assert_eq!((&verified[0]["data"]["action"], verified[0]["address"].is_string()), (&json!("login"), true));
    let bound = activity.iter().find(|it| it["kind"] == "authenticator.activated").expect("what all of them share");
    assert_eq!((&bound["data"], &bound["address"]), (&json!({}), &Value::Null));
}

/// T-12, T-26: what the page may, it may in its own browser, and for nobody else's account.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_persons_own_page_works_in_one_browser_and_other_pages_change_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let mut browser = shop.security_page(&ana.session_id).await;
    browser.opens().await.expect(200);
    let own = json!({ "authenticator_id": ana.authenticator_id });
    let mut another = browser.another();
    another.opens().await.expect_problem(403, "page-opened-elsewhere");
    another.post("security/remove", own.clone()).await.expect_problem(403, "page-opened-elsewhere");
    let mut enrolling = shop.enroll_page(&ana.session_id).await;
    enrolling.opens().await.expect(200);
    enrolling.post("security/remove", own.clone()).await.expect_problem(409, "conflict");
    let form = browser.bare("security/remove").json(&own);
    crate::harness::Api::answer(form).await.unwrap().expect_problem(403, "cross-site");
    api.delete(&format!("/v1/sessions/{}", ana.session_id)).await.expect(204);
    browser.post("security/remove", own).await.expect_problem(410, "session-over");
    let state = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert_eq!(state["state"], "active");
}
