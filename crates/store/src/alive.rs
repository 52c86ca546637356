//! How servers that share PostgreSQL know which of them are still there.
//!
//! Each has a number, and holds the lock of that number on a connection that is for nothing else. However a server ends, its connections end with it, and
//! PostgreSQL gives up their locks. What it claims begins with its number ([`Claimant`]); so the others see whose a claim is, and find out by the lock
//! whether that one is there.
//!
//! It is a short cut, and nothing rests on it: claims are over after a while in any case, and what is written by one that was let go of is refused. So
//! whoever cannot show that they are there claims without a number, and is waited for.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::engine::{Arg, Connection, Fault, postgres};

/// How often the connection is looked after. Whoever lost it has another one by then, or about.
const BEAT: Duration = Duration::from_millis(500);
/// How long an answer may take: no longer than one that waits for a lock is let wait.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long nobody is thought to be gone after the own lock was. As a rule all lost theirs, with the database, and some take longer to come back.
const GRACE: Duration = Duration::from_secs(6);

/// A server, as what it claims says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claimant(i64);

impl Claimant {
    /// What the keys of their locks begin with, and so do their claims: other locks of ours begin otherwise, and so do claims without a number.
    const MARK: i64 = 0x636c_6169;

    const fn numbered(number: u32) -> Self {
        Self(Self::MARK << 32 | number as i64)
    }

    /// The key of the lock.
    pub(crate) const fn key(self) -> i64 {
        self.0
    }

    /// By whom this was claimed, if that is known.
    pub(crate) fn of(claim: Uuid) -> Option<Self> {
        let key = i64::try_from(claim.as_u64_pair().0).ok()?;
        (key >> 32 == Self::MARK).then_some(Self(key))
    }

    /// The first and the last of its claims.
    pub(crate) const fn claims(self) -> (Uuid, Uuid) {
        let key = self.0.cast_unsigned();
        (Uuid::from_u64_pair(key, 0), Uuid::from_u64_pair(key, u64::MAX))
    }

    /// The first and the last claim of anybody who has a number.
    pub(crate) const fn all_claims() -> (Uuid, Uuid) {
        (Self::numbered(0).claims().0, Self::numbered(u32::MAX).claims().1)
    }

    fn claim(self, random: [u8; 16]) -> Uuid {
        Uuid::from_u64_pair(self.0.cast_unsigned(), Uuid::from_bytes(random).as_u64_pair().1)
    }

    /// A claim of somebody whose number is not known.
    pub(crate) fn unnumbered_claim(mut random: [u8; 16]) -> Uuid {
        // No key begins so.
        random[0] |= 0x80;
        Uuid::from_bytes(random)
    }
}

/// That this server is there, as others see it.
pub(crate) struct Alive {
    claimant: Claimant,
    shown: Arc<Shown>,
    keeping: JoinHandle<()>,
}

/// From when on it can be said of others that they are gone, while it can be seen that this server is there.
#[derive(Default)]
struct Shown(Mutex<Option<Instant>>);

impl Shown {
    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alive {
    /// Shows it, from now on and until this is dropped.
    pub(crate) async fn start(source: postgres::Source) -> Result<Self, Fault> {
        let mut number = [0; 4];
        getrandom::fill(&mut number).map_err(|error| Fault::Unavailable(format!("no randomness: {error}")))?;
        let claimant = Claimant::numbered(u32::from_be_bytes(number));
        let shown = Arc::<Shown>::default();
        let mut keeper = Keeper {
            source,
            claimant,
            shown: Arc::clone(&shown),
            held: None,
            connections: 0,
            grace: Duration::ZERO,
            said: false,
        };
        // What is claimed from the beginning has the number.
        let first = keeper.beat().await;
        let keeping = tokio::spawn(async move {
            let mut next = first;
            while next.is_continue() {
                tokio::time::sleep(BEAT).await;
                next = keeper.beat().await;
            }
        });
        Ok(Self { claimant, shown, keeping })
    }

    /// What to claim by: with the number, where others can see that whoever has it is there.
    pub(crate) fn claim(&self, random: [u8; 16]) -> Uuid {
        if self.shown.since().is_some() { self.claimant.claim(random) } else { Claimant::unnumbered_claim(random) }
    }

    /// Who this server is, where it can say of others whether they are there.
    pub(crate) fn judge(&self) -> Option<Claimant> {
        let since = *self.shown.since();
        since.filter(|since| *since <= Instant::now()).map(|_| self.claimant)
    }

    /// Shows it no more.
    pub(crate) fn end(&self) {
        self.keeping.abort();
        *self.shown.since() = None;
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.end();
    }
}

/// Holds the lock.
struct Keeper {
    source: postgres::Source,
    claimant: Claimant,
    shown: Arc<Shown>,
    held: Option<Held>,
    /// How many there were.
    connections: u64,
    /// How long others are given, once the lock is held: nothing at first.
    grace: Duration,
    /// Whether it was said that there is none.
    said: bool,
}

/// The connection that holds the lock, and the process of PostgreSQL that it is of.
struct Held {
    connection: Connection,
    process: i64,
}

impl Held {
    async fn is_there(&mut self) -> bool {
        let asked = self.connection.fetch("SELECT pg_backend_pid()::bigint", &[], |row| row.get::<i64>(0));
        matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(process)) if process == [self.process])
    }
}

/// What came of taking the lock.
enum Taken {
    Held(Held),
    /// The connection is not all the way our own.
    Pooled,
}

impl Keeper {
    /// Looks after the connection, or makes another one. It is done for good where no connection would do.
    async fn beat(&mut self) -> ControlFlow<()> {
        if let Some(held) = &mut self.held {
            if held.is_there().await {
                return ControlFlow::Continue(());
            }
            *self.shown.since() = None;
            self.held = None;
            self.grace = GRACE;
            tracing::info!(
                "the connection is lost by which other servers see that this one is there; making another one"
            );
        }
        match tokio::time::timeout(PATIENCE, self.take()).await {
            Ok(Ok(Taken::Held(held))) => {
                self.held = Some(held);
                self.said = false;
                *self.shown.since() = Some(Instant::now() + self.grace);
                ControlFlow::Continue(())
            }
            Ok(Ok(Taken::Pooled)) => {
                tracing::warn!(
                    "the database is reached through a pooler, so other servers do not see whether this one is there: should it be killed, what it had \
                     claimed of workflows stands still for 15 seconds; have it connect to PostgreSQL itself"
                );
                ControlFlow::Break(())
            }
            Ok(Err(fault)) => self.say(&format!("{fault:?}")),
            Err(_) => self.say("no answer"),
        }
    }

    fn say(&mut self, why: &str) -> ControlFlow<()> {
        if !std::mem::replace(&mut self.said, true) {
            tracing::warn!(why, "other servers cannot see that this one is there; trying again, twice a second");
        }
        ControlFlow::Continue(())
    }

    /// A connection has a name, which PostgreSQL itself is told as it begins. A pooler has connections of its own and hands them on from one
    /// to the next: a lock would be anybody's then, and neither come with a server nor go with it.
    async fn take(&mut self) -> Result<Taken, Fault> {
        self.connections += 1;
        let name = format!("{:016x}.{}", self.claimant.key(), self.connections);
        let mut connection = self.source.kept(&name).await?;
        let sql = "SELECT pg_backend_pid()::bigint, pg_advisory_lock($1) WHERE current_setting($2, true) = $3";
        let args = [Arg::Int(self.claimant.key()), Arg::Text(postgres::NAME), Arg::Text(&name)];
        let process = connection.fetch(sql, &args, |row| row.get::<i64>(0)).await?.pop();
        Ok(process.map_or(Taken::Pooled, |process| Taken::Held(Held { connection, process })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_says_whose_it_is_or_nothing() {
        for number in [0, 7, u32::MAX] {
            let claimant = Claimant::numbered(number);
            for random in [[0; 16], [0xff; 16]] {
                let claim = claimant.claim(random);
                assert_eq!(Claimant::of(claim), Some(claimant));
                assert!((claimant.claims().0..=claimant.claims().1).contains(&claim));
                assert!((Claimant::all_claims().0..=Claimant::all_claims().1).contains(&claim));
            }
        }
        let mut like_one = [0; 16];
        like_one[..4].copy_from_slice(&0x636c_6169_u32.to_be_bytes());
        assert!(Claimant::of(Uuid::from_bytes(like_one)).is_some());
        assert_eq!(Claimant::of(Claimant::unnumbered_claim(like_one)), None);
        assert_eq!(Claimant::of(Uuid::from_bytes([0xff; 16])), None);
    }
}
