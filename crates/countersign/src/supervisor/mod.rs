//! The supervisor: starts vault and server, introduces them, starts again what dies, and does nothing else.
//!
//! It blocks in `poll(2)` and holds next to no memory. What it waits for: a signal, a message from the server,
//! and either process going away, which closes its control socket.

mod backoff;
mod lone_vault;
pub(crate) mod message;
mod process;

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backoff::Backoff;
pub(crate) use lone_vault::LoneVault;
use message::{FromServer, ToServer, decode, encode, settings_file};
pub(crate) use process::{NextRootKey, VaultStart, vault_program};
use process::{Process, ending, introduce, pin};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use tokio::time::Instant;

use crate::config::{Secret, Settings};
use crate::failure::Failure;

/// How long the server may take to finish what is under way.
const DRAIN: Duration = Duration::from_secs(30);
/// How long a vault that gave up may take to say why.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Vault crashes in a row after which a start is given up.
const HOPELESS: u32 = 3;
/// The exit code by which the vault says that its configuration does not hold.
const VAULT_CONFIGURATION: i32 = 78;

/// What is supervised.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The settings.
    pub(crate) settings: Settings,
    /// The vault's program.
    pub(crate) vault_program: PathBuf,
    /// Whether the clock can be moved.
    pub(crate) movable_clock: bool,
    /// The root key or its passphrase, where a variable held it: for each vault that is started, and nobody else.
    pub(crate) root_key: Option<Secret>,
}

/// What the first start led to.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Where the server answers, as a URL.
    pub(crate) address: String,
    /// The first administrator's key, at first start.
    pub(crate) administrator_key: Option<String>,
    /// The vault's process id.
    pub(crate) vault_pid: u32,
    /// The server's process id.
    pub(crate) server_pid: u32,
}

/// Starts vault and server, calls `when_ready` once they answer, and keeps them going until a signal.
///
/// # Errors
/// Where they cannot be started: in one line, with what to do.
pub(crate) fn supervise(plan: Plan, when_ready: impl FnMut(&Ready) -> Result<(), Failure>) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let mut supervisor = Supervisor::new(plan, when_ready)?;
    let outcome = supervisor.run(&signals);
    supervisor.end(&signals);
    outcome
}

/// What the supervisor holds may be the root key and a database password: no other process reads them, no core has them.
pub(crate) fn close_memory() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

struct Supervisor<F> {
    plan: Plan,
    when_ready: F,
    was_ready: bool,
    /// The id of the root key that the store was sealed with, as the server said; no vault is started before.
    root_key: Option<String>,
    server: Seat,
    vault: Seat,
}

/// The place of one of the two processes.
#[derive(Default)]
struct Seat {
    process: Option<Process>,
    backoff: Backoff,
    start_at: Option<Instant>,
}

impl Seat {
    fn is_due(&self, now: Instant) -> bool {
        self.process.is_none() && self.start_at.is_some_and(|at| at <= now)
    }

    fn take(&mut self, process: Process) {
        self.process = Some(process);
        self.start_at = None;
    }
}

impl<F: FnMut(&Ready) -> Result<(), Failure>> Supervisor<F> {
    fn new(plan: Plan, when_ready: F) -> Result<Self, Failure> {
        close_memory();
        let mut supervisor = Self {
            plan,
            when_ready,
            was_ready: false,
            root_key: None,
            server: Seat::default(),
            vault: Seat::default(),
        };
        supervisor.start_server()?;
        Ok(supervisor)
    }

    fn run(&mut self, signals: &Signals) -> Result<(), Failure> {
        loop {
            self.wait(signals)?;
            if signals.were_to_end() {
                return Ok(());
            }
            while let Some(message) = self.server.process.as_ref().and_then(next_message) {
                self.heed(message)?;
            }
            self.notice_the_dead()?;
            let now = Instant::now();
            if self.vault.is_due(now) {
                self.start_vault()?;
            }
            if self.server.is_due(now) {
                self.start_server()?;
            }
        }
    }

    /// Until there is a signal, a message, or a process to be started.
    fn wait(&mut self, signals: &Signals) -> Result<(), Failure> {
        let now = Instant::now();
        let mut due: Vec<Instant> = [&self.server, &self.vault].into_iter().filter_map(|seat| seat.start_at).collect();
        let mut watched = vec![PollFd::from_borrowed_fd(signals.woken.as_fd(), PollFlags::IN)];
        for process in [&mut self.server, &mut self.vault].into_iter().filter_map(|seat| seat.process.as_mut()) {
            // Who hung up would wake this up for ever; its end comes as SIGCHLD.
            if process.has_hung_up() {
                due.extend(process.lingers_until());
            } else {
                watched.push(PollFd::from_borrowed_fd(process.control.as_fd(), PollFlags::IN));
            }
        }
        let span = due.into_iter().min().map(|at| at.saturating_duration_since(now));
        let timeout = span.and_then(|span| Timespec::try_from(span).ok());
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::defect(format!("the supervisor cannot wait ({error})"))),
        }
        signals.forget_wakes();
        Ok(())
    }

    fn heed(&mut self, message: FromServer) -> Result<(), Failure> {
        match message {
            FromServer::Keyring { root_key_id } => {
                self.root_key = root_key_id;
                match &self.vault.process {
                    None if self.vault.start_at.is_none() => self.start_vault()?,
                    None => {}
                    Some(_) if self.was_introduced() => {}
                    Some(_) => self.introduce(),
                }
                Ok(())
            }
            FromServer::Ready { address, socket, administrator_key } => {
                pin(&mut self.plan.settings, socket);
                self.ready(address, administrator_key)
            }
            FromServer::Fatal { message, .. } if self.was_ready => {
                tracing::error!("the server cannot start again: {message}");
                Ok(())
            }
            FromServer::Fatal { message, reason } => {
                Err(self.vaults_own_reason().unwrap_or_else(|| Failure::new(reason, message)))
            }
        }
    }

    /// Why the vault gave up, if it did: then the server only knows that it is gone, or that nothing fits.
    fn vaults_own_reason(&mut self) -> Option<Failure> {
        let vault = self.vault.process.as_mut()?;
        let status = vault.ends_within(LAST_WORDS)?;
        let gave_up = status.code() == Some(VAULT_CONFIGURATION);
        gave_up.then(|| Failure::configuration(vault.last_words()))
    }

    /// Whether the present server has been given the present vault.
    fn was_introduced(&self) -> bool {
        self.server.process.as_ref().is_some_and(|server| server.introduced)
    }

    fn introduce(&mut self) {
        if let (Some(server), Some(vault)) = (&mut self.server.process, &self.vault.process) {
            // If it fails one of the two is gone, and its successor is introduced.
            server.introduced = introduce(&server.control, &vault.control, self.plan.movable_clock).is_ok();
        }
    }

    fn ready(&mut self, address: String, administrator_key: Option<String>) -> Result<(), Failure> {
        if self.was_ready {
            tracing::info!("the server answers again");
            return Ok(());
        }
        self.was_ready = true;
        let id = |seat: &Seat| seat.process.as_ref().map_or(0, Process::id);
        let ready = Ready { address, administrator_key, vault_pid: id(&self.vault), server_pid: id(&self.server) };
        (self.when_ready)(&ready)
    }

    fn start_server(&mut self) -> Result<(), Failure> {
        let process = Process::server(&self.plan.settings)?;
        let start = ToServer::Start { movable_clock: self.plan.movable_clock };
        settings_file(&self.plan.settings)
            .and_then(|settings| process.control.send(&encode(&start)?, Some(settings.as_fd())))
            .map_err(|error| Failure::defect(format!("the server process does not listen ({error})")))?;
        self.server.take(process);
        Ok(())
    }

    fn start_vault(&mut self) -> Result<(), Failure> {
        let expected = self.root_key.as_deref();
        let process = Process::vault(&VaultStart {
            program: &self.plan.vault_program,
            root_key: &self.plan.settings.root_key,
            handed: self.plan.root_key.as_ref(),
            expected,
            create: expected.is_none(),
            next: None,
            movable_clock: self.plan.movable_clock,
        })?;
        self.vault.take(process);
        self.introduce();
        Ok(())
    }

    fn notice_the_dead(&mut self) -> Result<(), Failure> {
        if let Some((status, words)) = bury(&mut self.vault, "vault", self.was_ready) {
            if status.code() == Some(VAULT_CONFIGURATION) {
                return Err(Failure::configuration(words));
            }
            if !self.was_ready && self.vault.backoff.crashes() >= HOPELESS {
                return Err(Failure::defect(format!("the vault does not start ({}): {words}", ending(status))));
            }
        }
        // Its last message may have come after the last look.
        while let Some(message) = self.server.process.as_ref().and_then(next_message) {
            self.heed(message)?;
        }
        if let Some((status, _)) = bury(&mut self.server, "server", self.was_ready)
            && !self.was_ready
        {
            return Err(Failure::defect(format!("the server ended before it was ready ({})", ending(status))));
        }
        Ok(())
    }

    /// Ends both, the server first: the vault answers until the server needs it no more.
    fn end(&mut self, signals: &Signals) {
        if let Some(mut server) = self.server.process.take() {
            server.signal(Signal::TERM);
            let deadline = Instant::now() + DRAIN;
            while server.ended().is_none() && Instant::now() < deadline && !signals.were_to_end() {
                signals.wait_for(Duration::from_millis(200));
            }
            server.signal(Signal::KILL);
            server.wait();
        }
        if let Some(mut vault) = self.vault.process.take() {
            vault.hang_up();
            let deadline = Instant::now() + Duration::from_secs(5);
            while vault.ended().is_none() && Instant::now() < deadline {
                signals.wait_for(Duration::from_millis(50));
            }
            vault.signal(Signal::KILL);
            vault.wait();
        }
    }
}

/// If the seat's process has ended: how, what it last said, and when to start the next one.
fn bury(seat: &mut Seat, name: &str, log: bool) -> Option<(std::process::ExitStatus, String)> {
    let status = seat.process.as_mut()?.ended()?;
    let mut process = seat.process.take()?;
    let now = Instant::now();
    let wait = seat.backoff.after_crash(process.started, now);
    seat.start_at = Some(now + wait);
    let words = process.last_words();
    if log {
        tracing::error!(
            process = name,
            pid = process.id(),
            crashes = seat.backoff.crashes(),
            "the {name} died ({}{}{words}) and is started again {}",
            ending(status),
            if words.is_empty() { "" } else { ": " },
            if wait.is_zero() { "now".to_owned() } else { format!("in {} ms", wait.as_millis()) }
        );
    }
    Some((status, words))
}

/// The next message of the server, if one is there and makes sense.
fn next_message(server: &Process) -> Option<FromServer> {
    server.control.receive().ok().flatten().and_then(|message| decode(&message).ok())
}

/// Signals as something that can be waited for.
struct Signals {
    woken: UnixStream,
    asked: Arc<AtomicBool>,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::defect(format!("signals cannot be listened to ({error})"));
        let (woken, waking) = UnixStream::pair().map_err(failed)?;
        woken.set_nonblocking(true).map_err(failed)?;
        let asked = Arc::new(AtomicBool::new(false));
        // The flag before the pipe: whoever is woken looks at the flag.
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&asked)).map_err(failed)?;
        }
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGCHLD] {
            let waking = waking.try_clone().map_err(failed)?;
            signal_hook::low_level::pipe::register(signal, waking).map_err(failed)?;
        }
        Ok(Self { woken, asked })
    }

    /// Whether somebody asked for the end since the last time.
    fn were_to_end(&self) -> bool {
        self.asked.swap(false, Ordering::SeqCst)
    }

    /// Waits for a signal, `span` at most.
    fn wait_for(&self, span: Duration) {
        self.forget_wakes();
        let mut watched = [PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN)];
        let _ = poll(&mut watched, Timespec::try_from(span).ok().as_ref());
    }

    fn forget_wakes(&self) {
        let mut wakes = [0; 64];
        while (&self.woken).read(&mut wakes).is_ok_and(|count| count > 0) {}
    }
}
