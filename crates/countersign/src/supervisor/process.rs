//! The two processes: how each is started, spoken to and ended.

use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::time::Instant;
use vault_proto::control::{Control, Introduction, pair, spawn};

use crate::config::{Database, RootKey, Secret, Settings};
use crate::failure::{Failure, describe};

/// How long a process may live on once it closed its control socket.
const LINGERING: Duration = Duration::from_secs(2);

/// A process that is under way.
#[derive(Debug)]
pub(crate) struct Process {
    /// The supervisor's end of the control socket.
    pub(crate) control: Control,
    /// When it was started.
    pub(crate) started: Instant,
    /// Whether it has been given its end of the pair between server and vault.
    pub(crate) introduced: bool,
    hung_up: Option<Instant>,
    child: Child,
    stderr: Option<Relay>,
}

/// Passes on what a process logs on standard error, and remembers the last line that is no log.
#[derive(Debug)]
struct Relay {
    thread: JoinHandle<()>,
    last: Arc<Mutex<String>>,
}

impl Process {
    /// Starts the server process: this very program again.
    pub(crate) fn server(settings: &Settings) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::defect(format!("the program's own file is not found ({})", describe(&error))))?;
        let mut command = Command::new(&program);
        command.arg("serve-process").stdin(Stdio::null()).stdout(Stdio::null());
        // The server never needs the root key, so it does not get it (law 1).
        if let RootKey::Environment(name) | RootKey::Passphrase(name) = &settings.root_key {
            command.env_remove(name);
        }
        // What does not fit into memory while SQLite sorts goes beside the database: nowhere else may it write.
        if let Database::Sqlite(file) = &settings.database
            && let Some(folder) = file.parent().and_then(|folder| std::path::absolute(folder).ok())
        {
            command.env("SQLITE_TMPDIR", folder);
        }
        Self::start(command, &program, false)
    }

    /// Starts the vault, with nothing of the environment. A root key that a variable held is handed to it over its
    /// control socket: an environment stands in memory in more places than can be wiped.
    pub(crate) fn vault(start: &VaultStart<'_>) -> Result<Self, Failure> {
        let mut command = Command::new(start.program);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.arg("--root-key").arg(start.root_key.to_string());
        if let Some(id) = start.expected {
            command.arg("--expect-root-key").arg(id);
        } else if start.create {
            command.arg("--create-root-key");
        }
        if let Some(next) = &start.next {
            command.arg("--next-root-key").arg(next.root_key.to_string());
        }
        if start.movable_clock {
            command.arg("--movable-clock");
        }
        let vault = Self::start(command, start.program, true)?;
        let next = start.next.as_ref().and_then(|next| next.handed);
        for secret in start.handed.into_iter().chain(next) {
            // If it is gone already, that is noticed, and it says why.
            let _ = vault.control.send(secret.as_bytes(), None);
        }
        Ok(vault)
    }

    fn start(mut command: Command, program: &Path, relayed: bool) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::unavailable(format!(
                "{} cannot be started ({}): it belongs beside countersign",
                program.display(),
                describe(&error)
            ))
        };
        // A group of its own: Ctrl-C at the terminal is for the supervisor, which ends the two in order.
        command.process_group(0);
        let (control, end) = pair().map_err(failed)?;
        let mut child = spawn(command, end).map_err(failed)?;
        control.set_nonblocking(true).map_err(failed)?;
        let stderr = child.stderr.take().filter(|_| relayed).map(Relay::start);
        Ok(Self { control, started: Instant::now(), introduced: false, hung_up: None, child, stderr })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it closed its end of the control socket, which it does as it ends. One that lives on for long after
    /// that is made to end.
    pub(crate) fn has_hung_up(&mut self) -> bool {
        if let Some(since) = self.hung_up {
            if since.elapsed() >= LINGERING {
                self.signal(Signal::KILL);
            }
            return true;
        }
        let mut watched = [PollFd::from_borrowed_fd(self.control.as_fd(), PollFlags::empty())];
        let seen = poll(&mut watched, Some(&Timespec::default()));
        if seen.is_ok_and(|count| count > 0) {
            self.hung_up = Some(Instant::now());
        }
        self.hung_up.is_some()
    }

    /// When to look again whether it has ended, if it hung up.
    pub(crate) fn lingers_until(&self) -> Option<Instant> {
        self.hung_up.map(|since| since + LINGERING)
    }

    /// How it ends, if it does within this time.
    pub(crate) fn ends_within(&mut self, span: Duration) -> Option<ExitStatus> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)?;
        let ending = rustix::process::pidfd_open(id, PidfdFlags::empty()).ok()?;
        let deadline = Instant::now() + span;
        loop {
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok()?;
            let mut watched = [PollFd::from_borrowed_fd(ending.as_fd(), PollFlags::IN)];
            // The end of the other process interrupts it.
            if poll(&mut watched, Some(&left)) != Err(rustix::io::Errno::INTR) {
                return self.ended();
            }
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end (SIGTERM), or makes it (SIGKILL).
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended meanwhile; that is what was wanted.
            let _ = rustix::process::kill_process(id, signal);
        }
    }

    /// The last line that it said on standard error; only after it has ended.
    pub(crate) fn last_words(&mut self) -> String {
        let Some(relay) = self.stderr.take() else { return String::new() };
        let _ = relay.thread.join();
        relay.last.lock().map(|last| last.clone()).unwrap_or_default()
    }

    /// Closes the control socket, at which it ends.
    pub(crate) fn hang_up(&self) {
        let _ = rustix::net::shutdown(&self.control, rustix::net::Shutdown::Both);
    }

    /// Waits for it to end.
    pub(crate) fn wait(self) {
        let Self { mut child, stderr, .. } = self;
        let _ = child.wait();
        if let Some(relay) = stderr {
            let _ = relay.thread.join();
        }
    }
}

/// How to start a vault.
#[derive(Debug)]
pub(crate) struct VaultStart<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Where it has its root key from.
    pub(crate) root_key: &'a RootKey,
    /// The root key or its passphrase, where a variable held it.
    pub(crate) handed: Option<&'a Secret>,
    /// The id of the root key that the store was sealed with, where it is known.
    pub(crate) expected: Option<&'a str>,
    /// Whether to make the root key where there is none.
    pub(crate) create: bool,
    /// The root key that is to take its place.
    pub(crate) next: Option<NextRootKey<'a>>,
    /// Whether its clock can be moved.
    pub(crate) movable_clock: bool,
}

/// A root key that is to take the place of another. A file that is not there is made.
#[derive(Debug)]
pub(crate) struct NextRootKey<'a> {
    /// Where it is had from.
    pub(crate) root_key: &'a RootKey,
    /// The root key or its passphrase, where a variable held it.
    pub(crate) handed: Option<&'a Secret>,
}

impl Relay {
    fn start(from: std::process::ChildStderr) -> Self {
        let last = Arc::new(Mutex::new(String::new()));
        let remembered = Arc::clone(&last);
        let thread = std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if pass_on(&line) {
                    continue;
                }
                // Plain text is what it says when it cannot go on; how it ended decides who says it to whom.
                if let Ok(mut last) = remembered.lock() {
                    line.strip_prefix("countersign-vault: ").unwrap_or(&line).clone_into(&mut last);
                }
            }
        });
        Self { thread, last }
    }
}

/// Passes a line of the vault's log on to ours, in the format that ours has; `false` if it is none.
fn pass_on(line: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Line {
        level: String,
        message: String,
    }
    let Ok(Line { level, message }) = serde_json::from_str(line) else { return false };
    if level == "info" {
        tracing::info!("vault: {message}");
    } else {
        tracing::warn!("vault: {message}");
    }
    true
}

/// Gives vault and server the two ends of a new socket pair.
///
/// # Errors
/// Where one of the two is gone; it is then noticed as such and started anew.
pub(crate) fn introduce(server: &Control, vault: &Control, movable_clock: bool) -> std::io::Result<()> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (asking, answering): (OwnedFd, OwnedFd) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let caller = Introduction::new("server", &verbs_of_server(movable_clock));
    vault.send(&caller.to_bytes()?, Some(answering.as_fd()))?;
    server.send(&super::message::encode(&super::message::ToServer::Vault)?, Some(asking.as_fd()))
}

/// What a server asks, and no more: it seals and opens nothing of its own choosing (T-28). What it verifies itself it has
/// assertions signed for (ADR 9).
fn verbs_of_server(movable_clock: bool) -> Vec<&'static str> {
    let mut verbs = vec![
        "unlock",
        "provision",
        "check_otp",
        "resynchronize",
        "issue_backup_codes",
        "check_backup_code",
        "issue_code",
        "check_code",
        "sign",
        "public_keys",
        "rewrap",
        "import_tokens",
        "assign_token",
        "rewrap_token",
        "rotate_keys",
        "retire_keys",
        "status",
    ];
    if movable_clock {
        verbs.push("move_clock");
    }
    verbs
}

/// The vault's program: the one that was named, or the one beside this program.
pub(crate) fn vault_program(named: Option<&Path>) -> PathBuf {
    let beside = || std::env::current_exe().ok()?.parent().map(|folder| folder.join("countersign-vault"));
    named.map(Path::to_owned).or_else(beside).unwrap_or_else(|| PathBuf::from("countersign-vault"))
}

/// How a process ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown reasons".to_owned(),
    }
}

/// Keeps settings as the supervisor changes them: the port that was found stays.
pub(crate) fn pin(settings: &mut Settings, socket: std::net::SocketAddr) {
    settings.listen.set_port(socket.port());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t28_a_server_may_ask_only_what_it_has_to() {
        let verbs = verbs_of_server(false);
        assert!(verbs.iter().all(|verb| vault_proto::Verb::NAMES.contains(verb)));
        for verb in ["seal", "open", "move_clock", "change_root_key"] {
            assert!(!verbs.contains(&verb), "{verb}");
        }
        assert!(verbs_of_server(true).contains(&"move_clock"));
    }
}
