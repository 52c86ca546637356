//! A site behind a real proxy: the proxy with the very configuration that the guides show, but for addresses and the key; and a backend
//! that tells what it got.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::processes::{Signal, ends_within, signal};

/// What the files of the guides hold in the place of the key.
const PLACEHOLDER: &str = "THE-KEY";
/// The site's name in them.
pub(crate) const HOST: &str = "wiki.example.org";

/// A proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Nginx,
    /// Known by a client certificate.
    NginxByCertificate,
    Caddy,
    Haproxy,
    Traefik,
    Envoy,
}

/// A proxy that runs. Stopped when dropped.
pub(crate) struct Proxy {
    process: Child,
    folder: TempDir,
    port: u16,
    /// Of the site.
    pub(crate) certificate: String,
}

/// Where a proxy is to be, and whom it asks.
pub(crate) struct Places<'a> {
    /// The site's port.
    pub(crate) site: u16,
    /// Countersign's.
    pub(crate) countersign: u16,
    /// The backend's.
    pub(crate) backend: u16,
    /// What it shows.
    pub(crate) key: &'a str,
    /// What else it reads: names of files, and what is in them.
    pub(crate) files: &'a [(&'a str, &'a str)],
}

impl Proxy {
    pub(crate) async fn start(kind: ProxyKind, places: &Places<'_>) -> Self {
        let folder = TempDir::with_prefix("countersign-proxy-").unwrap();
        let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
        let certificate = made.cert.pem();
        std::fs::write(folder.path().join("wiki.crt"), &certificate).unwrap();
        std::fs::write(folder.path().join("wiki.key"), made.signing_key.serialize_pem()).unwrap();
        for (name, text) in places.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut command = kind.command(folder.path(), places);
        command.env("COUNTERSIGN_PROXY_KEY", places.key).env("HOME", folder.path()).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(folder.path().join("stderr")).unwrap());
        let process = command.spawn().unwrap_or_else(|e| panic!("{kind:?} cannot be started ({e}): see scripts/need"));
        let proxy = Self { process, folder, port: places.site, certificate };
        let limit = Instant::now() + Duration::from_mins(1);
        // Some listen before they know of the site.
        while !proxy.answers().await {
            assert!(Instant::now() < limit, "{kind:?} does not answer: {}", proxy.log());
            sleep(Duration::from_millis(20)).await;
        }
        proxy
    }

    async fn answers(&self) -> bool {
        let answer = self.client().get(format!("https://{HOST}:{}/health", self.port)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// A client that finds the site at this proxy, and follows nothing.
    pub(crate) fn client(&self) -> reqwest::Client {
        let certificate = reqwest::Certificate::from_pem(self.certificate.as_bytes()).unwrap();
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .add_root_certificate(certificate)
            .resolve(HOST, SocketAddr::from(([127, 0, 0, 1], self.port)))
            .build()
            .unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the proxy said ---\n{}", self.log());
        }
        // Asked, it takes its workers with it.
        let pid = i32::try_from(self.process.id()).unwrap();
        signal(pid, Signal::TERM);
        if !ends_within(pid, Duration::from_secs(5)) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

impl ProxyKind {
    /// Writes its configuration, and says how it is started.
    fn command(self, folder: &Path, places: &Places<'_>) -> Command {
        match self {
            Self::Nginx => nginx(folder, places, "countersign-request.conf", "http"),
            Self::NginxByCertificate => nginx(folder, places, "countersign-request-by-certificate.conf", "https"),
            Self::Caddy => caddy(folder, places),
            Self::Haproxy => haproxy(folder, places),
            Self::Traefik => traefik(folder, places),
            Self::Envoy => envoy(folder, places),
        }
    }
}

/// A file of the guides, with the addresses of this test in the place of those of the guide.
fn fitted(file: &str, folder: &Path, places: &Places<'_>, also: &[(&str, String)]) -> String {
    let text = std::fs::read_to_string(shipped(file)).unwrap();
    let own = folder.display();
    let usual = [
        ("127.0.0.1:8420", format!("127.0.0.1:{}", places.countersign)),
        ("127.0.0.1:3000", format!("127.0.0.1:{}", places.backend)),
        (PLACEHOLDER, places.key.to_owned()),
        ("/etc/nginx", own.to_string()),
        ("/etc/haproxy", own.to_string()),
        ("/etc/traefik", own.to_string()),
        ("/etc/envoy", own.to_string()),
    ];
    let fitted = usual.iter().fold(text, |text, (from, to)| text.replace(from, to));
    also.iter().fold(fitted, |text, (from, to)| {
        assert!(text.contains(from), "{file} does not say {from} any more");
        text.replace(from, to)
    })
}

/// A file as it ships.
pub(crate) fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/forward-auth").join(file)
}

fn nginx(folder: &Path, places: &Places<'_>, asks: &str, scheme: &str) -> Command {
    let listens = ("listen 443 ssl", format!("listen 127.0.0.1:{} ssl", places.site));
    let asked = format!("127.0.0.1:{}", places.countersign);
    let asked = (&*format!("http://{asked}/"), format!("{scheme}://{asked}/"));
    let wiki = fitted("nginx/wiki.conf", folder, places, &[listens, asked]);
    let request = fitted(&format!("nginx/{asks}"), folder, places, &[]);
    // As Debian's does, of which the guide says nothing.
    let main = "daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n  client_body_temp_path body;\n  \
                proxy_temp_path proxy;\n  fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n  \
                include wiki.conf;\n}\n";
    for (name, text) in [("wiki.conf", &*wiki), ("countersign-request.conf", &request), ("nginx.conf", main)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command
}

fn caddy(folder: &Path, places: &Places<'_>) -> Command {
    let site = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\n\nhttps://{HOST}:{} {{\n\tbind 127.0.0.1\n\ttls {folder}/wiki.crt {folder}/wiki.key\n",
        places.site,
        folder = folder.display()
    );
    // The options are the first thing in such a file.
    let text = fitted("caddy/Caddyfile", folder, places, &[("wiki.example.org {\n", site)]);
    let text = text.split_once("{\n\tadmin off").map_or(text.clone(), |(_, rest)| format!("{{\n\tadmin off{rest}"));
    std::fs::write(folder.join("Caddyfile"), text).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]);
    command
}

fn haproxy(folder: &Path, places: &Places<'_>) -> Command {
    let listens = ("bind :443 ssl", format!("bind 127.0.0.1:{} ssl", places.site));
    std::fs::write(folder.join("haproxy.cfg"), fitted("haproxy/haproxy.cfg", folder, places, &[listens])).unwrap();
    std::fs::copy(shipped("haproxy/countersign.lua"), folder.join("countersign.lua")).unwrap();
    let pem = ["wiki.crt", "wiki.key"].map(|file| std::fs::read_to_string(folder.join(file)).unwrap()).concat();
    std::fs::write(folder.join("wiki.pem"), pem).unwrap();
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", "haproxy.cfg"]);
    command
}

fn traefik(folder: &Path, places: &Places<'_>) -> Command {
    std::fs::write(folder.join("wiki.yaml"), fitted("traefik/wiki.yaml", folder, places, &[])).unwrap();
    let mut command = Command::new(fetched("traefik"));
    command.arg(format!("--entryPoints.websecure.address=127.0.0.1:{}", places.site));
    command.arg("--providers.file.filename=wiki.yaml");
    command.args(["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false", "--log.level=WARN"]);
    command
}

fn envoy(folder: &Path, places: &Places<'_>) -> Command {
    let listens = ("address: 0.0.0.0, port_value: 443", format!("address: 127.0.0.1, port_value: {}", places.site));
    let ports = [
        listens,
        ("port_value: 3000", format!("port_value: {}", places.backend)),
        ("port_value: 8420", format!("port_value: {}", places.countersign)),
    ];
    std::fs::write(folder.join("envoy.yaml"), fitted("envoy/envoy.yaml", folder, places, &ports)).unwrap();
    let mut command = Command::new(fetched("envoy"));
    command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "-c", "envoy.yaml"]);
    command
}

/// A program that `scripts/need proxies` fetches.
fn fetched(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/proxies/bin").join(name).canonicalize().unwrap_or_else(|_| {
        panic!("{name} is not there: scripts/need proxies fetches it");
    })
}

/// A backend that answers what it was asked, as it was: the first line, and each header.
pub(crate) struct Backend {
    pub(crate) port: u16,
}

impl Backend {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(&stream));
            }
        });
        Self { port }
    }
}

/// Answers one request; an end in its midst is the proxy's affair.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(String, String)> =
        lines.iter().skip(1).filter_map(|line| line.split_once(':')).map(pair).collect();
    let said = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let mut trailers = Vec::new();
    if said("transfer-encoding") == Some("chunked") {
        trailers = after_chunks(&mut reader)?;
    } else {
        let mut body = vec![0; said("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
    }
    let body = json!({ "asked": lines.first()?, "headers": headers, "trailers": trailers }).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()
}

/// Reads a body in chunks, and answers the lines that stand behind it (RFC 9112 §7.1).
fn after_chunks(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
    };
    let (mut trailers, mut ended) = (Vec::new(), false);
    loop {
        match line()?.as_str() {
            "" if ended => return Some(trailers),
            "0" => ended = true,
            trailer if ended => trailers.push(trailer.to_owned()),
            // The bodies of tests hold no line ends, so that a chunk's size and what is in it are a line each.
            _ => {}
        }
    }
}

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.to_lowercase(), value.trim().to_owned())
}

/// What a backend got under a name: each value but empty ones, which say nothing.
pub(crate) fn got<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap().iter();
    headers.filter(|header| header[0] == name && header[1] != "").map(|header| header[1].as_str().unwrap()).collect()
}
