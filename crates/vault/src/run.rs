//! Start and end: the order in which the vault gets hold of its key and gives up everything else.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Barrier, Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use vault_proto::control::{self, Control, Introduction, Message};
use zeroize::Zeroizing;

use crate::args::{self, Args};
use crate::memory::Resident;
use crate::root_key::Origin;
use crate::sandbox::{self, Report};
use crate::serve::{self, Connection, Queue};
use crate::service::{Service, Settings};
use crate::{crypto, log};

/// `EX_CONFIG` of sysexits(3): the supervisor does not try again.
const EXIT_CONFIGURATION: u8 = 78;
const EXIT_FAILURE: u8 = 1;

const WORKERS: usize = 2;
/// Connections at a time: each has its reader from the start, since no thread can be made later.
const READERS: usize = 8;
const STACK_BYTES: usize = 512 * 1024;
const TICK: Duration = Duration::from_secs(1);

/// Runs the vault until its control socket ends.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match args::parse(arguments) {
        Ok(args) => start(&args),
        Err(message) => fail(EXIT_CONFIGURATION, &message),
    }
}

/// One plain line on standard error, which the supervisor shows to whoever started it.
#[allow(clippy::print_stderr, reason = "the one thing that is said to a person rather than to the log")]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("countersign-vault: {message}");
    ExitCode::from(code)
}

fn start(args: &Args) -> ExitCode {
    abort_on_panic();
    let Ok(control) = control::inherited() else {
        return fail(
            EXIT_CONFIGURATION,
            "this program is started by `countersign serve`, which gives it a control socket as file descriptor 3; there is none",
        );
    };
    let mut report = Report::default();
    sandbox::before_the_key(&mut report);
    let resident = Resident::open();
    let origin = match Origin::load(args, || handed(&control)) {
        Ok(origin) => origin,
        Err(message) => return fail(EXIT_CONFIGURATION, &message),
    };
    let next = match Origin::load_next(args, || handed(&control)) {
        Ok(next) => next,
        Err(message) => return fail(EXIT_CONFIGURATION, &message),
    };
    if let Err(refusal) = crypto::warm_up() {
        return fail(EXIT_FAILURE, &refusal.to_string());
    }
    sandbox::after_the_key(&mut report);
    let settings = Settings {
        root_key_source: args.root_key.name(),
        keyring_exists: args.expect_root_key.is_some(),
        movable_clock: args.movable_clock,
        resident,
    };
    let service = Arc::new(Service::new(origin, next, settings));
    let lobby = Arc::new(Lobby::default());
    if let Err(error) = spawn_threads(&service, &lobby) {
        return fail(EXIT_FAILURE, &format!("no thread could be started: {error}"));
    }
    sandbox::when_threads_run(&mut report);
    service.report(report.into_steps());
    match listen(&control, &lobby) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILURE, &format!("the control socket failed: {error}")),
    }
}

/// The next secret that the supervisor hands over: the value of the variable that the arguments name.
fn handed(control: &Control) -> Option<Zeroizing<String>> {
    let message = control.receive().ok()??;
    String::from_utf8(message.bytes).ok().map(Zeroizing::new)
}

/// A defect ends the process rather than a thread: the supervisor starts a new one, and nothing goes on half. What the
/// panic says may hold anything, so only its place is told.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log::warn(&format!("a defect at {place}: the vault ends"));
        std::process::abort();
    }));
}

/// Starts every thread, and waits until all of them run: what the system does to start one is not allowed later.
fn spawn_threads(service: &Arc<Service>, lobby: &Arc<Lobby>) -> std::io::Result<()> {
    let queue = Arc::new(Queue::default());
    let running = Arc::new(Barrier::new(WORKERS + READERS + 2));
    let thread = |name: &str| Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    for _ in 0..WORKERS {
        let (service, queue, running) = (Arc::clone(service), Arc::clone(&queue), Arc::clone(&running));
        thread("worker").spawn(move || {
            running.wait();
            serve::work(&service, &queue);
        })?;
    }
    for _ in 0..READERS {
        let (lobby, queue, running) = (Arc::clone(lobby), Arc::clone(&queue), Arc::clone(&running));
        thread("reader").spawn(move || {
            running.wait();
            loop {
                serve::read(&lobby.next(), &queue);
            }
        })?;
    }
    let (service, others) = (Arc::clone(service), Arc::clone(&running));
    thread("clock").spawn(move || {
        others.wait();
        let (never, turn) = (Condvar::new(), Mutex::new(()));
        loop {
            drop(never.wait_timeout(turn.lock().unwrap_or_else(PoisonError::into_inner), TICK));
            service.tick();
        }
    })?;
    running.wait();
    Ok(())
}

/// Takes callers from the control socket until it ends.
fn listen(control: &Control, lobby: &Lobby) -> std::io::Result<()> {
    while let Some(message) = control.receive()? {
        match admit(message) {
            Ok(connection) => lobby.add(connection),
            Err(error) => log::warn(&format!("a connection was refused: {error}")),
        }
    }
    Ok(())
}

fn admit(message: Message) -> std::io::Result<Connection> {
    let introduction = Introduction::from_bytes(&message.bytes).ok_or(std::io::ErrorKind::InvalidData)?;
    let socket = message.fd.ok_or(std::io::ErrorKind::InvalidData)?;
    log::info(&format!("connection of {}", introduction.caller));
    Connection::new(introduction, UnixStream::from(socket))
}

/// Where connections wait for a reader.
#[derive(Default)]
struct Lobby {
    waiting: Mutex<Vec<Connection>>,
    came: Condvar,
}

impl Lobby {
    fn add(&self, connection: Connection) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= READERS {
            log::warn("a connection was refused: too many are open");
            return;
        }
        waiting.push(connection);
        self.came.notify_one();
    }

    fn next(&self) -> Arc<Connection> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.came.wait_while(waiting, |list| list.is_empty()).unwrap_or_else(PoisonError::into_inner);
        // Not empty: `wait_while` saw to that, and the lock has been held since.
        Arc::new(waiting.remove(0))
    }
}
