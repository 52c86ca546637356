//! Starts vaults.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use otp::{Algorithm, Otpauth, Params};
use tempfile::TempDir;
use vault_proto::control::{self, Control, Introduction};
use vault_proto::{
    Binding, CheckOtp, Client, Connector, Error, OtpCandidate, Outcome, Provision, PublicKeys, Qr, Reply,
    Resynchronize, Secret, Status, Verb, View,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running vault, and a client of it that may ask everything.
pub(crate) struct Vault {
    pub(crate) child: Child,
    pub(crate) control: Control,
    pub(crate) client: Client,
    connector: Connector,
}

/// How a vault is started.
pub(crate) struct Start {
    pub(crate) folder: TempDir,
    pub(crate) arguments: Vec<String>,
    /// What is handed over.
    pub(crate) secrets: Vec<String>,
}

impl Start {
    /// With a root key file in a temporary folder, which it may make, and a clock that moves.
    pub(crate) fn file() -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("root.key");
        let arguments = vec![
            "--root-key".to_owned(),
            format!("file:{}", key.display()),
            "--create-root-key".to_owned(),
            "--movable-clock".to_owned(),
        ];
        Self { folder, arguments, secrets: Vec::new() }
    }

    pub(crate) fn with(arguments: &[&str], secret: Option<&str>) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            secrets: secret.map(str::to_owned).into_iter().collect(),
        }
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("root.key")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-vault"));
        command.args(&self.arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Must be called on a tokio runtime.
    pub(crate) fn run(&self) -> Vault {
        Vault::spawn(self.command(), &self.secrets)
    }

    /// For a vault that ends by itself: its exit code and what it said.
    pub(crate) fn fail(&self) -> (i32, String) {
        let mut command = self.command();
        command.stderr(Stdio::piped());
        let (control, end) = control::pair().unwrap();
        let mut child = control::spawn(command, end).unwrap();
        for secret in &self.secrets {
            control.send(secret.as_bytes(), None).unwrap();
        }
        // Nothing else comes.
        rustix::net::shutdown(&control, rustix::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().code().unwrap(), said)
    }
}

impl Vault {
    pub(crate) fn spawn(command: Command, secrets: &[String]) -> Self {
        let (control, end) = control::pair().unwrap();
        let child = control::spawn(command, end).unwrap();
        for secret in secrets {
            control.send(secret.as_bytes(), None).unwrap();
        }
        let (client, connector) = Client::new();
        let vault = Self { child, control, client, connector };
        vault.connector.connect(vault.socket(&Verb::NAMES)).unwrap();
        vault
    }

    /// A new connection for a caller that may ask `verbs`.
    pub(crate) fn socket(&self, verbs: &[&str]) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let message = Introduction::new("test", verbs).to_bytes().unwrap();
        self.control.send(&message, Some(theirs.as_fd())).unwrap();
        ours
    }

    pub(crate) fn client(&self, verbs: &[&str]) -> (Client, Connector) {
        let (client, connector) = Client::new();
        connector.connect(self.socket(verbs)).unwrap();
        (client, connector)
    }

    pub(crate) async fn ask(&self, verb: Verb) -> Result<Reply, Error> {
        self.client.ask(verb, PATIENCE).await
    }

    /// Makes the first keyring.
    pub(crate) async fn create(&self) -> Vec<u8> {
        match self.ask(Verb::Unlock { keyring: None }).await.unwrap() {
            Reply::Unlocked { created: Some(keyring), .. } => keyring,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn unlock(&self, keyring: &[u8]) -> Result<(), Error> {
        self.ask(Verb::Unlock { keyring: Some(keyring.to_vec()) }).await.map(drop)
    }

    pub(crate) async fn status(&self) -> Status {
        match self.ask(Verb::Status).await.unwrap() {
            Reply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn public_keys(&self) -> PublicKeys {
        match self.ask(Verb::PublicKeys).await.unwrap() {
            Reply::PublicKeys(keys) => keys,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn now(&self) -> i64 {
        self.status().await.now_millis / 1000
    }

    /// Provisions a key for authenticator number `number`.
    pub(crate) async fn provision(&self, number: u8, params: Params) -> Enrolled {
        let binding = binding(number);
        let reply = self.ask(Verb::Provision(question(binding, params, Qr::None))).await.unwrap();
        let Reply::Provisioned { blob, view: View::Open { uri, .. } } = reply else { panic!("{reply:?}") };
        let uri = Otpauth::parse(std::str::from_utf8(&uri.0).unwrap()).unwrap();
        assert_eq!(uri.params, params);
        Enrolled { candidate: OtpCandidate { binding, params, blob, last_step: 0 }, key: uri.key.to_vec() }
    }

    pub(crate) async fn check(&self, enrolled: &Enrolled, code: &str) -> Result<Outcome, Error> {
        self.check_all(vec![enrolled.candidate.clone()], code).await
    }

    pub(crate) async fn check_all(&self, candidates: Vec<OtpCandidate>, code: &str) -> Result<Outcome, Error> {
        match self.ask(check_otp(candidates, code)).await? {
            Reply::Checked { outcome, assertion: None } => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn resynchronize(
        &self,
        candidate: Option<OtpCandidate>,
        codes: [&str; 2],
        window: u16,
    ) -> Result<Outcome, Error> {
        let codes = codes.map(|code| Secret(code.as_bytes().to_vec()));
        match self.ask(Verb::Resynchronize(Resynchronize { candidate, codes, window })).await? {
            Reply::Checked { outcome, assertion: None } => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn move_clock(&self, by_millis: i64, passed: bool) {
        self.ask(Verb::MoveClock { by_millis, passed }).await.unwrap();
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a person has after enrolling, and what the store has.
pub(crate) struct Enrolled {
    pub(crate) candidate: OtpCandidate,
    pub(crate) key: Vec<u8>,
}

impl Enrolled {
    pub(crate) fn code(&self, step: i64) -> String {
        self.candidate.params.code(&self.key, step).as_str().to_owned()
    }

    /// The step of a code that is right at that time: the first one, where steps are counted.
    pub(crate) fn step(&self, now: i64) -> i64 {
        self.candidate.params.step_at(now).max(1)
    }

    /// A code that is wrong at any step near `now`.
    pub(crate) fn wrong(&self, now: i64) -> String {
        let step = self.step(now);
        let near: Vec<String> = (step - 5..step + 25).map(|step| self.code(step)).collect();
        (0..100_u32).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

pub(crate) fn check_otp(candidates: Vec<OtpCandidate>, code: &str) -> Verb {
    let code = Secret(code.as_bytes().to_vec());
    Verb::CheckOtp(CheckOtp { candidates, code, drift: 1, look_ahead: 10, assertion: None })
}

pub(crate) fn binding(number: u8) -> Binding {
    Binding { user: [number; 16], device: [number ^ 0x55; 16], authenticator: [number ^ 0xaa; 16], generation: 1 }
}

pub(crate) fn question(binding: Binding, params: Params, qr: Qr) -> Provision {
    Provision { binding, params, issuer: "Example".to_owned(), account: "ada".to_owned(), qr, recipient: None }
}

pub(crate) fn every_params() -> Vec<Params> {
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        for digits in [6, 8] {
            for period in [30, 60] {
                all.push(Params::new(algorithm, digits, period).unwrap());
            }
            all.push(Params::counted(algorithm, digits).unwrap());
        }
    }
    all
}
