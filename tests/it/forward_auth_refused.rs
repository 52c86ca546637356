//! What does not get past a proxy that asks (T-12, T-14, T-20, T-25): forged headers and cookies, other proxies, other browsers' links,
//! paths that could be read in several ways, and parts that are down.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::harness::{Answer, Api, Database, HOST, ProxyKind, Signal, got, signal};
use crate::site::{KEY, Site, location, parameter};

/// Names under which backends are told who somebody is, and how else they can be written: to many a backend all that is no letter is one.
const FORGED: [&str; 29] = [
    "Remote-User",
    "remote-user",
    "REMOTE-USER",
    "Remote_User",
    "Remote.User",
    "X-Remote-User",
    "X_Remote_User",
    "X-Remote_User",
    "X_Remote-User",
    "X.Remote.User",
    "Remote-Groups",
    "Remote_Groups",
    "X-Remote-Groups",
    "X_Remote_Groups",
    "X-Countersign-Identity",
    "X_Countersign_Identity",
    "X-Countersign_Identity",
    "X_Countersign-Identity",
    "X.Countersign-Identity",
    "X-Forwarded-User",
    "X_Forwarded_User",
    "X_Forwarded-User",
    "X-Forwarded_Groups",
    "X_Forwarded_Groups",
    "X-Forwarded.User",
    "Remote-Email",
    "Remote_Email",
    "Remote-Name",
    "Remote_Name",
];

/// Names under which backends are told that a request is another one than it says: another path, method, host or address.
const MISLEADING: [&str; 22] = [
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Prefix",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "Forwarded",
    "X-Real-IP",
    "X_Original_URL",
    "X-Rewrite_URL",
    "X_HTTP_Method_Override",
    "X_Forwarded_Uri",
    "X_Forwarded_Host",
    "X-Forwarded_Prefix",
    "X_Real_IP",
    "X.Original.URL",
    "X.Forwarded.Host",
    "X.Real-IP",
];

/// T-20: whatever a browser says of who it is, the backend hears from Countersign alone.
async fn forged_headers_do_not_get_through(kind: ProxyKind) {
    let site = Site::start(kind, Database::Sqlite).await;
    let ana = site.api.user("ana").await;
    let mut signed_in = site.signed_in(&ana).await;
    let mut nobody = site.browser();
    let mut through = Vec::new();
    for name in FORGED {
        for (browser, path) in [(&mut signed_in, "/page"), (&mut nobody, "/health")] {
            let mut request = browser.request(Method::GET, path).header("sec-fetch-mode", "cors");
            for value in ["root", "root2"] {
                request = request.header(name, value);
            }
            let answer = browser.send(request).await;
            if answer.status == 400 && name.contains('_') {
                continue; // Envoy takes no such request at all.
            }
            let seen = answer.expect(200);
            if seen["headers"].to_string().contains("root") {
                through.push((name, path));
            }
            let users = if path == "/page" { vec!["ana"] } else { vec![] };
            assert_eq!(got(&seen, "remote-user"), users, "{name} {path}: {seen}");
            assert!(got(&seen, "x-countersign-key").is_empty(), "{seen}");
        }
        let request = nobody.request(Method::GET, "/page").header("sec-fetch-mode", "cors").header(name, "ana");
        let answer = nobody.send(request).await;
        assert!(answer.status == 401 || (answer.status == 400 && name.contains('_')), "{name}: {answer}");
    }
    assert!(through.is_empty(), "these got through: {through:?}");
    // What the browser says of where it is and what it asks is not what counts, nor does it show a key for the proxy.
    for (name, value) in [
        ("X-Forwarded-Uri", "/health"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Method", "GET"),
        ("X-Countersign-Key", "wrong"),
        ("X-Original-URL", "/health"),
        ("X-Rewrite-URL", "/health"),
    ] {
        let request = nobody.request(Method::GET, "/page").header("sec-fetch-mode", "cors").header(name, value);
        let answer = nobody.send(request).await;
        assert_eq!(answer.status, 401, "{name}: {answer}");
        assert!(answer.headers["x-countersign-location"].starts_with(&site.origin), "{name}: {answer}");
    }
    forged_cookies_do_not_get_through(&site, &signed_in).await;
    odd_paths_do_not_get_through(&site, &mut signed_in).await;
}

/// T-20: a backend is told of the request that was asked about and of no other, and of whose it is.
async fn the_backend_hears_what_was_asked(kind: ProxyKind) {
    let site = Site::start(kind, Database::Sqlite).await;
    let ana = site.api.user("ana").await;
    let mut signed_in = site.signed_in(&ana).await;
    let through = misleading_headers_that_get_through(&site, &mut signed_in).await;
    let taken = what_is_taken_away(&site, &signed_in).await;
    assert!(through.is_empty() && taken.is_empty(), "got through: {through:?}, taken away by: {taken:#?}");
    // What clients do send in `Connection` passes.
    for value in ["close", "Close, TE", "keep-alive, close", "close,Upgrade"] {
        let answer = raw_with(&site, "/page", &signed_in, &format!("Connection: {value}\r\n")).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.contains("[\"remote-user\",\"ana\"]"),
            "{value}: {answer}"
        );
    }
}

/// Which names of another path, method or host come to the backend, be the request let through for anybody or for somebody.
async fn misleading_headers_that_get_through(
    site: &Site,
    signed_in: &mut crate::site::Surfer,
) -> Vec<(&'static str, &'static str)> {
    let mut nobody = site.browser();
    let mut through = Vec::new();
    for name in MISLEADING {
        for (browser, path) in [(&mut *signed_in, "/page"), (&mut nobody, "/health")] {
            let request = browser.request(Method::GET, path).header("sec-fetch-mode", "cors");
            let answer = browser.send(request.header(name, "/admin/evil")).await;
            if answer.status == 400 && name.contains('_') {
                continue; // Envoy takes no such request at all.
            }
            let seen = answer.expect(200);
            assert!(seen["asked"].as_str().unwrap().starts_with(&format!("GET {path} HTTP/1.")), "{seen}");
            if seen["headers"].to_string().contains("evil") {
                through.push((name, path));
            }
        }
    }
    through
}

/// With which `Connection` a request is let through without what the proxy says of it: what is named there goes no further.
async fn what_is_taken_away(site: &Site, signed_in: &crate::site::Surfer) -> Vec<(&'static str, String)> {
    let mut taken = Vec::new();
    for lines in [
        "Connection: close, Remote-User, Remote-Groups, X-Countersign-Identity\r\n",
        "Connection: X-COUNTERSIGN-IDENTITY,close\r\n",
        "Connection: close\r\nConnection: remote-user,\tclose\r\n",
        "Connection: Remote-User\r\nConnection: close\r\n",
        "Connection: close, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto\r\n",
    ] {
        let answer = raw_with(site, "/page", signed_in, lines).await;
        let said = ["remote-user", "remote-groups", "x-countersign-identity", "x-forwarded-for", "x-forwarded-proto"];
        let told =
            |name: &&str| answer.contains(&format!("[\"{name}\",\"")) && !answer.contains(&format!("[\"{name}\",\"\""));
        let complete = answer.starts_with("HTTP/1.1 200 ") && said.iter().all(told);
        let refused = answer.starts_with("HTTP/1.1 400 ");
        if !complete && !refused {
            taken.push((lines, answer));
        }
    }
    taken
}

/// T-20, T-25: cookies that are malformed, too long, doubled, somebody's old one, or another kind of ours.
async fn forged_cookies_do_not_get_through(site: &Site, signed_in: &crate::site::Surfer) {
    let own = signed_in.cookies["__Host-countersign"].clone();
    let long = "A".repeat(3000);
    let twice = format!("{own}; __Host-countersign={}", "A".repeat(43));
    let (cut, more) = (own[..42].to_owned(), format!("{own}A"));
    for cookie in
        ["", "x", "\u{fc}", "%00", "null", "undefined", "ses_0", &long, &cut, &more, &twice, &format!("\"{own}\"")]
    {
        let request = signed_in.request(Method::GET, "/page").header("sec-fetch-mode", "cors");
        let request = request.header("cookie", format!("__Host-countersign={cookie}"));
        let answer = site.browser().send(request).await;
        assert!(matches!(answer.status, 400 | 401 | 403 | 500), "{cookie}: {answer}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("remote-user"), "{cookie}: {answer}");
    }
    // Nor do others' cookies, of whatever name, lock anybody out.
    for others in
        ["gr\u{fc}n=1", "\u{65e5}\u{672c}=\u{20ac}", "=x", "y", "__host-countersign=1", "x__Host-countersign=1"]
    {
        for cookie in [format!("{others}; __Host-countersign={own}"), format!("__Host-countersign={own};{others}")] {
            let request = signed_in.request(Method::GET, "/page").header("sec-fetch-mode", "cors");
            let answer = site.browser().send(request.header("cookie", cookie)).await;
            assert_eq!(got(&answer.expect(200), "remote-user"), ["ana"], "{others}: {answer}");
        }
    }
}

/// T-20: no spelling of a path gets around what is asked for it.
async fn odd_paths_do_not_get_through(site: &Site, signed_in: &mut crate::site::Surfer) {
    for path in [
        "/%61dmin/x",
        "//admin/x",
        "/admin;a=b/x",
        "/Admin/x",
        "/x/..%2fadmin/x",
        "/static/..%2fadmin/x",
        "/static/%2e%2e/admin/x",
        "/admin%2fx",
        "/%2561dmin/x",
        "/admin/x%00",
        "/admin/./x",
        "/static%2f..%2fadmin",
        "/admin/%ff",
    ] {
        // As it stands: whatever makes URLs would tidy it up.
        let answer = raw(site, path, signed_in).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}

/// A request for a path as it is written, with the cookies of a browser. Answers what came back, as text.
async fn raw(site: &Site, path: &str, browser: &crate::site::Surfer) -> String {
    raw_with(site, path, browser, "Connection: close\r\n").await
}

/// The same, with lines of one's own.
async fn raw_with(site: &Site, path: &str, browser: &crate::site::Surfer, lines: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = site.tls().await;
    let cookie = &browser.cookies["__Host-countersign"];
    let host = site.origin.strip_prefix("https://").unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-countersign={cookie}\r\nSec-Fetch-Mode: cors\r\n{lines}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Some proxies just close.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_forged_headers_do_not_get_through_nginx() {
    forged_headers_do_not_get_through(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_forged_headers_do_not_get_through_caddy() {
    forged_headers_do_not_get_through(ProxyKind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_forged_headers_do_not_get_through_haproxy() {
    forged_headers_do_not_get_through(ProxyKind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Traefik: scripts/need proxies"]
async fn t20_forged_headers_do_not_get_through_traefik() {
    forged_headers_do_not_get_through(ProxyKind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Envoy: scripts/need proxies"]
async fn t20_forged_headers_do_not_get_through_envoy() {
    forged_headers_do_not_get_through(ProxyKind::Envoy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_the_backend_hears_what_was_asked_behind_nginx() {
    the_backend_hears_what_was_asked(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_the_backend_hears_what_was_asked_behind_caddy() {
    the_backend_hears_what_was_asked(ProxyKind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_the_backend_hears_what_was_asked_behind_haproxy() {
    the_backend_hears_what_was_asked(ProxyKind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Traefik: scripts/need proxies"]
async fn t20_the_backend_hears_what_was_asked_behind_traefik() {
    the_backend_hears_what_was_asked(ProxyKind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Envoy: scripts/need proxies"]
async fn t20_the_backend_hears_what_was_asked_behind_envoy() {
    the_backend_hears_what_was_asked(ProxyKind::Envoy).await;
}

/// T-14: with the vault or all of Countersign down nobody passes, and somebody who passed before passes again afterwards.
async fn nobody_passes_while_it_is_down(kind: ProxyKind) {
    let mut site = Site::start(kind, Database::Sqlite).await;
    let ana = site.api.user("ana").await;
    let mut browser = site.signed_in(&ana).await;
    browser.fetches("/page").await.expect(200);
    let vault = site.server.ready().await.vault;
    signal(vault, Signal::STOP);
    stands_still(vault).await;
    closed(&browser.fetches("/page").await);
    signal(vault, Signal::CONT);
    site.server.ready().await;
    browser.fetches("/page").await.expect(200);
    site.server.kill();
    for path in ["/page", "/admin", "/health", "/.countersign/start?to=%2F"] {
        closed(&browser.fetches(path).await);
        closed(&site.browser().opens(path).await);
    }
    site.server.begin().await;
    browser.fetches("/page").await.expect(200);
}

/// Waits until no thread of a process that was told to stop runs any more: the one that is told tells the others.
async fn stands_still(pid: i32) {
    let limit = Instant::now() + Duration::from_secs(20);
    let stopped = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    };
    while !std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().all(stopped) {
        assert!(Instant::now() < limit, "{pid} goes on");
        sleep(Duration::from_millis(5)).await;
    }
}

#[track_caller]
fn closed(answer: &Answer) {
    assert!(answer.status >= 500 || answer.status == 403, "{answer}");
    assert!(!String::from_utf8_lossy(&answer.body).contains("\"asked\""), "it got through: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_nobody_passes_nginx_while_countersign_is_down() {
    nobody_passes_while_it_is_down(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_nobody_passes_caddy_while_countersign_is_down() {
    nobody_passes_while_it_is_down(ProxyKind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_nobody_passes_haproxy_while_countersign_is_down() {
    nobody_passes_while_it_is_down(ProxyKind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Traefik: scripts/need proxies"]
async fn t14_nobody_passes_traefik_while_countersign_is_down() {
    nobody_passes_while_it_is_down(ProxyKind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Envoy: scripts/need proxies"]
async fn t14_nobody_passes_envoy_while_countersign_is_down() {
    nobody_passes_while_it_is_down(ProxyKind::Envoy).await;
}

/// T-12: a link of the login works in the browser that the site sent there, once, in its time; another browser ends it.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_link_that_signs_in_works_in_its_own_browser() {
    let site = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
    let ana = site.api.user("ana").await;
    let (mut browser, mut other) = (site.browser(), site.browser());
    let begun = browser.opens("/page").await;
    let link = site.logs_in(&mut browser, &begun, &ana).await;
    // The attacker's link, opened by a victim who is on the way to the login as well.
    let elsewhere = other.opens("/page").await;
    other.follows(&location(&elsewhere)).await;
    let refused = other.follows(&link).await;
    assert_eq!(refused.status, 403, "{refused}");
    assert!(!other.cookies.contains_key("__Host-countersign"));
    assert_eq!(browser.follows(&link).await.status, 403, "it is over");
    let told = site.api.all("/v1/events").await.into_iter().filter(|event| event["kind"] == "sign_in.refused");
    assert_eq!(told.count(), 1);

    // Too late, and twice.
    let begun = browser.opens("/page").await;
    let link = site.logs_in(&mut browser, &begun, &ana).await;
    site.api.advance(61).await;
    assert_eq!(browser.follows(&link).await.status, 403);
    let link = site.logs_in(&mut browser, &begun, &ana).await;
    let mut copy = browser.clone();
    location(&browser.follows(&link).await);
    assert_eq!(copy.follows(&link).await.status, 403);
    for code in ["", "x", &"A".repeat(43), &"A".repeat(5000)] {
        let answer = browser.opens(&format!("/.countersign/enter?code={code}")).await;
        assert!(matches!(answer.status, 403 | 414), "{answer}");
    }
    // T-25: a browser that is signed in is so in its own session's name: another one's page is nobody's to redeem.
    let bob = site.api.enroll("bob").await;
    let mut bobs = site.signed_in(&bob.user_id).await;
    let led = bobs.opens("/admin").await;
    assert_eq!(browser.follows(&location(&led)).await.status, 403, "it is Bob's challenge");
    let to_page = bobs.follows(&location(&led)).await;
    let mut page = crate::browser::Browser::led_to(&site.api, &location(&to_page));
    let opened = page.opens_first().await.expect(200);
    let answer = browser.follows(opened["return_to"].as_str().unwrap()).await;
    assert_eq!(answer.status, 403, "{answer}");
}

/// Nothing leads out of the site (T-20, T-26): not the way to the login, nor the way back.
#[tokio::test(flavor = "multi_thread")]
async fn t20_no_way_leads_elsewhere() {
    let site = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
    let mut browser = site.browser();
    for to in [
        "https://evil.example/",
        ".evil.example/",
        "@evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "",
        "x",
        "%0d%0aX:%20y",
    ] {
        let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let answer = browser.opens(&format!("/.countersign/start?to={to}")).await;
        let back = parameter(&location(&answer), "return_to");
        assert!(back.starts_with(&format!("{}/", site.origin)), "{to}: {back}");
    }
    // The login is told the truth by its own state only; a place that is none of its application's is refused.
    let ana = site.api.user("ana").await;
    let session = site.login.session(&ana).await;
    for return_to in
        ["https://evil.example/", "https://wiki.example.org.evil.example/", "https://wiki.example.org/", "/page"]
    {
        let new = json!({ "session_id": session, "return_to": return_to, "state": "A".repeat(43) });
        site.login.post("/v1/sign-ins", new).await.expect_problem(422, "invalid-request");
    }
    for (member, value) in
        [("state", json!("short")), ("groups", json!(["a,b"])), ("groups", json!(["a\nb"])), ("groups", json!([""]))]
    {
        let mut new =
            json!({ "session_id": session, "return_to": format!("{}/", site.origin), "state": "A".repeat(43) });
        new[member] = value;
        site.login.post("/v1/sign-ins", new).await.expect_problem(422, "invalid-request");
    }
    // The administrator's application is another one.
    let new = json!({ "session_id": session, "return_to": format!("{}/", site.origin), "state": "A".repeat(43) });
    site.api.post("/v1/sign-ins", new).await.expect_problem(422, "invalid-request");
}

/// Whoever asks as the site's proxy does, with what it usually says of a request of somebody who is signed in.
struct Asker {
    site: Site,
    usual: Vec<(&'static str, String)>,
}

const CHECK: &str = "/forward-auth/wiki/check";

impl Asker {
    async fn new() -> Self {
        let site = Site::start(ProxyKind::Nginx, Database::Sqlite).await;
        let ana = site.api.user("ana").await;
        let browser = site.signed_in(&ana).await;
        let usual = vec![
            ("x-countersign-key", KEY.to_owned()),
            ("x-forwarded-method", "GET".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-forwarded-host", site.origin.strip_prefix("https://").unwrap().to_owned()),
            ("x-forwarded-uri", "/page".to_owned()),
            ("cookie", format!("__Host-countersign={}", browser.cookies["__Host-countersign"])),
        ];
        Self { site, usual }
    }

    async fn asks(&self, path: &str, headers: Vec<(&'static str, String)>) -> Answer {
        let request = reqwest::Client::new().get(format!("{}{path}", self.site.api.address));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        Api::answer(request).await.unwrap()
    }

    /// What it usually says, with something else under one name.
    fn with(&self, name: &str, value: &str) -> Vec<(&'static str, String)> {
        let usual = self.usual.iter().cloned();
        usual.map(|(n, usual)| (n, if n == name { value.to_owned() } else { usual })).collect()
    }
}

/// T-20: who is not the proxy asks in vain.
#[tokio::test(flavor = "multi_thread")]
async fn t20_only_the_sites_proxy_is_answered() {
    let asker = Asker::new().await;
    asker.asks(CHECK, asker.usual.clone()).await.expect(200);
    for path in ["/forward-auth/other/check", "/forward-auth/WIKI/check"] {
        asker.asks(path, asker.usual.clone()).await.expect_problem(403, "proxy-unknown");
    }
    for key in ["", "x", &KEY[1..], &KEY.to_uppercase(), &format!("{KEY}x")] {
        for path in [
            CHECK,
            "/forward-auth/wiki/auth-request",
            "/forward-auth/wiki/ext-authz/page",
            "/forward-auth/wiki/browser/start?to=%2F",
        ] {
            let answer = asker.asks(path, asker.with("x-countersign-key", key)).await;
            answer.expect_problem(403, "proxy-unknown");
        }
    }
    // At an application that lost its scopes, or is gone, what the browser keeps is worth nothing.
    let path = format!("/v1/applications/{}", asker.site.application);
    asker.site.api.patch(&path, json!({ "scopes": ["sessions"] })).await.expect(200);
    assert_eq!(asker.asks(CHECK, asker.usual.clone()).await.status, 403);
    asker.site.api.delete(&path).await.expect(204);
    assert_eq!(asker.asks(CHECK, asker.usual.clone()).await.status, 401);
}

/// T-20: of what a proxy says each thing is said once, and makes sense.
#[tokio::test(flavor = "multi_thread")]
async fn t20_what_a_proxy_says_is_said_once_and_of_the_site() {
    let asker = Asker::new().await;
    for (name, value) in [
        ("x-forwarded-method", "get"),
        ("x-forwarded-method", ""),
        ("x-forwarded-method", "GET POST"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-host", HOST),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-host", ""),
        ("x-forwarded-uri", ""),
        ("x-forwarded-uri", "page"),
        ("x-forwarded-uri", "https://wiki.example.org/page"),
        ("x-forwarded-uri", "/../page"),
        ("x-forwarded-uri", "*"),
    ] {
        asker.asks(CHECK, asker.with(name, value)).await.expect_problem(403, "request-refused");
    }
    for (name, value) in &asker.usual {
        let mut twice = asker.usual.clone();
        twice.push((name, value.clone()));
        let answer = asker.asks(CHECK, twice).await;
        assert_eq!(answer.status, 403, "{name} twice: {answer}");
        let without = asker.usual.iter().filter(|(other, _)| other != name).cloned().collect();
        let answer = asker.asks(CHECK, without).await;
        assert_eq!(answer.status, if *name == "cookie" { 401 } else { 403 }, "without {name}: {answer}");
    }
}
