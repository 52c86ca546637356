//! What is found out by a simulation.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::{AuthenticatorId, SessionId, Timestamp, UserId};
use serde::Serialize;
use store::{Change, Suspended};
use utoipa::ToSchema;
use workflow::{Entry, FailureKind, What};

use super::super::blast::{Moves, taken};
use super::super::inside::Own;

/// The most runs that are told of one by one.
const MOST_RUNS_TOLD: usize = 100;
/// The most messages of failures that are told of.
const MOST_FAILURES: usize = 100;
/// The most triggers that are told of which could not be told.
const MOST_UNTOLD: usize = 100;

/// What a workflow would have done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Simulated {
    /// Which workflow.
    pub(crate) workflow: String,
    /// SHA-256 of what it says, in hexadecimal.
    pub(crate) digest: String,
    /// From when on the log was looked at.
    #[schema(value_type = String)]
    pub(crate) since: Timestamp,
    /// Up to when. Where `is_cut`, there was more.
    #[schema(value_type = String)]
    pub(crate) until: Timestamp,
    /// There was more than could be looked at.
    pub(crate) is_cut: bool,
    /// How many events were looked at: those that could start it, and those that its waits are for.
    pub(crate) events: u64,
    /// How many runs would have begun.
    pub(crate) fired: u64,
    /// How many would not, as one of their kind was under way.
    pub(crate) skipped: u64,
    /// How many would not, as the condition of the trigger, the subject or the key could not be told.
    pub(crate) not_told: u64,
    /// Which of those; 100 at most.
    pub(crate) untold: Vec<Untold>,
    /// How the runs would have ended: `completed`, `failed`, `cancelled`, `held`, `endless`.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    /// What would have been done, by step.
    pub(crate) actions: Vec<Acted>,
    /// How waits and approvals would have ended, by step.
    pub(crate) waits: Vec<WaitsEnded>,
    /// Which workflows would have been called, by step.
    pub(crate) calls: Vec<Called>,
    /// What would have failed, the most frequent first; 100 at most.
    pub(crate) failures: Vec<Failed>,
    /// Whom runs would have been about, the most frequent first; 1,000 at most.
    pub(crate) users: Vec<About>,
    /// How many users runs would have been about.
    pub(crate) users_in_all: u64,
    /// Whom and what it would have touched.
    pub(crate) touched: Touched,
    /// Runs one by one; the first 100.
    pub(crate) runs: Vec<OneRun>,
    /// What was assumed, in words.
    pub(crate) assumed: Vec<String>,
}

/// Something that could have started a run, of which that could not be told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Untold {
    /// The position of the event; null where it was none.
    pub(crate) position: Option<i64>,
    /// When.
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// Why not.
    pub(crate) message: String,
}

/// What a step would have done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acted {
    /// Which step; with `undo` before it where it undoes it.
    pub(crate) step: String,
    /// Which action.
    pub(crate) action: String,
    /// How often.
    pub(crate) times: u64,
    /// For how many users.
    pub(crate) users: u64,
    /// How many authenticators would have been changed, as they are now.
    pub(crate) authenticators: u64,
    /// How many sessions would have been ended, as they are now.
    pub(crate) sessions: u64,
}

/// How often a wait or an approval would have ended so.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitsEnded {
    pub(crate) step: String,
    /// `event`, `timeout` or `approved`.
    pub(crate) outcome: &'static str,
    pub(crate) times: u64,
}

/// How often a workflow would have been called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Called {
    pub(crate) step: String,
    pub(crate) workflow: String,
    pub(crate) times: u64,
}

/// Something that would have failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failed {
    /// At which step.
    pub(crate) step: Option<String>,
    /// What kind of failure; `expression` is one that could not be told.
    #[schema(value_type = String)]
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) times: u64,
}

/// Whom runs would have been about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct About {
    #[schema(value_type = String)]
    pub(crate) user_id: UserId,
    /// As the application knows them; null where they are gone.
    pub(crate) external_id: Option<String>,
    pub(crate) runs: u64,
}

/// Whom and what a workflow would have touched. What it would lock or leave without a factor counts as it is now.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Touched {
    /// Users whose account, authenticators or sessions would have been changed.
    pub(crate) users: u64,
    pub(crate) authenticators: u64,
    pub(crate) sessions: u64,
    /// Users who could prove nothing any more: locked, or without a factor.
    pub(crate) shut_out: u64,
    /// Those of them whom the policy names as administrators, by themselves or by a group.
    pub(crate) administrators_shut_out: Vec<String>,
    /// Those whom the policy names as administrators by a group, and no more by the groups that they would be left in.
    pub(crate) administrators_demoted: Vec<String>,
    /// How many more workflows may leave so within this day.
    pub(crate) may_shut_out: u64,
    /// Whether a run would be held for that, until two people let it.
    pub(crate) takes_two_people: bool,
}

/// One run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneRun {
    /// When it would have begun.
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// The position of the event that would have started it; null where it was none.
    pub(crate) position: Option<i64>,
    /// About whom.
    pub(crate) subject: Option<String>,
    /// `completed`, `failed`, `cancelled`, `held` or `endless`; null where there was no time left to see.
    pub(crate) outcome: Option<&'static str>,
    /// How many seconds it would have taken.
    pub(crate) took_seconds: Option<u64>,
    /// What it would have done, in order; 50 steps at most.
    pub(crate) steps: Vec<String>,
    /// Why it would have failed.
    pub(crate) error: Option<String>,
}

/// What is counted as it goes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) fired: u64,
    pub(super) skipped: u64,
    pub(super) not_told: u64,
    pub(super) untold: Vec<Untold>,
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    pub(super) by_user: HashMap<UserId, u64>,
    pub(super) runs: Vec<OneRun>,
    acted: BTreeMap<(String, String), Counts>,
    waits: BTreeMap<(String, &'static str), u64>,
    calls: BTreeMap<(String, String), u64>,
    failures: HashMap<(Option<String>, FailureKindName, String), (FailureKind, u64)>,
    authenticators: HashSet<AuthenticatorId>,
    sessions: HashSet<SessionId>,
    users: HashSet<UserId>,
    /// The authenticators that users would have lost.
    pub(super) lost: BTreeMap<UserId, BTreeSet<AuthenticatorId>>,
    /// The users who would have been locked.
    pub(super) locked: BTreeSet<UserId>,
    /// The groups that users would be in by now.
    groups: HashMap<UserId, BTreeSet<String>>,
    /// From which groups to which they would have been moved.
    pub(super) moves: Moves,
}

type FailureKindName = String;

#[derive(Debug, Default)]
struct Counts {
    times: u64,
    users: HashSet<UserId>,
    authenticators: u64,
    sessions: u64,
}

impl Tally {
    pub(super) fn untold(&mut self, untold: Untold) {
        self.not_told += 1;
        if self.untold.len() < MOST_UNTOLD {
            self.untold.push(untold);
        }
    }

    /// A run begins. Where it is told of one by one, its place among those.
    pub(super) fn begins(&mut self, run: OneRun, user: Option<UserId>) -> Option<usize> {
        self.fired += 1;
        if let Some(user) = user {
            *self.by_user.entry(user).or_default() += 1;
        }
        (self.runs.len() < MOST_RUNS_TOLD).then(|| {
            self.runs.push(run);
            self.runs.len() - 1
        })
    }

    /// A step does something.
    pub(super) fn acts(&mut self, step: &str, action: &str, user: Option<UserId>, own: &Own) {
        let counts = self.acted.entry((step.to_owned(), action.to_owned())).or_default();
        counts.times += 1;
        counts.users.extend(user);
        // As the guard of a step has it.
        let (lost, locked) = taken(own);
        for (user, lost) in lost {
            self.lost.entry(user).or_default().extend(lost);
        }
        self.locked.extend(locked);
        for (change, event) in own.changes.iter().zip(&own.events) {
            let user = event.about.user_id;
            counts.users.extend(user);
            self.users.extend(user);
            match change {
                Change::SetAuthenticatorState { id, .. }
                | Change::LimitAuthenticator { id, .. }
                | Change::Hold(Suspended::Authenticator(id)) => {
                    counts.authenticators += 1;
                    self.authenticators.insert(*id);
                }
                Change::EndSession { id, .. } => {
                    counts.sessions += 1;
                    self.sessions.insert(*id);
                }
                Change::SetUserState { id, .. } | Change::Hold(Suspended::User(id)) => {
                    self.users.insert(*id);
                }
                Change::Lift { whose: Suspended::Authenticator(id), .. } => {
                    counts.authenticators += 1;
                    self.authenticators.insert(*id);
                    if let Some(lost) = user.and_then(|user| self.lost.get_mut(&user)) {
                        lost.remove(id);
                    }
                }
                Change::Lift { whose: Suspended::User(id), .. } => {
                    self.users.insert(*id);
                    self.locked.remove(id);
                }
                _ => {}
            }
        }
        for change in &own.changes {
            if let Change::PutStanding { user_id, seen, to } = change {
                self.moved(*user_id, &seen.groups, &to.groups);
            }
        }
    }

    /// Somebody would be moved from groups to others, as things are now: out of some and into some of those that they would be in by now.
    fn moved(&mut self, user: UserId, from: &BTreeSet<String>, to: &BTreeSet<String>) {
        let groups = self.groups.entry(user).or_insert_with(|| from.clone());
        let before = groups.clone();
        groups.retain(|group| to.contains(group) || !from.contains(group));
        groups.extend(to.difference(from).cloned());
        if *groups != before {
            self.moves.entry(user).or_default().insert((before, groups.clone()));
        }
    }

    pub(super) fn waited(&mut self, step: &str, outcome: &'static str) {
        *self.waits.entry((step.to_owned(), outcome)).or_default() += 1;
    }

    pub(super) fn called(&mut self, step: String, workflow: String) {
        *self.calls.entry((step, workflow)).or_default() += 1;
    }

    /// What failed among what happened.
    pub(super) fn happened(&mut self, history: &[Entry]) {
        for entry in history {
            let (What::StepFailed(failure) | What::Held(failure)) = &entry.what else { continue };
            // A block that fails says what the step in it said.
            if failure.step.as_deref() != entry.key.as_ref().map(|key| key.step.as_str()) {
                continue;
            }
            self.failed(failure.step.clone(), failure.kind, &failure.message);
        }
    }

    pub(super) fn failed(&mut self, step: Option<String>, kind: FailureKind, message: &str) {
        let key = (step, format!("{kind:?}"), message.to_owned());
        if self.failures.len() < MOST_FAILURES || self.failures.contains_key(&key) {
            self.failures.entry(key).or_insert((kind, 0)).1 += 1;
        }
    }

    pub(super) fn touched(&self) -> Touched {
        Touched {
            users: many(self.users.len()),
            authenticators: many(self.authenticators.len()),
            sessions: many(self.sessions.len()),
            ..Touched::default()
        }
    }

    pub(super) fn actions(&self) -> Vec<Acted> {
        let acted = self.acted.iter().map(|((step, action), counts)| Acted {
            step: step.clone(),
            action: action.clone(),
            times: counts.times,
            users: many(counts.users.len()),
            authenticators: counts.authenticators,
            sessions: counts.sessions,
        });
        acted.collect()
    }

    pub(super) fn waits(&self) -> Vec<WaitsEnded> {
        let ended = self.waits.iter();
        ended.map(|((step, outcome), times)| WaitsEnded { step: step.clone(), outcome, times: *times }).collect()
    }

    pub(super) fn calls(&self) -> Vec<Called> {
        let called = self.calls.iter();
        called
            .map(|((step, workflow), times)| Called { step: step.clone(), workflow: workflow.clone(), times: *times })
            .collect()
    }

    pub(super) fn failures(&self) -> Vec<Failed> {
        let failed = self.failures.iter().map(|((step, _, message), (kind, times))| Failed {
            step: step.clone(),
            kind: *kind,
            message: message.clone(),
            times: *times,
        });
        let mut failed: Vec<Failed> = failed.collect();
        failed.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.message.cmp(&b.message)));
        failed
    }
}

pub(super) fn many(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
