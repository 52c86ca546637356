//! Connections: questions in, answers out.
//!
//! One thread reads each connection and puts what it reads into one bounded queue; two workers take
//! batches from there, and write each batch's answers in one go.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vault_proto::control::Introduction;
use vault_proto::frame::{
    FrameError, Incoming, MAX_ANSWER, MAX_FILE_QUESTION, MAX_QUESTION, NO_ID, Question, boot_millis, write_answer,
};
use vault_proto::{Refusal, Reply, VERSION, Verb};
use zeroize::Zeroize;

use crate::log;
use crate::service::Service;

/// Questions that may wait. What comes on top is refused at once.
const MAX_WAITING: usize = 8192;
/// Questions that a worker takes at a time.
const BATCH: usize = 64;
/// Answers are written when so much has gathered, at the latest.
const FLUSH_BYTES: usize = 256 * 1024;
/// How long a caller may leave its answers unread before it is hung up on: workers wait for it.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

type Answer = Result<Reply, Refusal>;

/// One caller's connection.
pub(crate) struct Connection {
    introduction: Introduction,
    socket: UnixStream,
    /// Held while answers are written, so that frames do not mix.
    writing: Mutex<()>,
}

impl Connection {
    pub(crate) fn new(introduction: Introduction, socket: UnixStream) -> std::io::Result<Self> {
        if let Some(unknown) = introduction.verbs.iter().find(|verb| !Verb::NAMES.contains(&verb.as_str())) {
            return Err(std::io::Error::other(format!("there is no verb `{unknown}`")));
        }
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(WRITE_PATIENCE))?;
        Ok(Self { introduction, socket, writing: Mutex::default() })
    }

    fn permits(&self, verb: &Verb) -> bool {
        self.introduction.verbs.iter().any(|permitted| permitted == verb.name())
    }

    fn write(&self, frames: &[u8]) {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if (&self.socket).write_all(frames).is_err() {
            // The reader finds the end, and the asker with it.
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A question that waits for a worker.
struct Job {
    from: Arc<Connection>,
    question: Question,
    /// Held where the question holds a file.
    turn: Option<Turn>,
}

/// The turn of the one question with a file that waits or is answered at a time: such a one takes memory, and up to a second.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(taken)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The questions that wait.
#[derive(Default)]
pub(crate) struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    filled: Condvar,
    /// Whether there is a [`Turn`].
    file: Arc<AtomicBool>,
}

impl Queue {
    /// Takes what there is room for, and leaves the rest.
    fn push(&self, jobs: &mut Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let mut waiting = self.jobs();
        let room = MAX_WAITING.saturating_sub(waiting.len()).min(jobs.len());
        waiting.extend(jobs.drain(..room));
        let many = waiting.len() > BATCH;
        drop(waiting);
        if many {
            self.filled.notify_all();
        } else {
            self.filled.notify_one();
        }
    }

    /// Waits for questions, and takes a batch of them.
    fn take(&self, batch: &mut Vec<Job>) {
        let mut waiting =
            self.filled.wait_while(self.jobs(), |jobs| jobs.is_empty()).unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(BATCH);
        batch.extend(waiting.drain(..count));
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a connection to its end.
pub(crate) fn read(connection: &Arc<Connection>, queue: &Queue) {
    let mut incoming = Incoming::with_files(MAX_QUESTION, MAX_FILE_QUESTION);
    let (mut jobs, mut answers) = (Vec::new(), Answers::default());
    loop {
        match (&connection.socket).read(incoming.space()) {
            Ok(count) if count > 0 => incoming.filled(count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            _ => break,
        }
        let sound = sort(connection, &mut incoming, queue, &mut jobs, &mut answers);
        queue.push(&mut jobs);
        for job in jobs.drain(..) {
            answers.add(connection, job.question.id, &Err(Refusal::Overloaded));
        }
        answers.flush();
        if !sound {
            break;
        }
    }
    // It is closed when the last of its questions has been answered.
    log::info(&format!("connection of {} ended", connection.introduction.caller));
}

/// Sorts what was read into questions for the workers and refusals. `false` if nothing more can be read.
fn sort(
    from: &Arc<Connection>,
    incoming: &mut Incoming,
    queue: &Queue,
    jobs: &mut Vec<Job>,
    answers: &mut Answers,
) -> bool {
    loop {
        let (id, refusal) = match incoming.next_frame().and_then(|body| body.map(Question::read).transpose()) {
            Ok(None) => return true,
            Ok(Some(question)) if from.permits(&question.verb) => {
                let turn = question.verb.holds_a_file().then(|| Turn::take(&queue.file));
                if !matches!(turn, Some(None)) {
                    jobs.push(Job { from: Arc::clone(from), question, turn: turn.flatten() });
                    continue;
                }
                (question.id, Refusal::Overloaded)
            }
            Ok(Some(question)) => (question.id, Refusal::NotPermitted(question.verb.name().to_owned())),
            Err(FrameError::Malformed { id }) => (id, Refusal::Malformed("the frame is no question".to_owned())),
            Err(FrameError::Version(_)) => (NO_ID, Refusal::Version(VERSION)),
            Err(FrameError::TooLong) => (NO_ID, Refusal::Malformed("the frame is too long".to_owned())),
        };
        answers.add(from, id, &Err(refusal));
        if id == NO_ID {
            return false;
        }
    }
}

/// Answers questions for ever.
pub(crate) fn work(service: &Service, queue: &Queue) {
    let (mut batch, mut answers) = (Vec::with_capacity(BATCH), Answers::default());
    loop {
        queue.take(&mut batch);
        // Nobody who asked something short waits for a file to be read.
        if batch.iter().any(|job| job.turn.is_some()) {
            batch.sort_by_key(|job| job.turn.is_some());
        }
        for Job { from, question, turn } in batch.drain(..) {
            if turn.is_some() {
                answers.flush();
            }
            let answer = if boot_millis() >= question.deadline {
                Err(Refusal::DeadlinePassed)
            } else {
                service.answer(question.verb)
            };
            answers.add(&from, question.id, &answer);
        }
        answers.flush();
    }
}

/// Answers to one connection at a time, that wait to be written together.
#[derive(Default)]
struct Answers {
    to: Option<Arc<Connection>>,
    frames: Vec<u8>,
}

impl Answers {
    fn add(&mut self, to: &Arc<Connection>, id: u64, answer: &Answer) {
        let same = self.to.as_ref().is_some_and(|present| Arc::ptr_eq(present, to));
        if !same || self.frames.len() >= FLUSH_BYTES {
            self.flush();
            self.to = Some(Arc::clone(to));
        }
        // All the room it can need beforehand: no answer is copied by a buffer that grows.
        self.frames.reserve(if self.frames.capacity() == 0 { FLUSH_BYTES + MAX_ANSWER + 64 } else { 0 });
        if write_answer(&mut self.frames, id, answer).is_err() {
            let refusal = Err(Refusal::Malformed("the answer would be too long".to_owned()));
            let _ = write_answer(&mut self.frames, id, &refusal);
        }
    }

    fn flush(&mut self) {
        if let Some(to) = self.to.take()
            && !self.frames.is_empty()
        {
            to.write(&self.frames);
        }
        self.frames.as_mut_slice().zeroize();
        self.frames.clear();
    }
}
