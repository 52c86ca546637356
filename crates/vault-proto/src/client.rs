//! The asking side, on tokio: many questions in flight on one socket.
//!
//! Askers write their frames into one buffer; a task writes out whatever has gathered there, and another hands
//! out the answers of each read. So the system calls are shared by all who ask at the same time.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot};
use zeroize::Zeroize;

use crate::frame::{FrameError, Incoming, MAX_ANSWER, NO_ID, boot_millis, read_answer, write_question};
use crate::{Refusal, Reply, Verb};

/// Questions in flight at once.
const CAPACITY: usize = 4096;

/// Bytes that may wait to be written, for a vault that has stopped reading while askers come and give up.
const MAX_OUTGOING: usize = 4 * 1024 * 1024;

/// Asks the vault. Clones share the connection; when the vault is restarted the next connection takes over.
#[derive(Clone, Debug)]
pub struct Client(Arc<Slot>);

/// Hands a [`Client`] the socket of each vault that is started.
#[derive(Debug)]
pub struct Connector(Arc<Slot>);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The vault is not there: died, restarting, or its connection broke with the question under way.
    #[error("the vault is not there")]
    Down,
    /// Too many questions are in flight.
    #[error("the vault is busy")]
    Busy,
    /// No answer within the deadline.
    #[error("the vault did not answer in time")]
    TimedOut,
    /// The vault refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Client {
    /// A client with no vault yet, and what gives it one.
    #[allow(clippy::new_ret_no_self, reason = "a client without its connector could never ask")]
    pub fn new() -> (Self, Connector) {
        let slot = Arc::new(Slot::default());
        (Self(Arc::clone(&slot)), Connector(slot))
    }

    /// Asks, and waits for the answer, `within` at most. Dropping the future takes the question back: the vault may
    /// still have answered it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ask(&self, verb: Verb, within: Duration) -> Result<Reply, Error> {
        let link = self.0.current().ok_or(Error::Down)?;
        let mut ticket = Link::post(&link, &verb, within)?;
        // What the question holds need not wait for the answer.
        drop(verb);
        match tokio::time::timeout(within, &mut ticket.answer).await {
            Ok(Ok(answer)) => Ok(answer?),
            Ok(Err(_)) => Err(Error::Down),
            Err(_) => Err(Error::TimedOut),
        }
    }

    /// Whether a vault is connected.
    pub fn is_connected(&self) -> bool {
        self.0.current().is_some_and(|link| link.state().open)
    }
}

impl Connector {
    /// From here on questions go to the vault at the other end of `socket`; those in flight on an older one fail
    /// with [`Error::Down`]. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// Those of registering the socket.
    pub fn connect(&self, socket: StdStream) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(socket)?.into_split();
        let link = Arc::new(Link::default());
        tokio::spawn(write_questions(Arc::clone(&link), writer));
        tokio::spawn(read_answers(Arc::clone(&link), reader));
        if let Some(older) = self.0.replace(Some(link)) {
            older.close(None);
        }
        Ok(())
    }

    /// From here on there is no vault, until the next [`connect`](Self::connect).
    pub fn disconnect(&self) {
        if let Some(older) = self.0.replace(None) {
            older.close(None);
        }
    }
}

/// The connection of the present vault.
#[derive(Debug, Default)]
struct Slot(RwLock<Option<Arc<Link>>>);

impl Slot {
    fn current(&self) -> Option<Arc<Link>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, link: Option<Arc<Link>>) -> Option<Arc<Link>> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), link)
    }
}

/// One connection.
#[derive(Debug, Default)]
struct Link {
    state: Mutex<State>,
    /// Told when the buffer is no longer empty, and when the connection is closed.
    work: Notify,
    /// Told when the connection is closed.
    closed: Notify,
}

struct State {
    open: bool,
    last_id: u64,
    /// Frames to be written.
    outgoing: Vec<u8>,
    in_flight: HashMap<u64, oneshot::Sender<Answer>, RandomState>,
}

type Answer = Result<Reply, Refusal>;

impl Default for State {
    fn default() -> Self {
        Self { open: true, last_id: NO_ID, outgoing: Vec::new(), in_flight: HashMap::default() }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("open", &self.open)
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a question among those to be written.
    fn post(link: &Arc<Self>, verb: &Verb, within: Duration) -> Result<Ticket, Error> {
        let span = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let deadline = boot_millis().saturating_add(span);
        let (sender, answer) = oneshot::channel();
        let mut state = link.state();
        if !state.open {
            return Err(Error::Down);
        }
        if state.in_flight.len() >= CAPACITY || state.outgoing.len() >= MAX_OUTGOING {
            return Err(Error::Busy);
        }
        state.last_id += 1;
        let id = state.last_id;
        let was_empty = state.outgoing.is_empty();
        if write_question(&mut state.outgoing, id, deadline, verb).is_err() {
            return Err(Error::Refused(Refusal::Malformed("the question is too long".to_owned())));
        }
        state.in_flight.insert(id, sender);
        drop(state);
        if was_empty {
            link.work.notify_one();
        }
        Ok(Ticket { link: Arc::clone(link), id, answer })
    }

    /// Takes what is to be written, leaving `spare` in its place; `None` once the connection is closed.
    fn take_outgoing(&self, spare: Vec<u8>) -> Option<Vec<u8>> {
        let mut state = self.state();
        state.open.then(|| std::mem::replace(&mut state.outgoing, spare))
    }

    /// Fails everything in flight: with what the vault said about the connection as a whole, or as [`Error::Down`].
    fn close(&self, said: Option<&Refusal>) {
        let mut state = self.state();
        state.open = false;
        state.outgoing.zeroize();
        let waiting = std::mem::take(&mut state.in_flight);
        drop(state);
        if let Some(refusal) = said {
            for sender in waiting.into_values() {
                let _ = sender.send(Err(refusal.clone()));
            }
        }
        self.work.notify_one();
        self.closed.notify_one();
    }
}

/// A question in flight: taken back when dropped.
struct Ticket {
    link: Arc<Link>,
    id: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Answered questions have left the map already, and an answer closes the channel.
        if !self.answer.is_terminated() {
            self.link.state().in_flight.remove(&self.id);
        }
    }
}

/// Writes out whatever has gathered, all of it in one write.
async fn write_questions(link: Arc<Link>, mut socket: OwnedWriteHalf) {
    let mut spare = Vec::new();
    loop {
        link.work.notified().await;
        loop {
            // Whoever else is ready to ask gets to do so first: their questions then share the write.
            tokio::task::yield_now().await;
            let Some(mut frames) = link.take_outgoing(spare) else { return };
            let written = if frames.is_empty() { Ok(()) } else { socket.write_all(&frames).await };
            let done = frames.is_empty();
            // Not the room that was not used: it is wiped already.
            frames.as_mut_slice().zeroize();
            frames.clear();
            spare = frames;
            if written.is_err() {
                link.close(None);
                return;
            }
            if done {
                break;
            }
        }
    }
}

/// Hands out the answers of each read, until the connection breaks or is replaced.
async fn read_answers(link: Arc<Link>, mut socket: OwnedReadHalf) {
    let mut incoming = Incoming::new(MAX_ANSWER);
    loop {
        let read = tokio::select! {
            read = socket.read(incoming.space()) => read,
            () = link.closed.notified() => return,
        };
        match read {
            Ok(count) if count > 0 => incoming.filled(count),
            _ => return link.close(None),
        }
        if let Err(said) = hand_out(&link, &mut incoming) {
            return link.close(said.as_ref());
        }
    }
}

/// Hands out what has come. The error is why the connection cannot go on, with what the vault said, if anything.
fn hand_out(link: &Link, incoming: &mut Incoming) -> Result<(), Option<Refusal>> {
    let mut answers = Vec::new();
    loop {
        let body = incoming.next_frame().map_err(|_| None)?;
        let Some(body) = body else { break };
        match read_answer(body) {
            Ok((NO_ID, Err(refusal))) => return Err(Some(refusal)),
            Ok(answer) => answers.push(answer),
            Err(FrameError::Version(version)) => return Err(Some(Refusal::Version(version))),
            Err(_) => return Err(None),
        }
    }
    let mut state = link.state();
    let waiting: Vec<_> = answers
        .into_iter()
        .filter_map(|(id, answer)| state.in_flight.remove(&id).map(|sender| (sender, answer)))
        .collect();
    drop(state);
    for (sender, answer) in waiting {
        // Whoever asked may have given up.
        let _ = sender.send(answer);
    }
    Ok(())
}
