//! Who a hosted page does not work for: other browsers, other sites, and whoever comes too late (T-12, T-13, T-26).

use serde_json::{Value, json};

use crate::browser::{Browser, SHOP, Shop};
use crate::harness::{Answer, Api, Server};

/// A page on which somebody who has an authenticator is asked for proof.
async fn page_for(api: &Api, shop: &Shop, name: &str) -> (Browser, String) {
    let ana = api.enroll(name).await;
    let browser = shop.challenge_page(&api.challenge(&ana.user_id).await).await;
    (browser, ana.phone.code_at(api.now().await))
}

/// Why the last refusal was, as operators are told.
async fn last_refusal(api: &Api) -> Value {
    let newest = api.get("/v1/events?kind=page.refused&order=desc&limit=1").await.expect(200);
    newest["items"][0]["data"]["reason"].clone()
}

/// T-12: who opens a page first is the only one that it works for.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_second_browser_gets_nowhere() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (mut first, code) = page_for(&api, &shop, "ana").await;
    first.opens().await.expect(200);
    let mut second = first.another();
    second.opens().await.expect_problem(403, "page-opened-elsewhere");
    assert!(second.cookies.is_empty());
    assert_eq!(last_refusal(&api).await, "opened_elsewhere");
    for verb in ["prove", "confirm"] {
        second.post(verb, json!({ "code": code })).await.expect_problem(403, "page-opened-elsewhere");
    }
    second.begin().await.expect_problem(403, "page-opened-elsewhere");
    for verb in ["finish", "cancel"] {
        second.post(verb, json!({})).await.expect_problem(403, "page-opened-elsewhere");
    }
    // A cookie that it made up, or that it got for another page, is none.
    let name = first.cookies.keys().next().unwrap().clone();
    let (mut other, _) = page_for(&api, &shop, "ben").await;
    other.opens().await.expect(200);
    let others = other.cookies.values().next().unwrap().clone();
    for forged in ["A".repeat(43), others, String::new(), "x".repeat(5000), first.token().to_owned()] {
        second.cookies.insert(name.clone(), forged);
        second.opens().await.expect_problem(403, "page-opened-elsewhere");
        second.prove(&code).await.expect_problem(403, "page-opened-elsewhere");
    }
    first.prove(&code).await.expect(200);
}

/// T-12: of many browsers that open a page at once one has it.
#[tokio::test(flavor = "multi_thread")]
async fn t12_of_many_browsers_at_once_one_has_the_page() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (browser, _) = page_for(&api, &shop, "ana").await;
    let tries = (0..16).map(|_| {
        let mut another = browser.another();
        async move { another.opens().await }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(403, "page-opened-elsewhere");
    }
}

/// T-12: two pages that are open in one browser do not get in each other's way, and a code typed on one proves nothing on the other.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_code_counts_for_the_page_that_it_was_typed_on() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let challenges = [api.challenge(&ana.user_id).await, api.challenge(&ana.user_id).await];
    let mut one = shop.challenge_page(&challenges[0]).await;
    one.opens().await.expect(200);
    let mut other = shop.challenge_page(&challenges[1]).await;
    other.cookies.clone_from(&one.cookies);
    other.opens().await.expect(200);
    one.cookies.clone_from(&other.cookies);
    one.prove(&ana.phone.code_at(api.now().await)).await.expect(200);
    let state = async |id: &String| api.get(&format!("/v1/challenges/{id}")).await.expect(200)["state"].clone();
    assert_eq!(state(&challenges[0]).await, "satisfied");
    assert_eq!(state(&challenges[1]).await, "open");
}

/// T-13: a link that was kept for later opens nothing, and nor does one that was used up or made up.
#[tokio::test(flavor = "multi_thread")]
async fn t13_an_old_link_opens_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let session = api.session(&api.user("dormant").await).await;
    let (mut unopened, mut opened) = (shop.enroll_page(&session).await, shop.enroll_page(&session).await);
    opened.opens().await.expect(200);
    api.advance(601).await;
    unopened.opens().await.expect_problem(410, "page-over");
    assert_eq!(last_refusal(&api).await, "expired");
    opened.opens().await.expect_problem(410, "page-over");
    opened.begin().await.expect_problem(410, "page-over");
    assert_eq!(api.get(&format!("/v1/pages/{}", opened.id)).await.expect(200)["state"], "expired");

    let (mut used, code) = page_for(&api, &shop, "ana").await;
    used.opens().await.expect(200);
    used.prove(&code).await.expect(200);
    used.opens().await.expect_problem(410, "page-over");
    assert_eq!(last_refusal(&api).await, "finished");
    used.another().opens().await.expect_problem(410, "page-over");
    used.prove(&code).await.expect_problem(410, "page-over");

    let mut made_up = used.another();
    made_up.path = format!("/challenge/{}", "A".repeat(43));
    made_up.opens().await.expect_problem(410, "page-over");
}

/// T-13: what an application may not do any more, its pages may not either.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_page_does_not_outlive_what_its_application_may_do() {
    let server = Server::new().await;
    let api = server.api();
    let scopes =
        json!({ "name": "shop", "scopes": ["challenges", "users:write", "sessions"], "return_origins": [SHOP] });
    let made = api.post("/v1/applications", scopes).await.expect(201);
    let application = format!("/v1/applications/{}", made["application"]["id"].as_str().unwrap());
    let shop = api.with_key(made["api_key"]["key"].as_str().unwrap());
    let user = shop.user("ana").await;
    let session = shop.session(&user).await;
    let back = format!("{SHOP}/back");
    let enroll = json!({ "purpose": "enroll", "session_id": session, "return_url": back });
    let problem = shop.post("/v1/pages", enroll).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("`enrollments`"), "{problem}");
    let challenge = shop.challenge(&user).await;
    let mut browser = Shop::with(shop.clone()).challenge_page(&challenge).await;
    browser.opens().await.expect(200);
    api.patch(&application, json!({ "scopes": ["users:write"] })).await.expect(200);
    browser.prove("123456").await.expect_problem(410, "page-over");
    api.patch(&application, json!({ "scopes": ["challenges"] })).await.expect(200);
    browser.prove("123456").await.expect_problem(422, "proof-rejected");
    api.delete(&application).await.expect(204);
    browser.prove("123456").await.expect_problem(410, "page-over");
}

/// T-26: what another site's page has a browser send is refused, with the cookie and without.
#[tokio::test(flavor = "multi_thread")]
async fn t26_another_sites_page_proves_and_opens_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (mut browser, code) = page_for(&api, &shop, "ana").await;
    let own = browser.headers.clone();
    let (site, origin) = ("sec-fetch-site", "origin");
    let header = |name, value: &str| (name, value.to_owned());
    let elsewhere = [
        vec![header(site, "cross-site")],
        vec![header(site, "same-site"), header(origin, "https://other.shop.example")],
        vec![header(site, "none")],
        vec![header(origin, "https://evil.example")],
        vec![header(origin, "null")],
        vec![header(site, "same-origin"), header(origin, "https://evil.example")],
        vec![header(site, "cross-site"), header(origin, &api.address)],
        vec![],
    ];
    for opened in [false, true] {
        if opened {
            browser.headers.clone_from(&own);
            browser.opens().await.expect(200);
        }
        for headers in &elsewhere {
            browser.headers.clone_from(headers);
            browser.opens().await.expect_problem(403, "cross-site");
            browser.prove(&code).await.expect_problem(403, "cross-site");
            browser.begin().await.expect_problem(403, "cross-site");
            browser.post("cancel", json!({})).await.expect_problem(403, "cross-site");
        }
    }
    // What a form sends has no such header, and no such type.
    let body = json!({ "code": code }).to_string();
    let bare = || browser.bare("prove").header(origin, &api.address).header(site, "same-origin");
    let sent = async |request: reqwest::RequestBuilder| Api::answer(request).await.unwrap();
    let plain = bare().header("content-type", "application/json").body(body.clone());
    sent(plain).await.expect_problem(403, "cross-site");
    let form = bare().header("x-countersign-page", browser.token()).header("content-type", "text/plain").body(body);
    sent(form).await.expect_problem(415, "unsupported-media-type");
    let unnamed = bare().header("x-countersign-page", "1").json(&json!({ "code": code }));
    assert_eq!(
        sent(unnamed).await.expect_problem(422, "invalid-request")["errors"][0]["pointer"],
        "x-countersign-page"
    );
    // Nor is a script of another site told that it may.
    let asked = browser.bare("prove").build().unwrap().url().clone();
    let preflight = reqwest::Client::new().request(reqwest::Method::OPTIONS, asked);
    let preflight = preflight.header(origin, "https://evil.example").header("access-control-request-method", "POST");
    let preflight = sent(preflight.header("access-control-request-headers", "x-countersign-page")).await;
    assert!(!preflight.headers.keys().any(|name| name.starts_with("access-control-")), "{preflight}");
    // Without the cookie it is another browser.
    let cookies = std::mem::take(&mut browser.cookies);
    browser.headers = own;
    browser.prove(&code).await.expect_problem(403, "page-opened-elsewhere");
    browser.cookies = cookies;
    browser.prove(&code).await.expect(200);
}

/// T-26: a page leads back to where an administrator said, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn t26_a_page_leads_back_to_registered_origins_alone() {
    let server = Server::new().await;
    let api = server.api();
    Shop::of(&api).await;
    let challenge = api.challenge(&api.user("ana").await).await;
    let ask = async |url: &str| -> Answer {
        let page = json!({
            "purpose": "challenge", "challenge_id": challenge, "return_url": url, "code_challenge": "A".repeat(43),
        });
        api.post("/v1/pages", page).await
    };
    for url in ["https://shop.example", "https://SHOP.example:443/x?y=z"] {
        ask(url).await.expect(201);
    }
    for url in [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example:8443/",
        "http://shop.example/",
        "http://localhost/",
        "https://sub.shop.example/",
        "//shop.example/",
        "/back",
        "javascript:alert(1)",
        "https://shop.example/#x",
        "",
    ] {
        let problem = ask(url).await.expect_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/return_url", "{url}: {problem}");
    }
    let unregistered = ask("https://evil.example/").await.json();
    assert!(unregistered["detail"].as_str().unwrap().contains("return_origins"), "{unregistered}");
    for origin in ["https://*.shop.example", "https://shop.example/", "http://shop.example", "shop.example"] {
        let made = json!({ "name": "other", "scopes": [], "return_origins": [SHOP, origin] });
        let problem = api.post("/v1/applications", made).await.expect_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/return_origins/1", "{origin}: {problem}");
    }
}

/// T-26: nobody frames a page, and nothing but its own scripts runs on it.
#[tokio::test(flavor = "multi_thread")]
async fn t26_a_page_is_framed_by_nobody_and_runs_only_its_own_scripts() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (browser, _) = page_for(&api, &shop, "ana").await;
    let page = browser.looks().await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    let policy = &page.headers["content-security-policy"];
    for directive in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"]
    {
        assert!(policy.split("; ").any(|found| found == directive), "{policy} has no {directive}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    // The same for everybody: nothing in it is of this page or this person.
    let other = api.get(&format!("/enroll/{}", "A".repeat(43))).await;
    assert_eq!((&other.body, other.status), (&page.body, page.status));
    api.get("/assets/../index.html").await.expect_problem(404, "not-found");
    api.get("/assets/nothing.js").await.expect_problem(404, "not-found");
}

/// T-13: a link is looked at by mail scanners and previews; that uses nothing up, and sets nothing.
#[tokio::test(flavor = "multi_thread")]
async fn t13_looking_at_a_link_changes_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (mut browser, code) = page_for(&api, &shop, "ana").await;
    let before = api.all("/v1/events").await.len();
    for _ in 0..3 {
        let looked = browser.looks().await;
        assert!(!looked.headers.contains_key("set-cookie"), "{looked}");
    }
    assert_eq!(api.all("/v1/events").await.len(), before);
    assert_eq!(api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200)["opened"], false);
    browser.opens().await.expect(200);
    browser.prove(&code).await.expect(200);
    // Neither the link nor the cookie is in the log.
    let log = server.log();
    assert!(!log.contains(browser.token()) && !log.contains(browser.cookies.values().next().unwrap()));
}
