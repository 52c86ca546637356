//! One run: the sorts of operations, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::drive::{Drive, Extent, Measured};
use super::fleet::Fleet;
use super::gauge::Gauge;
use super::jobs::{CHALLENGE, Challenge, Confirm, Enroll, Fill, Healthz, Login, Replay, Verify, Wrong, ids};
use super::report::{Report, Subject};
use super::wire::Target;
use super::{BenchArgs, Sort};
use crate::failure::Failure;
use crate::output::Output;

/// Wrong codes in a row that a member gives: one more, and the authenticator has to wait.
const WRONG_IN_A_ROW: u64 = 4;
/// Challenges that are created before they are used.
const MOST_AHEAD: u64 = 50_000;
/// Rounds of all members through which a challenge lives, whose clock goes on by half a minute each round.
const ROUNDS: u64 = CHALLENGE as u64 / 30 / 2;
/// No end but that of the time.
const EVERYTHING: u64 = u64::MAX;

/// One run.
pub(crate) struct Run<'a> {
    args: &'a BenchArgs,
    drive: Drive,
    fleet: Arc<Fleet>,
    enrolled: u64,
    /// Operations with codes so far: members take turns through all of them.
    turns: u64,
}

impl<'a> Run<'a> {
    /// Opens the connections.
    pub(crate) async fn new(
        args: &'a BenchArgs,
        target: Target,
        enrolled: u64,
        gauge: Option<Gauge>,
        output: Output,
    ) -> Result<Self, Failure> {
        if enrolled == 0 {
            return Err(Failure::usage("--fill-only-enrolled: somebody has to be enrolled"));
        }
        let connections = usize::try_from(args.concurrency).unwrap_or(1);
        let drive = Drive::open(&target, connections, gauge, output).await?;
        let run = format!("bench-{}", super::random_name()?);
        let fleet = Arc::new(Fleet::new(run, usize::try_from(enrolled).unwrap_or(0), gauge.is_some()));
        Ok(Self { args, drive, fleet, enrolled, turns: 0 })
    }

    /// Everything that is wanted, in order.
    pub(crate) async fn all(mut self, subject: Subject) -> Result<Report, Failure> {
        let mut phases = Vec::new();
        if self.wants(Sort::Healthz) {
            // Once to warm up: the first answers of a process measure its page faults.
            self.drive
                .run("warming up", Extent { operations: 2_000, time: Some(Duration::from_secs(1)) }, Healthz)
                .await?;
            phases.push(self.drive.run("healthz", self.extent(), Healthz).await?);
        }
        self.fill(&mut phases).await?;
        if self.wants(Sort::Challenge) || self.wants(Sort::Verify) {
            self.challenge_and_verify(&mut phases).await?;
        }
        if self.wants(Sort::Login) {
            let job = Login { fleet: Arc::clone(&self.fleet), base: self.turns };
            let measured = self.drive.run("login", self.extent(), job).await?;
            self.turns += measured.done + measured.wrong;
            phases.push(measured);
        }
        if self.wants(Sort::Wrong) {
            phases.push(self.refused("wrong", Sort::Wrong).await?);
        }
        if self.wants(Sort::Replay) {
            phases.push(self.refused("replay", Sort::Replay).await?);
        }
        Ok(Report::new(self.args, self.enrolled, subject, phases))
    }

    fn wants(&self, sort: Sort) -> bool {
        self.args.only.is_empty() || self.args.only.contains(&sort)
    }

    fn extent(&self) -> Extent {
        match self.args.duration {
            Some(seconds) => Extent { operations: EVERYTHING, time: Some(Duration::from_secs(seconds)) },
            None => Extent { operations: self.args.operations, time: None },
        }
    }

    /// Users, keys, first codes: measured, and what everything after builds on.
    async fn fill(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let all = |operations| Extent { operations, time: None };
        let fleet = || Arc::clone(&self.fleet);
        let (users, enrolled) = (self.args.users, self.enrolled);
        let filled = self.drive.run("fill", all(users), Fill { fleet: fleet() }).await?;
        if filled.wrong > 0 {
            let example = filled.examples.first().cloned().unwrap_or_default();
            return Err(Failure::no(format!("the store cannot be filled: {example}")));
        }
        phases.push(filled);
        let operations = if self.wants(Sort::Enroll) { enrolled.max(self.args.operations) } else { enrolled };
        let keyed = self.drive.run("enroll", all(operations), Enroll { fleet: fleet() }).await?;
        let confirmed = self.drive.run("confirm", all(enrolled), Confirm { fleet: fleet() }).await?;
        phases.push(keyed);
        phases.push(confirmed);
        Ok(())
    }

    /// Challenges are created ahead, so that verifying is measured by itself; in parts, so that they live long enough.
    async fn challenge_and_verify(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let mut challenges = Measured::empty("challenge")?;
        let mut verified = Measured::empty("verify")?;
        let extent = self.extent();
        let mut left = extent.operations;
        while left > 0 {
            let part = left.min(MOST_AHEAD).min(self.enrolled.saturating_mul(ROUNDS)).max(1);
            let places = ids(part);
            let fleet = Arc::clone(&self.fleet);
            let job = Challenge { fleet, base: self.turns, ids: Arc::clone(&places) };
            challenges.go_on_with(self.drive.run("challenge", Extent { operations: part, time: None }, job).await?);
            let time = extent.time.map(|time| time.saturating_sub(verified.elapsed));
            let job = Verify { fleet: Arc::clone(&self.fleet), base: self.turns, ids: places };
            verified.go_on_with(self.drive.run("verify", Extent { operations: part, time }, job).await?);
            self.turns += part;
            left -= part;
            if extent.time.is_some_and(|time| verified.elapsed >= time) {
                break;
            }
        }
        phases.push(challenges);
        phases.push(verified);
        Ok(())
    }

    /// Codes that have to be refused: a few for each member, then a right one, which sets the count back and shows
    /// that it still counts.
    async fn refused(&mut self, name: &'static str, sort: Sort) -> Result<Measured, Failure> {
        let mut refused = Measured::empty(name)?;
        let extent = self.extent();
        let mut left = extent.operations;
        while left > 0 {
            let part = left.min(self.enrolled.saturating_mul(WRONG_IN_A_ROW));
            self.everybody_logs_in(&mut refused).await?;
            let places = ids(self.enrolled);
            let job = Challenge { fleet: Arc::clone(&self.fleet), base: 0, ids: Arc::clone(&places) };
            let asked = self.drive.run(name, Extent { operations: self.enrolled, time: None }, job).await?;
            refused.note_wrong(asked);
            let time = extent.time.map(|time| time.saturating_sub(refused.elapsed));
            let (fleet, extent_now) = (Arc::clone(&self.fleet), Extent { operations: part, time });
            let measured = match sort {
                Sort::Replay => self.drive.run(name, extent_now, Replay { fleet, ids: places }).await?,
                _ => self.drive.run(name, extent_now, Wrong { fleet, ids: places }).await?,
            };
            refused.go_on_with(measured);
            left -= part;
            if extent.time.is_some_and(|time| refused.elapsed >= time) {
                break;
            }
        }
        self.everybody_logs_in(&mut refused).await?;
        Ok(refused)
    }

    async fn everybody_logs_in(&mut self, refused: &mut Measured) -> Result<(), Failure> {
        let job = Login { fleet: Arc::clone(&self.fleet), base: 0 };
        let logged_in = self.drive.run("right codes", Extent { operations: self.enrolled, time: None }, job).await?;
        refused.note_wrong(logged_in);
        Ok(())
    }
}
