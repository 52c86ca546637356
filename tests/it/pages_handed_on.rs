//! A page's link that is sent to somebody else before anybody opened it (T-12): whoever has a password begins in a session of their own,
//! and its owner is to finish.

use serde_json::{Value, json};

use crate::browser::{Browser, CODE_VERIFIER, Shop, code_of};
use crate::harness::{Api, Database, Enrolled, Server};

/// What a browser may try on a page, with what would be right where the page were its own.
async fn try_everything(browser: &mut Browser, ana: &Enrolled, status: u16, problem: &str) {
    let id = &ana.authenticator_id;
    let tries = [
        ("prompt", json!({ "kind": "push" })),
        ("prove", json!({ "code": ana.phone.code_at(browser.shop.now().await) })),
        ("confirm", json!({ "code": "123456" })),
        ("wait", json!({})),
        ("finish", json!({})),
        ("cancel", json!({})),
        ("security/add", json!({})),
        ("security/replace", json!({ "authenticator_id": id })),
        ("security/backup-codes", json!({})),
        ("security/rename", json!({ "authenticator_id": id, "label": "mine" })),
        ("security/remove", json!({ "authenticator_id": id })),
        ("security/lost", json!({ "authenticator_id": id })),
        ("security/sign-out", json!({})),
        ("task/decide", json!({ "verdict": "approve" })),
    ];
    for (verb, body) in tries {
        browser.post(verb, body).await.expect_problem(status, problem);
    }
    browser.begin().await.expect_problem(status, problem);
}

/// What an attacker wants: nothing of it has happened.
async fn assert_nothing_came_of_it(api: &Api, ana: &Enrolled, attackers: &str) {
    assert_eq!(api.get(&format!("/v1/sessions/{attackers}")).await.expect(200)["aal"], "aal1");
    let held = api.get(&format!("/v1/users/{}/authenticators", ana.user_id)).await.expect(200);
    let active = held["items"].as_array().unwrap().iter().filter(|one| one["state"] == "active");
    assert_eq!(active.filter(|one| one["kind"] != "backup_codes").count(), 1, "{held}");
}

/// A page of the attacker's session, for each purpose.
async fn pages_of(shop: &Shop, session: &str) -> [Browser; 3] {
    let challenge = shop.api.challenge_in(session).await;
    [shop.challenge_page(&challenge).await, shop.enroll_page(session).await, shop.security_page(session).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn t12_a_link_that_was_handed_on_before_it_was_opened_does_nothing_on_sqlite() {
    a_link_that_was_handed_on_does_nothing(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t12_a_link_that_was_handed_on_before_it_was_opened_does_nothing_on_postgresql() {
    a_link_that_was_handed_on_does_nothing(Database::Postgres).await;
}

async fn a_link_that_was_handed_on_does_nothing(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let attackers = api.session(&ana.user_id).await;
    // The person is logged in herself, as somebody else, or not at all.
    let own = api.session(&ana.user_id).await;
    let bens = api.session(&api.user("ben").await).await;
    for whose in [json!({ "session_id": own }), json!({ "session_id": bens }), json!({})] {
        for mut victim in pages_of(&shop, &attackers).await {
            let opened = victim.opens_first().await;
            let seen = opened.expect(200).clone();
            for told in ["challenge", "prompt", "remember", "view", "overview"] {
                assert_eq!(seen[told], Value::Null, "{told} before the browser is known: {seen}");
            }
            // Whoever goes on without the application gets nowhere.
            try_everything(&mut victim, &ana, 409, "conflict").await;
            assert_eq!(victim.opens_first().await.expect(200)["step"], "redeem");
            // The application sees another browser than the one it made the page for.
            victim.redeems(&code_of(&opened), whose.clone()).await.expect_problem(403, "page-opened-elsewhere");
            let page = api.get(&format!("/v1/pages/{}", victim.id)).await.expect(200);
            assert_eq!((&page["state"], &page["redeemed_at"]), (&json!("refused"), &Value::Null));
            let told = api.get("/v1/events?kind=page.refused&order=desc&limit=1").await.expect(200);
            let told = &told["items"][0]["data"];
            assert_eq!((&told["reason"], &told["page"]), (&json!("other_session"), &json!(victim.id)));
            // It is over for good: also if the attacker brings the code.
            let theirs = json!({ "session_id": attackers });
            victim.redeems(&code_of(&opened), theirs).await.expect_problem(410, "page-over");
            victim.opens_first().await.expect_problem(410, "page-over");
            try_everything(&mut victim, &ana, 410, "page-over").await;
        }
    }
    assert_nothing_came_of_it(&api, &ana, &attackers).await;
    // Her code was not taken from her.
    api.prove(&ana.user_id, &ana.phone.code_at(api.now().await)).await.expect(200);
}

/// The same before there is a session: the application knows the browser by a verifier.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_link_of_a_log_in_that_was_handed_on_proves_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let own = api.session(&ana.user_id).await;
    let another = "B".repeat(43);
    let others = [
        json!({}),
        json!({ "session_id": own }),
        json!({ "code_verifier": another }),
        json!({ "session_id": own, "code_verifier": CODE_VERIFIER }),
    ];
    for whose in others {
        let challenge = api.challenge(&ana.user_id).await;
        let mut victim = shop.challenge_page(&challenge).await;
        let opened = victim.opens_first().await;
        victim.prove(&ana.phone.code_at(api.now().await)).await.expect_problem(409, "conflict");
        victim.redeems(&code_of(&opened), whose).await.expect_problem(403, "page-opened-elsewhere");
        victim.prove(&ana.phone.code_at(api.now().await)).await.expect_problem(410, "page-over");
        assert_eq!(api.get(&format!("/v1/challenges/{challenge}")).await.expect(200)["state"], "open");
    }
    // And there is no page without one.
    let page = json!({
        "purpose": "challenge", "challenge_id": api.challenge(&ana.user_id).await, "return_url": "https://shop.example/",
    });
    let problem = api.post("/v1/pages", page).await.expect_problem(422, "invalid-request");
    assert_eq!(problem["errors"][0]["pointer"], "/code_challenge");
}

/// Codes are of one page in one browser, good once, and what is made up ends nobody's page.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_code_is_redeemed_once_for_its_own_page() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let (session, attackers) = (api.session(&ana.user_id).await, api.session(&ana.user_id).await);
    let (own, theirs) = (json!({ "session_id": session }), json!({ "session_id": attackers }));
    let [mut page, mut other] =
        [shop.challenge_page(&api.challenge_in(&session).await).await, shop.enroll_page(&session).await];
    page.redeems(&"A".repeat(86), own.clone()).await.expect_problem(422, "invalid-request");
    let code = code_of(&page.opens_first().await);
    let others = code_of(&other.opens_first().await);
    for wrong in ["", "A", &"A".repeat(86), &"A".repeat(10_000), &others, page.token(), &code[..85]] {
        page.redeems(wrong, own.clone()).await.expect_problem(422, "invalid-request");
    }
    // Its browser's cookie cannot be made of a code.
    let mut forger = page.another();
    let name = page.cookies.keys().next().unwrap().clone();
    for half in [&code[..43], &code[43..]] {
        forger.cookies.insert(name.clone(), half.to_owned());
        forger.opens_first().await.expect_problem(403, "page-opened-elsewhere");
    }
    // Another application's client has no such page.
    let made = json!({ "name": "other", "scopes": ["admin"] });
    let made = api.post("/v1/applications", made).await.expect(201);
    let stranger = api.with_key(made["api_key"]["key"].as_str().unwrap());
    let path = format!("/v1/pages/{}/redeem", page.id);
    let body = json!({ "code": code, "session_id": session });
    stranger.post(&path, body.clone()).await.expect_problem(404, "not-found");

    let many = futures_util::future::join_all((0..16).map(|_| api.post(&path, body.clone()))).await;
    assert_eq!(many.iter().filter(|answer| answer.status == 200).count(), 1);
    let won = many.iter().find(|answer| answer.status == 200).unwrap();
    assert!(won.headers["cache-control"].contains("no-store"), "{won}");
    assert_eq!(won.json()["url"], format!("{}{}", api.address, page.path));
    for lost in many.iter().filter(|answer| answer.status != 200) {
        lost.expect_problem(409, "conflict");
    }
    // Once it was redeemed nobody ends it by coming with the same code.
    page.redeems(&code, theirs).await.expect_problem(403, "page-opened-elsewhere");
    assert_eq!(page.opens().await.expect(200)["step"], "prove");
    page.prove(&ana.phone.code_at(api.now().await)).await.expect(200);
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
    assert!(!server.log().contains(&code));
}
