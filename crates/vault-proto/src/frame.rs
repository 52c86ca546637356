//! Frames: how questions and answers lie on the socket.
//!
//! ```text
//! u32 little-endian: length of what follows │ u8: version │ postcard: (id, deadline, verb) or (id, result)
//! ```
//!
//! Both sides put all that is waiting into one write and take all that has come out of one read.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize;

use crate::{Refusal, Reply, TokenFile, VERSION, Verb};

/// The longest question, in bytes after the length.
pub const MAX_QUESTION: usize = 64 * 1024;
/// The longest question that [holds a file](Verb::holds_a_file), in bytes after the length.
pub const MAX_FILE_QUESTION: usize = TokenFile::MAX_BYTES + 64 * 1024;
/// The longest answer, in bytes after the length.
pub const MAX_ANSWER: usize = 256 * 1024;

/// The id of an answer to a frame whose own id could not be read. Questions are numbered from 1.
pub const NO_ID: u64 = 0;

const LENGTH: usize = 4;

/// Why a frame cannot be read or written. After `TooLong` and `Version` nothing more can be read from the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limit.
    #[error("the frame is too long")]
    TooLong,
    /// Of another version.
    #[error("the frame is of version {0} of the protocol")]
    Version(u8),
    /// Not what postcard writes for a question or an answer.
    #[error("the frame is malformed")]
    Malformed {
        /// The question's id, where that much could be read.
        id: u64,
    },
}

/// One question under way.
#[derive(Debug)]
pub struct Question {
    /// What the answer will be marked with; unique among those in flight.
    pub id: u64,
    /// When the asker stops waiting: milliseconds of [`boot_millis`].
    pub deadline: u64,
    /// What is asked.
    pub verb: Verb,
}

impl Question {
    /// Reads the body of a frame.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let rest = versioned(body)?;
        let malformed = FrameError::Malformed { id: NO_ID };
        let ((id, deadline), rest) = postcard::take_from_bytes::<(u64, u64)>(rest).map_err(|_| malformed)?;
        let verb: Verb = whole(rest).ok_or(FrameError::Malformed { id })?;
        if body.len() > longest(&verb) {
            return Err(FrameError::Malformed { id });
        }
        Ok(Self { id, deadline, verb })
    }
}

/// Appends the frame of a question.
///
/// # Errors
/// `TooLong`; then nothing was appended.
pub fn write_question(out: &mut Vec<u8>, id: u64, deadline: u64, verb: &Verb) -> Result<(), FrameError> {
    write(out, &(id, deadline, verb), longest(verb))
}

const fn longest(verb: &Verb) -> usize {
    if verb.holds_a_file() { MAX_FILE_QUESTION } else { MAX_QUESTION }
}

/// Appends the frame of an answer.
///
/// # Errors
/// `TooLong`; then nothing was appended.
pub fn write_answer(out: &mut Vec<u8>, id: u64, answer: &Result<Reply, Refusal>) -> Result<(), FrameError> {
    write(out, &(id, answer), MAX_ANSWER)
}

/// Reads the body of an answer's frame.
///
/// # Errors
/// See [`FrameError`].
pub fn read_answer(body: &[u8]) -> Result<(u64, Result<Reply, Refusal>), FrameError> {
    whole(versioned(body)?).ok_or(FrameError::Malformed { id: NO_ID })
}

/// Milliseconds since the machine started, sleep included (`CLOCK_BOOTTIME`): the clock of deadlines. Vault and
/// asker share it, and nobody can set it.
pub fn boot_millis() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let millis = now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}

fn versioned(body: &[u8]) -> Result<&[u8], FrameError> {
    match body.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&other, _)) => Err(FrameError::Version(other)),
        None => Err(FrameError::Malformed { id: NO_ID }),
    }
}

fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

fn write<T: Serialize>(out: &mut Vec<u8>, content: &T, limit: usize) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    out.push(VERSION);
    let written = postcard::serialize_with_flavor(content, Append(out)).is_ok();
    let length = out.len().saturating_sub(start + LENGTH);
    match (u32::try_from(length), out.get_mut(start..start + LENGTH)) {
        (Ok(prefix), Some(place)) if written && length <= limit => {
            place.copy_from_slice(&prefix.to_le_bytes());
            Ok(())
        }
        _ => {
            if let Some(part) = out.get_mut(start..) {
                part.zeroize();
            }
            out.truncate(start);
            Err(FrameError::TooLong)
        }
    }
}

/// Lets postcard write to the end of a buffer that holds other frames already.
struct Append<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// What was read from a socket and not yet taken apart. What was taken is wiped before its place is used again, and all of it at
/// the end. Its size is that of the longest usual frame; for a longer one there is more, until that was taken.
pub struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    usual: usize,
    limit: usize,
    /// Bytes of the frame that has come in part.
    wanted: usize,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("waiting", &(self.end - self.start)).finish_non_exhaustive()
    }
}

impl Incoming {
    /// For frames of up to `limit` bytes ([`MAX_QUESTION`] or [`MAX_ANSWER`]).
    pub fn new(limit: usize) -> Self {
        Self::with_files(limit, limit)
    }

    /// For frames of usually up to `usual` bytes, and of up to `limit` ([`MAX_FILE_QUESTION`]) where they hold a file.
    pub fn with_files(usual: usize, limit: usize) -> Self {
        Self { bytes: vec![0; usual + LENGTH], start: 0, end: 0, usual: usual + LENGTH, limit, wanted: 0 }
    }

    /// Where to read to; never empty once [`next_frame`](Self::next_frame) has given `None`. Say how much was read with
    /// [`filled`](Self::filled).
    pub fn space(&mut self) -> &mut [u8] {
        let kept = self.end - self.start;
        let size = self.usual.max(self.wanted).max(kept);
        if size != self.bytes.len() {
            let mut other = vec![0; size];
            if let (Some(to), Some(from)) = (other.get_mut(..kept), self.bytes.get(self.start..self.end)) {
                to.copy_from_slice(from);
            }
            self.bytes.zeroize();
            self.bytes = other;
            (self.start, self.end) = (0, kept);
        } else if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            if let Some(stale) = self.bytes.get_mut(kept..self.end) {
                stale.zeroize();
            }
            (self.start, self.end) = (0, kept);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// That many bytes were read.
    pub fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
    }

    /// Whether part of a frame has come.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The body of the next frame, if all of it has come.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some((prefix, rest)) =
            self.bytes.get(self.start..self.end).unwrap_or_default().split_first_chunk::<LENGTH>()
        else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(FrameError::TooLong);
        }
        if rest.len() < length {
            self.wanted = LENGTH + length;
            return Ok(None);
        }
        self.wanted = 0;
        let body = self.start + LENGTH;
        self.start = body + length;
        Ok(self.bytes.get(body..self.start))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
