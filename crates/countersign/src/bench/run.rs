//! One run: the sorts of operations, one after the other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::carrier::Carrier;
use super::decisions::Decide;
use super::drive::{Drive, Extent, Measured};
use super::fleet::Fleet;
use super::gauge::Gauge;
use super::jobs::{
    Bind, CHALLENGE, Challenge, Channel, Confirm, Enroll, Erase, Fill, Healthz, Ids, Login, Replay, Sent, Verify,
    Wrong, places,
};
use super::own_server::{Fellow, OwnServer};
use super::passkeys::{Ask, Assert, Passkeys, Register, Sign};
use super::phones::{Connected, Follow, Install, Phones, RoundTrip, room};
use super::report::{Report, Subject};
use super::rotation::{Rotated, Rotation};
use super::wire::{Target, Wire};
use super::workflows::{Pace, Paced, StartWaiting, Trigger, Until, Watched};
use super::{BenchArgs, Sort, Suite};
use crate::failure::Failure;
use crate::output::{Output, Spinner};

/// Wrong codes in a row that a member gives: one more, and the authenticator has to wait.
const WRONG_IN_A_ROW: u64 = 4;
/// Challenges that are created before they are used.
const MOST_AHEAD: u64 = 50_000;
/// Rounds of all members through which a challenge lives, whose clock goes on by half a minute each round.
const ROUNDS: u64 = CHALLENGE as u64 / 30 / 2;
/// Assertions that are signed before they are given: one of them takes some kilobytes.
const SIGNED_AHEAD: u64 = 10_000;
/// How long what was allocated while phones connected has to settle.
const SETTLING: Duration = Duration::from_secs(1);
/// Connections that what starts runs comes by, beside verifications.
const BESIDE: usize = 32;
/// No end but that of the time.
const EVERYTHING: u64 = u64::MAX;

/// What there is where the server is the run's own.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// Its processes.
    pub(crate) gauge: Option<Gauge>,
    /// Who carries messages.
    pub(crate) carrier: Option<Arc<Carrier>>,
    /// By what others share its database.
    pub(crate) fellow: Option<Fellow>,
}

/// One run.
pub(crate) struct Run<'a> {
    args: &'a BenchArgs,
    target: Target,
    drive: Drive,
    fleet: Arc<Fleet>,
    output: Output,
    enrolled: u64,
    /// Operations with codes so far: members take turns through all of them.
    turns: u64,
    /// Who carries messages, on a server of the run's own.
    carrier: Option<Arc<Carrier>>,
    /// By what others share the database of such a server.
    fellow: Option<Fellow>,
    /// The phones that were connected.
    connected: Option<Connected>,
    /// The keys that were rotated.
    rotated: Option<Rotated>,
    /// How many servers shared a database, and how many runs a second they came to.
    shared: Vec<(usize, f64)>,
}

impl<'a> Run<'a> {
    /// Opens the connections.
    pub(crate) async fn new(
        args: &'a BenchArgs,
        target: Target,
        enrolled: u64,
        own: Own,
        output: Output,
    ) -> Result<Self, Failure> {
        let Own { gauge, carrier, fellow } = own;
        if enrolled == 0 {
            return Err(Failure::usage("--fill-only-enrolled: somebody has to be enrolled"));
        }
        let connections = usize::try_from(args.concurrency).unwrap_or(1);
        let drive = Drive::open(&target, connections, gauge, output).await?;
        let run = format!("bench-{}", super::random_name()?);
        let number = |number| usize::try_from(number).unwrap_or(0);
        let fleet = Arc::new(Fleet::new(run, number(args.users), number(enrolled), gauge.is_some()));
        Ok(Self {
            args,
            target,
            drive,
            fleet,
            output,
            enrolled,
            turns: 0,
            carrier,
            fellow,
            connected: None,
            rotated: None,
            shared: Vec::new(),
        })
    }

    /// Everything that is wanted, in order; and on a server that runs for itself, the end of the users that were made.
    ///
    /// # Errors
    /// Where it was stopped, or the store could not be filled.
    pub(crate) async fn all(mut self, subject: Subject) -> Result<Report, Failure> {
        let stopped = self.drive.stop();
        let listening = tokio::spawn({
            let stopped = Arc::clone(&stopped);
            async move {
                asked_to_end().await;
                stopped.store(true, Ordering::Relaxed);
            }
        });
        let phases = self.phases().await;
        listening.abort();
        let was_stopped = stopped.swap(false, Ordering::Relaxed);
        let left = self.erase().await?;
        if was_stopped {
            return Err(Failure::no(if left == 0 {
                "stopped before the end; nothing is left behind".to_owned()
            } else {
                format!("stopped before the end; users named {}-… are left behind", self.fleet.run)
            }));
        }
        let fixed_clock = !self.fleet.time.is_movable();
        let (connected, rotated, shared) = (self.connected, self.rotated, self.shared);
        let left = (left > 0).then(|| format!("{}-…", self.fleet.run));
        Ok(Report::new(
            self.args,
            self.enrolled,
            Subject { fixed_clock, left_behind: left, connected, rotated, shared, ..subject },
            phases?,
        ))
    }

    async fn phases(&mut self) -> Result<Vec<Measured>, Failure> {
        let mut phases = Vec::new();
        if self.wants(Sort::Healthz) {
            // Once to warm up: the first answers of a process measure its page faults.
            let second = Extent { time: Some(Duration::from_secs(1)), ..Extent::of(2_000) };
            self.drive.run("warming up", second, Healthz).await?;
            phases.push(self.drive.run("healthz", self.extent(), Healthz).await?);
        }
        self.fill(&mut phases).await?;
        if self.args.what == Some(Suite::Workflows) {
            match (self.args.rotate, self.args.servers) {
                (Some(keys), _) => self.rotation(&mut phases, keys).await?,
                (None, Some(most)) => self.servers(&mut phases, usize::from(most)).await?,
                (None, None) => self.workflows(&mut phases).await?,
            }
            return Ok(phases);
        }
        if self.wants(Sort::Challenge) || self.wants(Sort::Verify) {
            self.challenge_and_verify(&mut phases).await?;
        }
        if self.wants(Sort::Login) {
            let job = Login { fleet: Arc::clone(&self.fleet), base: self.turns };
            self.rest().await;
            let measured = self.drive.run("login", self.extent_of_codes(1), job).await?;
            self.turns += measured.done + measured.wrong;
            phases.push(measured);
        }
        if self.wants(Sort::Wrong) {
            phases.push(self.refused("wrong", Sort::Wrong).await?);
        }
        if self.wants(Sort::Replay) {
            phases.push(self.refused("replay", Sort::Replay).await?);
        }
        for (sort, channel) in [(Sort::Sms, Channel::Sms), (Sort::Email, Channel::Email)] {
            if let Some(carrier) = self.carrier.clone().filter(|_| self.wants(sort)) {
                phases.push(self.sent(channel, carrier).await?);
            }
        }
        if self.wants(Sort::Webauthn) {
            self.passkeys(&mut phases).await?;
        }
        if self.wants(Sort::Decide) {
            let job = Decide { fleet: Arc::clone(&self.fleet) };
            phases.push(self.drive.run("decide", self.extent(), job).await?);
        }
        if self.wants(Sort::Push) {
            self.phones(&mut phases).await?;
        }
        Ok(phases)
    }

    /// Erases the users of a server that goes on. Answers how many are left all the same.
    async fn erase(&mut self) -> Result<u64, Failure> {
        if self.fleet.users.is_empty() {
            return Ok(0);
        }
        let job = Erase { fleet: Arc::clone(&self.fleet) };
        tokio::select! {
            erased = self.drive.run("erasing", Extent::of(self.args.users), job) => Ok(erased?.wrong),
            () = asked_to_end() => Ok(1),
        }
    }

    /// Waits for fresh codes, where time cannot be moved on.
    async fn rest(&mut self) {
        if !self.fleet.time.is_movable() {
            let _spinner = Spinner::new(self.output, "waiting for new codes: this server's clock is its own");
            self.fleet.rest(&self.drive.stop()).await;
        }
    }

    fn wants(&self, sort: Sort) -> bool {
        if self.args.what == Some(Suite::Workflows) {
            return sort == Sort::Healthz;
        }
        if self.args.only.is_empty() {
            // What a server offers that somebody else set up is not known.
            let anywhere = sort != Sort::Push && !sort.takes_own_server();
            return anywhere || self.carrier.is_some();
        }
        self.args.only.contains(&sort)
    }

    fn extent(&self) -> Extent {
        match self.args.duration {
            Some(seconds) => Extent { time: Some(Duration::from_secs(seconds)), ..Extent::of(EVERYTHING) },
            None => Extent::of(self.args.operations),
        }
    }

    /// The same for what takes codes: where the clock cannot be moved, `each` for each member, so that nobody waits for the
    /// next one while it is measured.
    fn extent_of_codes(&self, each: u64) -> Extent {
        let wanted = self.extent();
        let most = if self.fleet.time.is_movable() { EVERYTHING } else { self.enrolled.saturating_mul(each) };
        Extent { operations: wanted.operations.min(most), ..wanted }
    }

    /// Users, keys, first codes: measured, and what everything after builds on.
    async fn fill(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let fleet = || Arc::clone(&self.fleet);
        let (users, enrolled) = (self.args.users, self.enrolled);
        let filled = self.drive.run("fill", Extent::of(users), Fill { fleet: fleet() }).await?;
        if filled.wrong > 0 {
            let example = filled.examples.first().cloned().unwrap_or_default();
            return Err(Failure::no(format!("the store cannot be filled: {example}")));
        }
        phases.push(filled);
        let wanted = self.extent();
        let keys = if self.wants(Sort::Enroll) {
            Extent { operations: wanted.operations.max(enrolled), at_least: enrolled, ..wanted }
        } else {
            Extent::of(enrolled)
        };
        let keyed = self.drive.run("enroll", keys, Enroll { fleet: fleet() }).await?;
        let confirmed = self.drive.run("confirm", Extent::of(enrolled), Confirm { fleet: fleet() }).await?;
        phases.push(keyed);
        phases.push(confirmed);
        Ok(())
    }

    /// Challenges are created ahead, so that verifying is measured by itself; in parts, so that they live long enough.
    async fn challenge_and_verify(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let mut challenges = Measured::empty("challenge")?;
        let mut verified = Measured::empty("verify")?;
        let extent = self.extent_of_codes(1);
        let mut left = extent.operations;
        while left > 0 {
            let part = left.min(MOST_AHEAD).min(self.enrolled.saturating_mul(ROUNDS)).max(1);
            let made = places(part);
            let fleet = Arc::clone(&self.fleet);
            let job = Challenge { fleet, base: self.turns, ids: Arc::clone(&made) };
            let asked = self.drive.run("challenge", Extent { time: extent.time, ..Extent::of(part) }, job).await?;
            // Those that were begun came to their end, and they were begun in order.
            let part = asked.done + asked.wrong;
            challenges.go_on_with(asked);
            let time = extent.time.map(|time| time.saturating_sub(verified.elapsed));
            let job = Verify { fleet: Arc::clone(&self.fleet), base: self.turns, ids: made };
            self.rest().await;
            verified.go_on_with(self.drive.run("verify", Extent { time, ..Extent::of(part) }, job).await?);
            self.turns += part;
            left -= part;
            if part == 0 || extent.time.is_some_and(|time| verified.elapsed >= time) {
                break;
            }
        }
        phases.push(challenges);
        phases.push(verified);
        Ok(())
    }

    /// Codes that have to be refused: a few for each member, whose last code was a right one, and then a right one, which
    /// sets the count back and shows that it still counts.
    async fn refused(&mut self, name: &'static str, sort: Sort) -> Result<Measured, Failure> {
        let mut refused = Measured::empty(name)?;
        let extent = self.extent_of_codes(WRONG_IN_A_ROW);
        let mut left = extent.operations;
        while left > 0 {
            let part = left.min(self.enrolled.saturating_mul(WRONG_IN_A_ROW));
            let made = places(self.enrolled);
            let job = Challenge { fleet: Arc::clone(&self.fleet), base: 0, ids: Arc::clone(&made) };
            let asked = self.drive.run(name, Extent::of(self.enrolled), job).await?;
            refused.note_wrong(asked);
            let time = extent.time.map(|time| time.saturating_sub(refused.elapsed));
            let (fleet, extent_now) = (Arc::clone(&self.fleet), Extent { time, ..Extent::of(part) });
            let measured = match sort {
                Sort::Replay => self.drive.run(name, extent_now, Replay { fleet, ids: made }).await?,
                _ => self.drive.run(name, extent_now, Wrong { fleet, ids: made }).await?,
            };
            refused.go_on_with(measured);
            self.everybody_logs_in(&mut refused).await?;
            left -= part;
            if extent.time.is_some_and(|time| refused.elapsed >= time) {
                break;
            }
        }
        Ok(refused)
    }

    /// Codes that are sent, to members who get an address first.
    async fn sent(&mut self, channel: Channel, carrier: Arc<Carrier>) -> Result<Measured, Failure> {
        let bind = Bind { fleet: Arc::clone(&self.fleet), channel, carrier: Arc::clone(&carrier) };
        let bound = self.drive.run("addresses", Extent::of(self.enrolled), bind).await?;
        let job = Sent { fleet: Arc::clone(&self.fleet), channel, carrier };
        let mut measured = self.drive.run(channel.name(), self.extent(), job).await?;
        measured.note_wrong(bound);
        Ok(measured)
    }

    /// Passkeys, which every member registers first: asking, and the assertion. What signs does so between the two, unmeasured.
    async fn passkeys(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let fleet = || Arc::clone(&self.fleet);
        let passkeys = Passkeys::new(self.fleet.members.len());
        let register = Register { fleet: fleet(), passkeys: Arc::clone(&passkeys) };
        let registered = self.drive.run("passkeys", Extent::of(self.enrolled), register).await?;
        let (mut asking, mut given) = (Measured::empty("webauthn-options")?, Measured::empty("webauthn")?);
        given.note_wrong(registered);
        let extent = self.extent();
        let (mut left, mut base) = (extent.operations, 0);
        while left > 0 {
            let (asked, proofs) = (places(left.min(SIGNED_AHEAD)), places(left.min(SIGNED_AHEAD)));
            let job = Ask { fleet: fleet(), base, asked: Arc::clone(&asked) };
            let part = Extent { time: extent.time, ..Extent::of(left.min(SIGNED_AHEAD)) };
            let measured = self.drive.run("webauthn-options", part, job).await?;
            let part = measured.done + measured.wrong;
            asking.go_on_with(measured);
            let job = Sign { passkeys: Arc::clone(&passkeys), asked, proofs: Arc::clone(&proofs) };
            given.note_wrong(self.drive.run("signing", Extent::of(part), job).await?);
            let time = extent.time.map(|time| time.saturating_sub(given.elapsed));
            let job = Assert { proofs };
            given.go_on_with(self.drive.run("webauthn", Extent { time, ..Extent::of(part) }, job).await?);
            (base, left) = (base + part, left - part);
            if part == 0 || extent.time.is_some_and(|time| given.elapsed >= time) {
                break;
            }
        }
        phases.push(asking);
        phases.push(given);
        Ok(())
    }

    /// Phones, which every member gets first: connecting them all, and approvals while they are.
    async fn phones(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let fleet = || Arc::clone(&self.fleet);
        let phones = Phones::new(self.target.clone(), self.fleet.members.len());
        let install = Install { fleet: fleet(), phones: Arc::clone(&phones) };
        let installed = self.drive.run("apps", Extent::of(self.enrolled), install).await?;
        let before = self.drive.memory();
        let (room, files) = room(self.args.concurrency);
        let apps = self.enrolled.min(room);
        let follow = Follow { fleet: fleet(), phones: Arc::clone(&phones) };
        let mut connecting = self.drive.run("push-connect", Extent::of(apps), follow).await?;
        tokio::time::sleep(SETTLING).await;
        connecting.memory = self.drive.memory();
        self.connected = Some(Connected {
            apps: connecting.done,
            wanted: self.enrolled,
            files: (apps < self.enrolled).then_some(files),
            memory: before.zip(connecting.memory),
        });
        connecting.note_wrong(installed);
        phases.push(connecting);
        let arrivals = Arc::new(Mutex::new(Measured::empty("push-arrival")?));
        let job = RoundTrip { fleet: fleet(), phones, connected: apps, arrivals: Arc::clone(&arrivals) };
        let approved = self.drive.run("push", self.extent(), job).await?;
        let nothing = Measured::empty("push-arrival")?;
        let mut arrived = std::mem::replace(&mut *arrivals.lock().unwrap_or_else(PoisonError::into_inner), nothing);
        arrived.elapsed = approved.elapsed;
        phases.push(arrived);
        phases.push(approved);
        Ok(())
    }

    /// Runs by themselves; beside as many verifications as there can be; both at a quarter of what they come to by themselves, so that the machine is
    /// half loaded; and runs that wait.
    async fn workflows(&mut self, phases: &mut Vec<Measured>) -> Result<(), Failure> {
        let challenges = self.fresh_challenges().await?;
        let verified = self.verified("verify", challenges, None).await?;
        let verifications = verified.rate();
        phases.push(verified);
        let alone = self.runs_alone().await?;
        let runs = alone.rate();
        phases.push(alone);
        if runs > 0.0 && verifications > 0.0 {
            let apart = |rate: f64| Duration::from_secs_f64(1.0 / rate);
            self.both(phases, ("first-step", apart(runs / 2.0)), ("verify-beside", None)).await?;
            let quarter = Some(apart(verifications / 4.0));
            self.both(phases, ("first-step-half", apart(runs / 4.0)), ("verify-half", quarter)).await?;
        }
        if let Some(waiting) = self.args.waiting {
            phases.push(self.drive.run("waiting", Extent::of(waiting), StartWaiting).await?);
            let challenges = self.fresh_challenges().await?;
            phases.push(self.verified("verify-waiting", challenges, None).await?);
        }
        Ok(())
    }

    async fn runs_alone(&mut self) -> Result<Measured, Failure> {
        let extent = self.extent();
        let watched = Arc::new(Watched::open(&self.target, Until::End).await?);
        let job = Trigger { fleet: Arc::clone(&self.fleet), watched, named: "alone", pace: None };
        runs(&mut self.drive, extent, job, "run", self.output).await
    }

    /// Every key of the fleet is to be replaced.
    async fn rotation(&mut self, phases: &mut Vec<Measured>, keys: u64) -> Result<(), Failure> {
        let gauge = self.drive.gauge().ok_or_else(|| Failure::defect("the server is not the run's own"))?;
        let rotation = Rotation::new(keys, gauge, self.drive.stop(), self.output);
        let (measured, rotated) = rotation.run(&self.target).await?;
        phases.push(measured);
        self.rotated = Some(rotated);
        Ok(())
    }

    /// Runs by themselves, by more and more servers that share a database.
    async fn servers(&mut self, phases: &mut Vec<Measured>, most: usize) -> Result<(), Failure> {
        const NAMES: [(&str, &str); 4] =
            [("run-1-server", "one"), ("run-2-servers", "two"), ("run-3-servers", "three"), ("run-4-servers", "four")];
        let fellow = self.fellow.clone().ok_or_else(|| Failure::defect("no database to be shared"))?;
        let connections = usize::try_from(self.args.concurrency).unwrap_or(1);
        let (mut targets, mut others) = (vec![self.target.clone()], Vec::new());
        for (count, (name, named)) in (1..).zip(NAMES) {
            if count > most {
                break;
            }
            if count > 1 {
                let _spinner = Spinner::new(self.output, "starting another server on the same database");
                let other = OwnServer::beside(self.args.what, &fellow).await?;
                targets.push(Target::new(&other.address, &other.key)?);
                others.push(other);
            }
            // Three say nothing that two and four do not.
            if count == 3 && most > 3 {
                continue;
            }
            let mut drive = Drive::open_each(&targets, connections, self.drive.stop(), self.output).await?;
            let watched = Arc::new(Watched::open(&self.target, Until::End).await?);
            let job = Trigger { fleet: Arc::clone(&self.fleet), watched, named, pace: None };
            let measured = runs(&mut drive, self.extent(), job, name, self.output).await?;
            self.shared.push((count, measured.rate()));
            phases.push(measured);
        }
        for other in others {
            other.stop().await;
        }
        Ok(())
    }

    /// What starts runs comes that far apart, and goes on for as long as it is verified beside it.
    async fn both(
        &mut self,
        phases: &mut Vec<Measured>,
        (first, apart): (&'static str, Duration),
        (verify, verify_apart): (&'static str, Option<Duration>),
    ) -> Result<(), Failure> {
        let challenges = self.fresh_challenges().await?;
        let watched = Arc::new(Watched::open(&self.target, Until::FirstStep).await?);
        let (fleet, pace) = (Arc::clone(&self.fleet), Some((Instant::now(), apart)));
        let job = Trigger { fleet, watched: Arc::clone(&watched), named: first, pace };
        let mut other = Drive::open(&self.target, BESIDE, None, self.output).await?;
        let enough = other.stop();
        let (started, verified) = tokio::join!(other.run("runs beside", Extent::of(EVERYTHING), job), async {
            // It is in full swing before anything is measured.
            tokio::time::sleep(SETTLING).await;
            let pace = verify_apart.map(|apart| (Instant::now(), apart));
            let verified = self.verified(verify, challenges, pace).await;
            enough.store(true, Ordering::Relaxed);
            verified
        });
        let mut steps = watched.all(first).await?;
        steps.note_wrong(started?);
        phases.push(steps);
        phases.push(verified?);
        Ok(())
    }

    /// Challenges for all of the next verifications, for members who have two codes each that were not used: the clock stands still
    /// while these are.
    async fn fresh_challenges(&mut self) -> Result<Ids, Failure> {
        let mut wire = Wire::open(&self.target).await?;
        for _ in 0..4 {
            let now = self.fleet.time.step();
            self.fleet.time.go_on(now, &mut wire).await.map_err(Failure::unavailable)?;
        }
        let count = self.args.operations.min(self.enrolled.saturating_mul(2));
        let ids = places(count);
        let job = Challenge { fleet: Arc::clone(&self.fleet), base: self.turns, ids: Arc::clone(&ids) };
        self.drive.run("challenge", Extent::of(count), job).await?;
        Ok(ids)
    }

    async fn verified(&mut self, name: &'static str, ids: Ids, pace: Option<Pace>) -> Result<Measured, Failure> {
        let count = u64::try_from(ids.len()).unwrap_or(0);
        let job = Paced { job: Verify { fleet: Arc::clone(&self.fleet), base: self.turns, ids }, pace };
        let measured = self.drive.run(name, Extent::of(count), job).await?;
        self.turns += count;
        Ok(measured)
    }

    async fn everybody_logs_in(&mut self, refused: &mut Measured) -> Result<(), Failure> {
        self.rest().await;
        let job = Login { fleet: Arc::clone(&self.fleet), base: 0 };
        let logged_in = self.drive.run("right codes", Extent::of(self.enrolled), job).await?;
        refused.note_wrong(logged_in);
        Ok(())
    }
}

/// Starts runs as fast as they can be, and waits until each of them has ended.
async fn runs(
    drive: &mut Drive,
    extent: Extent,
    job: Trigger,
    name: &'static str,
    output: Output,
) -> Result<Measured, Failure> {
    let watched = Arc::clone(&job.watched);
    let before = drive.usage();
    let started = drive.run("starting runs", extent, job).await?;
    let mut runs = {
        let _spinner = Spinner::new(output, "waiting for the last runs to end");
        watched.all(name).await?
    };
    runs.usage = drive.usage().zip(before).map(|(now, before)| now.since(before));
    runs.memory = drive.memory();
    runs.note_wrong(started);
    Ok(runs)
}

/// Waits for Ctrl-C, or for whoever ends the process.
async fn asked_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
