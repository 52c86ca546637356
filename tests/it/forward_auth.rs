//! Sites behind real proxies, without a change to the site (S-08): the way to the login and back, what passes, and what is proved first.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::harness::{Api, Database, ProxyKind, got, shipped};
use crate::site::{Site, location, parameter};

/// What a backend is told of whose a request is, verified as it would be that knows the key set, the issuer and itself (T-21).
async fn identity(api: &Api, origin: &str, token: &str) -> Value {
    let keys: JwkSet = serde_json::from_value(api.get("/.well-known/jwks.json").await.expect(200)).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("countersign-identity+jwt"));
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[origin]);
    validation.set_issuer(&[&api.address]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // By the server's clock, which is moved.
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
    let (now, nbf, exp) = (api.now().await / 1000, claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!(nbf <= now && now < exp && exp - nbf <= 60, "{claims}");
    claims
}

/// The whole story at one proxy.
async fn a_site_is_guarded(kind: ProxyKind, database: Database) {
    let site = Site::start(kind, database).await;
    let ana = site.api.enroll("ana").await;
    let mut browser = site.browser();
    is_led_to_the_login_and_back(&site, &mut browser, &ana.user_id).await;
    more_is_proved_where_it_is_asked_for(&site, &mut browser, &ana).await;
    each_payment_is_proved_by_itself(&site, &mut browser, &ana).await;

    // What is not allowed is not, whatever is proved; and what nobody is asked about says of nobody whose it is.
    let denied = browser.opens("/forbidden/x").await;
    assert_eq!(denied.status, 403, "{denied}");
    assert_eq!(browser.opens("/page?export=all").await.status, 403);
    let seen = site.browser().opens("/health").await.expect(200);
    assert_eq!(got(&seen, "remote-user"), Vec::<&str>::new(), "{seen}");

    // T-22: a session that is over is over for the next request.
    let sessions = site.login.get(&format!("/v1/users/{}/sessions", ana.user_id)).await.expect(200);
    for session in sessions["items"].as_array().unwrap() {
        site.login.delete(&format!("/v1/sessions/{}", session["id"].as_str().unwrap())).await.expect(204);
    }
    let again = browser.opens("/page").await;
    assert!(location(&again).contains("/.countersign/start?"), "{again}");
    assert_eq!(browser.fetches("/page").await.status, 401);
    let kinds: Vec<Value> =
        site.api.all("/v1/events").await.into_iter().filter(|e| !e["data"]["site"].is_null()).collect();
    let kinds: Vec<&str> = kinds.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sign_in.created", "sign_in.finished"]);
}

async fn is_led_to_the_login_and_back(site: &Site, browser: &mut crate::site::Surfer, user_id: &str) {
    // A script is told, a window is led.
    let told = browser.fetches("/page").await;
    assert_eq!(told.status, 401, "{told}");
    assert!(told.headers["x-countersign-location"].starts_with(&format!("{}/.countersign/start?", site.origin)));
    let wanted = "/page/a%20b?x=1&y=%2F%C3%A9";
    let led = browser.opens(wanted).await;
    let way = location(&led);
    assert!(way.starts_with(&format!("{}/.countersign/start?", site.origin)), "{way}");
    assert_eq!(parameter(&way, "to"), wanted);
    let link = site.logs_in(browser, &led, user_id).await;
    assert!(link.starts_with(&format!("{}/.countersign/enter?code=", site.origin)), "{link}");
    let entered = browser.follows(&link).await;
    assert_eq!(location(&entered), format!("{}{wanted}", site.origin), "{entered}");

    let seen = site.passes(browser, wanted).await;
    assert!(seen["asked"].as_str().unwrap().starts_with(&format!("GET {wanted} HTTP/1.")), "{seen}");
    assert_eq!(got(&seen, "remote-user"), ["ana"], "{seen}");
    assert_eq!(got(&seen, "remote-groups"), ["staff,Küche"], "{seen}");
    assert_eq!(got(&seen, "x-countersign-key"), Vec::<&str>::new(), "the backend is not shown the key");
    let tokens = got(&seen, "x-countersign-identity");
    assert_eq!(tokens.len(), 1, "{seen}");
    let claims = identity(&site.api, &site.origin, tokens[0]).await;
    assert_eq!(
        (&claims["sub"], &claims["preferred_username"], &claims["groups"]),
        (&json!(user_id), &json!("ana"), &json!(["staff", "Küche"]))
    );
    assert_eq!((&claims["method"], &claims["acr"]), (&json!("GET"), &json!("aal1")));
    assert_eq!(claims["url"], format!("{}/page/a%20b", site.origin));
    // Scripts of the page pass as well, and groups are what rules go by.
    browser.fetches("/page").await.expect(200);
    browser.fetches("/staff").await.expect(200);
}

async fn more_is_proved_where_it_is_asked_for(
    site: &Site,
    browser: &mut crate::site::Surfer,
    ana: &crate::harness::Enrolled,
) {
    // RFC 9470, for a script.
    let told = browser.fetches("/admin/users").await;
    assert_eq!(told.status, 401, "{told}");
    let challenge = &told.headers["www-authenticate"];
    assert!(challenge.contains(r#"error="insufficient_user_authentication""#), "{challenge}");
    assert!(challenge.contains(r#"acr_values="aal2", max_age="300""#), "{challenge}");
    assert!(told.headers["x-countersign-location"].starts_with(&format!("{}/.countersign/step-up?", site.origin)));

    let led = browser.opens("/admin/users?page=2").await;
    let back = site.proves(browser, &led, ana).await;
    assert_eq!(back, format!("{}/admin/users?page=2", site.origin));
    let seen = site.passes(browser, "/admin/users?page=2").await;
    let claims = identity(&site.api, &site.origin, got(&seen, "x-countersign-identity")[0]).await;
    assert_eq!((&claims["acr"], &claims["action"]), (&json!("aal2"), &json!("admin.use")));
    // It counts for all that asks no more, for as long as the policy says; then it falls back by itself.
    site.passes(browser, "/admin").await;
    browser.fetches("/admin/x").await.expect(200);
    site.api.advance(301).await;
    assert!(location(&browser.opens("/admin").await).contains("/.countersign/step-up?"));
}

async fn each_payment_is_proved_by_itself(
    site: &Site,
    browser: &mut crate::site::Surfer,
    ana: &crate::harness::Enrolled,
) {
    // A form cannot be sent again by anybody but the person: the way leads back to it.
    let led = browser.submits("/payments-form?a=b", "/payments/7").await;
    let back = site.proves(browser, &led, ana).await;
    assert_eq!(back, format!("{}/payments-form?a=b", site.origin));
    // T-11: what was proved is for this and nothing else.
    assert_eq!(browser.submits("/payments-form", "/payments/8").await.status, 302);
    assert_eq!(browser.opens("/payments/7").await.status, 302);
    let seen = browser.submits("/payments-form", "/payments/7").await.expect(200);
    assert!(seen["asked"].as_str().unwrap().starts_with("POST /payments/7 HTTP/1."), "{seen}");
    // And for once.
    assert_eq!(browser.submits("/payments-form", "/payments/7").await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_site_is_guarded_by_nginx_on_sqlite() {
    a_site_is_guarded(ProxyKind::Nginx, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_site_is_guarded_by_caddy_on_postgresql() {
    a_site_is_guarded(ProxyKind::Caddy, Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_site_is_guarded_by_haproxy_on_sqlite() {
    a_site_is_guarded(ProxyKind::Haproxy, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Traefik: scripts/need proxies"]
async fn s08_a_site_is_guarded_by_traefik() {
    a_site_is_guarded(ProxyKind::Traefik, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Envoy: scripts/need proxies"]
async fn s08_a_site_is_guarded_by_envoy() {
    a_site_is_guarded(ProxyKind::Envoy, Database::Sqlite).await;
}

/// Who has nothing yet enrolls it on the way, who was idle for long is seen to be, and whose login is too old logs in again.
#[tokio::test(flavor = "multi_thread")]
async fn s08_the_ways_that_are_taken_less_often() {
    let site = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
    let bob = site.api.user("bob").await;
    let mut browser = site.signed_in(&bob).await;
    let led = browser.opens("/keys").await;
    assert!(location(&led).contains("/.countersign/enroll?"), "{led}");
    let mut page = site.comes_to_page(&mut browser, &location(&led)).await;
    assert_eq!(page.opens_first().await.expect(200)["step"], "choose");
    // Who goes back without is told so, and not asked the same at once.
    let cancelled = page.post("cancel", json!({})).await.expect(200);
    let back = browser.follows(cancelled["return_to"].as_str().unwrap()).await;
    assert_eq!(back.status, 403, "{back}");
    assert!(String::from_utf8_lossy(&back.body).contains("Nothing was proved"));

    let led = browser.opens("/keys").await;
    let mut page = site.comes_to_page(&mut browser, &location(&led)).await;
    let phone = page.begins().await;
    page.confirm(&phone.code_at(site.api.now().await)).await.expect(200);
    let done = page.post("finish", json!({})).await.expect(200);
    let back = browser.follows(done["return_to"].as_str().unwrap()).await;
    assert_eq!(location(&back), format!("{}/keys", site.origin));
    browser.opens("/keys").await.expect(200);

    browser.opens("/fresh").await.expect(200);
    browser.opens("/awake").await.expect(200);
    site.api.advance(601).await;
    for _ in 0..2 {
        assert_eq!(browser.opens("/awake").await.status, 403, "asking is not being there");
    }
    let led = browser.opens("/fresh").await;
    let to_login = browser.follows(&location(&led)).await;
    assert_eq!(parameter(&location(&to_login), "prompt"), "login");
    let session = site.login.session(&bob).await;
    let entered = browser.follows(&site.link(&session, &location(&to_login)).await).await;
    assert_eq!(location(&entered), format!("{}/fresh", site.origin));
    browser.opens("/fresh").await.expect(200);

    // Signing out ends the session; another site's page cannot do it.
    let request =
        browser.request(reqwest::Method::POST, "/.countersign/sign-out").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.clone().send(request).await.status, 403);
    let copy = browser.clone();
    let request =
        browser.request(reqwest::Method::POST, "/.countersign/sign-out").header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(request).await.status, 303);
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert!(location(&copy.clone().opens("/page").await).contains("/.countersign/start?"));
    assert_eq!(site.api.get(&format!("/v1/sessions/{session}")).await.status, 404, "it is the login's");
    assert!(!site.login.get(&format!("/v1/sessions/{session}")).await.expect(200)["ended_at"].is_null());
}

/// S-05: who proves something for a request sees which: method, address and query, as they are asked about.
#[tokio::test(flavor = "multi_thread")]
async fn s08_a_page_shows_what_a_proof_is_bound_to() {
    let site = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
    let ana = site.api.enroll("ana").await;
    let mut browser = site.signed_in(&ana.user_id).await;
    let long = format!("a={}", "b".repeat(400));
    for (path, query) in [
        ("/payments/7?amount=1000&to=eve%20%3Cb%3E", Some("amount=1000&to=eve%20%3Cb%3E".to_owned())),
        ("/payments/7?", None),
        ("/payments/7", None),
        (&*format!("/payments/7?{long}"), Some(format!("{}… (402 characters)", &long[..256]))),
    ] {
        let led = browser.submits("/payments-form", path).await;
        let (_, seen) = site.is_asked(&mut browser, &led).await;
        let mut shown = json!({ "method": "POST", "url": format!("{}/payments/7", site.origin) });
        if let Some(query) = query {
            shown["query"] = json!(query);
        }
        assert_eq!((&seen["challenge"]["shown"], &seen["challenge"]["action"]), (&shown, &json!("payment.send")));
    }
    // Bound is all of it, also what is not shown: another end of a long query is another request.
    let led = browser.submits("/payments-form", &format!("/payments/7?{long}")).await;
    site.proves(&mut browser, &led, &ana).await;
    assert_eq!(browser.submits("/payments-form", &format!("/payments/7?{long}c")).await.status, 302);
    browser.submits("/payments-form", &format!("/payments/7?{long}")).await.expect(200);
    // What stands in a query is for the site: what is kept of decisions has none of it (T-18).
    let kept = site.api.all("/v1/events?kind=decision.made").await;
    assert!(!kept.is_empty() && !json!(kept).to_string().contains("eve%20"), "{kept:?}");
}

/// What the guides show is what is tried here.
#[test]
fn s08_each_guide_shows_the_configuration_that_ships() {
    for (guide, file) in [
        ("nginx", "nginx/wiki.conf"),
        ("nginx", "nginx/countersign-request.conf"),
        ("nginx", "nginx/countersign-request-by-certificate.conf"),
        ("caddy", "caddy/Caddyfile"),
        ("haproxy", "haproxy/haproxy.cfg"),
        ("haproxy", "haproxy/countersign.lua"),
        ("traefik", "traefik/wiki.yaml"),
        ("envoy", "envoy/envoy.yaml"),
    ] {
        let path = format!("{}/../docs/guide/forward-auth/{guide}.md", env!("CARGO_MANIFEST_DIR"));
        let (guide, file) = (std::fs::read_to_string(&path).unwrap(), std::fs::read_to_string(shipped(file)).unwrap());
        assert!(guide.contains(&format!("\n{file}```\n")), "{path} shows another configuration");
    }
}
