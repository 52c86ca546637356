//! The users that the load test plays, and the time that they live in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use domain::{Clock, SystemClock, Timestamp};
use otp::Otpauth;

use super::wire::Wire;

/// Milliseconds in a time step.
const STEP_MILLIS: i64 = 30_000;

/// The enrolled users and the clock of the server.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The run's name, which the users' names begin with.
    pub(crate) run: String,
    /// The users that are enrolled.
    pub(crate) members: Vec<Member>,
    /// Every user's id, where they are to be erased in the end.
    pub(crate) users: Vec<OnceLock<String>>,
    /// The server's clock.
    pub(crate) time: ServerTime,
}

/// One user with an authenticator.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The session.
    pub(crate) session: OnceLock<String>,
    /// The enrollment to be confirmed, and the key.
    pub(crate) key: OnceLock<(String, Otpauth)>,
    last_step: AtomicI64,
    busy: AtomicBool,
}

/// The server's clock, as far as it is known here, and the steps that are under way.
#[derive(Debug)]
pub(crate) struct ServerTime {
    moved_millis: AtomicI64,
    movable: bool,
    moving: tokio::sync::Mutex<()>,
    under_way: Mutex<BTreeMap<i64, usize>>,
}

/// A step of a member's that nobody else uses; given back by [`Fleet::used`] or [`Fleet::not_used`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Whose.
    pub(crate) member: usize,
    /// Which time step.
    pub(crate) step: i64,
}

impl Fleet {
    /// Users that are yet to be made, and those of them that are yet to be enrolled. On a clock that cannot be moved they are
    /// a running server's, and are erased in the end.
    pub(crate) fn new(run: String, users: usize, enrolled: usize, movable: bool) -> Self {
        let time = ServerTime {
            moved_millis: AtomicI64::new(0),
            movable,
            moving: tokio::sync::Mutex::new(()),
            under_way: Mutex::new(BTreeMap::new()),
        };
        let members = std::iter::repeat_with(Member::default).take(enrolled).collect();
        let users = std::iter::repeat_with(OnceLock::new).take(if movable { 0 } else { users }).collect();
        Self { run, members, users, time }
    }

    /// Waits until every member has a code that was not used, where the clock cannot be moved on: a step at most.
    pub(crate) async fn rest(&self, stopped: &AtomicBool) {
        let last = self.members.iter().map(|member| member.last_step.load(Ordering::SeqCst)).max().unwrap_or(0);
        while !self.time.movable && self.time.step() < last && !stopped.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The name of the user with this number.
    pub(crate) fn name(&self, number: u64) -> String {
        format!("{}-{number:07}", self.run)
    }

    /// The member who has the turn at operation `index`.
    pub(crate) fn member(&self, index: u64) -> Result<(usize, &Member), String> {
        let count = u64::try_from(self.members.len()).unwrap_or(u64::MAX).max(1);
        let number = usize::try_from(index % count).unwrap_or(0);
        self.members.get(number).map(|member| (number, member)).ok_or_else(|| "nobody is enrolled".to_owned())
    }

    /// Waits for the member to be free and gives it a step that it has not used and that the server accepts, moving
    /// the clock on where there is none left.
    ///
    /// Steps are used up to one ahead of the clock, so the clock may go on twice before a code is too old.
    pub(crate) async fn turn(&self, index: u64, wire: &mut Wire) -> Result<Turn, String> {
        let (number, member) = self.member(index)?;
        while member.busy.swap(true, Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        loop {
            let now = self.time.step();
            let step = now.max(member.last_step.load(Ordering::SeqCst) + 1);
            if step <= now + 1 {
                self.time.begin(step);
                return Ok(Turn { member: number, step });
            }
            if let Err(reason) = self.time.go_on(now, wire).await {
                member.busy.store(false, Ordering::SeqCst);
                return Err(reason);
            }
        }
    }

    /// Waits for the member to be free, and holds it. Given back by [`Fleet::release`].
    pub(crate) async fn hold(&self, index: u64) -> Result<usize, String> {
        let (number, member) = self.member(index)?;
        while member.busy.swap(true, Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(number)
    }

    /// The member is free again.
    pub(crate) fn release(&self, number: usize) {
        if let Some(member) = self.members.get(number) {
            member.busy.store(false, Ordering::SeqCst);
        }
    }

    /// The step was used.
    pub(crate) fn used(&self, turn: Turn) {
        if let Some(member) = self.members.get(turn.member) {
            member.last_step.store(turn.step, Ordering::SeqCst);
        }
        self.not_used(turn);
    }

    /// The step was not used.
    pub(crate) fn not_used(&self, turn: Turn) {
        self.time.end(turn.step);
        if let Some(member) = self.members.get(turn.member) {
            member.busy.store(false, Ordering::SeqCst);
        }
    }

    /// The member's code for a step.
    pub(crate) fn code(&self, member: usize, step: i64) -> String {
        let key = self.members.get(member).and_then(|member| member.key.get());
        key.map_or_else(String::new, |(_, key)| key.params.code(&key.key, step).as_str().to_owned())
    }

    /// The member's code that was accepted last.
    pub(crate) fn used_code(&self, member: usize) -> String {
        let step = self.members.get(member).map_or(0, |member| member.last_step.load(Ordering::SeqCst));
        self.code(member, step)
    }

    /// A code that is none of the member's, neither now nor in the minutes around.
    pub(crate) fn wrong_code(&self, member: usize, salt: u64) -> String {
        let now = self.time.step();
        let right: Vec<String> = (now - 4..=now + 4).map(|step| self.code(member, step)).collect();
        let start = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000;
        let mut candidates = (0..1_000_000_u64).map(|next| format!("{:06}", (start + next) % 1_000_000));
        candidates.find(|code| !right.contains(code)).unwrap_or_default()
    }
}

impl ServerTime {
    /// Whether the clock can be moved.
    pub(crate) const fn is_movable(&self) -> bool {
        self.movable
    }

    /// What the server's clock shows.
    pub(crate) fn now(&self) -> Timestamp {
        let now = SystemClock.now().unix_millis().saturating_add(self.moved_millis.load(Ordering::SeqCst));
        Timestamp::from_unix_millis(now)
    }

    /// The step that the server's clock shows.
    pub(crate) fn step(&self) -> i64 {
        self.now().unix_millis().div_euclid(STEP_MILLIS)
    }

    fn begin(&self, step: i64) {
        if let Ok(mut under_way) = self.under_way.lock() {
            *under_way.entry(step).or_default() += 1;
        }
    }

    fn end(&self, step: i64) {
        if let Ok(mut under_way) = self.under_way.lock()
            && let Some(count) = under_way.get_mut(&step)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                under_way.remove(&step);
            }
        }
    }

    fn oldest_under_way(&self) -> Option<i64> {
        self.under_way.lock().ok()?.keys().next().copied()
    }

    /// Goes on by one step from the step `seen`, unless that has happened meanwhile: by moving the clock, or where it
    /// cannot be moved by waiting.
    pub(crate) async fn go_on(&self, seen: i64, wire: &mut Wire) -> Result<(), String> {
        let _one_at_a_time = self.moving.lock().await;
        if self.step() != seen {
            return Ok(());
        }
        if !self.movable {
            while self.step() == seen {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return Ok(());
        }
        // A code that is under way stays good over this and one step more, which may come by itself.
        while self.oldest_under_way().is_some_and(|step| step <= seen) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        wire.post("/v1/testing/clock", format!(r#"{{"advance_millis":{STEP_MILLIS}}}"#)).await?.expect(200)?;
        self.moved_millis.fetch_add(STEP_MILLIS, Ordering::SeqCst);
        Ok(())
    }
}
