//! A browser at a site behind a proxy, and the organisation's login that the site sends it to.

use std::collections::BTreeMap;

use reqwest::Method;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{
    Answer, Api, Backend, Database, Enrolled, HOST, Places, Proxy, ProxyKind, Server, Setup, free_port,
};
use crate::webauthn::ORIGIN;

/// What the proxy shows.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef-the-proxys-own";

const POLICY: &str = r#"
policy:
  otherwise: allow
  levels:
    anew:
      aal: 2
      login_max_age: 10m
    fresh:
      aal: 2
      max_age: 5m
  rules:
    - id: administration
      applies_to: {actions: [admin.use], resource_types: [url]}
      effect: require
      level: fresh
    - id: each-by-itself
      applies_to: {actions: [payment.send]}
      effect: step_up
    - id: nobody
      applies_to: {actions: [secret.read]}
      effect: deny
    - id: by-query
      when: 'action == "http.request" && has(resource.properties.query) && resource.properties.query == "export=all"'
      effect: deny
    - id: only-staff
      applies_to: {actions: [staff.read]}
      when: '!("staff" in groups)'
      effect: deny
    - id: awake
      applies_to: {actions: [awake.read]}
      when: session.idle > 600
      effect: deny
    - id: recent-login
      applies_to: {actions: [fresh.login]}
      when: session.age > 600
      effect: require
      level: anew
    - id: keys
      applies_to: {actions: [key.use]}
      effect: enroll
      factors: [totp]
"#;

/// A site behind a proxy, whose login is this test.
pub(crate) struct Site {
    pub(crate) server: Server,
    /// The administrator's.
    pub(crate) api: Api,
    /// The login's own.
    pub(crate) login: Api,
    /// Its id.
    pub(crate) application: String,
    /// As `https://wiki.example.org:12345`.
    pub(crate) origin: String,
    port: u16,
    proxy: Proxy,
    _backend: Backend,
}

/// Where the site sends whoever is not signed in.
pub(crate) const LOGIN: &str = "https://login.example.org/enter?for=wiki";

impl Site {
    pub(crate) async fn start(kind: ProxyKind, database: Database) -> Self {
        Self::start_with(kind, database, Some(LOGIN)).await
    }

    /// A site without a login: people sign in on our own page, with a passkey that is used at [`crate::webauthn::ORIGIN`].
    pub(crate) async fn without_login(kind: ProxyKind, database: Database) -> Self {
        Self::start_with(kind, database, None).await
    }

    async fn start_with(kind: ProxyKind, database: Database, login: Option<&str>) -> Self {
        let port = free_port();
        let origin = format!("https://{HOST}:{port}");
        let server = server(database, &origin, login).await;
        let api = server.api();
        let scopes = json!(["sessions", "challenges", "enrollments"]);
        let new = json!({ "name": "login", "scopes": scopes, "return_origins": [origin] });
        let made = api.post("/v1/applications", new).await.expect(201);
        let backend = Backend::start();
        let places = Places { site: port, countersign: server.port(), backend: backend.port, key: KEY, files: &[] };
        let proxy = Proxy::start(kind, &places).await;
        Self {
            login: api.with_key(made["api_key"]["key"].as_str().unwrap()),
            application: made["application"]["id"].as_str().unwrap().to_owned(),
            server,
            api,
            origin,
            port,
            proxy,
            _backend: backend,
        }
    }

    /// A browser that has nothing of this site.
    pub(crate) fn browser(&self) -> Surfer {
        Surfer { http: self.proxy.client(), origin: self.origin.clone(), cookies: BTreeMap::new() }
    }

    /// A connection to the proxy, for what no client would send.
    pub(crate) async fn tls(&self) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        let certificate = rustls::pki_types::CertificateDer::from_pem_slice(self.proxy.certificate.as_bytes()).unwrap();
        roots.add(certificate).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        connector.connect(HOST.try_into().unwrap(), stream).await.unwrap()
    }

    /// Somebody who is signed in.
    pub(crate) async fn signed_in(&self, user_id: &str) -> Surfer {
        let mut browser = self.browser();
        let begun = browser.opens("/").await;
        let link = self.logs_in(&mut browser, &begun, user_id).await;
        let entered = browser.follows(&link).await;
        assert_eq!(entered.status, 302, "{entered}");
        browser
    }

    /// What the login does with a browser that a site's answer leads to it, once it knows who that is. Answers the link back.
    pub(crate) async fn logs_in(&self, browser: &mut Surfer, led: &Answer, user_id: &str) -> String {
        let to_login = browser.follows(&location(led)).await;
        let login = location(&to_login);
        assert!(login.starts_with(LOGIN), "{login}");
        let session = self.login.session(user_id).await;
        self.link(&session, &login).await
    }

    /// The link that signs in whoever came to the login by `login`.
    pub(crate) async fn link(&self, session: &str, login: &str) -> String {
        let new = json!({
            "session_id": session,
            "return_to": parameter(login, "return_to"),
            "state": parameter(login, "state"),
            "groups": ["staff", "Küche"],
        });
        self.login.post("/v1/sign-ins", new).await.expect(201)["url"].as_str().unwrap().to_owned()
    }

    /// Proves what a site's answer leads to, on the page, and answers where the browser is led afterwards.
    pub(crate) async fn proves(&self, browser: &mut Surfer, led: &Answer, ana: &Enrolled) -> String {
        let (mut page, _) = self.is_asked(browser, led).await;
        let code = ana.phone.code_at(self.api.advance(60).await);
        let done = page.prove(&code).await.expect(200);
        assert_eq!(done["step"], "done", "{done}");
        let back = browser.follows(done["return_to"].as_str().unwrap()).await;
        assert_eq!(back.status, 302, "{back}");
        location(&back)
    }

    /// Comes to the page on which what a site's answer leads to is proved: what is asked there.
    pub(crate) async fn is_asked(&self, browser: &mut Surfer, led: &Answer) -> (Browser, Value) {
        let mut page = self.comes_to_page(browser, &location(led)).await;
        let seen = page.opens_first().await.expect(200);
        assert_eq!(seen["step"], "prove", "{seen}");
        (page, seen)
    }

    /// Follows a site's way to a page, and back by the site, until the page may be used.
    pub(crate) async fn comes_to_page(&self, browser: &mut Surfer, way: &str) -> Browser {
        let to_page = browser.follows(way).await;
        assert_eq!(to_page.status, 302, "{to_page}");
        let mut page = Browser::led_to(&self.api, &location(&to_page));
        let opened = page.opens_first().await.expect(200);
        assert_eq!(opened["step"], "redeem", "{opened}");
        let redeemed = browser.follows(opened["return_to"].as_str().unwrap()).await;
        assert_eq!(location(&redeemed), location(&to_page), "{redeemed}");
        page
    }

    /// Whether somebody may pass by a request: what the backend got.
    pub(crate) async fn passes(&self, browser: &mut Surfer, path: &str) -> Value {
        browser.opens(path).await.expect(200)
    }
}

async fn server(database: Database, origin: &str, login: Option<&str>) -> Server {
    // It has to be there for as long as the server may be started again.
    let folder = tempfile::tempdir().unwrap().keep();
    std::fs::create_dir(folder.join("policy")).unwrap();
    std::fs::write(folder.join("policy/rules.yaml"), POLICY).unwrap();
    let config = folder.join("countersign.toml");
    let login = login.map(|login| format!("login = \"{login}\"\n")).unwrap_or_default();
    let text = format!(
        "[forward_auth.wiki]\napplication = \"login\"\norigins = [\"{origin}\"]\nkey = \"env:WIKI_KEY\"\n{login}\
         open = [\"/health\", \"/static/*\"]\n\
         actions = [\"* /admin/* admin.use\", \"* /payments/* payment.send\", \"* /forbidden/* secret.read\", \
         \"* /staff staff.read\", \"* /awake awake.read\", \"* /fresh fresh.login\", \"* /keys key.use\"]\n"
    );
    std::fs::write(&config, text).unwrap();
    let policy = format!("--policy-folder={}", folder.join("policy").display());
    let mut arguments = vec![format!("--config={}", config.display()), policy];
    arguments.extend(["--webauthn-rp-id=example.org".to_owned(), format!("--webauthn-origins={ORIGIN}")]);
    let environment = vec![("WIKI_KEY".to_owned(), KEY.to_owned())];
    Server::start(Setup { database, arguments, environment, ..Setup::default() }).await
}

/// A browser, with the cookies of one site.
#[derive(Clone)]
pub(crate) struct Surfer {
    http: reqwest::Client,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Surfer {
    /// Opens a path in a window.
    pub(crate) async fn opens(&mut self, path: &str) -> Answer {
        self.follows(&format!("{}{path}", self.origin)).await
    }

    /// Opens a URL of the site's in a window.
    pub(crate) async fn follows(&mut self, url: &str) -> Answer {
        assert!(url.starts_with(&self.origin), "it leads elsewhere: {url}");
        let request = self.http.request(Method::GET, url).header("sec-fetch-mode", "navigate");
        self.send(request.header("accept", "text/html")).await
    }

    /// What a script asks.
    pub(crate) async fn fetches(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("sec-fetch-mode", "cors").header("accept", "*/*");
        self.send(request).await
    }

    /// What a form at `from` sends.
    pub(crate) async fn submits(&mut self, from: &str, path: &str) -> Answer {
        let request = self.request(Method::POST, path).header("sec-fetch-mode", "navigate");
        let request = request.header("referer", format!("{}{from}", self.origin)).body("amount=10");
        self.send(request.header("sec-fetch-site", "same-origin")).await
    }

    /// A request without cookies, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin))
    }

    /// Sends a request with the cookies, and keeps those that come back.
    pub(crate) async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) };
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(cookie.contains(&format!("; {attribute}")), "{cookie}");
            }
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{cookie}");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

/// Where an answer leads a window.
#[track_caller]
pub(crate) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{answer}");
    answer.headers.get("location").unwrap_or_else(|| panic!("it leads nowhere: {answer}")).clone()
}

/// A parameter of a URL.
pub(crate) fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}
