//! Decisions that were made, made again: by the policy in force and by another one, with what each went by at the time.
//!
//! What a decision went by stands in the details of its event, and goes with them: when its user is erased, and when events are kept no
//! longer. Nothing is written here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::{Event, EventKind, ExternalId, PageRequest, Timestamp, UserId};
use futures_util::future::join_all;
use policy::{ApplicationFacts, Facts, OutcomeKind, Policy};
use store::EventFilter;
use tokio::time::Instant;

use super::Known;
use crate::app::decide::FACTS;
use crate::app::{App, Error};

/// Decisions that are looked at at a time.
const PART: u32 = 500;
/// The most decisions that are looked at, the newest first.
const MOST: u64 = 200_000;
/// How long to go on: an answer has to come before whoever asked gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// What would have come of another policy.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// From when on decisions were looked at.
    pub(crate) since: Timestamp,
    /// How many were made again.
    pub(crate) decisions: u64,
    /// How many could not be, as nothing is kept of what they went by.
    pub(crate) unrecorded: u64,
    /// Whether there were more than could be looked at in time.
    pub(crate) is_cut: bool,
    /// About how many users they were.
    pub(crate) users: u64,
    /// Those for whom something else would have come of it, the hardest hit first.
    pub(crate) affected: Vec<Affected>,
    /// How many of the administrators that either policy names could do something until now.
    pub(crate) administrators: u64,
    /// How many of those would be locked out.
    pub(crate) administrators_locked_out: u64,
}

/// Somebody for whom something else would have come of it.
#[derive(Debug, Clone)]
pub(crate) struct Affected {
    pub(crate) user_id: UserId,
    /// As the application knows them; nothing where they are gone.
    pub(crate) external_id: Option<String>,
    pub(crate) effect: Effect,
    /// In how many decisions it would have been so.
    pub(crate) decisions: u64,
    /// Which decision shows it, the newest.
    pub(crate) example: Example,
}

/// A decision of which something else would have come.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) decision: String,
    pub(crate) at: Timestamp,
    pub(crate) action: String,
    pub(crate) before: OutcomeKind,
    pub(crate) after: OutcomeKind,
    /// The rule that decides it, by the policy that asks more.
    pub(crate) rule: Option<String>,
}

/// What another policy does to somebody; what is further down is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// Something would be easier.
    Eased,
    /// Would be asked for proof, and was not.
    Asked,
    /// Would have to enroll first, and had not.
    Enroll,
    /// Would be denied something, and was not.
    Refused,
    /// Would be denied everything that they could do.
    LockedOut,
}

impl Effect {
    pub(crate) const ALL: [Self; 5] = [Self::LockedOut, Self::Refused, Self::Enroll, Self::Asked, Self::Eased];

    /// Its name, as in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Eased => "eased",
            Self::Asked => "asked",
            Self::Enroll => "enroll",
            Self::Refused => "refused",
            Self::LockedOut => "locked_out",
        }
    }

    fn of(before: OutcomeKind, after: OutcomeKind) -> Option<Self> {
        match after {
            _ if after < before => Some(Self::Eased),
            _ if after == before => None,
            OutcomeKind::StepUp => Some(Self::Asked),
            OutcomeKind::Enroll => Some(Self::Enroll),
            OutcomeKind::Deny => Some(Self::Refused),
            OutcomeKind::Allow => None,
        }
    }
}

impl Replay {
    /// How far back it goes unless something else is said.
    pub(crate) const BACK: Duration = Duration::from_hours(30 * 24);

    /// How many users each effect has.
    pub(crate) fn count(&self, effect: Effect) -> u64 {
        self.affected.iter().filter(|one| one.effect == effect).fold(0, |sum, _| sum + 1)
    }

    /// Why nobody may want it, if so: nobody would be left who could do anything, or nobody who could take it back.
    pub(crate) fn locks_out(&self) -> Option<String> {
        let locked_out = self.count(Effect::LockedOut);
        let (users, administrators) = (self.users, self.administrators);
        if locked_out > 0 && locked_out >= users {
            return Some(format!(
                "everybody who did something in that time, {users} in all, would be denied all of it"
            ));
        }
        if administrators > 0 && self.administrators_locked_out >= administrators {
            return Some(format!(
                "every administrator who did something in that time, {administrators} in all, would be denied all of it"
            ));
        }
        None
    }
}

/// What is found out of one user.
#[derive(Debug, Default)]
struct OfUser {
    /// Decisions that left a way on, by the policy in force.
    open: u64,
    /// Those of them that would leave none.
    closed: u64,
    is_administrator: bool,
    /// By effect: how many, and the newest.
    changed: BTreeMap<Effect, (u64, Example)>,
}

/// Both policies, and what is found out.
struct Tallies {
    present: Arc<Known>,
    next: Arc<Policy>,
    of_users: HashMap<UserId, OfUser>,
    decisions: u64,
    unrecorded: u64,
}

/// A decision, and what is known beside it.
struct Made {
    event: Event,
    user: UserId,
    external_id: String,
    application: ApplicationFacts,
}

impl Tallies {
    fn count(&mut self, made: &Made) {
        let record = made.event.details.as_ref().and_then(|details| details.fields.get(FACTS)?.as_str());
        let facts =
            record.and_then(|record| Facts::from_record(record, made.external_id.clone(), made.application.clone()));
        let Some(facts) = facts else {
            self.unrecorded += 1;
            return;
        };
        self.decisions += 1;
        let (before, after) = (self.present.policy.decide(&facts), self.next.decide(&facts));
        let kinds = (before.outcome.kind(), after.outcome.kind());
        let theirs = self.of_users.entry(made.user).or_default();
        theirs.is_administrator |=
            self.present.policy.is_administrator(&facts.user) || self.next.is_administrator(&facts.user);
        theirs.open += u64::from(kinds.0 != OutcomeKind::Deny);
        theirs.closed += u64::from(kinds.0 != OutcomeKind::Deny && kinds.1 == OutcomeKind::Deny);
        if let Some(effect) = Effect::of(kinds.0, kinds.1) {
            let rule = if effect == Effect::Eased { before.decided_by } else { after.decided_by };
            let decision = made.event.data.get("decision").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
            // The newest come first.
            let (count, _) = theirs.changed.entry(effect).or_insert_with(|| {
                (
                    0,
                    Example {
                        decision,
                        at: made.event.at,
                        action: facts.action,
                        before: kinds.0,
                        after: kinds.1,
                        rule,
                    },
                )
            });
            *count += 1;
        }
    }

    fn replay(self, since: Timestamp, names: &HashMap<UserId, Option<String>>, is_cut: bool) -> Replay {
        let mut replay = Replay {
            since,
            decisions: self.decisions,
            unrecorded: self.unrecorded,
            is_cut,
            // Who can do nothing as it is can be locked out by nothing.
            users: self.of_users.values().fold(0, |sum, theirs| sum + u64::from(theirs.open > 0)),
            ..Replay::default()
        };
        for (user_id, theirs) in self.of_users {
            let is_locked_out = theirs.open > 0 && theirs.closed == theirs.open;
            if theirs.is_administrator && theirs.open > 0 {
                replay.administrators += 1;
                replay.administrators_locked_out += u64::from(is_locked_out);
            }
            let Some((worst, (decisions, example))) = theirs.changed.into_iter().next_back() else { continue };
            let effect = if is_locked_out { Effect::LockedOut } else { worst };
            let external_id = names.get(&user_id).cloned().flatten();
            replay.affected.push(Affected { user_id, external_id, effect, decisions, example });
        }
        replay.affected.sort_by(|a, b| (b.effect, b.decisions, a.user_id).cmp(&(a.effect, a.decisions, b.user_id)));
        replay
    }
}

impl App {
    /// Makes the decisions since then again by both policies.
    pub(super) async fn replay(
        &self,
        present: &Arc<Known>,
        next: &Arc<Policy>,
        since: Timestamp,
    ) -> Result<Replay, Error> {
        // One at a time: it takes what a server has to decide with.
        let turn = tokio::time::timeout(PATIENCE, self.policies.replaying.lock()).await;
        let _turn = turn.map_err(|_| Error::Busy)?;
        let began = Instant::now();
        let filter = EventFilter { kinds: vec![EventKind::DecisionMade], since: Some(since), ..EventFilter::default() };
        let applications = self.store.applications().await?.into_iter().map(|one| (one.id, one.name)).collect();
        let mut names: HashMap<UserId, Option<String>> = HashMap::new();
        let mut tallies = Tallies {
            present: Arc::clone(present),
            next: Arc::clone(next),
            of_users: HashMap::new(),
            decisions: 0,
            unrecorded: 0,
        };
        let (mut page, mut oldest) = (PageRequest { after: None, limit: PART }, since);
        loop {
            let found = self.store.events_backward(&filter, page).await?;
            self.learn_names(&found.items, &mut names).await?;
            oldest = found.items.last().map_or(oldest, |event| event.at);
            let made: Vec<Made> =
                found.items.into_iter().filter_map(|event| beside(event, &names, &applications)).collect();
            tallies = tokio::task::spawn_blocking(move || {
                for made in &made {
                    tallies.count(made);
                }
                tallies
            })
            .await
            .map_err(|error| Error::Internal(format!("decisions were not made again: {error}")))?;
            let Some(after) = found.next else { return Ok(tallies.replay(since, &names, false)) };
            if tallies.decisions + tallies.unrecorded >= MOST || began.elapsed() >= PATIENCE {
                return Ok(tallies.replay(oldest, &names, true));
            }
            page.after = Some(after);
        }
    }

    async fn learn_names(&self, events: &[Event], names: &mut HashMap<UserId, Option<String>>) -> Result<(), Error> {
        let mut unknown: Vec<UserId> = events.iter().filter_map(|event| event.about.user_id).collect();
        unknown.retain(|user| !names.contains_key(user));
        unknown.sort_unstable();
        unknown.dedup();
        for (id, user) in join_all(unknown.into_iter().map(|id| async move { (id, self.store.user(id).await) })).await {
            names.insert(id, user?.map(|user| ExternalId::as_given(&user.external_id).to_owned()));
        }
        Ok(())
    }
}

/// What is known beside a decision. Of somebody who is gone nothing is.
fn beside(
    event: Event,
    names: &HashMap<UserId, Option<String>>,
    applications: &HashMap<domain::ApplicationId, String>,
) -> Option<Made> {
    let user = event.about.user_id?;
    let external_id = names.get(&user)?.clone()?;
    let id = event.application_id;
    let name = id.and_then(|id| applications.get(&id)).cloned().unwrap_or_default();
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    Some(Made { event, user, external_id, application: ApplicationFacts { id, name } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(users: u64, effects: &[Effect]) -> Replay {
        let example = Example {
            decision: String::new(),
            at: Timestamp::default(),
            action: String::new(),
            before: OutcomeKind::Allow,
            after: OutcomeKind::Deny,
            rule: None,
        };
        let affected = effects.iter().map(|effect| Affected {
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            external_id: None,
            effect: *effect,
            decisions: 1,
            example: example.clone(),
        });
        Replay { users, affected: affected.collect(), ..Replay::default() }
    }

    #[test]
    fn s11_nobody_left_and_no_administrator_left_is_a_lock_out() {
        assert_eq!(replay(0, &[]).locks_out(), None, "nothing is known");
        assert_eq!(replay(2, &[Effect::LockedOut, Effect::Refused]).locks_out(), None);
        assert!(replay(2, &[Effect::LockedOut, Effect::LockedOut]).locks_out().is_some());
        let of = |administrators, administrators_locked_out| Replay {
            administrators,
            administrators_locked_out,
            ..replay(9, &[Effect::LockedOut])
        };
        assert_eq!(of(2, 1).locks_out(), None);
        assert!(of(1, 1).locks_out().is_some_and(|why| why.contains("administrator")));
    }

    #[test]
    fn s11_what_is_worse_goes_before() {
        let all = [OutcomeKind::Allow, OutcomeKind::StepUp, OutcomeKind::Enroll, OutcomeKind::Deny];
        let effects: Vec<_> = all.iter().map(|after| Effect::of(OutcomeKind::Allow, *after)).collect();
        assert_eq!(effects, [None, Some(Effect::Asked), Some(Effect::Enroll), Some(Effect::Refused)]);
        assert_eq!(Effect::of(OutcomeKind::Deny, OutcomeKind::Enroll), Some(Effect::Eased));
        assert!(Effect::ALL.is_sorted_by(|a, b| a > b));
    }
}
