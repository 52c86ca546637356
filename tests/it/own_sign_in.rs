//! A site without a login of its own: people sign in on Countersign's page, with a passkey (S-08).

use serde_json::{Value, json};
use software_authenticator::{Authenticator, Lies};

use crate::browser::Browser;
use crate::harness::{Answer, Database, ProxyKind, got};
use crate::site::{Site, Surfer, location, parameter};
use crate::webauthn::{Holder, ORIGIN, holds};

/// A browser that its site sent to sign in, at the page that it had made.
pub(crate) async fn comes_to_sign_in(site: &Site, browser: &mut Surfer, path: &str) -> Browser {
    let led = browser.opens(path).await;
    let to_page = browser.follows(&location(&led)).await;
    arrives(site, &location(&to_page)).await
}

/// A browser that goes to the address of our page.
pub(crate) async fn arrives(site: &Site, to: &str) -> Browser {
    assert!(to.starts_with(&format!("{}/sign-in?", site.api.address)), "{to}");
    let mut page = Browser::led_to(&site.api, to);
    page.arrives(&parameter(to, "return_to"), &parameter(to, "state")).await.expect(200);
    page
}

/// Has a passkey asked for on a page: what is asked.
pub(crate) async fn asked(page: &mut Browser) -> Value {
    page.post("prompt", json!({ "kind": "webauthn" })).await.expect(200)["prompt"].clone()
}

/// What a passkey answers.
pub(crate) async fn answers(page: &mut Browser, prompt: &Value, response: &Value) -> Answer {
    page.post("prove", json!({ "webauthn": response, "prompt_id": prompt["id"] })).await
}

/// Signs in on a page.
pub(crate) async fn proves(page: &mut Browser, passkey: &mut Authenticator) -> Answer {
    let prompt = asked(page).await;
    let response = passkey.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    answers(page, &prompt, &response).await
}

/// Somebody who signs in at a site: the browser is back where it wanted to go.
pub(crate) async fn signs_in(site: &Site, browser: &mut Surfer, holder: &mut Holder, path: &str) {
    let mut page = comes_to_sign_in(site, browser, path).await;
    let done = proves(&mut page, &mut holder.authenticator).await.expect(200);
    assert_eq!((&done["step"], &done["purpose"]), (&json!("done"), &json!("sign_in")), "{done}");
    let entered = browser.follows(done["return_to"].as_str().unwrap()).await;
    assert_eq!(location(&entered), format!("{}{path}", site.origin), "{entered}");
}

/// Proves something in a session by its passkey, on the page that a site's answer leads to; answers where it leads afterwards.
async fn steps_up(site: &Site, browser: &mut Surfer, led: &Answer, holder: &mut Holder) -> String {
    let (mut page, seen) = site.is_asked(browser, led).await;
    assert_eq!(seen["challenge"]["ways"][0]["kind"], "webauthn", "{seen}");
    let done = proves(&mut page, &mut holder.authenticator).await.expect(200);
    location(&browser.follows(done["return_to"].as_str().unwrap()).await)
}

fn claims(seen: &Value) -> Value {
    let payload = got(seen, "x-countersign-identity")[0].split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

/// The whole story at one proxy.
async fn people_sign_in_with_a_passkey(kind: ProxyKind, database: Database) {
    let site = Site::without_login(kind, database).await;
    let mut ana = holds(&site.api, "ana", Authenticator::passkey()).await;
    let mut browser = site.browser();
    let wanted = "/page/a%20b?x=1&y=%2F%C3%A9";
    let mut page = comes_to_sign_in(&site, &mut browser, wanted).await;
    // Nobody is asked who they are, and one way leads in.
    let seen = page.opens_first().await.expect(200);
    assert_eq!((&seen["step"], &seen["purpose"]), (&json!("prove"), &json!("sign_in")));
    let challenge = &seen["challenge"];
    assert_eq!(challenge["shown"], json!({ "site": site.origin }));
    assert_eq!(challenge["ways"].as_array().unwrap().len(), 1);
    let prompt = asked(&mut page).await;
    let options = &prompt["webauthn"];
    assert_eq!((&options["allowCredentials"], &options["userVerification"]), (&json!([]), &json!("required")));
    let response = ana.authenticator.get(options, ORIGIN, &Lies::default()).unwrap();
    let done = answers(&mut page, &prompt, &response).await.expect(200);
    let link = done["return_to"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/.countersign/enter?code=", site.origin)), "{link}");
    let entered = browser.follows(link).await;
    assert_eq!(location(&entered), format!("{}{wanted}", site.origin), "{entered}");

    // What happened is what the session has: two factors in one, for a while; of groups nobody said anything.
    let seen = site.passes(&mut browser, wanted).await;
    assert_eq!((got(&seen, "remote-user"), got(&seen, "remote-groups")), (vec!["ana"], vec![]), "{seen}");
    let said = claims(&seen);
    assert_eq!((&said["acr"], &said["amr"]), (&json!("aal2"), &json!(["mfa", "swk", "user"])));
    site.passes(&mut browser, "/admin/users").await;
    site.api.advance(301).await;
    let led = browser.opens("/admin/users?page=2").await;
    let back = steps_up(&site, &mut browser, &led, &mut ana).await;
    assert_eq!(back, format!("{}/admin/users?page=2", site.origin));
    site.passes(&mut browser, "/admin/users?page=2").await;
    // T-11: having signed in a moment ago is no proof of a payment.
    let led = browser.submits("/form", "/payments/7").await;
    steps_up(&site, &mut browser, &led, &mut ana).await;
    browser.submits("/form", "/payments/7").await.expect(200);
    assert_eq!(browser.submits("/form", "/payments/7").await.status, 302);
    it_is_all_told_of(&site, &ana).await;
}

/// Law 2: what happened has its events, and each says who and by whose site.
async fn it_is_all_told_of(site: &Site, ana: &Holder) {
    let events = site.api.all("/v1/events").await;
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).cloned().collect::<Vec<_>>();
    for kind in ["challenge.named", "session.registered", "sign_in.created", "sign_in.finished"] {
        let told: Vec<Value> =
            of(kind).into_iter().filter(|event| event["application_id"] == site.application).collect();
        assert_eq!(told.len(), 1, "{kind}: {told:?}");
        assert_eq!(told[0]["about"]["user"], ana.user_id, "{kind}: {told:?}");
    }
    let registered = of("session.registered").into_iter().find(|event| event["application_id"] == site.application);
    assert_eq!(registered.unwrap()["data"]["amr"], json!(["swk", "user"]));
    let sessions = site.login.get(&format!("/v1/users/{}/sessions", ana.user_id)).await.expect(200);
    assert_eq!(sessions["items"][0]["aal"], "aal2", "{sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_people_sign_in_with_a_passkey_behind_nginx_on_sqlite() {
    people_sign_in_with_a_passkey(ProxyKind::Nginx, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_people_sign_in_with_a_passkey_behind_caddy_on_postgresql() {
    people_sign_in_with_a_passkey(ProxyKind::Caddy, Database::Postgres).await;
}

/// A key that cannot leave its hardware is the third level here, too; and whoever has to sign in anew has another session for it.
#[tokio::test(flavor = "multi_thread")]
async fn s08_who_signs_in_again_has_another_session() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let key = Authenticator { tells_user: true, ..Authenticator::security_key() };
    let mut ana = holds(&site.api, "ana", key).await;
    let mut browser = site.browser();
    signs_in(&site, &mut browser, &mut ana, "/fresh").await;
    assert_eq!(claims(&site.passes(&mut browser, "/fresh").await)["acr"], "aal3");
    let copy = browser.clone();
    // A passkey is two factors by itself, however long ago the other first factor was given: `max_age` is what asks for it anew.
    site.api.advance(601).await;
    site.passes(&mut browser, "/fresh").await;
    let to_page = browser.opens("/.countersign/start?again=yes&to=%2Ffresh").await;
    assert_eq!(parameter(&location(&to_page), "prompt"), "login");
    let mut page = arrives(&site, &location(&to_page)).await;
    let done = proves(&mut page, &mut ana.authenticator).await.expect(200);
    location(&browser.follows(done["return_to"].as_str().unwrap()).await);
    site.passes(&mut browser, "/fresh").await;
    // Whoever kept what the browser had before has nothing by it.
    assert!(location(&copy.clone().opens("/page").await).contains("/.countersign/start?"));
    // Who goes away without having signed in is where they were, and may begin again.
    let mut other = site.browser();
    let mut page = comes_to_sign_in(&site, &mut other, "/page").await;
    asked(&mut page).await;
    let left = page.post("cancel", json!({})).await.expect(200);
    assert_eq!(left["return_to"], format!("{}/page", site.origin));
    assert!(location(&other.opens("/page").await).contains("/.countersign/start?"));
}
