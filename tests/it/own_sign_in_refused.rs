//! What does not sign in on Countersign's own page: others' passkeys and links, what was used already, other sites, and floods
//! (T-05, T-11, T-12, T-19, T-20, T-26, T-32, T-33).

use reqwest::Method;
use serde_json::{Value, json};
use software_authenticator::{Authenticator, Lies, USER_PRESENT};

use crate::browser::Browser;
use crate::harness::{Api, Database, ProxyKind};
use crate::own_sign_in::{answers, arrives, asked, comes_to_sign_in, proves, signs_in};
use crate::site::{Site, location, parameter};
use crate::webauthn::{Holder, ORIGIN, holds};

/// How often somebody was signed in, and how many sessions that made.
async fn signed_in(site: &Site) -> (usize, usize) {
    let of = async |kind: &str| {
        let events = site.api.all(&format!("/v1/events?kind={kind}")).await;
        events.iter().filter(|event| event["application_id"] == site.application).count()
    };
    (of("sign_in.created").await, of("session.registered").await)
}

/// T-19, T-32: whatever is wrong with a passkey, and whether there is anybody that it could be of, the answer is one and the same.
#[tokio::test(flavor = "multi_thread")]
async fn t19_no_answer_tells_who_is_known() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let api = &site.api;
    let mut ana = holds(api, "ana", Authenticator::passkey()).await;
    let mut ben = holds(api, "ben", Authenticator::passkey()).await;
    let mut gone = holds(api, "gone", Authenticator::passkey()).await;
    let mut held = holds(api, "held", Authenticator::passkey()).await;
    let mut lost = holds(api, "lost", Authenticator::passkey()).await;
    let touched = Authenticator { flags: USER_PRESENT, tells_user: true, ..Authenticator::security_key() };
    let mut touched = holds(api, "touched", touched).await;
    api.delete(&format!("/v1/users/{}", gone.user_id)).await.expect(204);
    api.post(&format!("/v1/users/{}/suspend", held.user_id), json!({})).await.expect(200);
    api.post(&format!("/v1/authenticators/{}/report-lost", lost.authenticator_id), json!({})).await.expect(200);
    let without = handle(&api.user("without").await);
    let honest = Lies::default;
    let cases: Vec<(&str, &mut Holder, Lies)> = vec![
        ("nobody's", &mut ben, Lies { user_handle: Some(vec![1; 16]), ..honest() }),
        ("of no shape", &mut ana, Lies { user_handle: Some(vec![1; 15]), ..honest() }),
    ];
    let mut said: Vec<(String, Value)> = Vec::new();
    for (name, holder, lies) in cases {
        said.push((name.to_owned(), refused(&site, holder, &lies).await));
    }
    let anas = handle(&ana.user_id);
    for (name, handle) in [("ana's, by ben's", anas), ("of who has none", without)] {
        let lies = Lies { user_handle: Some(handle), ..honest() };
        said.push((name.to_owned(), refused(&site, &mut ben, &lies).await));
    }
    for (name, lies) in [
        ("a wrong signature", Lies { signature: Some(vec![1; 70]), ..honest() }),
        ("for another place", Lies { rp_id: Some("evil.example".to_owned()), ..honest() }),
        ("on another page", Lies { origin: Some("https://evil.example".to_owned()), ..honest() }),
        ("to another question", Lies { challenge: Some(vec![0; 32]), ..honest() }),
        ("another credential", Lies { credential_id: Some(vec![1; 32]), ..honest() }),
    ] {
        said.push((name.to_owned(), refused(&site, &mut ana, &lies).await));
    }
    for (name, holder) in
        [("erased", &mut gone), ("suspended", &mut held), ("reported lost", &mut lost), ("not looked at", &mut touched)]
    {
        said.push((name.to_owned(), refused(&site, holder, &honest()).await));
    }
    let first = said[0].1.clone();
    for (name, answer) in said {
        assert_eq!(answer, first, "{name}");
    }
    assert_eq!(signed_in(&site).await, (0, 0));
    // And it was for that: after another's passkey, too, on the same page.
    let mut page = comes_to_sign_in(&site, &mut site.browser(), "/page").await;
    let prompt = asked(&mut page).await;
    let lies = Lies { user_handle: Some(handle(&ben.user_id)), ..honest() };
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &lies).unwrap();
    answers(&mut page, &prompt, &response).await.expect_problem(422, "proof-rejected");
    proves(&mut page, &mut ana.authenticator).await.expect(200);
    assert_eq!(signed_in(&site).await, (1, 1));
}

/// What a user is known by in an authenticator.
fn handle(user_id: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(user_id.strip_prefix("usr_").unwrap().as_bytes()).unwrap()
}

/// What is answered to a passkey that does not sign in, with what its page is told then.
async fn refused(site: &Site, holder: &mut Holder, lies: &Lies) -> Value {
    let mut page = comes_to_sign_in(site, &mut site.browser(), "/page").await;
    let prompt = asked(&mut page).await;
    let response = holder.authenticator.get(&prompt["webauthn"], ORIGIN, lies).unwrap();
    let answer = answers(&mut page, &prompt, &response).await;
    answer.expect_problem(422, "proof-rejected");
    let mut names: Vec<&String> = answer.headers.keys().collect();
    names.sort();
    let mut seen = page.opens_first().await.expect(200);
    seen["expires_at"] = Value::Null;
    seen["prompt"] = json!(seen["prompt"]["kind"]);
    json!({ "said": answer.json(), "headers": names, "then": seen })
}

/// T-05, T-06, T-11: one passkey's answer signs in once, on the page that it was asked for on, in its browser.
#[tokio::test(flavor = "multi_thread")]
async fn t05_one_answer_signs_in_once_and_on_its_own_page() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Postgres).await;
    let mut ana = holds(&site.api, "ana", Authenticator::passkey()).await;
    let mut browser = site.browser();
    let mut page = comes_to_sign_in(&site, &mut browser, "/page").await;
    let prompt = asked(&mut page).await;
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    // On another page, which another browser had made, or the same one.
    for _ in 0..2 {
        let mut other = comes_to_sign_in(&site, &mut browser, "/page").await;
        answers(&mut other, &prompt, &response).await.expect_problem(409, "conflict");
        asked(&mut other).await;
        answers(&mut other, &prompt, &response).await.expect_problem(422, "proof-rejected");
    }
    // By whoever read the token, but has not got the cookie.
    let mut thief = page.another();
    answers(&mut thief, &prompt, &response).await.expect_problem(403, "page-opened-elsewhere");
    assert_eq!(signed_in(&site).await, (0, 0));
    let tries = (0..16).map(|_| {
        let (mut again, prompt, response) = (page.again(), prompt.clone(), response.clone());
        async move { answers(&mut again, &prompt, &response).await }
    });
    let all = futures_util::future::join_all(tries).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1, "{all:?}");
    assert_eq!(signed_in(&site).await, (1, 1));
    answers(&mut page, &prompt, &response).await.expect_problem(410, "page-over");
    // The link was told once; the page leads back to the site, which knows nobody yet.
    let left = page.post("finish", json!({})).await.expect(200);
    assert_eq!(left["return_to"], format!("{}/page", site.origin));
}

/// T-12: nobody is signed in as who they are not, nor as somebody else's guest: what one browser began is of no use in another.
#[tokio::test(flavor = "multi_thread")]
async fn t12_who_began_is_who_is_signed_in() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let mut ana = holds(&site.api, "ana", Authenticator::passkey()).await;
    let mut eve = holds(&site.api, "eve", Authenticator::passkey()).await;
    let (mut anas, mut eves) = (site.browser(), site.browser());
    // Eve begins, and sends Ana where she was sent; Ana signs in there. The link signs in neither of them.
    let led = eves.opens("/page").await;
    let begun = location(&eves.follows(&location(&led)).await);
    let led = anas.opens("/page").await;
    anas.follows(&location(&led)).await;
    let mut page = arrives(&site, &begun).await;
    let done = proves(&mut page, &mut ana.authenticator).await.expect(200);
    let link = done["return_to"].as_str().unwrap();
    assert_eq!(anas.follows(link).await.status, 403);
    assert_eq!(eves.follows(link).await.status, 403, "it is over");
    assert!(!anas.cookies.contains_key("__Host-countersign") && !eves.cookies.contains_key("__Host-countersign"));
    // Eve signs in, and has Ana's browser follow her link: Ana would work in Eve's name.
    let mut page = comes_to_sign_in(&site, &mut eves, "/page").await;
    let done = proves(&mut page, &mut eve.authenticator).await.expect(200);
    assert_eq!(anas.follows(done["return_to"].as_str().unwrap()).await.status, 403);
    assert!(!anas.cookies.contains_key("__Host-countersign"));
    // Somebody who is signed in has another secret than before, whatever was put there.
    eves.cookies.insert("__Host-countersign".to_owned(), "A".repeat(43));
    signs_in(&site, &mut eves, &mut eve, "/page").await;
    assert_ne!(eves.cookies["__Host-countersign"], "A".repeat(43));
    // Too late: the link counts for a minute.
    let mut page = comes_to_sign_in(&site, &mut anas, "/page").await;
    let done = proves(&mut page, &mut ana.authenticator).await.expect(200);
    site.api.advance(61).await;
    assert_eq!(anas.follows(done["return_to"].as_str().unwrap()).await.status, 403);
    // And a page for ten.
    let mut page = comes_to_sign_in(&site, &mut anas, "/page").await;
    let prompt = asked(&mut page).await;
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    site.api.advance(601).await;
    answers(&mut page, &prompt, &response).await.expect_problem(410, "page-over");
}

/// T-20, T-26: pages are made for this site, by our own scripts, and for nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn t20_pages_lead_to_the_site_alone() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let state = "A".repeat(43);
    let mut page = Browser::led_to(&site.api, &format!("{}/sign-in", site.api.address));
    let inside = format!("{}/a?b=c", site.origin);
    for to in [
        "https://evil.example/",
        "https://wiki.example.org/",
        "http://127.0.0.1/",
        &format!("{}.evil.example/", site.origin),
        &format!("{}@evil.example/", site.origin),
        &inside.replace("https:", "http:"),
        "//evil.example/",
        "/a",
        "",
        "javascript:alert(1)",
        &format!("{inside}#c"),
        &format!("{inside}\\"),
        &format!("{}/{}", site.origin, "a".repeat(3000)),
    ] {
        page.arrives(to, &state).await.expect_problem(422, "invalid-request");
    }
    for state in ["", "A", &"A".repeat(44), &"=".repeat(43)] {
        page.arrives(&inside, state).await.expect_problem(422, "invalid-request");
    }
    page.arrives(&inside, &state).await.expect(200);
    // No form and no script of another site makes a page, nor does an application.
    let body = json!({ "return_to": inside, "state": state });
    let request = || Api::new(&site.api.address, "").request(Method::POST, "/pages/sign-in").json(&body);
    let origin = site.api.address.clone();
    for headers in [
        vec![("sec-fetch-site", "same-origin".to_owned()), ("origin", origin)],
        vec![("x-countersign-page", "sign-in".to_owned())],
        vec![("x-countersign-page", "sign-in".to_owned()), ("sec-fetch-site", "cross-site".to_owned())],
        vec![("x-countersign-page", "sign-in".to_owned()), ("sec-fetch-site", "same-site".to_owned())],
        vec![("x-countersign-page", "sign-in".to_owned()), ("origin", site.origin.clone())],
    ] {
        let request = headers.iter().fold(request(), |request, (name, value)| request.header(*name, value));
        Api::answer(request).await.unwrap().expect_problem(403, "cross-site");
    }
    let new = json!({ "purpose": "sign_in", "return_url": inside, "session_id": null });
    site.login.post("/v1/pages", new).await.expect_problem(422, "invalid-request");
    // A site that has a login of its own has this one not.
    let with_login = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
    let mut page = Browser::led_to(&with_login.api, &format!("{}/sign-in", with_login.api.address));
    page.arrives(&format!("{}/a", with_login.origin), &state).await.expect_problem(422, "invalid-request");
}

/// T-16: nothing else signs in, and nothing else is done on such a page.
#[tokio::test(flavor = "multi_thread")]
async fn t16_nothing_but_a_passkey_signs_in() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let ana = site.api.enroll("ana").await;
    let mut page = comes_to_sign_in(&site, &mut site.browser(), "/page").await;
    for kind in ["push", "sms", "email", "totp", "browser"] {
        page.post("prompt", json!({ "kind": kind })).await.expect_problem(409, "conflict");
    }
    let code = ana.phone.code_at(site.api.now().await);
    page.prove(&code).await.expect_problem(409, "conflict");
    asked(&mut page).await;
    page.prove(&code).await.expect_problem(422, "proof-rejected");
    page.begin().await.expect_problem(409, "conflict");
    page.confirm(&code).await.expect_problem(409, "conflict");
    for verb in ["security/add", "security/backup-codes", "finish"] {
        assert!(matches!(page.post(verb, json!({})).await.status, 404 | 409 | 422), "{verb}");
    }
    // Five answers that are wrong are enough for one page.
    for _ in 0..4 {
        page.prove(&code).await.expect_problem(422, "proof-rejected");
    }
    page.prove(&code).await.expect_problem(410, "challenge-over");
    assert_eq!(signed_in(&site).await, (0, 0));
}

/// S-09: a session that began with a passkey ends with it, for there is nothing else that it rests on.
#[tokio::test(flavor = "multi_thread")]
async fn s09_who_lost_the_passkey_is_nobody_until_they_sign_in_again() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Postgres).await;
    let mut ana = holds(&site.api, "ana", Authenticator::passkey()).await;
    let mut browser = site.browser();
    signs_in(&site, &mut browser, &mut ana, "/page").await;
    site.passes(&mut browser, "/page").await;
    let path = format!("/v1/authenticators/{}/report-lost", ana.authenticator_id);
    site.api.post(&path, json!({})).await.expect(200);
    assert!(location(&browser.opens("/page").await).contains("/.countersign/start?"));
    // Not even something new can be enrolled by who has the browser.
    for path in ["/.countersign/enroll?to=%2F", "/.countersign/step-up?challenge=chl_0&to=%2F"] {
        assert_eq!(browser.opens(path).await.status, 403, "{path}");
    }
}

/// T-33: whoever has pages made and does nothing on them gets so many, and nobody who is signed in notices.
#[tokio::test(flavor = "multi_thread")]
async fn t33_a_flood_of_beginnings_is_cut_off() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let mut ana = holds(&site.api, "ana", Authenticator::passkey()).await;
    let mut browser = site.browser();
    signs_in(&site, &mut browser, &mut ana, "/page").await;
    site.api.advance(60).await;
    let to = format!("{}/page", site.origin);
    // More than two minutes' worth, should one end meanwhile.
    let tries = (0..600).map(|_| {
        let (mut page, to) = (Browser::led_to(&site.api, &format!("{}/sign-in", site.api.address)), to.clone());
        async move { page.arrives(&to, &"A".repeat(43)).await }
    });
    let all = futures_util::future::join_all(tries).await;
    let cut: Vec<_> = all.iter().filter(|answer| answer.status != 200).collect();
    assert!(!cut.is_empty(), "nobody was");
    for answer in cut {
        answer.expect_problem(429, "sign-in-later");
    }
    site.passes(&mut browser, "/page").await;
    site.api.advance(60).await;
    signs_in(&site, &mut site.browser(), &mut ana, "/page").await;
}

/// The two parameters that a login gets are what ours gets, too, and no more than that: the address holds nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn t20_the_address_says_where_from_and_nothing_that_counts() {
    let site = Site::without_login(ProxyKind::Nginx, Database::Sqlite).await;
    let mut browser = site.browser();
    let led = browser.opens("/page?x=1").await;
    let to = location(&browser.follows(&location(&led)).await);
    assert_eq!(parameter(&to, "return_to"), format!("{}/page?x=1", site.origin));
    let query = to.split_once('?').unwrap().1;
    let names: Vec<String> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["return_to", "state"]);
    // It is the hash of what the browser keeps, not that itself.
    assert_ne!(parameter(&to, "state"), browser.cookies["__Host-countersign-state"]);
    // Opening it changes nothing: no page is made for what looks at links.
    let before = site.api.all("/v1/events").await.len();
    let seen = site.api.get(to.strip_prefix(&site.api.address).unwrap()).await;
    assert_eq!(seen.status, 200, "{seen}");
    assert!(seen.headers["content-security-policy"].contains("frame-ancestors 'none'"));
    assert_eq!(site.api.all("/v1/events").await.len(), before);
}
