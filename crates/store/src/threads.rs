//! A thread of the store's own.
//!
//! SQLite works on the thread that asks it and waits there for the disk. So its writer has a thread, on which it runs as
//! a task like any other, and holds up nobody else. PostgreSQL works elsewhere: there it is a task among all others.

use std::future::Future;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Where the writer runs.
#[derive(Debug)]
pub(crate) struct Thread {
    runtime: Handle,
    /// Ends the thread when it is dropped.
    _open: Option<oneshot::Sender<()>>,
}

impl Thread {
    /// A thread of its own. It ends when this is dropped and with it every task on it.
    pub(crate) fn own(name: &str) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (open, closed) = oneshot::channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(closed))?;
        Ok(Self { runtime: handle, _open: Some(open) })
    }

    /// The threads that everything else runs on.
    pub(crate) fn shared() -> Self {
        Self { runtime: Handle::current(), _open: None }
    }

    /// Runs a task there.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(task)
    }
}
