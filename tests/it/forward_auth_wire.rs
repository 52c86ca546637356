//! Between proxies and what they ask and guard (P-07, T-20): client certificates in the place of keys, and what stands behind a body.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Api, Backend, Database, HOST, Places, Proxy, ProxyKind, Server, Setup, free_port};
use crate::site::{LOGIN, Site};
use crate::transport::{Authority, client};

/// P-07: a proxy is known by its client certificate, where that is what its site wants, and no other is, nor one without.
#[tokio::test(flavor = "multi_thread")]
async fn p07_a_proxy_is_known_by_its_certificate() {
    let files = tempfile::tempdir().unwrap();
    let at = |name: &str| files.path().join(name);
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (own, proxys, others) = (ours.server(), clients.client("wiki-proxy"), clients.client("another"));
    let port = free_port();
    let origin = format!("https://{HOST}:{port}");
    let config = format!(
        "[forward_auth.wiki]\napplication = \"login\"\norigins = [\"{origin}\"]\nlogin = \"{LOGIN}\"\nopen = [\"/health\"]\n\
         certificates = [\"{}\"]\n",
        proxys.fingerprint
    );
    let text = [
        ("server.pem", &own.certificate),
        ("server.key", &own.key),
        ("clients.pem", &clients.certificate.pem()),
        ("countersign.toml", &config),
    ];
    for (name, text) in text {
        std::fs::write(at(name), text).unwrap();
    }
    let named = [("tls-certificate", "server.pem"), ("tls-key", "server.key"), ("tls-client-ca", "clients.pem")];
    let named = named.into_iter().chain([("config", "countersign.toml")]);
    let arguments = named.map(|(name, file)| format!("--{name}={}", at(file).display())).collect();
    let server = Server::start(Setup { scheme: "https", arguments, ..Setup::default() }).await;
    let api = server.api().over(client(&ours, None));
    let new =
        json!({ "name": "login", "scopes": ["sessions", "challenges", "enrollments"], "return_origins": [origin] });
    api.post("/v1/applications", new).await.expect(201);

    let backend = Backend::start();
    let ca = ours.certificate.pem();
    let files = [
        ("countersign-client.crt", &*proxys.certificate),
        ("countersign-client.key", &*proxys.key),
        ("countersign-ca.crt", &*ca),
    ];
    let places = Places { site: port, countersign: server.port(), backend: backend.port, key: "", files: &files };
    // It is there once it lets through what is open: then it was known.
    let proxy = Proxy::start(ProxyKind::NginxByCertificate, &places).await;
    let page = proxy.client().get(format!("{origin}/page")).header("sec-fetch-mode", "cors");
    let told = Api::answer(page).await.unwrap();
    assert_eq!(told.status, 401, "{told}");
    assert!(told.headers["x-countersign-location"].starts_with(&format!("{origin}/.countersign/start?")), "{told}");
    let start = proxy.client().get(format!("{origin}/.countersign/start?to=%2Fpage"));
    let led = Api::answer(start).await.unwrap();
    assert!(led.status == 302 && led.headers["location"].starts_with(LOGIN), "{led}");

    // Whoever else comes asks in vain, whatever they say besides.
    for identity in [Some(&others), None] {
        let asks = client(&ours, identity).get(format!("{}/forward-auth/wiki/check", api.address));
        let said = [("x-forwarded-method", "GET"), ("x-forwarded-proto", "https"), ("x-forwarded-uri", "/health")];
        let asks = said.into_iter().fold(asks, |asks, (name, value)| asks.header(name, value));
        let asks = asks.header("x-forwarded-host", format!("{HOST}:{port}")).header("x-countersign-key", "");
        Api::answer(asks).await.unwrap().expect_problem(403, "proxy-unknown");
    }
}

/// T-20: what stands behind a body is said after everything was decided. A backend that takes it for headers hears nothing of whose it is.
async fn trailers_say_nothing(kind: ProxyKind) {
    let site = Site::start(kind, Database::Sqlite).await;
    let ana = site.api.user("ana").await;
    let signed_in = site.signed_in(&ana).await;
    let host = site.origin.strip_prefix("https://").unwrap();
    let cookie = &signed_in.cookies["__Host-countersign"];
    for (path, trailer) in
        [("/page", "Trailer: Remote-User, X-Countersign-Identity\r\n"), ("/page", ""), ("/health", "")]
    {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-countersign={cookie}\r\nSec-Fetch-Mode: cors\r\n\
             Connection: close\r\nTransfer-Encoding: chunked\r\n{trailer}\r\n\
             4\r\nabcd\r\n0\r\nRemote-User: root\r\nX-Countersign-Identity: root\r\nX-Original-URL: /root\r\n\r\n"
        );
        let mut stream = site.tls().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // HAProxy hands them on, as what they are: of the headers, which alone say whose it is, there is none.
        let (told, _) =
            if kind == ProxyKind::Haproxy { answer.split_once("\"trailers\"").unwrap() } else { (&*answer, "") };
        assert!(told.starts_with("HTTP/1.1 ") && !told.contains("root"), "{kind:?} {path} {trailer}: {answer}");
        assert!(told.contains("\"asked\"") || told.starts_with("HTTP/1.1 4"), "{kind:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_trailers_say_nothing_behind_nginx() {
    trailers_say_nothing(ProxyKind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_trailers_say_nothing_behind_caddy() {
    trailers_say_nothing(ProxyKind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_trailers_say_nothing_behind_haproxy() {
    trailers_say_nothing(ProxyKind::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Traefik: scripts/need proxies"]
async fn t20_trailers_say_nothing_behind_traefik() {
    trailers_say_nothing(ProxyKind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes Envoy: scripts/need proxies"]
async fn t20_trailers_say_nothing_behind_envoy() {
    trailers_say_nothing(ProxyKind::Envoy).await;
}
