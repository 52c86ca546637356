//! A running Countersign: supervisor, server process and vault, on a folder of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::database::Postgres;
use super::processes::{ends_within, stop};
use super::{Api, Binaries, Database, Signal, children, name_of, signal};

/// How a server is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) database: Database,
    /// Whether tests can move its clock.
    pub(crate) movable_clock: bool,
    /// `http`, or `https` where its arguments name a certificate.
    pub(crate) scheme: &'static str,
    /// Whether it runs as an ordinary user even where the tests run as root.
    pub(crate) as_ordinary_user: bool,
    /// Whether it goes on when a file may not grow any more, as on a full disk.
    pub(crate) survives_full_disk: bool,
    /// A file that its system finds in the place of `/etc/resolv.conf`: for it alone, in a namespace of its own.
    pub(crate) resolv_conf: Option<PathBuf>,
    /// Its data folder, in its own folder.
    pub(crate) data: &'static str,
    /// What else stands on its command line.
    pub(crate) arguments: Vec<String>,
    /// What else stands in its environment.
    pub(crate) environment: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            database: Database::Sqlite,
            movable_clock: true,
            scheme: "http",
            as_ordinary_user: false,
            survives_full_disk: false,
            resolv_conf: None,
            data: "data",
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }
}

/// An ordinary user: `nobody` on every Debian.
pub(crate) const NOBODY: u32 = 65534;

/// A running Countersign. Stopped, and its folder removed, when dropped.
pub(crate) struct Server {
    setup: Setup,
    folder: TempDir,
    binaries: Binaries,
    postgres: Option<Postgres>,
    port: u16,
    process: Option<Child>,
    starts: usize,
    administrator_key: String,
    api: Api,
}

/// Who is who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) supervisor: i32,
    pub(crate) server: i32,
    pub(crate) vault: i32,
}

impl Server {
    /// A server on SQLite with a clock that can be moved.
    pub(crate) async fn new() -> Self {
        Self::start(Setup::default()).await
    }

    pub(crate) async fn on(database: Database) -> Self {
        Self::start(Setup { database, ..Setup::default() }).await
    }

    pub(crate) async fn start(setup: Setup) -> Self {
        let mut server = Self::placed(setup);
        server.begin().await;
        server
    }

    /// A server whose first start was killed after it had made its administrator, and before it showed the key.
    pub(crate) async fn lost_at_its_first_start(setup: Setup) -> Self {
        for _ in 0..5 {
            let mut server = Self::placed(setup.clone());
            server.spawn();
            let supervisor = server.supervisor().unwrap();
            // Once there is a vault, the other two need the supervisor no more.
            let limit = Instant::now() + Duration::from_secs(20);
            while server.pids().is_none() && Instant::now() < limit {
                sleep(Duration::from_micros(100)).await;
            }
            sleep(Duration::from_micros(500)).await;
            signal(supervisor, Signal::STOP);
            let limit = Instant::now() + Duration::from_secs(5);
            let mut answers = false;
            while !answers && Instant::now() < limit {
                let answer = server.api.ask(reqwest::Method::GET, "/readyz", None).await;
                answers = answer.is_ok_and(|answer| answer.status == 200);
            }
            let told = std::fs::read_to_string(server.file("stdout")).unwrap();
            server.kill();
            if answers && told.is_empty() {
                return server;
            }
        }
        panic!("no start could be caught between making its administrator and showing the key");
    }

    /// Everything that a server needs, and no server yet.
    fn placed(setup: Setup) -> Self {
        let folder = TempDir::with_prefix("countersign-test-").unwrap();
        let mut binaries = Binaries::built().clone();
        if setup.as_ordinary_user {
            binaries = binaries.copied_to(folder.path());
            std::os::unix::fs::chown(folder.path(), nobody(), nobody()).unwrap();
        }
        let port = free_port();
        let api = Api::new(&format!("{}://127.0.0.1:{port}", setup.scheme), "");
        let key = String::new();
        let postgres = Postgres::under(setup.database);
        Self { setup, folder, binaries, postgres, port, process: None, starts: 0, administrator_key: key, api }
    }

    /// Another server on the same PostgreSQL database, with the same root key, as on a second machine.
    pub(crate) async fn beside(&self) -> Self {
        let mut setup = self.setup.clone();
        setup.arguments.push(format!("--root-key=file:{}", self.root_key().display()));
        let port = free_port();
        let mut server = Self {
            setup,
            folder: TempDir::with_prefix("countersign-test-").unwrap(),
            binaries: self.binaries.clone(),
            postgres: Some(self.postgres().clone()),
            port,
            process: None,
            starts: 0,
            administrator_key: self.administrator_key.clone(),
            api: Api::new(&format!("{}://127.0.0.1:{port}", self.setup.scheme), ""),
        };
        server.begin().await;
        server
    }

    /// Starts it on the folder that it had, and waits until it is ready.
    pub(crate) async fn begin(&mut self) {
        self.spawn();
        let ready = self.ready_line().await;
        assert_eq!(ready["address"], self.api.address, "{ready}");
        if let Some(key) = ready["administrator_key"].as_str() {
            assert_eq!(self.starts, 1, "an administrator key is made at the first start alone");
            key.clone_into(&mut self.administrator_key);
        }
        // Connections to the one before it are of no use.
        self.api = self.api.apart().with_key(&self.administrator_key);
        if self.starts > 1 && self.setup.movable_clock {
            self.api.move_on().await;
        }
    }

    /// Starts it, and waits until it has ended by itself. Answers its status and what it said on stderr.
    pub(crate) fn begin_in_vain(&mut self) -> (ExitStatus, String) {
        self.spawn();
        let mut process = self.process.take().unwrap();
        let pid = i32::try_from(process.id()).unwrap();
        if !ends_within(pid, Duration::from_secs(20)) {
            self.process = Some(process);
            panic!("it started all the same, or hangs: {}", self.log());
        }
        (process.wait().unwrap(), self.log())
    }

    fn spawn(&mut self) {
        self.starts += 1;
        let mut command = self.command();
        command.args(["serve", "--json", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.arg("--data").arg(self.data());
        if self.setup.movable_clock {
            command.arg("--movable-clock");
        }
        if let Some(postgres) = &self.postgres {
            command.args(["--database", &postgres.url]);
        }
        command.args(&self.setup.arguments);
        command.stdin(Stdio::null());
        command.stdout(File::create(self.file("stdout")).unwrap());
        command.stderr(File::create(self.file("stderr")).unwrap());
        self.process = Some(command.spawn().unwrap());
    }

    /// Runs another program as the user that the server runs as.
    pub(crate) fn as_its_user(&self, program: &str, arguments: &[&str]) -> Output {
        let words = self.wrapped(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.output().unwrap_or_else(|e| panic!("{program}: {e}"))
    }

    /// A program's name, behind what changes the circumstances that it runs in.
    fn wrapped(&self, program: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if self.setup.survives_full_disk {
            words.extend(["env", "--ignore-signal=XFSZ"].map(str::to_owned));
        }
        if let Some(file) = &self.setup.resolv_conf {
            let mounted = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", file.display());
            words.extend(["unshare", "--mount", "--", "sh", "-c", &mounted, "sh"].map(str::to_owned));
        }
        if self.setup.as_ordinary_user && rustix::process::geteuid().is_root() {
            let id = NOBODY.to_string();
            words.extend(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--"].map(str::to_owned));
        }
        words.push(program.to_owned());
        words
    }

    fn command(&self) -> Command {
        let words = self.wrapped(self.binaries.countersign.to_str().unwrap());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.folder.path());
        // What the tests are told is no setting of the server's.
        command.env_remove("COUNTERSIGN_SOAK").env_remove("COUNTERSIGN_SEED");
        command.envs(self.setup.environment.iter().cloned());
        command
    }

    /// Runs another command of the program on its data.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_command(arguments).output().unwrap()
    }

    /// What a command shows on a screen of 80 columns. No line of it is wider.
    pub(crate) fn shows(&self, arguments: &[&str]) -> String {
        let output = self.cli_command(arguments).env("COLUMNS", "80").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "wider than the screen: {wide:#?}");
        text
    }

    /// Begins another command of the program on its data.
    pub(crate) fn begin_cli(&self, arguments: &[&str]) -> Child {
        self.cli_command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn cli_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(arguments).env("COUNTERSIGN_DATA", self.data()).stdin(Stdio::null());
        if let Some(postgres) = &self.postgres {
            command.env("COUNTERSIGN_DATABASE", &postgres.url);
        }
        command
    }

    /// Starts it. Answers what it said where it ended by itself.
    pub(crate) async fn begin_or_say(&mut self) -> Option<String> {
        self.spawn();
        let limit = Instant::now() + Duration::from_mins(1);
        while Instant::now() < limit {
            if std::fs::read_to_string(self.file("stdout")).unwrap().contains('\n') {
                self.api = self.api.apart().with_key(&self.administrator_key);
                return None;
            }
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.process = None;
                return Some(self.log());
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("it neither starts nor ends: {}", self.log());
    }

    /// Shows another key from here on.
    pub(crate) fn use_key(&mut self, key: &str) {
        key.clone_into(&mut self.administrator_key);
        self.api = self.api.with_key(key);
    }

    async fn ready_line(&mut self) -> Value {
        let limit = Instant::now() + Duration::from_mins(1);
        loop {
            let said = std::fs::read_to_string(self.file("stdout")).unwrap();
            if let Some((line, _)) = said.split_once('\n') {
                return serde_json::from_str(line)
                    .unwrap_or_else(|e| panic!("the first line is no JSON ({e}): {line}"));
            }
            if let Some(status) = self.process.as_mut().unwrap().try_wait().unwrap() {
                panic!("it ended with {status}: {}", self.log());
            }
            assert!(Instant::now() < limit, "it is not ready: {}", self.log());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The PostgreSQL database that it stands on.
    pub(crate) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("it stands on SQLite")
    }

    /// A client with the administrator's key.
    pub(crate) fn api(&self) -> Api {
        self.api.clone()
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join(self.setup.data)
    }

    /// The file of its root key.
    pub(crate) fn root_key(&self) -> PathBuf {
        self.data().join("vault/root.key")
    }

    /// Its SQLite database.
    pub(crate) fn sqlite(&self) -> PathBuf {
        self.data().join("store/countersign.db")
    }

    /// Its own folder, with the data and what it said.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, what: &str) -> PathBuf {
        self.folder.path().join(format!("{what}.{}", self.starts))
    }

    /// What it said on stderr since it was last started.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("stderr")).unwrap_or_default()
    }

    pub(crate) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn supervisor(&self) -> Option<i32> {
        self.process.as_ref().map(|process| i32::try_from(process.id()).unwrap())
    }

    /// Who is who just now; `None` while one of them is not there.
    pub(crate) fn pids(&self) -> Option<Pids> {
        let supervisor = self.supervisor()?;
        let (vaults, servers): (Vec<i32>, Vec<i32>) =
            children(supervisor).into_iter().partition(|pid| name_of(*pid).starts_with("countersign-vau"));
        Some(Pids { supervisor, server: *servers.first()?, vault: *vaults.first()? })
    }

    /// Waits until it is ready to answer, and answers who is who.
    pub(crate) async fn ready(&self) -> Pids {
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.api.ask(reqwest::Method::GET, "/readyz", None).await;
            if let (Ok(200), Some(pids)) = (answer.map(|answer| answer.status), self.pids()) {
                return pids;
            }
            assert!(Instant::now() < limit, "it is not ready: {}", self.log());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it says that it is not ready to answer.
    pub(crate) async fn unready(&self) {
        let limit = Instant::now() + Duration::from_secs(30);
        while self.api.get("/readyz").await.status != 503 {
            assert!(Instant::now() < limit, "it goes on saying that it is ready: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills all its processes at once, as a power failure would.
    pub(crate) fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let supervisor = i32::try_from(process.id()).unwrap();
        // It would start the others again, and may be about to.
        stop(supervisor);
        let all = children(supervisor);
        signal(supervisor, Signal::KILL);
        for pid in &all {
            signal(*pid, Signal::KILL);
        }
        process.wait().unwrap();
        for pid in all {
            assert!(ends_within(pid, Duration::from_secs(10)), "{pid} outlives a SIGKILL");
        }
    }

    /// Stops it as an operator would, and sees to it that nothing of it is left.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        let supervisor = i32::try_from(process.id()).unwrap();
        let all = children(supervisor);
        signal(supervisor, Signal::TERM);
        if !ends_within(supervisor, Duration::from_secs(20)) {
            self.process = Some(process);
            self.kill();
            panic!("it does not stop: {}", self.log());
        }
        let status = process.wait().unwrap();
        for pid in all {
            assert!(ends_within(pid, Duration::from_secs(5)), "{pid} outlives its supervisor");
        }
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the server said ---\n{}", self.log());
            self.kill();
        } else if self.process.is_some() {
            self.stop();
        }
    }
}

/// Who the server runs as where it is to be an ordinary user.
fn nobody() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(NOBODY)
}

/// A port that is free, outside the range that outgoing connections take theirs from, so that a server which is killed
/// finds it free again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
