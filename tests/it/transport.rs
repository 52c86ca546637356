//! What goes over the wire: TLS 1.3, client certificates that stand for applications (P-07), and events as they happen.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Answer, Api, Server, Setup};

/// A certificate authority.
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// The certificate, DER.
    der: Vec<u8>,
    /// The SHA-256 of its DER, in hex.
    pub(crate) fingerprint: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn identity(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
        let fingerprint = data_encoding::HEXLOWER.encode(digest.as_ref());
        let der = certificate.der().to_vec();
        Identity { certificate: certificate.pem(), key: key.serialize_pem(), der, fingerprint }
    }

    pub(crate) fn server(&self) -> Identity {
        self.identity(&["127.0.0.1", "mfa.example.org"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub(crate) fn client(&self, name: &str) -> Identity {
        self.identity(&[name], ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A server that speaks TLS, and whose authorities are ours.
struct Secured {
    server: Server,
    files: TempDir,
    /// Who signs the server's certificate.
    ours: Authority,
    /// Who signs the certificates of clients.
    clients: Authority,
}

impl Secured {
    async fn start() -> Self {
        let files = TempDir::with_prefix("countersign-test-tls-").unwrap();
        let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
        let at = |name: &str| files.path().join(name);
        fs::write(at("clients.pem"), clients.certificate.pem()).unwrap();
        write(&files, &ours.server());
        let argument = |name: &str, file: PathBuf| format!("--tls-{name}={}", file.display());
        let arguments = vec![
            argument("certificate", at("server.pem")),
            argument("key", at("server.key")),
            argument("client-ca", at("clients.pem")),
        ];
        let server = Server::start(Setup { scheme: "https", arguments, ..Setup::default() }).await;
        Self { server, files, ours, clients }
    }

    /// The administrator's client.
    fn api(&self) -> Api {
        self.server.api().over(client(&self.ours, None))
    }

    /// A client that shows a certificate and no key.
    async fn ask_as(&self, identity: &Identity, path: &str) -> Result<Answer, reqwest::Error> {
        let http = client(&self.ours, Some(identity));
        Api::answer(http.get(format!("{}{path}", self.server.api().address))).await
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.server.port()))
    }
}

fn write(files: &TempDir, identity: &Identity) {
    fs::write(files.path().join("server.key"), &identity.key).unwrap();
    fs::write(files.path().join("server.pem"), &identity.certificate).unwrap();
}

/// A client that believes one authority, on connections of its own.
pub(crate) fn client(authority: &Authority, identity: Option<&Identity>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.certificate.pem().as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    if let Some(identity) = identity {
        let pem = format!("{}{}", identity.key, identity.certificate);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

/// A `ClientHello` (RFC 5246 §7.4.1.2) of a client that knows TLS up to 1.2 and every suite that a server of then would take.
fn hello_of_tls_1_2() -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8];
    let groups = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23];
    let signatures = [0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1];
    let point_formats = [0, 11, 0, 2, 1, 0];
    let master_secret = [0, 23, 0, 0];
    let extensions = [&groups[..], &signatures, &point_formats, &master_secret].concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, u8::try_from(suites.len()).unwrap()]);
    body.extend(suites);
    body.extend([1, 0]);
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_only_tls_1_3_is_spoken() {
    let secured = Secured::start().await;
    secured.api().get("/v1/whoami").await.expect(200);
    let least = reqwest::Certificate::from_pem(secured.ours.certificate.pem().as_bytes()).unwrap();
    let modern = reqwest::Client::builder().no_proxy().tls_certs_only([least]);
    let modern = modern.tls_version_min(reqwest::tls::Version::TLS_1_3).build().unwrap();
    secured.api().over(modern).get("/v1/whoami").await.expect(200);

    let mut connection = TcpStream::connect(secured.address()).await.unwrap();
    connection.write_all(&hello_of_tls_1_2()).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), connection.read_to_end(&mut answer)).await.expect("it hangs up");
    // RFC 8446 §6.2: a fatal alert, protocol_version.
    assert_eq!((answer.first(), answer.get(5..7)), (Some(&21), Some(&[2, 70][..])), "{answer:?}");

    // Plain HTTP is no HTTP there.
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let plain = plain.get(format!("http://{}/healthz", secured.address())).send().await;
    assert!(plain.is_err(), "{plain:?}");
    // A client that believes somebody else does not believe the server.
    let distrusting = client(&secured.clients, None).get(format!("https://{}/healthz", secured.address()));
    assert!(distrusting.send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_changed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let secured = Secured::start().await;
    let pids = secured.server.pids().unwrap();
    let renewed = Authority::new("renewed");
    let old = client(&secured.ours, None);
    let health = format!("https://{}/healthz", secured.address());
    old.get(&health).send().await.unwrap();

    // What cannot be used changes nothing.
    fs::write(secured.files.path().join("server.pem"), "no certificate").unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(secured.server.log().contains("cannot be used"), "{}", secured.server.log());
    client(&secured.ours, None).get(&health).send().await.unwrap();

    write(&secured.files, &renewed.server());
    let limit = Instant::now() + Duration::from_secs(30);
    while client(&renewed, None).get(&health).send().await.is_err() {
        assert!(Instant::now() < limit, "the new certificate is not used: {}", secured.server.log());
        sleep(Duration::from_millis(100)).await;
    }
    assert!(client(&secured.ours, None).get(&health).send().await.is_err(), "the old certificate is still used");
    // The connection that was there goes on.
    assert!(old.get(&health).send().await.unwrap().status().is_success());
    assert_eq!(secured.server.pids().unwrap(), pids);
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_client_certificate_acts_as_the_application_that_it_is_mapped_to() {
    let secured = Secured::start().await;
    let api = secured.api();
    let shop = secured.clients.client("shop");
    let unknown = secured.clients.client("unknown");
    secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect_problem(401, "unauthenticated");
    let wish = json!({ "name": "shop", "scopes": ["users:read"], "certificates": [shop.fingerprint] });
    let made = api.post("/v1/applications", wish).await.expect(201);
    let id = made["application"]["id"].as_str().unwrap().to_owned();

    let who = secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect(200);
    assert_eq!(who["application"]["id"], id.as_str());
    secured.ask_as(&shop, "/v1/users").await.unwrap().expect(200);
    secured.ask_as(&shop, "/v1/applications").await.unwrap().expect_problem(403, "forbidden");
    secured.ask_as(&unknown, "/v1/whoami").await.unwrap().expect_problem(401, "unauthenticated");

    // A certificate of another authority ends the handshake, even where it has the mapped one's name.
    let forged = Authority::new("clients").client("shop");
    let refused = secured.ask_as(&forged, "/v1/whoami").await;
    assert!(refused.is_err(), "{refused:?}");
    // Nor does a server's own certificate make a client.
    let refused = secured.ask_as(&secured.clients.server(), "/v1/whoami").await;
    assert!(refused.is_err(), "{refused:?}");

    // A key goes before a certificate, and a wrong one is not made good by it.
    let http = client(&secured.ours, Some(&shop));
    let both = api.over(http.clone());
    assert_ne!(both.get("/v1/whoami").await.expect(200)["application"]["id"], id.as_str());
    both.with_key("csk_wrong").get("/v1/whoami").await.expect_problem(401, "unauthenticated");

    // One certificate stands for one application.
    let again = json!({ "name": "other", "scopes": ["admin"], "certificates": [shop.fingerprint] });
    api.post("/v1/applications", again).await.expect_problem(409, "exists");
    // Taken away, it opens nothing: on the connection that it has, and on a new one.
    let url = format!("{}/v1/whoami", api.address);
    Api::answer(http.get(&url)).await.unwrap().expect(200);
    api.patch(&format!("/v1/applications/{id}"), json!({ "certificates": [] })).await.expect(200);
    Api::answer(http.get(&url)).await.unwrap().expect_problem(401, "unauthenticated");
    secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect_problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn t26_no_page_of_another_site_acts_by_the_certificate_that_a_browser_shows() {
    let secured = Secured::start().await;
    let api = secured.api();
    let admin = secured.clients.client("admin");
    let wish = json!({ "name": "admin by certificate", "scopes": ["admin"], "certificates": [admin.fingerprint] });
    api.post("/v1/applications", wish).await.expect(201);
    let ana = api.enroll("ana").await;
    let suspend = format!("{}/v1/users/{}/suspend", api.address, ana.user_id);
    let browser = client(&secured.ours, Some(&admin));
    let ways: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://evil.127.0.0.1")],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
    ];
    let url = |path: &str| format!("{}{path}", api.address);
    for way in ways {
        let sent = |mut request: reqwest::RequestBuilder| {
            for (name, value) in way {
                request = request.header(*name, *value);
            }
            Api::answer(request)
        };
        // Without a body, and with a form's.
        sent(browser.post(&suspend)).await.unwrap().expect_problem(403, "cross-site");
        let form = browser.post(&suspend).header("content-type", "text/plain").body("{}");
        sent(form).await.unwrap().expect_problem(403, "cross-site");
        sent(browser.post(url("/v1/keys/rotate"))).await.unwrap().expect_problem(403, "cross-site");
        sent(browser.get(url("/v1/users"))).await.unwrap().expect_problem(403, "cross-site");
        // A key that was put there on purpose speaks for itself, and what is public is public.
        sent(browser.get(url("/v1/whoami")).bearer_auth(&api.key)).await.unwrap().expect(200);
        sent(browser.get(url("/.well-known/jwks.json"))).await.unwrap().expect(200);
    }
    assert_eq!(api.get(&format!("/v1/users/{}", ana.user_id)).await.expect(200)["state"], "active");
    // No browser, or our own page.
    Api::answer(browser.post(&suspend)).await.unwrap().expect(200);
    let own = browser.post(&suspend).header("sec-fetch-site", "same-origin").header("origin", &api.address);
    Api::answer(own).await.unwrap().expect(200);
}

/// Reads a stream of server-sent events until it has `count` of them: id, kind and data of each.
/// The same by the command line, from a file in either form or by the fingerprint.
#[tokio::test(flavor = "multi_thread")]
async fn p07_the_command_line_maps_client_certificates() {
    let secured = Secured::start().await;
    let shop = secured.clients.client("shop");
    let at = |name: &str| secured.files.path().join(name).display().to_string();
    fs::write(at("ours.pem"), secured.ours.certificate.pem()).unwrap();
    fs::write(at("shop.pem"), &shop.certificate).unwrap();
    fs::write(at("shop.der"), &shop.der).unwrap();
    fs::write(at("nothing"), "nothing").unwrap();
    let ca = at("ours.pem");
    let applications = |words: &[&str]| {
        let output = secured.server.cli(&[&["applications"], words, &["--json", "--ca", &ca]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), said)
    };
    assert_eq!(applications(&["create", "shop", "--certificates", &at("shop.pem")]).0, Some(0));
    secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect(200);
    let (code, listed, _) = applications(&["certificates", "shop"]);
    assert_eq!((code, &listed["certificates"]), (Some(0), &json!([shop.fingerprint])));
    assert_eq!(applications(&["remove-certificate", "shop", &at("shop.der")]).0, Some(0));
    secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect_problem(401, "unauthenticated");
    assert_eq!(applications(&["remove-certificate", "shop", &shop.fingerprint]).0, Some(1));
    let (code, shown, _) = applications(&["add-certificate", "shop", &shop.fingerprint]);
    assert_eq!((code, &shown["certificates"]), (Some(0), &json!([shop.fingerprint])));
    assert_eq!(applications(&["add-certificate", "shop", &at("shop.pem")]).1, shown, "it is there already");
    secured.ask_as(&shop, "/v1/whoami").await.unwrap().expect(200);
    for (nonsense, words) in [("nothing", "holds no certificate"), ("missing", "neither a SHA-256")] {
        let (code, _, said) = applications(&["add-certificate", "shop", &at(nonsense)]);
        assert!(code == Some(2) && said.contains(words), "{said}");
    }
}

async fn read(api: &Api, path: &str, last: Option<&str>, count: usize) -> Vec<(i64, String, Value)> {
    let request = api.request(reqwest::Method::GET, path);
    let request = if let Some(last) = last { request.header("last-event-id", last) } else { request };
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.bytes_stream();
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < count {
        let chunk = timeout(Duration::from_secs(20), chunks.next()).await.expect("an event in time");
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let (Some(id), Some(kind), Some(data)) = (field("id:"), field("event:"), field("data:")) {
                events.push((id.parse().unwrap(), kind.to_owned(), serde_json::from_str(data).unwrap()));
            }
            text = rest.to_owned();
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_the_stream_has_every_event_in_order_and_goes_on_where_it_was_cut() {
    let server = Server::new().await;
    let api = server.api();
    // Somebody writes while somebody reads.
    let writing = {
        let api = api.apart();
        tokio::spawn(async move {
            for n in 0..150 {
                api.user(&format!("user-{n}")).await;
            }
        })
    };
    let path = "/v1/events/stream?after=0";
    let first = read(&api, path, None, 40).await;
    let last = first.last().unwrap().0.to_string();
    let second = read(&api, "/v1/events/stream", Some(&last), 40).await;
    let last = second.last().unwrap().0;
    writing.await.unwrap();
    let all = api.all("/v1/events?order=asc").await;
    let left = all.iter().filter(|event| event["position"].as_i64().unwrap() > last).count();
    let third = read(&api, "/v1/events/stream", Some(&last.to_string()), left).await;
    let streamed: Vec<_> = [first, second, third].concat();
    assert_eq!(streamed.len(), all.len());
    for ((id, kind, data), event) in streamed.iter().zip(&all) {
        assert_eq!((Some(*id), kind.as_str()), (event["position"].as_i64(), event["kind"].as_str().unwrap()));
        assert_eq!(data, event);
    }
    assert!(streamed.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "a position is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_the_stream_has_what_happens_from_now_on_and_of_the_wanted_kinds() {
    let server = Server::new().await;
    let api = server.api();
    api.user("before").await;
    let reading = {
        let api = api.apart();
        tokio::spawn(async move { read(&api, "/v1/events/stream?kind=user.suspended,user.resumed", None, 2).await })
    };
    let user = api.user("ana").await;
    // Until the reader is there, nothing says that it is: so again and again.
    while !reading.is_finished() {
        api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
        api.post(&format!("/v1/users/{user}/resume"), json!({})).await.expect(200);
        sleep(Duration::from_millis(50)).await;
    }
    let events = reading.await.unwrap();
    assert!(events.iter().all(|(_, kind, _)| kind == "user.suspended" || kind == "user.resumed"), "{events:?}");
    assert!(events.iter().all(|(_, _, data)| data["about"]["user"] == user.as_str()), "{events:?}");

    for wrong in ["x", "-", "1.5"] {
        let request = api.request(reqwest::Method::GET, "/v1/events/stream").header("last-event-id", wrong);
        Api::answer(request).await.unwrap().expect_problem(422, "invalid-request");
    }
    api.get("/v1/events/stream?kind=no.such").await.expect_problem(422, "invalid-request");
}
