//! Control sockets: how supervisor, server and vault hand each other messages and the ends of other sockets.
//!
//! Each child has one end of a `SOCK_SEQPACKET` pair as file descriptor 3. A message may carry one descriptor
//! (`SCM_RIGHTS`). Everything is close-on-exec but what [`spawn`] gives to its child.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize};

/// The descriptor that a child finds its end at.
pub const CHILD_FD: i32 = 3;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// One end of a control socket. Sending and receiving block, unless it was made non-blocking.
#[derive(Debug)]
pub struct Control(OwnedFd);

/// One message.
#[derive(Debug)]
pub struct Message {
    /// Its bytes, never none.
    pub bytes: Vec<u8>,
    /// The descriptor that came with it.
    pub fd: Option<OwnedFd>,
}

/// What a connection that is handed to the vault comes with: who will ask over it, and what they may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The caller's name, for logs.
    pub caller: String,
    /// The names of the permitted verbs, see [`Verb::NAMES`](crate::Verb::NAMES).
    pub verbs: Vec<String>,
}

impl Introduction {
    /// A caller that may ask what is in `verbs`.
    pub fn new(caller: &str, verbs: &[&str]) -> Self {
        Self { caller: caller.to_owned(), verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect() }
    }

    /// As a control message.
    ///
    /// # Errors
    /// Where it is too long for one.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|_| io::ErrorKind::InvalidInput.into())
    }

    /// From a control message.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// What the name of a root key's file ends in until it takes the place of the present one: `countersign root-key change`
/// makes it, and a vault that is given the wrong root key looks whether it is the right one.
pub const NEXT_ROOT_KEY: &str = ".new";

/// A pair of ends: one to keep, one for the child.
///
/// # Errors
/// Those of `socketpair(2)`.
pub fn pair() -> io::Result<(Control, OwnedFd)> {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((Control(ours), theirs))
}

impl Control {
    /// Sends one message, with a descriptor if there is one.
    ///
    /// # Errors
    /// `InvalidInput` for an empty message, which would look like the end; else those of `sendmsg(2)`.
    pub fn send(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        if bytes.is_empty() || bytes.len() > MAX_MESSAGE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = fd.as_slice();
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let sent = rustix::io::retry_on_intr(|| {
            rustix::net::sendmsg(&self.0, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)
        })?;
        if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Receives one message; `None` once the other end is gone.
    ///
    /// # Errors
    /// `InvalidData` for a message that is too long or carries more than one descriptor; else those of `recvmsg(2)`.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = vec![0; MAX_MESSAGE];
        // Room for one more than allowed, so that a second descriptor is seen and closed.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            rustix::net::recvmsg(&self.0, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let received = match received {
            // The other end went away with messages of ours unread.
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            other => other?,
        };
        let mut fds: Vec<OwnedFd> = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        let cut = received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
        if cut || fds.len() > 1 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        bytes.truncate(received.bytes);
        Ok(Some(Message { bytes, fd: fds.pop() }))
    }

    /// Makes sending and receiving fail with `WouldBlock` rather than block, or block again.
    ///
    /// # Errors
    /// Those of `ioctl(2)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.0, nonblocking)?)
    }
}

impl From<OwnedFd> for Control {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Control {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

pub use inherit::{inherited, spawn};

/// Descriptor 3 of this process, and of the child: numbers that only the operating system can vouch for.
#[allow(
    unsafe_code,
    reason = "a descriptor that is inherited has no owner yet, and a child takes it up between fork and exec"
)]
mod inherit {
    use std::os::fd::FromRawFd;
    use std::os::unix::process::CommandExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::io::FdFlags;

    use super::{AsFd, AsRawFd, BorrowedFd, CHILD_FD, Child, Command, Control, OwnedFd, SocketType, io};

    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// The end that this process was started with, as file descriptor 3. Can be taken once.
    ///
    /// # Errors
    /// `NotFound` where descriptor 3 is not the end of a control socket, or was taken already.
    pub fn inherited() -> io::Result<Control> {
        // SAFETY: the borrow ends before anything in this process can close the descriptor; if it is not open,
        // the calls below say so and nothing else happens.
        let fd = unsafe { BorrowedFd::borrow_raw(CHILD_FD) };
        let is_control = rustix::net::sockopt::socket_type(fd).is_ok_and(|kind| kind == SocketType::SEQPACKET);
        if !is_control || TAKEN.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::NotFound.into());
        }
        rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)?;
        // SAFETY: it is open, a control socket, and inherited, so nobody in this process owns it; `TAKEN` sees to it that
        // it is taken once.
        Ok(Control(unsafe { OwnedFd::from_raw_fd(CHILD_FD) }))
    }

    /// Starts a program with `end` as its file descriptor 3, and closes `end` here.
    ///
    /// # Errors
    /// Those of [`Command::spawn`].
    pub fn spawn(mut command: Command, end: OwnedFd) -> io::Result<Child> {
        // Number 3 is in use from here on, by this copy or by what made the copy land elsewhere. So the pipe over
        // which `spawn` learns of a failed exec is not at 3, and is not what the child overwrites.
        let held = rustix::io::fcntl_dupfd_cloexec(&end, CHILD_FD)?;
        drop(end);
        let take_up = move || {
            if held.as_raw_fd() == CHILD_FD {
                return Ok(rustix::io::fcntl_setfd(&held, FdFlags::empty())?);
            }
            // SAFETY: only named as the target of dup2, and never dropped: the child owns nothing else there.
            let mut target = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(CHILD_FD) });
            Ok(rustix::io::dup2(held.as_fd(), &mut target)?)
        };
        // SAFETY: between fork and exec it makes one system call, and neither allocates nor locks.
        unsafe { command.pre_exec(take_up) };
        command.spawn()
    }
}

#[cfg(feature = "client")]
pub use on_tokio::AsyncControl;

#[cfg(feature = "client")]
mod on_tokio {
    use super::{BorrowedFd, Control, Message, io};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A [`Control`] for use on tokio.
    #[derive(Debug)]
    pub struct AsyncControl(AsyncFd<Control>);

    impl AsyncControl {
        /// Must be called on a tokio runtime.
        ///
        /// # Errors
        /// Those of registering the descriptor.
        pub fn new(control: Control) -> io::Result<Self> {
            control.set_nonblocking(true)?;
            // SAFETY: a control socket owns its descriptor, and names the same one until it is dropped.
            #[allow(unsafe_code, reason = "tokio wants to be promised that the descriptor stays the same")]
            let registered = unsafe { AsyncFd::register(control) };
            registered.map(Self).map_err(Into::into)
        }

        /// As [`Control::send`].
        ///
        /// # Errors
        /// As [`Control::send`].
        pub async fn send(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
            self.0.async_io(Interest::WRITABLE, |control| control.send(bytes, fd)).await
        }

        /// As [`Control::receive`].
        ///
        /// # Errors
        /// As [`Control::receive`].
        pub async fn receive(&self) -> io::Result<Option<Message>> {
            self.0.async_io(Interest::READABLE, Control::receive).await
        }
    }
}
