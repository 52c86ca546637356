//! A person's own page: what they have, and changes behind the level that each needs (T-09, T-26).

use serde_json::{Value, json};

use crate::browser::{Browser, Shop};
use crate::harness::{Api, Database, Enrolled, Server};

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
    let kinds: Vec<&str> =
        seen["overview"]["activity"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"authenticator.activated") && kinds.contains(&"session.registered"), "{kinds:?}");
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
